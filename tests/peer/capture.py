"""What somebody on the wire sees: with encryption in force nothing of a file, and messages that tshark understands."""
import functools
import os
import subprocess

from harness.testing import Failed, Test, need

from peer.files import pattern, write
from peer.relay import Relay, TO_CLIENT, TO_SERVER
from peer.server import Server, scratch
from peer.smbclient import CIPHERS, DIALECTS, Smbclient

NAME = "Marked-Name-3f9c1b"
MARK = b"MARKED-CONTENT-8d1e77a0"


def seen_in(stream, pieces):
    return [p for p in pieces if p in stream]


def secrets_of(data):
    """Every way a name could show, and pieces of the content."""
    names = [v.encode(coding) for v in (NAME, NAME.lower(), NAME.upper()) for coding in ("utf-8", "utf-16le", "utf-16be")]
    return names + [MARK] + [data[at:at + 16] for at in range(0, len(data), 4096)]


def use_share(s, relay, dialect, how, options, tmp):
    """Logon, then a marked file through every command that could give it away."""
    data = write(f"{tmp}/{NAME}", MARK + pattern(300000, NAME) + MARK)
    s.put("own-" + NAME, data)
    client = Smbclient(s, dialect, how, port=relay.port, options=options)
    client(f"put {tmp}/{NAME} {NAME}", "ls", f"get {NAME} {tmp}/back", f"get own-{NAME} {tmp}/back2",
           f"rename {NAME} {NAME}.2", f"del {NAME}.2", f"mkdir {NAME}.d", f"cd {NAME}.d", "cd ..", f"rmdir {NAME}.d")
    return data


def encrypted(build, dialect, options=(), settings=None, how="encrypt"):
    """No byte of a marked file and no file name on the wire."""
    with Server(build, settings) as s, Relay(s.port) as relay, scratch() as tmp:
        data = use_share(s, relay, dialect, how, options, tmp)
        streams = relay.everything()
        print([len(x) for x in streams])
        if sum(map(len, streams)) < 3 * len(data):
            raise Failed("the relay did not see the session")
        for stream in streams:
            seen = seen_in(stream, secrets_of(data))
            if seen:
                raise Failed(f"on the wire: {seen[:3]}")


def unencrypted(build):
    """The same search finds all of it when nothing is encrypted, so it can find."""
    with Server(build) as s, Relay(s.port) as relay, scratch() as tmp:
        data = use_share(s, relay, "SMB3_11", "sign", (), tmp)
        both = relay.stream(TO_SERVER) + relay.stream(TO_CLIENT)
        for piece in (NAME.encode("utf-16le"), MARK, data[8192:8208]):
            if piece not in both:
                raise Failed(f"the search is blind: {piece} not found in the clear")


def tshark(capture, *options):
    """Fields of each frame. The made-up TCP has no handshake and no checksums, so tshark is told not to look."""
    argv = [need("tshark", "tshark"), "-r", capture, "-o", "tcp.check_checksum:FALSE", "-o", "ip.check_checksum:FALSE",
            "-o", "tcp.analyze_sequence_numbers:TRUE", *options]
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, "HOME": os.path.dirname(capture)})
    print("$ " + " ".join(argv) + "\n" + done.stdout[-6000:] + done.stderr[-2000:])
    if done.returncode != 0:
        raise Failed(f"tshark: exit status {done.returncode}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def decoded(build, dialect, how):
    """tshark, told the password, follows the whole session: nothing malformed, and it finds our keys to be right."""
    with Server(build) as s, Relay(s.port) as relay, scratch() as tmp:
        use_share(s, relay, dialect, how, (), tmp)
        relay.write_pcap(f"{tmp}/session.pcap")
        password = ["-o", "ntlmssp.nt_password:" + s.users["alice"]]
        bad = tshark(f"{tmp}/session.pcap", *password, "-Y", "_ws.malformed || _ws.expert.severity == error")
        if bad:
            raise Failed(f"{len(bad)} frames that tshark finds wrong: {bad[0]}")
        fields = [x for f in ("smb2.cmd", "smb2.flags.response", "smb2.nt_status", "smb2.dialect", "smb2.filename") for x in ("-e", f)]
        rows = tshark(f"{tmp}/session.pcap", *password, "-Y", "smb2", "-T", "fields", *fields)
        commands = {cmd for row in rows for cmd in row[0].split(",")}
        wanted = {str(n) for n in (0, 1, 3, 5, 6, 8, 9, 14, 16, 17)}  # NEGOTIATE to SET_INFO
        if not wanted <= commands:
            raise Failed(f"commands never decoded: {sorted(wanted - commands, key=int)}")
        if not any(NAME in row[4] for row in rows if len(row) > 4):
            raise Failed("the file's name was never decoded")


def tests(build):
    for cipher in CIPHERS:
        option = f"client smb3 encryption algorithms={cipher}"
        yield Test(f"capture.encrypted.{cipher}", functools.partial(encrypted, build, "SMB3_11", [option]))
    for dialect in ("SMB3_00", "SMB3_02"):
        yield Test(f"capture.encrypted.{dialect}", functools.partial(encrypted, build, dialect))
    # The client does not ask: the configuration alone must do it.
    yield Test("capture.encrypt_data", functools.partial(encrypted, build, "SMB3_11", (), {"encrypt_data": "true"}, "plain"))
    yield Test("capture.search-can-find", functools.partial(unencrypted, build))
    for dialect, ways in DIALECTS.items():
        for how in ways:
            yield Test(f"capture.tshark.{dialect}.{how}", functools.partial(decoded, build, dialect, how), limit=120)
