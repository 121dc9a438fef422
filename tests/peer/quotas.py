"""Quotas: asked and set by a client of our own and by smbcquotas, and the free space that users are told of. The kernel's part
is played by a library (quotas.c), as hardly any machine that runs tests has quotas.  [MS-SMB2] 2.2.37.1, 3.3.5.20.4
"""
import functools
import os
import struct

from harness.testing import Test, need

from peer.files import expect
from peer.info import ACCESS_DENIED, INVALID_PARAMETER, OPEN, TOO_SMALL, Client
from peer.lifecycle import two_accounts
from peer.server import Server, preload
from peer.smbclient import Smbclient, execute

NO_MORE_ENTRIES, NO_MATCH = 0x8000001A, 0xC0000272
INDEX = "$Extend\\$Quota:$Q:$INDEX_ALLOCATION"
NONE, GONE = 2**64 - 1, 2**64 - 2
MIB = 1 << 20


def sid(*subs, authority=22):
    return struct.pack("<BB6B", 1, len(subs), 0, 0, 0, 0, 0, authority) + struct.pack(f"<{len(subs)}I", *subs)


def user(uid):
    return sid(1, uid)


def chain(entries, alignment):
    """Each begins with its NextEntryOffset."""
    out = b""
    for n, e in enumerate(entries):
        e += bytes(-(len(e) + 4) % alignment) if n + 1 < len(entries) else b""
        out += struct.pack("<I", len(e) + 4 if n + 1 < len(entries) else 0) + e
    return out


def ask(c, f, *sids, single=0, restart=0, start=b"", room=4096, status=0):
    """What is told: [(sid, used, soft, hard)]."""
    listed = chain([struct.pack("<I", len(s)) + s for s in sids], 4) if sids else b""
    data = struct.pack("<BBHIII", single, restart, 0, len(listed), len(start), 0) + listed + start
    got = c.get(f, 0, kind=4, data=data, room=room, status=status)
    found = []
    while status == 0:
        step, length, changed, used, soft, hard = struct.unpack_from("<IIQQQQ", got)
        expect((step % 8, changed), (0, 0), "alignment, ChangeTime")
        found.append((got[40:40 + length], used, soft, hard))
        if not step:
            break
        got = got[step:]
    return found


def change(c, f, *entries, status=0):
    data = chain([struct.pack("<IQQQQ", len(s), 0, 0, soft, hard) + s for s, soft, hard in entries], 8)
    c.set(f, 0, data, status, kind=4)


def served(build, quotas, **more):
    return Server(build, before=("env", preload(build, "quotas"), "TSMB_TEST_QUOTAS=" + quotas), **more)


def space(c, f):
    """(all, for the caller, free, bytes of a unit) of FileFsFullSizeInformation."""
    whole, mine, free, sectors, size = struct.unpack("<QQQII", c.get(f, 7, kind=2))
    expect(struct.unpack("<QQII", c.get(f, 3, kind=2)), (whole, mine, sectors, size), "FileFsSizeInformation")
    return whole, mine, free, sectors * size


def accounts(build, quotas):
    """A server as root: alice is somebody, bob somebody else, and root is root."""
    one, two = two_accounts()
    users = {"alice": "Pass-1", "bob": "Pass-2", "root": "Pass-3"}
    unix = {"alice": one.pw_name, "bob": two.pw_name}
    return one.pw_uid, two.pw_uid, served(build, quotas.format(one.pw_uid, two.pw_uid), users=users, unix=unix, as_root=True)


def of_a_user(build):
    """His own limit bounds what he is told of the disk; he sees his own quota, and sets none."""
    one, two, server = accounts(build, "{0}:%d:0:%d {1}:5:0:7" % (4 * MIB, 10 * MIB // 1024))
    with server as s:
        os.chmod(s.folder(), 0o1777)
        with Client(s) as c, Client(s, user="bob") as other:
            f = c.folder("", 0x100081, disposition=OPEN)
            whole, mine, free, unit = space(c, f)
            expect((whole * unit, mine * unit), (10 * MIB, 6 * MIB), "in all, and for the caller")
            expect(free * unit > 6 * MIB, True, "free")
            expect(struct.unpack_from("<I", c.get(f, 5, kind=2))[0] & 0x20, 0x20, "FILE_VOLUME_QUOTAS")
            expect(struct.unpack_from("<I", c.get(f, 6, kind=2), 40)[0], 2, "FileSystemControlFlags")
            q = c.open(INDEX, 0x100081, OPEN, 0)
            own = (user(one), 4 * MIB, NONE, 10 * MIB)
            expect(ask(c, q, restart=1), [own], "all that he may see")
            ask(c, q, status=NO_MORE_ENTRIES)
            expect(ask(c, q, user(two), user(one), sid(0, authority=1)), [(user(two), 0, 0, 0), own, (sid(0, authority=1), 0, 0, 0)],
                   "by name")
            expect(ask(c, q, user(one), user(two), single=1), [own], "a single one")
            change(c, q, (user(one), NONE, NONE), status=ACCESS_DENIED)
            f = other.folder("", 0x100081, disposition=OPEN)
            expect(space(other, f)[1], 7 * 1024 // 4096, "for the other one")


def of_all(build):
    """Administrators see all, in order and in pieces, and set limits; what cannot be is refused before anything is set."""
    one, two, server = accounts(build, "{0}:1:2:3 {1}:4:0:0 70000:5:0:6")
    with server as s, Client(s, user="root") as c:
        q = c.open(INDEX, 0x100016, OPEN, 0)
        first, second, third = ((user(one), 1, 2048, 3072), (user(two), 4, NONE, NONE), (user(70000), 5, NONE, 6144))
        expect(ask(c, q), [first, second, third], "all")
        ask(c, q, status=NO_MORE_ENTRIES)
        expect(ask(c, q, restart=1, single=1), [first], "the first")
        expect(ask(c, q, room=56 * 2), [second, third], "the next two")
        expect(ask(c, q, restart=1, room=56 * 2), [first, second], "as many as there is room for")
        ask(c, q, restart=1, room=55, status=TOO_SMALL)
        ask(c, q, user(one), room=55, status=TOO_SMALL)
        expect(ask(c, q, start=user(two)), [second, third], "from somebody on")
        ask(c, q, start=sid(0, authority=1), status=INVALID_PARAMETER)
        for data in (b"", bytes(15), struct.pack("<BBHIII", 0, 0, 0, 9, 0, 0) + bytes(8), struct.pack("<BBHIII", 0, 0, 0, 0, 16, 1) + user(one)):
            c.get(q, 0, kind=4, data=data, status=INVALID_PARAMETER)
        change(c, q, (user(one), NONE, 5000), (user(two), 1, 0), (user(70000), NONE, GONE))
        expect(ask(c, q, restart=1), [(user(one), 1, NONE, 4096), (user(two), 4, 1024, 1024), (user(70000), 5, NONE, NONE)], "changed")
        administrators = sid(32, 544, authority=5)
        for entry, status in (((administrators, NONE, 1), ACCESS_DENIED), ((administrators, NONE, NONE), INVALID_PARAMETER),
                              ((sid(0, authority=1), NONE, 1), INVALID_PARAMETER), ((sid(0, authority=1), NONE, GONE), NO_MATCH),
                              ((user(one), NONE, 2**63), INVALID_PARAMETER)):
            change(c, q, (user(two), NONE, 9 * MIB), entry, status=status)
        expect(ask(c, q, user(two)), [(user(two), 4, 1024, 1024)], "what was refused has not begun")


def smbcquotas(build):
    """smbcquotas lists them, shows one, sets one."""
    one, two, server = accounts(build, "{0}:1048576:2048:3072 {1}:0:0:0")
    with server as s:
        client = Smbclient(s, user="root")

        def run(*words):
            done = execute(["env", preload(build, "port", ours=False), f"TSMB_TEST_PORT={s.port}", need("smbcquotas", "smbclient"), "//127.0.0.1/share",
                            "-s", "/dev/null", "-U", client.login, "-n", *words], 60)
            expect(done.returncode, 0, "exit status")
            return done.stdout

        def lines(out):
            return {line.split(":")[0].strip(): line.split(":")[1].split("/") for line in out.splitlines() if line.startswith("S-1-22-1-")}

        expect([int(n) for n in lines(run("-L"))[f"S-1-22-1-{one}"]], [MIB, 2 * MIB, 3 * MIB], "listed")
        run("-S", f"UQLIM:S-1-22-1-{two}:{4 * MIB}/{5 * MIB}")
        expect([int(n) for n in lines(run("-u", f"S-1-22-1-{two}"))[f"S-1-22-1-{two}"]], [0, 4 * MIB, 5 * MIB], "what was set")


def tests(build):
    for f in (of_a_user, of_all, smbcquotas):
        yield Test("quotas." + f.__name__.replace("_", "-"), functools.partial(f, build))
