"""Files by smbclient: every dialect, plain, signed and encrypted as far as the dialect can."""
import functools
import hashlib
import os

from harness.testing import Failed, Test

from peer.relay import Relay, TO_CLIENT, TO_SERVER, command, frames, message_id, protection
from peer.server import Server, scratch
from peer.smbclient import CIPHERS, DIALECTS, SIGNINGS, Smbclient

MIB = 1 << 20
BIG = 100 * MIB
EDGES = (0, 1, 4095, 65535, 65536, 65537, MIB + 1, 8 * MIB, 8 * MIB + 1)
NAMES = ("Grüße aus Köln.txt", "日本語のファイル.txt", "smile 😀.txt", "Ελληνικά", "a'b & c.txt", "no extension", "n" * 200)
SESSION_SETUP = 1


def pattern(length, seed):
    """Bytes in which no block repeats, so that a block in the wrong place shows."""
    block = hashlib.shake_256(str(seed).encode()).digest(MIB)
    whole, rest = divmod(length, MIB)
    return b"".join(n.to_bytes(8, "big") + block[8:] for n in range(whole)) + block[:rest]


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)
    return data


def check_file(path, data):
    with open(path, "rb") as f:
        got = f.read()
    if got != data:
        at = next((i for i, (a, b) in enumerate(zip(got, data)) if a != b), min(len(got), len(data)))
        raise Failed(f"{path}: {len(got)} bytes for {len(data)}, first difference at {at}")


def transfer(build, dialect, how, size=BIG):
    """Large file up and down, then the sizes around every boundary."""
    with Server(build) as s, scratch() as tmp:
        client = Smbclient(s, dialect, how)
        big = write(f"{tmp}/big", pattern(size, dialect))
        client(f"put {tmp}/big big", f"get big {tmp}/back", seconds=180)
        check_file(os.path.join(s.folder(), "big"), big)
        check_file(f"{tmp}/back", big)
        edges = {n: write(f"{tmp}/{n}", pattern(n, n)) for n in EDGES}
        client(*(f"put {tmp}/{n} {n}" for n in edges), *(f"get {n} {tmp}/{n}.back" for n in edges))
        for n, data in edges.items():
            check_file(os.path.join(s.folder(), str(n)), data)
            check_file(f"{tmp}/{n}.back", data)


def expect(got, want, what):
    if got != want:
        raise Failed(f"{what}: {got!r} where {want!r} was expected")


def names(build, dialect, how):
    """A long listing, names of all kinds, rename, delete, folders in folders."""
    with Server(build) as s, scratch() as tmp:
        client = Smbclient(s, dialect, how)
        small = write(f"{tmp}/small", b"some text\n")
        listing(s, client)
        for name in NAMES:
            client(f'put {tmp}/small "{name}"', f'get "{name}" {tmp}/back')
            check_file(f"{tmp}/back", small)
        expect(set(os.listdir(s.folder())), set(NAMES) | {"many"}, "names on disk")
        expect(set(client.listing()), set(NAMES) | {"many"}, "names listed")
        renames(s, client)
        folders(s, client, tmp)
        for name in NAMES[2:]:
            client(f'del "{name}"')
        expect(client.refused(f'get "{NAMES[2]}" {tmp}/none'), "NT_STATUS_OBJECT_NAME_NOT_FOUND", "get of a deleted file")


def listing(s, client, count=1000):
    os.mkdir(os.path.join(s.folder(), "many"))
    os.chown(os.path.join(s.folder(), "many"), s.owner(), -1)
    made = {f"file {n:04} {'x' * (n % 50)}.dat": ("", n) for n in range(count)}
    for name, (_, size) in made.items():
        s.put("many/" + name, b"\0" * size)
    got = {name: size for name, (_, size) in client.listing("cd many").items()}
    expect(got, {name: size for name, (_, size) in made.items()}, "listing")


def renames(s, client):
    client(f'rename "{NAMES[0]}" plain.txt', f'rename "{NAMES[1]}" "many/{NAMES[1]}"')
    left = set(os.listdir(s.folder()))
    if NAMES[0] in left or NAMES[1] in left or not {"plain.txt"} <= left:
        raise Failed(f"after rename: {sorted(left)}")
    if not os.path.exists(os.path.join(s.folder(), "many", NAMES[1])):
        raise Failed("rename into a folder")
    expect(client.refused("rename PLAIN.TXT nowhere/x"), "NT_STATUS_OBJECT_PATH_NOT_FOUND", "rename into no folder")
    expect(client.refused(f'rename plain.txt "{NAMES[2]}"'), "NT_STATUS_OBJECT_NAME_COLLISION", "rename over a file")


def folders(s, client, tmp, depth=30):
    steps = [command for n in range(depth) for command in (f"mkdir level{n}", f"cd level{n}")]
    client(*steps, f"put {tmp}/small bottom", f"get bottom {tmp}/bottom")
    check_file(f"{tmp}/bottom", b"some text\n")
    down = "\\".join(f"LEVEL{n}" for n in range(depth))
    client(f"get {down}\\Bottom {tmp}/folded")  # any case finds it
    check_file(f"{tmp}/folded", b"some text\n")
    expect(client.refused("rmdir level0"), "NT_STATUS_DIRECTORY_NOT_EMPTY", "rmdir of a full folder")
    expect(client.refused("mkdir level0"), "NT_STATUS_OBJECT_NAME_COLLISION", "mkdir of a folder that is")
    client("deltree level0")
    if os.path.exists(os.path.join(s.folder(), "level0")):
        raise Failed("deltree left the folder")


def after_logon(stream):
    """The messages after the last SESSION_SETUP, which is protected by rules of its own."""
    messages = frames(stream)
    logon = [n for n, m in enumerate(messages) if m[:4] == b"\xfeSMB" and command(m) <= SESSION_SETUP]
    if not logon:
        raise Failed("no SESSION_SETUP seen")
    return messages[logon[-1] + 1:]


def wire(build, dialect, how, options=()):
    """What the client asked for is what travels, and the server's answers are protected as their requests were."""
    with Server(build) as s, Relay(s.port) as relay:
        s.put("file", b"content" * 1000)
        Smbclient(s, dialect, how, port=relay.port, options=options)("ls", "get file /dev/null")
        asked, answered = (after_logon(relay.stream(way)) for way in (TO_SERVER, TO_CLIENT))
    print([protection(m) for m in asked], [protection(m) for m in answered])
    if how == "plain":  # but for what it signs on its own: TREE_CONNECT, FSCTL_VALIDATE_NEGOTIATE_INFO
        mirrored = {message_id(m): protection(m) for m in asked}
        wrong = [command(m) for m in answered if protection(m) != mirrored[message_id(m)]]
        if wrong or protection(answered[-1]) != "plain":
            raise Failed(f"commands answered with other protection than asked: {wrong}")
    elif {protection(m) for m in asked + answered} != {how}:
        raise Failed(f"not all is {how}: see the log")


def wrong_password(build, dialect):
    with Server(build) as s:
        s.put("file", b"secret")
        for user, password in (("alice", "wonder-land1"), ("alice", ""), ("nobody-at-all", "Wonder-land1"), ("bob", "Wonder-land1")):
            client = Smbclient(s, dialect, user=user, password=password)
            expect(client.refused("ls"), "NT_STATUS_LOGON_FAILURE", f"{user} with {password!r}")
        Smbclient(s, dialect, user="ALICE", password=s.users["alice"])("ls")  # account names fold, passwords do not


def anonymous(build):
    """Neither guest nor anonymous gets in unless the configuration says so."""
    with Server(build) as s:
        out = Smbclient(s, user="", password="").run("ls").stdout
        if "NT_STATUS_ACCESS_DENIED" not in out and "NT_STATUS_LOGON_FAILURE" not in out:
            raise Failed("an anonymous session listed the share")


def several(build, clients=6, size=8 * MIB):
    """Clients at once, each its own dialect and protection, on the same share."""
    import threading
    combos = [(d, p) for d, ways in DIALECTS.items() for p in ways][-clients:]
    failures = []

    def one(n, dialect, how):
        try:
            data = write(f"{tmp}/{n}", pattern(size, n))
            client = Smbclient(s, dialect, how, user=("alice", "bob")[n % 2])
            for _ in range(3):
                client(f"put {tmp}/{n} file{n}", "ls", f"get file{n} {tmp}/{n}.back", f"rename file{n} again{n}",
                       f"del again{n}", f"mkdir dir{n}", f"rmdir dir{n}")
            check_file(f"{tmp}/{n}.back", data)
        except Exception as e:  # reported by the main thread
            failures.append(f"{dialect} {how}: {e}")

    with Server(build) as s, scratch() as tmp:
        threads = [threading.Thread(target=one, args=(n, *combo)) for n, combo in enumerate(combos)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if failures:
            raise Failed("; ".join(failures))


def tests(build):
    for dialect, ways in DIALECTS.items():
        for how in ways:
            yield Test(f"smbclient.transfer.{dialect}.{how}", functools.partial(transfer, build, dialect, how), limit=240)
            yield Test(f"smbclient.names.{dialect}.{how}", functools.partial(names, build, dialect, how), limit=120)
            yield Test(f"smbclient.wire.{dialect}.{how}", functools.partial(wire, build, dialect, how))
        yield Test(f"smbclient.wrong-password.{dialect}", functools.partial(wrong_password, build, dialect))
    for cipher in CIPHERS:
        option = f"client smb3 encryption algorithms={cipher}"
        yield Test(f"smbclient.cipher.{cipher}", functools.partial(wire, build, "SMB3_11", "encrypt", [option]))
    for signing in SIGNINGS:
        option = f"client smb3 signing algorithms={signing}"
        yield Test(f"smbclient.signing.{signing}", functools.partial(wire, build, "SMB3_11", "sign", [option]))
    yield Test("smbclient.anonymous", functools.partial(anonymous, build))
    yield Test("smbclient.several-at-once", functools.partial(several, build), limit=180)


def quick_tests(build):
    """For sanitized builds: every path, less data."""
    for dialect, ways in DIALECTS.items():
        for how in ways:
            yield Test(f"smbclient.transfer.{dialect}.{how}",
                       functools.partial(transfer, build, dialect, how, 4 * MIB), limit=240)
        yield Test(f"smbclient.wrong-password.{dialect}", functools.partial(wrong_password, build, dialect))
    yield Test("smbclient.names.SMB3_11.encrypt", functools.partial(names, build, "SMB3_11", "encrypt"), limit=180)
    yield Test("smbclient.several-at-once", functools.partial(several, build, size=MIB), limit=240)
