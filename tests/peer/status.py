"""tsmb-status: what it shows is what clients did, to the message; what it ends, ends; nobody is held up by being asked about."""
import fcntl
import functools
import json
import os
import pty
import re
import shlex
import shutil
import struct
import subprocess
import termios
import threading
import time

from harness.testing import TOP, Failed, Test, need

from peer import durable, locks, raw
from peer.files import expect
from peer.info import Client
from peer.lifecycle import eventually
from peer.raw import Disconnected, Raw
from peer.server import Server, scratch
from peer.smbclient import CIPHERS, DIALECTS, Smbclient

LISTS = ("shares", "connections", "sessions", "files", "locks")
SHOWN = ("stats", "security", *LISTS)
ECHO, ECHO_BODY = 13, struct.pack("<HH", 4, 0)
SESSION_DELETED, CLOSED, NOT_FOUND = 0xC0000203, 0xC0000128, 0xC0000034
NAMES = {"SMB2_02": "2.0.2", "SMB2_10": "2.1", "SMB3_00": "3.0", "SMB3_02": "3.0.2", "SMB3_11": "3.1.1"}
KINDS = ("plain", "signed", "encrypted")


# ---- fields

def documented(build):
    """{command: [field]} of the manual page."""
    page = subprocess.run([os.path.join(build, "status-doc"), "scd", os.path.join(TOP, "doc", "tsmb-status.8.scd.in")], capture_output=True, text=True,
                          check=True).stdout
    part = page[page.index("# FIELDS"):page.index("\n# OPTIONS")]
    found = {}
    for heading, text in re.findall(r"^## (.*)\n((?:(?!## ).*\n)*)", part, re.M):
        for command in heading.split(", "):
            found[command] = [name.replace("\\", "") for name in re.findall(r"^\*(\S+)\*$", text, re.M)]
    return found


def paths(value, at=""):
    """Of every leaf: names joined by dots, [] for the elements of an array. Empty arrays and objects are leaves, too."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from paths(inner, f"{at}.{name}" if at else name)
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, at + "[]")
        if not value:
            yield at + "[]"
    elif isinstance(value, dict):
        yield at + ".*"
    else:
        yield at


def pattern(name):
    return re.compile("[^.]+".join(re.escape(part) for part in name.split("*")))


def fields(build):
    """What each command prints is what the manual page says, no more and no less."""
    with Server(build, shares={"share": {}, "safe": {"encrypt_data": "true"}}) as s, Client(s) as c, Client(s, user="bob") as other:
        mine, theirs = c.open("f"), other.open("f")
        locks.lock(c, mine, (0, 10, locks.EXCLUSIVE | locks.NOW))
        other.raw.send(raw.LOCK, locks.body(theirs, (5, 1, locks.EXCLUSIVE)), "sign", tree=other.id)
        expect(other.raw.receive()[0].status, raw.PENDING, "a lock that waits")
        c.raw.tree("safe")
        c.raw.call(raw.READ, raw.read_body(mine, 10), "plain", tree=c.id)  # bob has asked for no signatures
        eventually(lambda: len(s.status("locks", "--json")) == 2, "both locks")
        found = documented(build)
        expect(set(SHOWN) | {"close-session", "close-file", "disconnect"}, set(found), "commands with fields")
        for command in SHOWN:
            shown = s.status(command, "--json")
            leaves = {p for row in (shown if command in LISTS else [shown]) for p in paths(row)}
            wanted = [pattern(name) for name in found[command]]
            expect([p for p in leaves if not any(w.fullmatch(p) for w in wanted)], [], f"{command}: what the manual page does not have")
            expect([w.pattern for w in wanted if not any(w.fullmatch(p) for p in leaves)], [], f"{command}: what is not printed")
        file_id = s.status("files", "--json")[0]["id"]
        expect(s.status("close-file", str(file_id), "--json"), {"done": True}, "close-file")


# ---- real clients

def security_of(client, s):
    """What `security` says of this smbclient, which has sent 100000 bytes and is still connected."""
    argv = [need("smbclient", "smbclient"), f"//127.0.0.1/{client.share}", *client.common()]
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, text=True)
    try:
        # One by one, as it misses lines that come together; and what is there may not be answered yet, but all before it is.
        for line, made in ((f"put {s.top}/up up", "up"), ("mkdir done", "done"), ("mkdir after", "after")):
            child.stdin.write(line + "\n")
            child.stdin.flush()
            eventually(lambda: os.path.exists(os.path.join(s.folder(), made)), f"smbclient has made {made}")
        seen = s.status("security", "--json")
        expect(len(seen["sessions"]), 1, "sessions")
        child.communicate("rmdir after\nrmdir done\n", timeout=20)
        eventually(lambda: s.status("sessions", "--json") == [], "no session afterwards")
        for made in ("done", "after"):
            shutil.rmtree(os.path.join(s.folder(), made), ignore_errors=True)
        os.unlink(os.path.join(s.folder(), "up"))
        return seen["sessions"][0]
    finally:
        child.kill()
        child.wait()


def options(dialect, cipher):
    return [f"client smb3 encryption algorithms={cipher}"] if dialect == "SMB3_11" else []


def smbclients(build, dialect):
    """Each protection that a real client can have is what is shown of it, and who asked for it."""
    ciphers = CIPHERS if dialect == "SMB3_11" else CIPHERS[:1]
    with Server(build) as s:
        with open(os.path.join(s.top, "up"), "wb") as f:
            f.write(bytes(100000))
        for protection in DIALECTS[dialect]:
            for cipher in ciphers if protection == "encrypt" else ciphers[:1]:
                client = Smbclient(s, dialect, protection, options=options(dialect, cipher))
                one = security_of(client, s)
                what = f"{protection}, {cipher}: {one}"
                expect((one["user"], one["kind"], one["dialect"]), ("alice", "named", NAMES[dialect]), what)
                expect(one["cipher"], None if dialect < "SMB3" else cipher if dialect == "SMB3_11" else "AES-128-CCM", what)
                expect(one["signing"], {"2": "HMAC-SHA256", "3": "AES-CMAC"}[dialect[3]] if dialect != "SMB3_11" else "AES-GMAC", what)
                received, sent = one["traffic"]["received"], one["traffic"]["sent"]
                expect("client" in one["signing_demanded_by"], protection in ("sign", "encrypt"), what)
                expect(one["encryption_demanded_by"], ["client"] if protection == "encrypt" else [], what)
                kind = {"plain": "plain", "sign": "signed", "encrypt": "encrypted"}[protection]
                expect(received[kind]["bytes"] > 100000 and sent[kind]["messages"] >= 5, True, what)
                if protection != "encrypt":
                    expect(received["encrypted"]["messages"] + sent["encrypted"]["messages"], 0, what)
                expect(one["refused"], {}, what)


def demands(build):
    """Each parameter, and a share, is named as the one that demands; also if it came to do so later."""
    shares = {"share": {}, "safe": {"encrypt_data": "true"}}
    with Server(build, shares=shares) as s, Client(s) as c:
        def of(name):
            return s.status("security", "--json")["sessions"][0][name]

        expect((of("signing_demanded_by"), of("encryption_demanded_by")), ([], []), "nobody")
        c.raw.tree("safe")
        expect((of("encryption_demanded_by"), of("encrypting_shares")), (["share"], ["safe"]), "a share")
        s.cfg("global", "update", "--require-signing", "true")
        expect((of("signing_demanded_by"), of("signing_required")), (["require_message_signing"], False), "signing, later")
        s.cfg("global", "update", "--encrypt-data", "true")
        expect(of("encryption_demanded_by"), ["encrypt_data"], "encryption, later")
        s.cfg("global", "update", "--reject-unencrypted-access", "true")
        expect(of("encryption_demanded_by"), ["encrypt_data", "reject_unencrypted_access"], "only encrypted")
        expect(s.status("security", "--json")["demands"], {"require_message_signing": True, "encrypt_data": True, "reject_unencrypted_access": True},
               "demands")
        with Raw(s) as late:
            late.negotiate()
            late.logon("bob", s.users["bob"], security_mode=2)
            one = next(x for x in s.status("security", "--json")["sessions"] if x["user"] == "bob")
            expect((one["signing_required"], one["signing_demanded_by"], one["session_encrypted"]),
                   (True, ["client", "require_message_signing"], True), "from the beginning")


# ---- numbers

def traffic_of(shown):
    return {(way, kind): shown["traffic"][way][kind]["messages"] for way in ("received", "sent") for kind in KINDS}


def counts(build):
    """Requests of each protection are counted, one by one, for the server, the connection, the session and the share."""
    with Server(build) as s, Client(s) as c:
        def look():
            stats, share = s.status("stats", "--json"), s.status("shares", "--json")[0]
            connection, session = s.status("connections", "--json")[0], s.status("security", "--json")["sessions"][0]
            return stats, share, connection, session

        f = c.open("f")
        before = look()
        for how, count in (("plain", 3), ("sign", 5), ("encrypt", 7)):
            for _ in range(count):
                c.raw.expect(raw.WRITE, raw.write_body(f, b"x" * 1000), how, tree=c.id)
        for _ in range(4):
            c.raw.expect(ECHO, ECHO_BODY, "sign")
        c.call(raw.READ, raw.read_body(bytes(16), 10), CLOSED)
        after = look()
        more = {("received", "plain"): 3, ("received", "signed"): 10, ("received", "encrypted"): 7}
        more |= {("sent", kind): n for (_, kind), n in more.items()}
        for name, old, new in zip(("server", "connection", "session"), (before[0], *before[2:]), (after[0], *after[2:])):
            was, now = traffic_of(old), traffic_of(new)
            expect({k: now[k] - was[k] for k in now}, more, f"messages of the {name}")
        write, echo, read = (after[0]["commands"][x] for x in ("WRITE", "ECHO", "READ"))
        expect((write["requests"], write["errors"], echo["requests"], read["requests"], read["errors"]), (15, 0, 4, 1, 1), "commands")
        expect((write["bytes_received"], write["bytes_sent"]), (15 * (64 + 48 + 1000), 15 * (64 + 17)), "bytes of WRITE")
        for k in range(4):
            c.write(f, bytes(50000), 50000 * k)
        was = s.status("stats", "--json")
        for how in ("plain", "sign", "encrypt"):  # a plain one may go to the socket without being copied
            c.raw.expect(raw.READ, raw.read_body(f, 200000), how, tree=c.id, charge=4)
        now = s.status("stats", "--json")
        expect(now["commands"]["READ"]["bytes_sent"] - was["commands"]["READ"]["bytes_sent"], 3 * (64 + 16 + 200000), "bytes of READ")
        for kind in KINDS:
            expect(now["traffic"]["sent"][kind]["bytes"] - was["traffic"]["sent"][kind]["bytes"], 64 + 16 + 200000, f"bytes sent {kind}")
        for command in after[0]["commands"].values():
            expect(sum(command["latency"]) + command["waited"], command["requests"], "each in one bucket, or it waited")
        slowest = max(i for i, n in enumerate(write["latency"]) if n)
        limits = after[0]["latency_limits_ns"]
        expect(write["latency_ns"] < 15 * limits[slowest] and limits[-1] is None and limits == sorted(limits[:-1]) + [None], True, "limits")
        expect(after[1]["requests"] - before[1]["requests"], 16, "requests to the share")
        expect(after[1]["errors"] - before[1]["errors"], 1, "errors of the share")
        expect(after[2]["answered"] - before[2]["answered"], 20, "answered on the connection")


def refusals(build):
    """Refusals are counted by reason, for the server and for the session they met; so are logons that fail."""
    with Server(build, {"auth_delay_ms": 0}) as s, Raw(s) as c:
        with Raw(s) as stranger:
            stranger.negotiate()
            stranger.logon("alice", "wrong", status=0xC000006D)
        c.negotiate()
        c.logon(security_mode=2)
        tree = c.tree()
        for _ in range(3):
            c.expect(raw.CREATE, raw.create_body("f"), "plain", tree=tree, status=raw.ACCESS_DENIED)
        stats, security = s.status("stats", "--json"), s.status("security", "--json")
        expect((stats["logons"], stats["logons_failed"], stats["refused"]["credentials"]), (1, 1, 1), "logons")
        expect((stats["refused"]["unsigned_client_demand"], security["refused"]["unsigned_client_demand"]), (3, 3), "of the server")
        expect(security["sessions"][0]["refused"], {"unsigned_client_demand": 3}, "of the session")
        text = s.status("security")
        expect("unsigned_client_demand 3" in text and "demanded by client" in text, True, text)


def waiting(build):
    """A lock that waits is shown as one; its request counts as waiting, not as slow. The share a reload keeps keeps its count."""
    with Server(build) as s, Client(s) as c:
        f, g = c.open("f"), c.open("f")
        locks.lock(c, f, (0, 10, locks.EXCLUSIVE | locks.NOW))
        c.raw.send(raw.LOCK, locks.body(g, (5, 1, locks.EXCLUSIVE)), "sign", tree=c.id)
        expect(c.raw.receive()[0].status, raw.PENDING, "a lock that waits")
        shown = [(x["offset"], x["length"], x["exclusive"], x["waiting"]) for x in s.status("locks", "--json")]
        expect(("5", "1", True, True) in shown and ("0", "10", True, False) in shown, True, f"{shown}")
        locks.lock(c, f, (0, 10, locks.UNLOCK))
        c.raw.answer()
        expect([x["waiting"] for x in s.status("locks", "--json") if x["offset"] == "5"], [False], "granted")
        stats = s.status("stats", "--json")
        expect(stats["commands"]["LOCK"]["waited"], 1, "LOCKs that waited")
        requests = s.status("shares", "--json")[0]["requests"]
        s.cfg("share", "update", "-n", "share", "--remark", "new")
        expect(s.status("shares", "--json")[0]["requests"], requests, "requests to the share, after a reload")


def pages(build):
    """More than a page of files and of locks of one file: each is listed once."""
    with Server(build) as s, Client(s) as c:
        opened = [c.open(f"f{n % 7}", disposition=3) for n in range(2300)]
        files = s.status("files", "--json")
        expect((len(files), len({f["id"] for f in files})), (2300, 2300), "files")
        expect([f["id"] for f in files], sorted(f["id"] for f in files), "in order")
        for n in range(0, 2500, 50):
            locks.lock(c, opened[3], *((10 * k, 5, locks.SHARED | locks.NOW) for k in range(n, n + 50)))
        locks.lock(c, opened[4], (0, 1, locks.EXCLUSIVE | locks.NOW))
        listed = [(x["file"], x["offset"]) for x in s.status("locks", "--json")]
        expect((len(listed), len(set(listed))), (2501, 2501), "locks")
        expect(len(s.status("files").splitlines()), 2301, "lines for people")


# ---- ending

def ended(build):
    """A file, a session, a connection: the client learns, others keep theirs, and a second time there is nothing."""
    with Server(build) as s, Client(s) as c, Client(s, user="bob") as other:
        mine, again, theirs = c.open("f"), c.open("f"), other.open("f")
        locks.lock(c, mine, (0, 10, locks.EXCLUSIVE | locks.NOW))
        first = next(f["id"] for f in s.status("files", "--json") if f["locks"])
        s.status("close-file", str(first))
        expect(c.call(raw.READ, raw.read_body(mine, 1), CLOSED).status, CLOSED, "the file")
        locks.lock(other, theirs, (0, 10, locks.EXCLUSIVE | locks.NOW))  # its lock went with it
        expect("there is no open file" in s.status("close-file", str(first), want=1), True, "a second time")
        c.write(again, b"still here", 20)
        session = next(x["id"] for x in s.status("sessions", "--json") if x["user"] == "alice")
        s.status("close-session", hex(session))
        expect(c.raw.call(raw.READ, raw.read_body(again, 1), "sign", tree=c.id).status, SESSION_DELETED, "the session")
        expect([f["user"] for f in s.status("files", "--json")], ["bob"], "files that are left")
        expect("there is no session" in s.status("close-session", str(session), want=1), True, "a second time")
        connection = s.status("sessions", "--json")[0]["connections"][0]
        s.status("disconnect", str(connection))
        try:
            other.raw.call(ECHO, ECHO_BODY, "sign")
            raise Failed("the connection answers")
        except (Disconnected, OSError):
            pass
        eventually(lambda: not s.status("files", "--json"), "the files of the connection")
        s.wait_text(f"uid 0 ends connection {connection}" if os.getuid() == 0 else f"ends connection {connection}")


def parked(build):
    """Whoever waits on a file that is closed is answered; so is whoever waits in a session that ends."""
    with Server(build) as s, Client(s) as c, Client(s, user="bob") as other:
        folder = c.folder("d")
        c.raw.send(raw.CHANGE_NOTIFY, raw.notify_body(folder), "sign", tree=c.id)
        expect(c.raw.receive()[0].status, raw.PENDING, "a watch")
        s.status("close-file", str(s.status("files", "--json")[0]["id"]))
        expect(hex(c.raw.answer().status), hex(0x0000010B), "STATUS_NOTIFY_CLEANUP")
        f, g = c.open("f"), other.open("f")
        locks.lock(c, f, (0, 1, locks.EXCLUSIVE | locks.NOW))
        other.raw.send(raw.LOCK, locks.body(g, (0, 1, locks.EXCLUSIVE)), "sign", tree=other.id)
        expect(other.raw.receive()[0].status, raw.PENDING, "a lock that waits")
        session = next(x["id"] for x in s.status("sessions", "--json") if x["user"] == "alice")
        s.status("close-session", str(session))
        expect(hex(other.raw.answer().status), hex(raw.SUCCESS), "granted to who is left")


def away(build):
    """A durable file whose client is away is shown so, and can be closed: nobody gets it back."""
    with Server(build) as s:
        fid = durable.lost(s, durable.create("f", durable.ask_v2()), b"DH2Q")
        eventually(lambda: [f["session"] for f in s.status("files", "--json")] == [None], "it is away")
        one = s.status("files", "--json")[0]
        expect((one["durable"], one["cached_by"], one["user"]), (True, "oplock", "alice"), "what is shown")
        expect("away" in s.status("files"), True, "for people")
        s.status("close-file", str(one["id"]))
        eventually(lambda: s.status("files", "--json") == [], "it is closed")
        with Raw(s) as c:
            tree = c.ready()
            got = c.call(raw.CREATE, durable.create("f", durable.again_v2(fid)), "sign", tree=tree)
            expect(hex(got.status), hex(NOT_FOUND), "asking for it again")


# ---- the tool

def text(build):
    """At most 100 columns, harmless, without colours where there is no terminal; on one in place."""
    evil = "right\u202eto left \u009b31m" + "x" * 100
    with Server(build, shares={"share": {}, "S" * 70: {}}) as s, Client(s) as c:
        locks.lock(c, c.open(evil), (0, 2**63, locks.EXCLUSIVE | locks.NOW))
        expect(s.status("files", "--json")[0]["path"], evil, "the name, as JSON")
        for command in SHOWN:
            said = s.status(command)
            if max(map(len, said.splitlines())) > 100 or re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", said):
                raise Failed(f"{command}: {said!r}")
        expect("right\\xE2\\x80\\xAEto left \\xC2\\x9B31m" in s.status("locks"), True, "what is harmful")
        tool = [os.path.join(build, "tsmb-status"), "-c", s.conf]
        watch = subprocess.Popen([*tool, "sessions", "--watch=1", "--json"], stdout=subprocess.PIPE, text=True)
        for _ in range(2):
            expect(json.loads(watch.stdout.readline())[0]["user"], "alice", "each in a line")
        watch.kill()
        watch.wait()
        screen = on_terminal([*tool, "--watch=1"], lambda got: got.count(b"\033[H") == 2)
        expect(screen.startswith(b"\033[H\033[2J") and b"\033[1mCOMMAND" in screen and b"\033[J" in screen, True, repr(screen))
        small = on_terminal([*tool, "--watch=1"], lambda got: got.count(b"\033[H") == 3, size=(9, 40)).split(b"\033[H")[1]
        rows = re.sub(rb"\x1b\[[0-9]*[A-Za-z]", b"", small).replace(b"\r", b"").split(b"\n")
        expect((len(rows), rows[-1], max(map(len, rows)) <= 40), (9, b"", True), f"a screen of 9 x 40: {rows}")
        expect(rows[0].startswith(b"tsmb ") and rows[7].startswith(b"MESSAGES"), True, f"its beginning: {rows}")
        narrow = on_terminal([*tool, "files"], lambda got: got.count(b"\n") == 2, size=(24, 90)).decode().splitlines()
        expect(max(len(re.sub(r"\x1b\[[0-9]*m", "", line)) for line in narrow) <= 90, True, f"90 columns: {narrow}")
        bare = on_terminal(["env", "NO_COLOR=1", *tool, "sessions"], lambda got: b"alice" in got)
        expect(b"\033" in bare, False, repr(bare))


def on_terminal(argv, enough, seconds=20, size=(24, 100)):
    """What a program writes to a terminal of so many rows and columns until it is enough; then it is killed."""
    main, other = pty.openpty()
    fcntl.ioctl(main, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    child = subprocess.Popen(argv, stdin=other, stdout=other, stderr=other)
    os.close(other)
    got, deadline = b"", time.monotonic() + seconds
    try:
        while not enough(got):
            if time.monotonic() > deadline:
                raise Failed(f"not enough: {got!r}")
            got += os.read(main, 65536)
    finally:
        child.kill()
        child.wait()
        os.close(main)
    return got


def usage(build):
    """Wrong usage ends with 2, no server with 1, and both say why; --help names every command."""
    tool = os.path.join(build, "tsmb-status")
    with scratch() as tmp:
        with open(f"{tmp}/c", "w") as f:
            f.write(f"[global]\nrunstate_dir = {tmp}\n[/global]\n")
        cases = [(["nothing"], 2, "no command"), (["files", "1"], 2, "unexpected"), (["close-file"], 2, "ID"), (["close-file", "x"], 2, "ID"),
                 (["close-file", "-1"], 2, "-1"), (["close-file", "0"], 2, "ID"), (["disconnect", "1", "--watch"], 2, "--watch"),
                 (["--watch=0"], 2, "seconds"), (["--watch", "5"], 2, "--watch=5"), (["--watch=x"], 2, "seconds"), (["--json=1"], 2, "no value"), (["--colour"], 2, "--colour"),
                 (["-c"], 2, "value"), (["-c", f"{tmp}/c"], 1, "no server runs"), (["-c", f"{tmp}/none"], 1, "none"),
                 (["-c", f"{tmp}/c", "disconnect", "1"], 1, "no server runs"), (["--version"], 0, "tsmb-status "), (["-h"], 0, "usage:")]
        for words, status, said in cases:
            done = subprocess.run([tool, *words], capture_output=True, text=True, timeout=20)
            expect((done.returncode, said in done.stdout + done.stderr), (status, True), f"{words}: {done.stdout}{done.stderr}")
    told = subprocess.run([tool, "--help"], capture_output=True, text=True, check=True).stdout
    expect(set(re.findall(r"^  ([a-z-]+)(?: ID)?$", told, re.M)), set(documented(build)), "commands of --help")
    expect(max(map(len, told.splitlines())) <= 100, True, "columns")


def completion(build):
    """What the shell offers."""
    folder = os.path.join(build, "packaging", "completion")
    if shutil.which("zsh"):
        subprocess.run(["zsh", "-n", os.path.join(folder, "_tsmb-status")], check=True)
    cases = {"": "stats shares connections sessions security files locks close-session close-file disconnect", "se": "sessions security",
             "-c /x clo": "close-session close-file", "files --j": "--json"}
    for line, want in cases.items():
        words = ["tsmb-status", *line.split(" ")]
        script = (f"source {shlex.quote(os.path.join(folder, 'tsmb-status'))}; COMP_WORDS=({' '.join(shlex.quote(w) for w in words)}); "
                  f"COMP_CWORD={len(words) - 1}; _tsmb_status; echo ${{COMPREPLY[@]}}")
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
        expect(([w for w in done.stdout.split() if not w.startswith("-") or line], done.stderr), (want.split(), ""), f"completion of {line!r}")


# ---- beside a load

class Load:
    """A client that connects, opens, writes, locks, closes and leaves, again and again."""

    def __init__(self, s, n):
        self.s, self.n, self.count, self.fault, self.stop = s, n, 0, None, False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            while not self.stop:
                with Client(self.s, user=("alice", "bob")[self.n % 2]) as c:
                    for k in range(20):
                        f = c.open(f"f{self.n}")
                        locks.lock(c, f, (k, 1, locks.EXCLUSIVE | locks.NOW))
                        c.write(f, b"x" * 100)
                        c.close(f)
                        self.count += 1
        except (Failed, OSError, Disconnected) as e:
            self.fault = f"client {self.n}: {e!r}"


def under_load(build, rounds, clients):
    """Everything is asked for, again and again, while clients come and go; counts never go back."""
    with Server(build) as s:
        with Raw(s) as first:
            first.ready()
        loads = [Load(s, n) for n in range(clients)]
        for x in loads:
            x.thread.start()
        last = 0
        try:
            for _ in range(rounds):
                for command in SHOWN:
                    s.status(command, "--json")
                requests = sum(c["requests"] for c in s.status("stats", "--json")["commands"].values())
                expect(requests >= last, True, "requests so far")
                last = requests
        finally:
            for x in loads:
                x.stop = True
            for x in loads:
                x.thread.join()
        faults = [x.fault for x in loads if x.fault]
        if faults:
            raise Failed("\n".join(faults))
        return f"{rounds} rounds of questions, {sum(x.count for x in loads)} of clients"


def evictions_under_load(build, seconds):
    """Files, sessions and connections of clients at work are ended at random: the server goes on, and nothing is left."""
    with Server(build) as s:
        with Raw(s) as first:
            first.ready()
        deadline, done, n = time.monotonic() + seconds, 0, 0
        loads = [Load(s, k) for k in range(4)]
        for x in loads:
            x.thread.start()
        while time.monotonic() < deadline:
            n += 1
            command, what = (("files", "close-file"), ("sessions", "close-session"), ("connections", "disconnect"))[n % 3]
            rows = s.status(command, "--json")
            if rows:
                one = str(rows[n % len(rows)]["id"])
                gone = subprocess.run([os.path.join(build, "tsmb-status"), "-c", s.conf, what, one], capture_output=True, text=True, timeout=60)
                expect(gone.returncode == 0 or "there is no" in gone.stderr, True, gone.stderr)
                done += gone.returncode == 0
            for k, x in enumerate(loads):
                if not x.thread.is_alive():  # ended, as it should; the next one comes
                    loads[k] = Load(s, k)
                    loads[k].thread.start()
        for x in loads:
            x.stop = True
        for x in loads:
            x.thread.join()
        eventually(lambda: not s.status("connections", "--json") and not s.status("files", "--json"), "nothing is left")
        expect(done > 0, True, "something was ended")
        return f"{done} ended"


QUICK = (fields, demands, counts, refusals, waiting, ended, parked, away)
OTHERS = (pages, text, usage, completion)


def test_of(f, build):
    return Test(f"status.{f.__name__.replace('_', '-')}", functools.partial(f, build), limit=90)


def quick_tests(build):
    yield from (test_of(f, build) for f in QUICK)
    yield Test("status.evictions-under-load", functools.partial(evictions_under_load, build, 3), limit=120)


def tests(build):
    yield from quick_tests(build)
    yield from (test_of(f, build) for f in OTHERS)
    yield from (Test(f"status.{d}", functools.partial(smbclients, build, d), limit=120) for d in DIALECTS)
    yield Test("status.under-load", functools.partial(under_load, build, 15, 4), limit=120)


def thread_tests(build):
    yield Test("status.under-load", functools.partial(under_load, build, 15, 4), limit=300)
    yield Test("status.evictions-under-load", functools.partial(evictions_under_load, build, 3), limit=300)
