"""Keys: where they go when they are asked for, and that they go nowhere else."""
import functools
import glob
import os
import re
import stat
import struct
import subprocess

from harness.testing import Failed, Skip, Test, need

from peer import ntlm, raw
from peer.capture import NAME, tshark, use_share
from peer.files import expect
from peer.raw import Raw
from peer.relay import Relay
from peer.server import Server, scratch

KEYLOG = "{top}/run/keys"
OPEN_ROOT = (raw.CREATE, raw.create_body("", access=0x81, options=1))


# ---- the key log

def keylog_lines(server):
    with open(f"{server.top}/run/keys") as f:
        return f.read().split()


def keylog_decrypts(build, cipher):
    """tshark, given the key log and nothing else, reads an encrypted session; without it, it reads nothing."""
    options = [f"client smb3 encryption algorithms={cipher}"]
    with Server(build, options=("--keylog", KEYLOG)) as s, Relay(s.port) as relay, scratch() as tmp:
        use_share(s, relay, "SMB3_11", "encrypt", options, tmp)
        relay.write_pcap(f"{tmp}/session.pcap")
        keys = [x for line in keylog_lines(s) for x in ("-o", "uat:smb2_seskey_list:" + line)]
        for told, want in (([], False), (keys, True)):
            rows = tshark(f"{tmp}/session.pcap", *told, "-Y", "smb2", "-T", "fields", "-e", "smb2.cmd", "-e", "smb2.filename")
            seen = any(NAME in row[1] for row in rows if len(row) > 1)
            expect(seen, want, f"the file's name, read with {len(told) // 2} sessions' keys")


def keylog_right(build):
    """A line each session, for each dialect, with the keys that the client has; mode 0600; a loud warning."""
    with Server(build, options=("--keylog", KEYLOG)) as s:
        s.wait_text("THE KEYS OF ALL SESSIONS ARE WRITTEN")
        for n, dialect in enumerate(raw.DIALECTS, 1):
            with Raw(s, dialect) as client:
                client.ready()
                own = [struct.pack("<Q", client.session), client.session_key, client.open_key or b"", client.seal_key or b""]
                if not client.cipher:
                    own[2:] = [b"", b""]
                expect(keylog_lines(s)[n - 1:], [",".join(x.hex() for x in own)], f"{dialect}: the line of its session")
        expect(stat.S_IMODE(os.stat(f"{s.top}/run/keys").st_mode), 0o600, "mode of the key log")


def keylog_refused(build):
    """A file that others can read, a symbolic link, a directory: the server does not start."""
    def readable(path):
        with open(path, "w"):
            os.chmod(path, 0o644)

    for make in (readable, os.mkdir, lambda path: os.symlink(path + ".other", path)):
        with scratch() as tmp:
            os.mkdir(f"{tmp}/run", 0o700)
            make(f"{tmp}/keys")
            with open(f"{tmp}/tsmb.conf", "w") as f:
                f.write(f"[global]\nlisten = ANY,127.0.0.1,IPv4,0,DIRECT_TCP\nrunstate_dir = {tmp}/run\n[/global]\n")
            with open(f"{tmp}/tsmb.conf") as f:
                text = f.read().replace(",0,", ",1445,")
            with open(f"{tmp}/tsmb.conf", "w") as f:
                f.write(text)
            done = subprocess.run([os.path.join(build, "tsmb-server"), "-c", f"{tmp}/tsmb.conf", "--keylog", f"{tmp}/keys"],
                                  capture_output=True, text=True, timeout=20)
            if done.returncode != 1 or "key log" not in done.stderr:
                raise Failed(f"exit status {done.returncode}: {done.stderr}")


# ---- the process

def secrets_of(client, password):
    """What must not be found: {name: bytes}."""
    return {"session key": client.session_key, "signing key": client.sign_key, "key client to server": client.seal_key,
            "key server to client": client.open_key, "NT hash": ntlm.nt_hash(password), "password": password.encode("utf-16le")}


def use_keys(server, users):
    """Sessions that did everything with their keys, and are still there."""
    clients = []
    for user in users:
        client = Raw(server, ciphers=("AES-128-GCM",), signings=("AES-GMAC",))
        tree = client.ready(user=user)
        for how in ("plain", "sign", "encrypt"):
            client.expect(*OPEN_ROOT, how, tree=tree)
        clients.append(client)
    return clients


def core_of(server, tmp, *options):
    """A core file of the running server, with what the kernel would put into one, or (-a) with everything."""
    gcore = need("gcore", "gdb")
    done = subprocess.run([gcore, *options, "-o", f"{tmp}/core", str(server.process.pid)], capture_output=True, text=True, timeout=120)
    print(done.stdout[-2000:], done.stderr[-2000:])
    found = glob.glob(f"{tmp}/core*")
    if not found:
        raise Skip(f"gcore made no core file: {done.stderr.strip()[-200:]}")
    with open(found[0], "rb") as f:
        core = re.sub(rb"\0{4096,}", bytes(64), f.read())  # most of it, and searched for each secret
    os.unlink(found[0])
    return core


def needs_slab(build):
    """OpenSSL keeps keys on its own heap; only ipsec-mb's lie where ours do."""
    done = subprocess.run(["ldd", os.path.join(build, "tsmb-server")], capture_output=True, text=True)
    if "IPSec_MB" not in done.stdout:
        raise Skip("built without ipsec-mb: OpenSSL keeps GCM keys on its own heap")


def core_file(build):
    """No key of a living session is in a core file, nor a password or its hash; but the search can find."""
    if os.getuid() != 0:
        raise Skip("needs root, to look into a process that is not dumpable")
    needs_slab(build)
    users = 3 * ("alice", "bob")
    with Server(build, {"log_level": "5"}) as s, scratch() as tmp:
        clients = use_keys(s, users)
        everything = core_of(s, tmp, "-a")
        for client in clients[:2]:
            if any(key not in everything for key in (client.sign_key, client.seal_key, client.open_key)):
                raise Failed("the search is blind: the keys are not even where they must be")
        del everything
        core = core_of(s, tmp)
        if s.folder().encode() not in core:
            raise Failed("the search is blind: not even the configuration is in the core file")
        found = [f"{what} of {user}" for client, user in zip(clients, users)
                 for what, secret in secrets_of(client, s.users[user]).items() if secret in core]
        if found:
            raise Failed(f"in a core file of {len(core)} bytes: {', '.join(found)}")
        for client in clients:
            client.socket.close()


def not_dumpable(build):
    """The kernel writes no core of it, and nobody but root looks into it."""
    with Server(build) as s:
        with Raw(s) as client:
            client.ready()
            owner = os.stat(f"/proc/{s.process.pid}/mem").st_uid
            expect(owner, 0, "owner of /proc/PID/mem of a process that is not dumpable")
            with open(f"/proc/{s.process.pid}/limits") as f:
                limit = re.search(r"^Max core file size +(\S+) +(\S+)", f.read(), re.M)
            expect(limit.groups(), ("1", "1"), "limit of core files, which keeps handlers away")
            with open(f"/proc/{s.process.pid}/smaps") as f:
                regions = re.findall(r"^VmFlags: (.*)$", f.read(), re.M)
            if not any("dd" in flags.split() for flags in regions):
                raise Failed("no region of the process is kept out of core files")


def unlocked(build):
    """The log says once that keys cannot be locked into memory."""
    with Server(build, before=(need("prlimit", "util-linux"), "--memlock=0:0")) as s:
        for client in use_keys(s, 3 * ("alice", "bob")):
            client.socket.close()
        s.wait_text("RLIMIT_MEMLOCK is too low")
        expect(s.text().count("RLIMIT_MEMLOCK"), 1, "lines about it")


def logs(build):
    """No secret in the log at its highest level, in no spelling, whether logons succeed or fail."""
    with Server(build, {"log_level": "5", "security_audit": "true", "auth_delay_ms": "0"}) as s:
        clients = use_keys(s, ("alice", "bob"))
        with Raw(s) as client:
            client.negotiate()
            client.logon("alice", "guessed-Password-77", status=raw.LOGON_FAILURE)
        wanted = [x for client, user in zip(clients, ("alice", "bob")) for x in secrets_of(client, s.users[user]).values()]
        wanted += [ntlm.nt_hash("guessed-Password-77"), "guessed-Password-77".encode("utf-16le")]
        with open(s.log, "rb") as f:
            text = f.read()
        lower = text.lower()
        for secret in wanted:
            spellings = (secret, secret.replace(b"\0", b""))
            if any(x in text for x in spellings) or secret.hex().encode() in lower or secret.hex(" ").encode() in lower:
                raise Failed(f"in the log: {secret.hex()}")
        expect(b"debug" in lower or len(text.splitlines()) > 10, True, "the log says much")
        for client in clients:
            client.socket.close()


def tests(build):
    for cipher in raw.CIPHERS:
        yield Test(f"secrets.keylog.{cipher}", functools.partial(keylog_decrypts, build, cipher), limit=120)
    for f in (keylog_right, keylog_refused, core_file, not_dumpable, unlocked, logs):
        yield Test(f"secrets.{f.__name__.replace('_', '-')}", functools.partial(f, build), limit=150)
