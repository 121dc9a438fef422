"""QUERY_INFO, SET_INFO, QUERY_DIRECTORY: what real clients do not ask, and what they would not notice.  [MS-SMB2] 3.3.5.18,
3.3.5.20, 3.3.5.21; [MS-FSA] 2.1.5.6, 2.1.5.12, 2.1.5.15
"""
import functools
import os
import struct
import time

from harness.testing import Failed, Test

from peer import raw
from peer.files import expect
from peer.raw import CLOSE, CREATE, QUERY_DIRECTORY, QUERY_INFO, SET_INFO, SUCCESS, WRITE, Raw
from peer.server import Server, scratch

(ACCESS_DENIED, INVALID_PARAMETER, LENGTH_MISMATCH, OVERFLOW, TOO_SMALL, NO_MORE_FILES, NO_SUCH_FILE, NAME_INVALID, NAME_NOT_FOUND,
 COLLISION, PATH_NOT_FOUND, SHARING_VIOLATION, DELETE_PENDING, NOT_SUPPORTED, NOT_EMPTY, CANNOT_DELETE, INVALID_CLASS, NO_EAS,
 NO_MORE_EAS, EA_INCONSISTENT, NO_PRIVILEGE, IS_DIRECTORY) = (
    0xC0000022, 0xC000000D, 0xC0000004, 0x80000005, 0xC0000023, 0x80000006, 0xC000000F, 0xC0000033, 0xC0000034, 0xC0000035,
    0xC000003A, 0xC0000043, 0xC0000056, 0xC00000BB, 0xC0000101, 0xC0000121, 0xC0000003, 0xC0000052, 0x80000012, 0x80000014,
    0xC0000061, 0xC00000BA)
ALL, READ, DELETE, ATTRIBUTES = 0x001F01FF, 0x00120089, 0x00010000, 0x80
OPEN, CREATE_NEW, OPEN_IF = 1, 2, 3
DIRECTORY, FILE = 0x01, 0x40
RESTART, SINGLE, REOPEN = 1, 2, 0x10
FREEZE, THAW = 2**64 - 1, 2**64 - 2


def directory_body(f, info, flags, pattern, room):
    encoded = pattern.encode("utf-16le")
    return struct.pack("<HBBI16sHHI", 33, info, flags, 0, f, 64 + 32, len(encoded), room) + (encoded or b"\0")


def split(got, room):
    """The bytes of each entry of an answer."""
    at, length = struct.unpack_from("<HI", got.body, 2)
    expect(at == 72 and length <= room, True, "the answer fits the room")
    data, found = got.body[8:8 + length], []
    while True:
        step = struct.unpack_from("<I", data)[0]
        expect(step % 8, 0, "entries are aligned")
        found.append(data[:step] if step else data)
        if not step:
            return found
        data = data[step:]


class Client:
    """One connection, signed, on one tree; every call says what must come of it."""

    def __init__(self, server, dialect="3.1.1", user="alice", share="share"):
        self.raw = Raw(server, dialect)
        self.id = self.raw.ready(share, user=user, password=server.users[user])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.raw.socket.close()

    def call(self, command, body, status=SUCCESS):
        return self.raw.expect(command, body, "sign", status, tree=self.id)

    def open(self, name, access=ALL, disposition=OPEN_IF, options=FILE, sharing=7, status=SUCCESS):
        got = self.call(CREATE, raw.create_body(name, access, disposition, options, sharing), status)
        return raw.file_id_of(got) if status == SUCCESS else None

    def folder(self, name, access=ALL, **more):
        return self.open(name, access, options=DIRECTORY, **more)

    def close(self, *files):
        for f in files:
            self.call(CLOSE, raw.close_body(f))

    def write(self, f, data, offset=0):
        self.call(WRITE, raw.write_body(f, data, offset))

    def set(self, f, info, data, status=SUCCESS, kind=1, additional=0):
        body = bytearray(raw.set_info_body(f, data, kind, info))
        struct.pack_into("<I", body, 12, additional)
        self.call(SET_INFO, bytes(body), status)

    def get(self, f, info, room=4096, status=SUCCESS, kind=1, additional=0, flags=0, data=b""):
        body = struct.pack("<HBBIHHIII16s", 41, kind, info, room, 64 + 40 if data else 0, 0, len(data), additional, flags, f) + (
            data or b"\0")
        got = self.call(QUERY_INFO, body, status)
        if status not in (SUCCESS, OVERFLOW):
            return got.body
        at, length = struct.unpack_from("<HI", got.body, 2)
        expect(at, 72, "OutputBufferOffset")
        return got.body[8:8 + length]

    def entries(self, f, info=37, flags=0, pattern="*", room=65536, status=SUCCESS):
        """What one QUERY_DIRECTORY answers: the bytes of each entry."""
        got = self.call(QUERY_DIRECTORY, directory_body(f, info, flags, pattern, room), status)
        return split(got, room) if status in (SUCCESS, OVERFLOW) else []

    def all_entries(self, f, info, room):
        """Of as many as it takes."""
        found, flags = [], RESTART
        while True:
            got = self.raw.call(QUERY_DIRECTORY, directory_body(f, info, flags, "*", room), "sign", tree=self.id)
            if got.status == NO_MORE_FILES:
                return found
            expect(got.status, SUCCESS, "status")
            found += split(got, room)
            flags = 0


NAME_AT = {1: (60, 64), 2: (60, 68), 3: (60, 94), 12: (8, 12), 37: (60, 104), 38: (60, 80), 60: (60, 88), 78: (60, 80), 79: (60, 106),
           80: (60, 96), 81: (60, 122)}


def names_of(entries, info=37):
    len_at, at = NAME_AT[info]
    return [e[at:at + struct.unpack_from("<I", e, len_at)[0]].decode("utf-16le") for e in entries]


def rename_data(name, replace=False, root=0):
    encoded = name.encode("utf-16le")
    return (struct.pack("<B7xQI", replace, root, len(encoded)) + encoded).ljust(24, b"\0")


def basic_data(create=0, access=0, write=0, change=0, attributes=0):
    return struct.pack("<QQQQII", create, access, write, change, attributes, 0)


def on_disk(s, *names):
    expect(sorted(os.listdir(s.folder())), sorted(names), "names on disk")


# ---- rename, link

def rename(build):
    """Where to, over what, and through whom."""
    with Server(build) as s, Client(s) as c:
        f = c.open("a")
        c.write(f, b"first")
        c.set(f, 10, rename_data("A"))
        on_disk(s, "A")
        c.set(f, 10, rename_data("A"))
        c.set(f, 10, rename_data("none\\a"), PATH_NOT_FOUND)
        c.set(f, 10, rename_data("a", root=7), INVALID_PARAMETER)
        c.set(f, 10, rename_data("\\a"), INVALID_PARAMETER)
        c.set(f, 10, rename_data("a:stream"), NAME_INVALID)
        c.set(f, 10, rename_data("..\\a"), 0xC000003B)
        c.set(f, 10, rename_data(".tsmb"), ACCESS_DENIED)
        c.set(f, 10, rename_data("a")[:23], LENGTH_MISMATCH)
        folder = c.folder("d")
        c.close(folder)
        c.set(f, 10, rename_data("d\\b"))
        on_disk(s, "d")
        reader = c.open("d\\b", READ, OPEN)
        c.set(reader, 10, rename_data("c"), ACCESS_DENIED)
        c.close(reader, f)
        root = c.folder("", 0x02000000, disposition=OPEN)
        c.set(root, 10, rename_data("other"), ACCESS_DENIED)


def rename_over(build):
    """What bears the new name goes only if it is a file, writable, open nowhere, and replacing was asked for."""
    with Server(build) as s, Client(s) as c:
        old, f = c.open("old"), c.open("f")
        c.set(f, 10, rename_data("OLD"), COLLISION)
        c.set(f, 10, rename_data("OLD", replace=True), ACCESS_DENIED)
        c.set(old, 4, basic_data(attributes=1))
        c.close(old)
        c.set(f, 10, rename_data("old", replace=True), ACCESS_DENIED)
        old = c.open("old", 0x100 | ATTRIBUTES, OPEN)
        c.set(old, 4, basic_data(attributes=0x80))
        c.close(old)
        c.close(c.folder("d"))
        c.set(f, 10, rename_data("d", replace=True), ACCESS_DENIED)
        c.set(f, 10, rename_data("OLD", replace=True))
        on_disk(s, "OLD", "d")
        # a second link to the same file: one of them stays
        c.set(f, 11, rename_data("link"))
        on_disk(s, "OLD", "d", "link")
        c.set(f, 10, rename_data("link"))
        on_disk(s, "d", "link")
        c.close(f)


def rename_opens(build):
    """Two opens of one file: what one renames the other deletes, by its new name."""
    with Server(build) as s, Client(s) as c, Client(s, user="bob") as other:
        c.close(c.folder("d"))
        a, b = c.open("a"), other.open("a")
        c.set(a, 10, rename_data("d\\b"))
        expect(other.get(b, 48)[4:].decode("utf-16le"), "d\\b", "name of the other open")
        c.close(c.open("a"))
        other.set(b, 10, rename_data("c"))
        other.set(b, 13, b"\1")
        c.close(a)
        other.close(b)
        on_disk(s, "a", "d")


def rename_shares(build):
    """The same through two shares, one within the other."""
    with scratch() as top, Server(build, shares={"share": {"path": top}, "inner": {"path": f"{top}/in"}}) as s, Client(s) as c, \
            Client(s, share="inner") as inner:
        a, b = c.open("in\\a"), inner.open("a")
        c.set(a, 10, rename_data("in\\b"))
        inner.set(b, 10, rename_data("c"))
        c.set(a, 10, rename_data("in\\d"))
        inner.set(b, 13, b"\1")
        c.close(a)
        inner.close(b)
        expect(os.listdir(s.folder() + "/in"), [], "names")


def rename_folder(build):
    """A directory moves with all that is in it, unless something of it is open."""
    with Server(build) as s, Client(s) as c, Client(s, user="bob") as other:
        for name in ("d", "d\\e", "dd"):
            c.close(c.folder(name))
        d, f, beside = c.folder("d"), other.open("D\\e\\f"), other.open("dd\\f")
        c.set(d, 10, rename_data("n"), ACCESS_DENIED)
        other.close(f)
        c.set(d, 10, rename_data("n"))
        expect(c.get(d, 48)[4:].decode("utf-16le"), "n", "name")
        c.set(d, 10, rename_data("n\\below"), SHARING_VIOLATION)  # with itself
        other.close(beside, other.open("n\\e\\f", disposition=OPEN))
        c.set(d, 10, rename_data("n2"))
        on_disk(s, "dd", "n2")
        c.close(d)


def link(build):
    """A further name; deletion through it leaves the others."""
    with Server(build) as s, Client(s) as c:
        c.close(c.folder("d"))
        f, d = c.open("a"), c.folder("d", READ)
        c.set(d, 11, rename_data("x"), IS_DIRECTORY)
        c.set(f, 11, rename_data("d\\b"))
        c.set(f, 11, rename_data("d\\b"), COLLISION)
        c.close(f)
        f = c.open("d\\B", disposition=OPEN)
        expect(struct.unpack_from("<I", c.get(f, 5), 16)[0], 2, "links")
        c.set(f, 13, b"\1")
        expect(c.get(f, 5)[16:21], b"\1\0\0\0\1", "links and DeletePending while deletion waits")
        c.set(f, 11, rename_data("e"), ACCESS_DENIED)
        c.close(f, d)
        on_disk(s, "a", "d")
        expect(os.listdir(s.folder() + "/d"), [], "names in d")


# ---- deletion

def delete(build):
    """Who may, what may not go, and what holds while it waits."""
    with Server(build) as s, Client(s) as c:
        f = c.open("f")
        second = c.open("f", READ)
        c.set(second, 13, b"\1", ACCESS_DENIED)
        c.set(f, 13, b"", INVALID_PARAMETER)
        c.set(f, 13, b"\1")
        c.open("f", status=DELETE_PENDING)
        c.set(f, 10, rename_data("g"), ACCESS_DENIED)
        c.set(f, 13, b"\0")
        c.close(c.open("f"))
        c.set(f, 13, b"\1")
        c.close(f)
        c.open("f", status=DELETE_PENDING)
        c.close(second)
        on_disk(s)
        root = c.folder("", 0x02000000, disposition=OPEN)
        c.set(root, 13, b"\1", ACCESS_DENIED)


def delete_folder(build):
    """Only when it is empty, and a file only when it is not read-only."""
    with Server(build) as s, Client(s) as c:
        d, f = c.folder("d"), c.open("d\\f")
        only = c.folder("d", DELETE, disposition=OPEN)  # cannot list it
        for handle in (d, only):
            c.set(handle, 13, b"\1", NOT_EMPTY)
        c.set(f, 4, basic_data(attributes=1))
        c.set(f, 13, b"\1", CANNOT_DELETE)
        c.set(f, 64, struct.pack("<I", 1), CANNOT_DELETE)
        c.set(f, 64, struct.pack("<I", 1 | 2 | 0x10), NOT_SUPPORTED)
        c.set(f, 64, struct.pack("<I", 1 | 8), NOT_SUPPORTED)
        c.set(f, 64, struct.pack("<I", 1 | 0x100), NOT_SUPPORTED)
        c.set(f, 64, struct.pack("<I", 1 | 0x10))
        c.close(f)
        hidden = os.path.join(s.folder(), "d", "no? client sees this")
        open(hidden, "w").close()
        c.set(only, 13, b"\1", NOT_EMPTY)
        os.unlink(hidden)
        c.set(only, 13, b"\1")
        c.open("d\\g", status=DELETE_PENDING)
        c.close(d, only)
        on_disk(s)


# ---- times and sizes

def basic(c, f):
    return struct.unpack("<QQQQI4x", c.get(f, 4))


def times(build):
    """Set, they stay through that handle's writes; frozen likewise; thawed they move."""
    then = 130000000000000000
    with Server(build) as s, Client(s) as c:
        f, g = c.open("f"), c.open("g")
        c.set(f, 4, basic_data(then, then + 1, then + 2, then + 3, 0x22))
        expect(basic(c, f), (then, then + 1, then + 2, then + 3, 0x22), "times and attributes")
        c.write(f, b"x")
        c.set(f, 20, struct.pack("<Q", 9))
        expect(basic(c, f)[2:4], (then + 2, then + 3), "write and change time after writes")
        c.set(f, 4, basic_data(write=THAW, change=THAW))
        c.write(f, b"y")
        c.call(raw.FLUSH, raw.flush_body(f))
        expect(basic(c, f)[2] > then + 2, True, "a thawed write time moves")
        before = basic(c, g)
        c.set(g, 4, basic_data(write=FREEZE, change=FREEZE))
        time.sleep(0.05)
        c.write(g, b"x")
        expect(basic(c, g)[2:4], before[2:4], "frozen times")
        c.set(g, 4, basic_data(write=2**64 - 3), INVALID_PARAMETER)
        c.set(g, 4, basic_data(attributes=0x10), INVALID_PARAMETER)
        reader = c.open("f", READ)
        c.set(reader, 4, basic_data(attributes=1), ACCESS_DENIED)
        c.set(f, 4, basic_data()[:39], LENGTH_MISMATCH)
        expect(basic(c, f)[0], then, "creation time")


def sizes(build):
    """EndOfFile, AllocationSize, ValidDataLength."""
    with Server(build) as s, Client(s) as c:
        f, d = c.open("f"), c.folder("d")
        c.set(f, 20, struct.pack("<Q", 5000))
        expect(os.path.getsize(s.folder() + "/f"), 5000, "size")
        c.set(f, 19, struct.pack("<Q", 1 << 20))
        expect(os.path.getsize(s.folder() + "/f"), 5000, "size after a reservation")
        c.set(f, 19, struct.pack("<Q", 100))
        expect(os.path.getsize(s.folder() + "/f"), 100, "size cut by AllocationSize")
        c.set(f, 20, struct.pack("<Q", 1 << 63), INVALID_PARAMETER)
        c.set(f, 20, b"\0" * 7, LENGTH_MISMATCH)
        c.set(d, 20, struct.pack("<Q", 0), INVALID_PARAMETER)
        c.set(f, 39, struct.pack("<Q", 50), NO_PRIVILEGE)
        reader = c.open("f", READ)
        c.set(reader, 20, struct.pack("<Q", 0), ACCESS_DENIED)
        c.set(reader, 39, struct.pack("<Q", 0), ACCESS_DENIED)
        # what was sent before is written before: the file is cut after the write, though nobody waited for it
        sent = [c.raw.send(WRITE, raw.write_body(f, b"x" * 60000), "sign", tree=c.id) for _ in range(4)]
        sent.append(c.raw.send(SET_INFO, raw.set_info_body(f, struct.pack("<Q", 3), info=20), "sign", tree=c.id))
        for _ in sent:
            expect(c.raw.answer().status, SUCCESS, "a pipelined request")
        expect(os.path.getsize(s.folder() + "/f"), 3, "size after pipelined writes")


def open_state(build):
    """Position and mode belong to the open."""
    with Server(build) as s, Client(s) as c:
        f, g = c.open("f"), c.open("f", options=FILE | 2)
        c.set(f, 14, struct.pack("<Q", 77))
        expect((c.get(f, 14), c.get(g, 14)), (struct.pack("<Q", 77), bytes(8)), "positions")
        c.set(f, 14, struct.pack("<Q", 1 << 63), INVALID_PARAMETER)
        expect((c.get(f, 16), c.get(g, 16)), (bytes(4), b"\2\0\0\0"), "modes")
        c.set(g, 16, struct.pack("<I", 4))
        expect(c.get(g, 16), b"\4\0\0\0", "mode")
        c.set(g, 16, struct.pack("<I", 0x10), INVALID_PARAMETER)
        c.set(g, 16, struct.pack("<I", 0x1000), INVALID_PARAMETER)


# ---- extended attributes

def full_ea(name, value, flags=0):
    return struct.pack("<IBBH", 0, flags, len(name), len(value)) + name + b"\0" + value


def eas(build):
    """Set, list in parts, asked for by name, removed; refused as a whole."""
    with Server(build) as s, Client(s) as c:
        f = c.open("f")
        c.get(f, 15, status=NO_EAS)
        c.set(f, 15, full_ea(b"one", b"1" * 10))
        c.set(f, 15, full_ea(b"two", b"22"))
        expect(struct.unpack("<I", c.get(f, 7))[0], 24 + 14, "EaSize")
        c.set(f, 15, full_ea(b"x", b"")[:-1], EA_INCONSISTENT)
        c.set(f, 15, full_ea(b"a:b", b"1"), 0x80000013)
        c.set(f, 15, full_ea(b"DOSATTRIB", b"1"), ACCESS_DENIED)
        both = c.get(f, 15, flags=1)
        first = c.get(f, 15, room=30, flags=1, status=OVERFLOW)
        expect(both[4:len(first)], first[4:], "the first alone")
        rest = c.get(f, 15)
        expect(both[24:] if len(first) > 20 else both[16:], rest, "the rest")
        c.get(f, 15, status=NO_MORE_EAS)
        c.get(f, 15, room=5, flags=1, status=TOO_SMALL)
        expect(c.get(f, 15, additional=2, flags=4), rest, "by index")
        c.get(f, 15, additional=3, flags=4, status=0xC0000051)
        expect(c.get(f, 15, flags=3), first, "one entry")
        named = c.get(f, 15, data=struct.pack("<IB", 0, 3) + b"TWO\0")
        expect(named, full_ea(b"two", b"22"), "by name")
        c.get(f, 15, data=struct.pack("<IB", 0, 9) + b"TWO\0", status=EA_INCONSISTENT)
        c.set(f, 15, full_ea(b"one", b""))
        expect(c.get(f, 15, flags=1), full_ea(b"two", b"22"), "after a removal")
        reader = c.open("f", ATTRIBUTES)
        c.get(reader, 15, status=ACCESS_DENIED)
        c.set(reader, 15, full_ea(b"a", b"1"), ACCESS_DENIED)


# ---- queries

FIXED = {4: 40, 5: 24, 6: 8, 7: 4, 8: 4, 14: 8, 16: 4, 17: 4, 18: 104, 22: 32, 28: 16, 34: 56, 35: 8, 48: 8, 59: 24}
FS_FIXED = {1: 24, 3: 24, 4: 8, 5: 16, 6: 48, 7: 32, 8: 64, 11: 28}


def query_room(build, dialect):
    """Every class with every amount of room: refused below its fixed part, cut below its whole length."""
    with Server(build) as s, Client(s, dialect) as c:
        f = c.open("a name that is not so short")
        for kind, classes in ((1, FIXED), (2, FS_FIXED)):
            for info, fixed in classes.items():
                if kind == 1 and (info == 48 and dialect != "3.1.1" or info == 59 and dialect[0] == "2"):
                    c.get(f, info, status=NOT_SUPPORTED)
                    continue
                whole = c.get(f, info, kind=kind)
                for room in range(0, max(fixed, len(whole)) + 1):
                    if room < fixed:
                        body = c.get(f, info, room, LENGTH_MISMATCH, kind)
                        expect(body, bytes.fromhex("0900010008000000" + "00" * 8 if dialect == "3.1.1" else
                                                   "090000000000000000"), f"error data of class {info}")
                    else:
                        got = c.get(f, info, room, SUCCESS if room >= len(whole) else OVERFLOW, kind)
                        want = whole[:room & ~1 if room < len(whole) else room]
                        free_space = kind == 2 and info in (3, 7)  # which others change meanwhile
                        expect(len(got) if free_space else got, len(want) if free_space else want, f"class {info} in {room} bytes")


def query_security(build):
    """A descriptor comes whole or not at all, with the length it needs."""
    for dialect, head in (("3.1.1", "090001000c0000000400000000000000"), ("2.1", "0900000004000000")):
        with Server(build) as s, Client(s, dialect) as c:
            f = c.open("f")
            whole = c.get(f, 0, kind=3, additional=7)
            for room in (0, 19, len(whole) - 1):
                expect(c.get(f, 0, room, TOO_SMALL, 3, additional=7), bytes.fromhex(head) + struct.pack("<I", len(whole)), "error data")
            expect(c.get(f, 0, len(whole), kind=3, additional=7), whole, "exactly enough room")
            c.get(f, 0, kind=3, additional=8, status=ACCESS_DENIED)
            blind = c.open("f", ATTRIBUTES)
            c.get(blind, 0, kind=3, additional=4, status=ACCESS_DENIED)
            reader = c.open("f", READ)
            c.set(reader, 0, whole, ACCESS_DENIED, kind=3, additional=4)
            c.set(f, 0, whole, SUCCESS, kind=3, additional=4)
            c.set(f, 0, whole[:19], 0xC0000079, kind=3, additional=4)


def query_refused(build):
    """Classes that do not exist, are not for this, or not for this file; and what the open may not."""
    with Server(build) as s, Client(s) as c:
        f, blind = c.open("f"), c.open("f", 0x100000)
        for info in (0, 30, 100, 255):
            c.get(f, info, status=INVALID_CLASS)
            c.set(f, info, bytes(64), INVALID_CLASS)
        for info in (1, 9, 13, 20, 46, 65):
            c.get(f, info, status=NOT_SUPPORTED)
        for info in (32, 40, 65):
            c.set(f, info, bytes(64), NOT_SUPPORTED)
        for info in (5, 9, 18, 34):
            c.set(f, info, bytes(64), INVALID_CLASS)
        for info in (4, 18, 34, 35):
            c.get(blind, info, status=ACCESS_DENIED)
        for info in (23, 24, 25):
            c.get(f, info, status=INVALID_PARAMETER)
        made_up = c.get(c.open("longer than dos names"), 21)[4:].decode("utf-16le")
        expect((made_up[:2], len(made_up)), ("L~", 8), "a short name that is made up")
        expect(c.get(c.open(made_up, READ, OPEN), 6), c.get(c.open("longer than dos names", READ, OPEN), 6), "what it means")
        c.open("L~000000", READ, OPEN, status=NAME_NOT_FOUND)
        c.get(c.folder("", READ), 21, status=NAME_NOT_FOUND)
        expect(c.get(f, 21), struct.pack("<I", 2) + "f".encode("utf-16le"), "a short name is its own")
        for info, status in ((0, INVALID_CLASS), (1, INVALID_CLASS), (2, NOT_SUPPORTED), (6, NOT_SUPPORTED), (8, NOT_SUPPORTED),
                             (12, INVALID_CLASS)):
            c.set(f, info, bytes(64), status, kind=2)
        c.get(f, 2, kind=2, status=NOT_SUPPORTED)
        for call in (functools.partial(c.get, f, 0), functools.partial(c.set, f, 0, bytes(16))):
            call(kind=4, status=NOT_SUPPORTED)
            call(kind=5, status=INVALID_PARAMETER)


def read_only_share(build):
    """Nothing that changes anything passes on a share that is only for reading, whatever the handle was asked for."""
    with Server(build, shares={"share": {"permissions": "everyone:read"}}) as s, Client(s) as c:
        s.put("f", b"data")
        f = c.open("f", 0x02000000, OPEN)
        for info, data in ((4, basic_data(attributes=2)), (10, rename_data("g")), (11, rename_data("g")), (13, b"\1"), (15, full_ea(b"a", b"1")),
                           (19, bytes(8)), (20, bytes(8)), (39, bytes(8)), (64, b"\1\0\0\0")):
            c.set(f, info, data, ACCESS_DENIED)
        for part in (1, 2, 4, 8, 0x10, 0x20, 0x40, 0x10000):
            c.set(f, 0, bytes(20), ACCESS_DENIED, kind=3, additional=part)
        on_disk(s, "f")


# ---- directories

def quotas(build):
    """The index of quotas can be opened, like the root and for no more; where none are kept they can be neither asked nor set."""
    index = "$Extend\\$Quota:$Q:$INDEX_ALLOCATION"
    everyone = struct.pack("<BB6B", 1, 1, 0, 0, 0, 0, 0, 1) + bytes(4)
    with Server(build) as s, Client(s) as c:
        f = c.open(index.upper(), 0x16, OPEN, 0)
        for data in (bytes(16), struct.pack("<BBHIII", 0, 0, 0, 8 + len(everyone), 0, 0) + struct.pack("<II", 0, len(everyone)) + everyone):
            c.get(f, 0, kind=4, data=data, status=NOT_SUPPORTED)
        for data in (b"", bytes(15), struct.pack("<BBHIII", 0, 0, 0, 9, 0, 0) + bytes(8), struct.pack("<BBHIII", 0, 0, 0, 0, 12, 1) + everyone):
            c.get(f, 0, kind=4, data=data, status=NOT_SUPPORTED)
        c.set(f, 0, struct.pack("<IIQQQQ", 0, len(everyone), 0, 0, 0, 0) + everyone, NOT_SUPPORTED, kind=4)
        expect(struct.unpack_from("<I", c.get(f, 6, kind=2), 40)[0], 0, "FileSystemControlFlags")
        c.open(index, ALL, CREATE_NEW, 0, status=ACCESS_DENIED)
        c.open("d\\" + index, 0x16, OPEN, 0, status=INVALID_PARAMETER)
        c.open("$Extend\\$Quota:$Q", 0x16, OPEN, 0, status=PATH_NOT_FOUND)
    with Server(build, shares={"share": {"permissions": "everyone:read"}}) as s, Client(s) as c:
        c.open(index, 0x16, OPEN, 0, status=ACCESS_DENIED)


def listing(build):
    """Every class, every room: each name once, "." and ".." first, our own folder never."""
    with Server(build) as s, Client(s) as c:
        want = [f"file {n:03} {'x' * (n % 50)}" for n in range(300)]
        for name in want:
            s.put(name, b"")
        os.mkdir(s.folder() + "/.tsmb")
        d = c.folder("", READ, disposition=OPEN)
        for info, room in [(i, 65536) for i in NAME_AT] + [(37, 1000), (12, 200), (81, 4096)]:
            found = names_of(c.all_entries(d, info, room), info)
            expect(found[:2], [".", ".."], f"class {info}: the first two")
            expect(sorted(found[2:]), want, f"class {info} in {room} bytes")
        c.entries(d, status=NO_MORE_FILES)


def listing_patterns(build):
    """The first pattern stays until a restart brings another; one name is one name."""
    with Server(build) as s, Client(s) as c:
        for name in ("a.txt", "b.txt", "B.doc", "noext"):
            s.put(name, b"")
        d = c.folder("", READ, disposition=OPEN)

        def find(pattern, flags=0, status=SUCCESS):
            return sorted(names_of(c.entries(d, 37, flags, pattern, status=status)))
        expect(find("*.TXT"), ["a.txt", "b.txt"], "*.TXT")
        find("*", status=NO_MORE_FILES)
        expect(find("", RESTART), ["a.txt", "b.txt"], "the same again")
        expect(find("B.DOC", RESTART), ["B.doc"], "one name in another case")
        find("*", status=NO_MORE_FILES)
        find("none", RESTART, NO_MORE_FILES)
        find("none", REOPEN, NO_SUCH_FILE)
        expect(find("b?*", REOPEN), ["B.doc", "b.txt"], "b?*")
        expect(find(".", REOPEN), ["."], "the directory")
        expect(find("..", REOPEN), [".."], "the one above")
        expect(find(".tsmb", REOPEN, NO_SUCH_FILE), [], "our own folder")
        for bad in ("a\\b", "a/b", "a:b", "a|b", "x" * 256, "a\x01"):
            find(bad, REOPEN, NAME_INVALID)
        fresh = c.folder("", READ, disposition=OPEN)
        c.entries(fresh, pattern="zzz*", status=NO_SUCH_FILE)
        c.entries(fresh, pattern="*", status=NO_MORE_FILES)


def listing_single(build):
    """One at a time; a first entry that does not fit is cut; names first, attributes of the rest afterwards."""
    with Server(build) as s, Client(s) as c:
        for name in ("one", "two", "three"):
            s.put(name, b"abc")
        d = c.folder("", READ, disposition=OPEN)
        found = []
        for _ in range(5):
            (entry,) = c.entries(d, flags=SINGLE)
            found += names_of([entry])
        c.entries(d, flags=SINGLE, status=NO_MORE_FILES)
        expect(sorted(found), [".", "..", "one", "three", "two"], "one by one")
        c.entries(d, room=103, flags=RESTART, status=LENGTH_MISMATCH)
        (cut,) = c.entries(d, pattern="three", room=109, flags=RESTART, status=OVERFLOW)
        expect((len(cut), cut[104:]), (108, "th".encode("utf-16le")), "a cut entry")
        names = names_of(c.entries(d, 12, RESTART, "t*", room=24), 12)
        rest = c.entries(d, 37)
        expect(sorted(names + names_of(rest)), ["three", "two"], "names, then all")
        expect(struct.unpack_from("<Q", rest[0], 40)[0], 3, "EndOfFile of what was listed by name before")


def listing_refused(build):
    with Server(build) as s, Client(s) as c:
        f, blind = c.open("f"), c.folder("", ATTRIBUTES, disposition=OPEN)
        c.entries(f, status=INVALID_PARAMETER)
        c.entries(blind, status=ACCESS_DENIED)
        d = c.folder("", READ, disposition=OPEN)
        c.entries(d, 4, status=NOT_SUPPORTED)
        c.entries(d, 0, status=INVALID_CLASS)
        c.entries(d, 100, status=INVALID_CLASS)


def listing_pipelined(build):
    """Requests on one handle take turns: together they see every name once."""
    with Server(build) as s, Client(s) as c:
        want = {f"file {n}" for n in range(500)}
        for name in want:
            s.put(name, b"")
        d = c.folder("", READ, disposition=OPEN)
        body = directory_body(d, 37, 0, "*", 4096)
        found = []
        while not found or found[-1]:
            for _ in range(8):
                c.raw.send(QUERY_DIRECTORY, body, "sign", tree=c.id)
            for got in [c.raw.answer() for _ in range(8)]:
                found.append(names_of(split(got, 4096)) if got.status == SUCCESS else [])
        names = [n for part in found for n in part]
        expect(len(names), len(set(names)), "no name twice")
        expect(set(names), want | {".", ".."}, "names")


def tests(build):
    for f in (rename, rename_over, rename_opens, rename_shares, rename_folder, link, delete, delete_folder, times, sizes, open_state, eas, query_security,
              query_refused, quotas, read_only_share, listing, listing_patterns, listing_single, listing_refused, listing_pipelined):
        yield Test(f"info.{f.__name__.replace('_', '-')}", functools.partial(f, build))
    for dialect in ("2.0.2", "3.0", "3.1.1"):
        yield Test(f"info.query-room.{dialect}", functools.partial(query_room, build, dialect))
