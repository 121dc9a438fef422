"""The program itself: start, --check, reload, stop, users, accounts."""
import functools
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import time

from harness.testing import Failed, Skip, Test, need

from peer import raw
from peer.files import expect, write
from peer.raw import Disconnected, Dropped, Raw
from peer.server import Server, scratch
from peer.smbclient import Smbclient

TOO_MANY_OPENED_FILES = 0xC000011F

# A wrong line, and what the error must name besides file, line and column.
WRONG_GLOBAL = [
    ("require_message_signing = yes", ("require_message_signing", "true or false", '"yes"')),
    ("encrypt_data = TRUE", ("encrypt_data", "true or false", '"TRUE"')),
    ("require_mesage_signing = true", ("require_mesage_signing", "require_message_signing")),
    ("no equals sign here", ()),
    ("dialects = SMB2.1 SMB9", ("dialects", "SMB9")),
    ("encryption_ciphers = AES-128-GCM, ROT13", ("encryption_ciphers", "ROT13")),
    ("connections_max = many", ("connections_max", "many")),
    ("memory_max = -1", ("memory_max", "-1")),
    ("listen = ANY,999.0.0.1,IPv4,445,DIRECT_TCP", ("listen", "999.0.0.1")),
    ("listen = ANY,127.0.0.1,IPv4,99999,DIRECT_TCP", ("listen", "99999")),
    ("path = /srv/somewhere", ("path",)),
    ("vss = true", ("vss",)),  # documented, not yet acted on
]
WRONG_SHARE = [
    ("path = relative/path", ("path", "relative/path")),
    ("permissions = everyone:sometimes", ("permissions", "sometimes")),
    ("require_message_signing = true", ("require_message_signing",)),
    ("[global]", ()),
]


def check(build, lines_global=(), lines_share=(), text=None):
    """(exit status, output, {line: text}) of `tsmb-server --check` on a file with these lines added."""
    with scratch() as tmp:
        os.mkdir(f"{tmp}/data")
        path = f"{tmp}/tsmb.conf"
        share = ["netname = s", *lines_share]
        if not any(line.startswith("path") for line in lines_share):
            share.append(f"path = {tmp}/data")
        text = text if text is not None else "\n".join(["[global]", *lines_global, "[/global]", "[share]", *share, "[/share]", ""])
        write(path, text.encode())
        done = subprocess.run([os.path.join(build, "tsmb-server"), "--check", "-c", path], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=20)
        print(text, done.stdout, done.returncode)
        return done.returncode, done.stdout, dict(enumerate(text.split("\n"), 1))


def check_errors(build):
    """Each wrong line is found, with its place, its parameter and what is allowed; all of a file in one go."""
    expect(check(build)[0], 0, "--check of a right file")
    for where, cases in (("global", WRONG_GLOBAL), ("share", WRONG_SHARE)):
        for line, words in cases:
            added = {"lines_" + where: [line]}
            status, out, lines = check(build, **added)
            number = next(n for n, t in lines.items() if t == line and (n > 1 or where == "global"))
            place = re.search(rf"tsmb\.conf:{number}:\d+: ", out)
            if status != 1 or not (place or line == "[global]") or not all(w in out for w in words):
                raise Failed(f"{line!r}: exit status {status}, said: {out.strip()}")
    status, out, lines = check(build, [line for line, _ in WRONG_GLOBAL[:8]])
    places = set(re.findall(r"tsmb\.conf:(\d+):", out))
    if status != 1 or not {str(n) for n, t in lines.items() if t in dict(WRONG_GLOBAL[:8])} <= places:
        raise Failed(f"not all errors of the file were reported: lines {sorted(places)}")


def check_structure(build):
    for text in ("", "[global]\n", "[share]\nnetname = x\npath = /tmp\n[/share]\n", "[global]\n[/share]\n", "\0\0\0",
                 "[global]\n[/global]\n[share]\npath = /tmp\n[/share]\n", "[global]\n[/global]\n[global]\n[/global]\n",
                 "[global]\n[/global]\n" + 2 * "[share]\nnetname = Same\npath = /tmp\n[/share]\n".replace("Same", "same", 1)):
        status, out, _ = check(build, text=text)
        if text == "":
            continue  # nothing is wrong with an empty file but that it serves nothing
        if status != 1 or "tsmb.conf" not in out:
            raise Failed(f"{text!r}: exit status {status}")


def bad_start(build):
    """A wrong file starts nothing; the errors are on stderr."""
    with scratch() as tmp:
        write(f"{tmp}/tsmb.conf", b"[global]\nencrypt_data = maybe\n[/global]\n")
        done = subprocess.run([os.path.join(build, "tsmb-server"), "-c", f"{tmp}/tsmb.conf"], capture_output=True, text=True, timeout=20)
        if done.returncode != 1 or "tsmb.conf:2:" not in done.stderr:
            raise Failed(f"exit status {done.returncode}: {done.stderr}")
        missing = subprocess.run([os.path.join(build, "tsmb-server"), "-c", f"{tmp}/none"], capture_output=True, text=True, timeout=20)
        if missing.returncode == 0 or "none" not in missing.stderr:
            raise Failed(f"a missing file: exit status {missing.returncode}: {missing.stderr}")


def version(build):
    done = subprocess.run([os.path.join(build, "tsmb-server"), "-v"], capture_output=True, text=True, timeout=20)
    if done.returncode != 0 or not re.search(r"tsmb\S* \d+\.\d+", done.stdout):
        raise Failed(f"-v: {done.stdout!r}")


def ready_line(build):
    """The `ready` line lists the listeners; systemd is told; started as an ordinary user the server says so."""
    with scratch() as tmp:
        os.chmod(tmp, 0o777)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(f"{tmp}/notify")
            os.chmod(f"{tmp}/notify", 0o777)
            notify.settimeout(10)
            os.environ["NOTIFY_SOCKET"] = f"{tmp}/notify"
            with Server(build) as s:
                line = s.wait_text(r".*\bready\b.*")[0]
                if f"127.0.0.1:{s.port}" not in line:
                    raise Failed(f"the ready line does not name the listener: {line}")
                told = notify.recv(4096).decode()
                if "READY=1" not in told:
                    raise Failed(f"systemd was told {told!r}")
            del os.environ["NOTIFY_SOCKET"]


def listeners(build):
    """IPv4 and IPv6, several listeners."""
    with Server(build) as probe:
        other = probe.port
    with Server(build, {"listen": f"ANY,::1,IPv6,{other},DIRECT_TCP"}) as s:
        s.alive()
        with socket.create_connection(("::1", other), 5):
            pass


def eventually(condition, what, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise Failed(f"never came about: {what}")


def connects(client, share):
    got = client.call(raw.TREE_CONNECT, client.tree_connect_body(share), "sign")
    return got.status == raw.SUCCESS


def reload_shares(build):
    """SIGHUP adds and removes shares; connections stay, trees of what is gone are closed."""
    with Server(build, shares={"share": {}, "old": {}}) as s, Raw(s) as client:
        tree = client.ready()
        old = client.tree("old")
        s.shares["new"] = {**s.shares["share"]}
        del s.shares["old"]
        s.write_conf()
        s.kill(signal.SIGHUP)
        eventually(lambda: connects(client, "new"), "the new share")
        client.expect(raw.CREATE, raw.create_body("still"), "sign", tree=tree)
        eventually(lambda: client.call(raw.CREATE, raw.create_body("gone"), "sign", tree=old).status == 0xC00000C9,
                   "the tree of the share that is gone is closed")
        expect(connects(client, "old"), False, "the share that is gone")


def reload_nested(build):
    """A file first opened through a share that goes stays good through another above it; and nobody gets more than his
    own share's folder by it."""
    with Server(build) as s:
        os.mkdir(f"{s.folder()}/inner")
        os.chown(f"{s.folder()}/inner", s.owner(), -1)
        s.put("outside", b"not in the inner share")
        os.symlink("../outside", f"{s.folder()}/inner/link")
        s.shares["inner"] = {**s.shares["share"], "path": f"{s.folder()}/inner"}
        s.write_conf()
        s.kill(signal.SIGHUP)
        s.wait_text("inner.*added")
        with Raw(s) as outer, Raw(s) as inner:
            tree = outer.ready()
            whole = opened(outer, tree, "inner", access=0x81, options=1)
            below = inner.ready("inner")
            folder = opened(inner, below, "", access=0x81, options=1)
            got = inner.call(raw.QUERY_DIRECTORY, raw.query_directory_body(folder, "link"), "sign", tree=below)
            if struct.pack("<Q", len(b"not in the inner share")) in got.body:
                raise Failed("a listing through the inner share shows a file outside of it")
            first = opened(inner, below, "file")
            second = opened(outer, tree, "inner\\file")
            del s.shares["inner"]
            s.write_conf()
            s.kill(signal.SIGHUP)
            s.wait_text("inner.*removed")
            eventually(lambda: inner.call(raw.READ, raw.read_body(first, 1), "sign", tree=below).status == 0xC00000C9, "the tree's end")
            inner.socket.close()
            outer.expect(raw.WRITE, raw.write_body(second, b"content"), "sign", tree=tree)
            outer.expect(raw.READ, raw.read_body(second, 7), "sign", tree=tree)
            outer.expect(raw.QUERY_INFO, raw.query_info_body(second), "sign", tree=tree)
            outer.expect(raw.QUERY_DIRECTORY, raw.query_directory_body(whole), "sign", tree=tree)
            outer.expect(raw.CLOSE, raw.close_body(second), "sign", tree=tree)


def opened(client, tree, name, **fields):
    return raw.file_id_of(client.expect(raw.CREATE, raw.create_body(name, **fields), "sign", tree=tree))


def descriptors(build):
    """The soft limit is raised, opens and connections are fitted to the hard one: what is beyond is refused by name."""
    hard, kept = 400, 128 + 4  # a share takes four
    connections = (hard - kept) // 4
    fits = (hard - kept - connections) // 2
    with Server(build, before=(need("prlimit", "util-linux"), f"--nofile=40:{hard}")) as s, Raw(s) as client:
        s.wait_text(f"with {hard} descriptors there may be {fits} open files, of open_files_max 1048576, and {connections} connections, "
                    "of connections_max 1024")
        tree = client.ready()
        files = [opened(client, tree, f"file{i}") for i in range(fits)]
        client.expect(raw.CREATE, raw.create_body("more"), "sign", tree=tree, status=TOO_MANY_OPENED_FILES)
        client.expect(raw.WRITE, raw.write_body(files[0], b"content"), "sign", tree=tree)
        with Raw(s) as another:
            another.expect(raw.CREATE, raw.create_body("more"), "sign", tree=another.ready(), status=TOO_MANY_OPENED_FILES)
        client.expect(raw.CLOSE, raw.close_body(files.pop()), "sign", tree=tree)
        opened(client, tree, "more")


def reload_wrong(build):
    """A wrong file replaces nothing."""
    with Server(build) as s, Raw(s) as client:
        tree = client.ready()
        s.settings["encrypt_data"] = "perhaps"
        s.write_conf()
        s.kill(signal.SIGHUP)
        s.wait_text(r"tsmb\.conf:\d+:\d+: encrypt_data")
        client.expect(raw.CREATE, raw.create_body("still"), "sign", tree=tree)
        with Raw(s) as another:
            another.ready()


def reload_tightens(build):
    """A tightening acts on the next request of sessions that live; loosening on later ones."""
    with Server(build) as s, Raw(s, "2.1") as client:
        tree = client.ready(how="plain")
        request = (raw.CREATE, raw.create_body("", access=0x81, options=1))
        client.expect(*request, "plain", tree=tree)
        tighten(s, require_message_signing="true")
        try:
            client.call(*request, "plain", tree=tree, seconds=0.5)
            raise Failed("an unsigned request was answered")
        except Dropped:
            client.expect(*request, "sign", tree=tree, message_id=client.next_id - 1)


def tighten(server, **settings):
    """Reload with these settings, and wait until they are in force."""
    count = server.text().count("reload: ")
    server.settings.update(settings)
    server.write_conf()
    server.kill(signal.SIGHUP)
    eventually(lambda: server.text().count("reload: ") > count, "the reload")


def reload_retires(build):
    """What a tightening refuses is answered, what waits ends, then the connection, so that the client sets up anew and
    sees the flags; one that cannot do better stays refused, one that does better stays."""
    request = (raw.CREATE, raw.create_body("", access=0x81, options=1))
    with Server(build) as s, Raw(s) as plain, Raw(s) as sealed, Raw(s, "2.1") as old:
        trees = [client.ready() for client in (plain, sealed, old)]
        folder = raw.file_id_of(plain.expect(*request, "sign", tree=trees[0]))
        plain.send(raw.CHANGE_NOTIFY, raw.notify_body(folder), "sign", tree=trees[0])
        expect(plain.receive()[0].status, raw.PENDING, "CHANGE_NOTIFY waits")
        tighten(s, reject_unencrypted_access="true")
        s.wait_text("reload: 3 sessions were set up under looser demands")
        plain.send(*request, "sign", tree=trees[0])
        met = {}
        try:
            while True:
                for got in plain.receive(5):
                    met[got.command] = got
        except Disconnected:
            pass
        expect(met[raw.CREATE].status, raw.ACCESS_DENIED, "a plain request")
        expect(met[raw.CREATE].protection, "encrypt", "protection of its refusal")
        expect(raw.CHANGE_NOTIFY in met, True, "what waited was answered")
        for _ in range(3):
            sealed.expect(*request, "encrypt", tree=trees[1])
            old.expect(*request, "sign", tree=trees[2], status=raw.ACCESS_DENIED)
        with Raw(s) as again:
            again.negotiate()
            again.logon()
            expect(again.session_flags & raw.SESSION_ENCRYPT, raw.SESSION_ENCRYPT, "the session flag, set up anew")
            again.expect(*request, "encrypt", tree=again.tree(how="encrypt"))


def reload_loosens(build):
    """A loosening counts for sessions set up afterwards only."""
    request = (raw.CREATE, raw.create_body("", access=0x81, options=1))
    with Server(build, {"reject_unencrypted_access": "true"}) as s, Raw(s) as old:
        tree = old.ready(how="encrypt")
        tighten(s, reject_unencrypted_access="false")
        for _ in range(3):
            old.expect(*request, "sign", tree=tree, status=raw.ACCESS_DENIED)
            old.expect(*request, "encrypt", tree=tree)
        with Raw(s) as new:
            new.expect(*request, "plain", tree=new.ready())
    with Server(build, {"require_message_signing": "true"}) as s, Raw(s) as old:
        tree = old.ready()
        tighten(s, require_message_signing="false")
        try:
            old.call(*request, "plain", tree=tree, seconds=0.5)
            raise Failed("an unsigned request was answered on a session that was set up to be signed")
        except Dropped:
            old.expect(*request, "sign", tree=tree, message_id=old.next_id - 1)
        with Raw(s) as new:
            new.expect(*request, "plain", tree=new.ready())


def reload_rejects(build):
    """reject_unencrypted_access, switched on, shuts plain sessions out."""
    with Server(build) as s, Raw(s) as client:
        tree = client.ready()
        s.settings["reject_unencrypted_access"] = "true"
        s.write_conf()
        s.kill(signal.SIGHUP)

        def shut_out():
            try:
                return client.call(raw.CREATE, raw.create_body("", access=0x81, options=1), "sign", tree=tree).status == raw.ACCESS_DENIED
            except Disconnected:
                return True

        eventually(shut_out, "plain requests are refused")
        expect(Smbclient(s, "SMB2_10").refused("ls"), "NT_STATUS_ACCESS_DENIED", "a client that cannot encrypt")
        Smbclient(s, "SMB3_11")("ls")


def passwd(build):
    """Users come, change, are disabled, enabled and go while the server runs; the file keeps no password."""
    with Server(build) as s:
        database = f"{s.top}/run/users_db.txt"
        expect(stat.S_IMODE(os.stat(database).st_mode), 0o600, "mode of the user database")
        with open(database) as f:
            text = f.read()
        if any(p in text for p in s.users.values()):
            raise Failed("a password stands in the user database")
        for option, user, password, want in (
                ("-a", "carol", "First-1", None), ("-a", "carol", "Second-2", None), ("-d", "carol", "Second-2", "NT_STATUS_ACCOUNT_DISABLED"),
                ("-e", "carol", "Second-2", None), ("-x", "carol", "Second-2", "NT_STATUS_LOGON_FAILURE")):
            done = s.passwd(option, user, *(["--stdin"] if option == "-a" else []), password=password)
            expect(done.returncode, 0, f"tsmb-passwd {option}: {done.stderr}")
            if option in "-a-e" and user not in s.passwd("-l").stdout:
                raise Failed("tsmb-passwd -l does not list the user")
            client = Smbclient(s, user=user, password=password)
            if want:
                expect(client.refused("ls"), want, f"after {option}")
            else:
                client("ls")
            if password == "Second-2" and not want:
                expect(Smbclient(s, user=user, password="First-1").refused("ls"), "NT_STATUS_LOGON_FAILURE", "the old password")
        expect(s.passwd("-x", "nobody-such").returncode, 1, "deleting nobody")
        expect(s.passwd("-a").returncode, 2, "no user named")


def passwd_import(build):
    """Users of an smbpasswd file log on to a server that runs, by their old passwords; after a file with a fault nobody does."""
    with Server(build) as s:
        s.passwd("-a", "carol", "--stdin", password="Old one 3")
        with open(f"{s.top}/run/users_db.txt") as f:
            digest = re.search("carol::(.*):", f.read())[1]
        s.passwd("-x", "carol")
        good = f"carol:1000:{'X' * 32}:{digest}:[U          ]:LCT-6B0BE70A:"
        off = good.replace("carol", "dave").replace("[U ", "[DU")
        done = s.passwd("-i", "-", password=f"{good}\n{off}\nnonsense")
        expect((done.returncode, "standard input:3:9:" in done.stderr), (1, True), done.stderr)
        carol = Smbclient(s, user="carol", password="Old one 3")
        expect(carol.refused("ls"), "NT_STATUS_LOGON_FAILURE", "half an import")
        done = s.passwd("-i", "-", password=f"{good}\n{off}")
        expect(done.returncode, 0, done.stderr)
        carol("ls")
        dave = Smbclient(s, user="dave", password="Old one 3")
        expect(dave.refused("ls"), "NT_STATUS_ACCOUNT_DISABLED", "a user who was disabled")
        s.passwd("-e", "dave")
        dave("ls")
        Smbclient(s)("ls")  # as before


def permissions(build):
    """Share permissions: no, read, change, full; users, everyone."""
    shares = {"ro": {"permissions": "everyone:read"}, "rw": {"permissions": "alice:change, bob:read"},
              "closed": {"permissions": "everyone:full, bob:no"}, "nobodys": {"permissions": "carol:full"}}
    with Server(build, shares=shares) as s, scratch() as tmp:
        write(f"{tmp}/f", b"x")
        may = {("alice", "ro"): "r", ("alice", "rw"): "rw", ("bob", "rw"): "r", ("alice", "closed"): "rw", ("bob", "closed"): "",
               ("alice", "nobodys"): ""}
        for (user, share), rights in may.items():
            client = Smbclient(s, user=user, share=share)
            s.put("there", b"content", share)
            for letter, command in (("r", f"get there {tmp}/g"), ("w", f"put {tmp}/f new"), ("w", f"mkdir {user}"), ("w", "del there")):
                if letter in rights:
                    client(command)
                else:
                    expect(client.refused(command), "NT_STATUS_ACCESS_DENIED", f"{user} on {share}: {command}")


def escape(build):
    """Nothing outside the share root is reachable: not by .., not by a symbolic link."""
    with Server(build) as s:
        write(f"{s.top}/outside", b"secret")
        os.chmod(f"{s.top}/outside", 0o644)
        os.symlink("../outside", f"{s.folder()}/link")
        os.symlink("/etc", f"{s.folder()}/etc")
        with Raw(s) as client:
            tree = client.ready()
            for name in ("..\\outside", "a\\..\\..\\outside", "link", "etc\\passwd", "\\etc\\passwd", ".\\..\\outside", "../outside"):
                got = client.call(raw.CREATE, raw.create_body(name, access=0x120089, disposition=1), "sign", tree=tree)
                if got.status == raw.SUCCESS:
                    raise Failed(f"{name} was opened")


def two_accounts():
    """Two unprivileged accounts that every Debian has."""
    try:
        return pwd.getpwnam("daemon"), pwd.getpwnam("games")
    except KeyError:
        raise Skip("no accounts daemon and games") from None


def as_root(build):
    """Started as root, every request runs with the credentials of its user."""
    one, two = two_accounts()
    users = {"alice": "Pass-1", two.pw_name: "Pass-2", "stranger-to-unix": "Pass-3"}
    with Server(build, users=users, unix={"alice": one.pw_name}, as_root=True) as s, scratch() as tmp:
        os.chmod(s.folder(), 0o1777)
        write(f"{tmp}/f", b"content")
        first, second = (Smbclient(s, user=u) for u in list(users)[:2])
        first(f"put {tmp}/f mine", "mkdir dir")
        second(f"put {tmp}/f yours")
        for name, owner in (("mine", one), ("dir", one), ("yours", two)):
            st = os.stat(os.path.join(s.folder(), name))
            expect((st.st_uid, st.st_gid), (owner.pw_uid, owner.pw_gid), f"owner of {name}")
        os.chmod(os.path.join(s.folder(), "mine"), 0o600)
        first(f"get mine {tmp}/back")
        expect(second.refused(f"get mine {tmp}/none"), "NT_STATUS_ACCESS_DENIED", "another's file")
        expect(second.refused("del mine"), "NT_STATUS_ACCESS_DENIED", "deleting another's file in a sticky folder")
        stranger = Smbclient(s, user="stranger-to-unix")
        expect(stranger.refused("ls"), "NT_STATUS_LOGON_FAILURE", "a user without a Unix account")
        s.wait_text("stranger-to-unix")
        with open(f"/proc/{s.process.pid}/status") as f:
            status = f.read()
        expect(re.search(r"^Uid:\s+(\d+)\s+(\d+)\s+(\d+)", status, re.M).groups(), ("0", "0", "0"), "real, effective, saved uid")


def ordinary_user(build):
    """Started as an ordinary user everything is that user's, and the server says so."""
    with Server(build) as s, scratch() as tmp:
        if os.getuid() == 0 and not s.drops:
            raise Skip("started as root")
        write(f"{tmp}/f", b"content")
        Smbclient(s)(f"put {tmp}/f file")
        expect(os.stat(os.path.join(s.folder(), "file")).st_uid, s.owner(), "owner of the file")
        s.wait_text(r"(?i)(every|as user|ordinary|unprivileged|not root)")


def stop_under_load(build):
    """SIGTERM in the middle of transfers: a clean end, no report, no file left behind."""
    with Server(build) as s, scratch() as tmp:
        write(f"{tmp}/big", os.urandom(1 << 20) * 64)
        argv = ["smbclient", "//127.0.0.1/share", *Smbclient(s, "SMB3_11", "encrypt").common(), "-c",
                "; ".join(f"put {tmp}/big file{n}" for n in range(20))]
        loads = [subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(3)]
        eventually(lambda: os.path.exists(os.path.join(s.folder(), "file1")), "the load")
        start = time.monotonic()
        expect(s.stop(), 0, "exit status under load")
        took = time.monotonic() - start
        for p in loads:
            p.kill()
            p.wait()
        return f"stopped within {took:.1f} s"


def kernel_mount(build):
    """The Linux kernel's client, where there is one."""
    if os.getuid() != 0:
        raise Skip("mounting needs root")
    if shutil.which("modprobe"):
        subprocess.run(["modprobe", "-q", "cifs"], check=False)
    with open("/proc/filesystems") as f:
        if "cifs" not in f.read().split():
            raise Skip("this kernel has no cifs (CONFIG_CIFS)")
    with Server(build) as s, scratch() as tmp:
        options = f"ip=127.0.0.1,port={s.port},vers=3.1.1,seal,username=alice,password={s.users['alice']}"
        done = subprocess.run(["mount", "-i", "-t", "cifs", "//127.0.0.1/share", tmp, "-o", options], capture_output=True, text=True)
        if done.returncode != 0 and "permission denied" in done.stderr.lower():
            raise Skip(f"this container may not mount: {done.stderr.strip()}")
        expect(done.returncode, 0, f"mount: {done.stderr}")
        try:
            data = write(f"{tmp}/file", os.urandom(3 << 20))
            os.rename(f"{tmp}/file", f"{tmp}/other")
            with open(f"{s.folder()}/other", "rb") as f:
                expect(f.read() == data, True, "the file on disk is what was written")
            os.mkdir(f"{tmp}/dir")
            expect(sorted(os.listdir(tmp)), ["dir", "other"], "listing")
            os.unlink(f"{tmp}/other")
            os.rmdir(f"{tmp}/dir")
        finally:
            subprocess.run(["umount", tmp], check=True)


def tests(build):
    for f in (check_errors, check_structure, bad_start, version, ready_line, listeners, reload_shares, reload_nested, descriptors, reload_wrong, reload_tightens,
              reload_rejects, reload_retires, reload_loosens, passwd, passwd_import, permissions, escape, as_root, ordinary_user, stop_under_load, kernel_mount):
        yield Test(f"lifecycle.{f.__name__.replace('_', '-')}", functools.partial(f, build), limit=90)
