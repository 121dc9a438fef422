"""Blocks that files share, FSCTL_DUPLICATE_EXTENTS_TO_FILE; compression. On file systems that have them, mounted for the test,
and on one that has not.  [MS-FSCC] 2.3.7, 2.3.9, 2.3.67; [MS-FSA] 2.1.5.10.4
"""
import fcntl
import functools
import os
import struct

from harness.testing import Test

from peer import raw
from peer.caching import LEVEL_II, NONE, granted, next_break, oplock_level, with_oplock
from peer.copies import APPEND_DATA, READ_DATA, WRITE_DATA, contents, output
from peer.files import expect, pattern
from peer.info import ACCESS_DENIED, INVALID_PARAMETER, NOT_SUPPORTED, Client
from peer.locks import CONFLICT, EXCLUSIVE, NOW, lock
from peer.mounted import mounted
from peer.server import Server

DUPLICATE, DUPLICATE_EX, GET_COMPRESSION, SET_COMPRESSION, SET_SPARSE = 0x98344, 0x983E8, 0x9003C, 0x9C040, 0x900C4
INVALID_DEVICE_REQUEST, INVALID_HANDLE = 0xC0000010, 0xC0000008
BLOCK_REFCOUNTING, FILE_COMPRESSION, COMPRESSED = 0x08000000, 0x10, 0x800
FIEMAP, SYNC = 0xC020660B, 1
BLOCK = 4096
LEN = 16 * BLOCK


def duplicate(c, target, source, source_off=0, off=0, length=LEN, status=raw.SUCCESS):
    c.call(raw.IOCTL, raw.ioctl_body(DUPLICATE, target, source + struct.pack("<QQQ", source_off, off, length)), status)


def duplicate_ex(c, target, source, length=LEN, size=0x30, flags=0, status=raw.SUCCESS):
    data = struct.pack("<Q", size) + source + struct.pack("<QQQII", 0, 0, length, flags, 0)
    c.call(raw.IOCTL, raw.ioctl_body(DUPLICATE_EX, target, data), status)


def places(s, name):
    """Where on the disk the first extents of a file lie."""
    with open(os.path.join(s.folder(), name), "rb") as f:
        room = bytearray(struct.pack("<QQIIII", 0, 2**63 - 1, SYNC, 0, 8, 0) + bytes(8 * 56))
        fcntl.ioctl(f, FIEMAP, room)
    count = struct.unpack_from("<I", room, 20)[0]
    return [struct.unpack_from("<QQQ", room, 32 + 56 * n) for n in range(count)]


def full(s, c, name="source"):
    s.put(name, pattern(LEN, name))
    return c.open(name)


def of_length(c, name, length):
    f = c.open(name)
    c.set(f, 20, struct.pack("<Q", length))
    return f


def features(c, f):
    return struct.unpack_from("<I", c.get(f, 5, kind=2))[0]


def shared(build, kind):
    """What is duplicated lies where the source does; a part of it; what would lie behind the end of the target does not."""
    with mounted(kind) as path, Server(build, shares={"share": {"path": path}}) as s, Client(s) as c:
        source, whole = full(s, c), pattern(LEN, "source")
        expect(features(c, source) & BLOCK_REFCOUNTING, BLOCK_REFCOUNTING, "FILE_SUPPORTS_BLOCK_REFCOUNTING")
        target = of_length(c, "target", LEN)
        duplicate(c, target, source)
        expect(contents(s, "target") == whole, True, "contents")
        expect(places(s, "target"), places(s, "source"), "blocks")
        c.write(target, b"!")
        expect((contents(s, "target")[:2], contents(s, "source")[:1]), (b"!" + whole[1:2], whole[:1]), "one of them changed")
        part = of_length(c, "part", 4 * BLOCK)
        duplicate(c, part, source, 2 * BLOCK, BLOCK, 2 * BLOCK)
        expect(contents(s, "part"), bytes(BLOCK) + whole[2 * BLOCK:4 * BLOCK] + bytes(BLOCK), "a part")
        short = of_length(c, "short", BLOCK + 5)
        duplicate_ex(c, short, source)
        expect(contents(s, "short"), whole[:BLOCK + 5], "up to the end of the target")
        duplicate(c, short, source, 0, 2 * BLOCK, BLOCK)
        expect(contents(s, "short"), whole[:BLOCK + 5], "behind the end of the target")
        duplicate(c, source, source, 0, 8 * BLOCK, 8 * BLOCK)
        expect(contents(s, "source") == whole[:LEN // 2] * 2, True, "within a file")


def refused(build):
    """What does not fit, and whoever may not."""
    with mounted("btrfs") as path, Server(build, shares={"share": {"path": path}}) as s, Client(s) as c, Client(s) as other:
        source, target, folder = full(s, c), of_length(c, "target", LEN), c.folder("folder")
        for source_off, off, length, status in ((1, 0, BLOCK, INVALID_PARAMETER), (0, 1, BLOCK, INVALID_PARAMETER),
                                                (0, 0, BLOCK + 1, INVALID_PARAMETER), (2**63, 0, BLOCK, INVALID_PARAMETER),
                                                (0, 2**63 - BLOCK, 2 * BLOCK, INVALID_PARAMETER), (LEN, 0, BLOCK, NOT_SUPPORTED),
                                                (BLOCK, 0, LEN, NOT_SUPPORTED), (0, 0, 0, 0)):
            duplicate(c, target, source, source_off, off, length, status)
        duplicate(c, source, source, 0, BLOCK, 2 * BLOCK, NOT_SUPPORTED)
        duplicate(c, target, other.open("source"), status=INVALID_HANDLE)
        duplicate(c, target, bytes(16), status=INVALID_HANDLE)
        duplicate(c, target, folder, status=INVALID_PARAMETER)
        duplicate(c, folder, source, status=NOT_SUPPORTED)
        duplicate(c, c.open("target", READ_DATA | APPEND_DATA), source, status=ACCESS_DENIED)
        duplicate(c, target, c.open("source", WRITE_DATA), status=INVALID_PARAMETER)
        duplicate_ex(c, target, source, size=0x28, status=NOT_SUPPORTED)
        duplicate_ex(c, target, source, flags=1, status=NOT_SUPPORTED)
        for code in (DUPLICATE, DUPLICATE_EX):
            c.call(raw.IOCTL, raw.ioctl_body(code, target, source + bytes(23)), INVALID_PARAMETER)
        c.call(raw.IOCTL, raw.ioctl_body(SET_SPARSE, source))
        duplicate(c, target, source, status=NOT_SUPPORTED)
        expect(contents(s, "target"), bytes(LEN), "what is left after all that")


def around(build):
    """Locks of others stop it, on either side; who caches the target hears of it."""
    with mounted("btrfs") as path, Server(build, shares={"share": {"path": path}}) as s, Client(s) as a, Client(s) as b:
        source, target = full(s, a), of_length(a, "target", LEN)
        for name in ("source", "target"):
            f = b.open(name)
            lock(b, f, (BLOCK, 1, EXCLUSIVE | NOW))
            duplicate(a, target, source, status=CONFLICT)
            duplicate(a, target, source, 2 * BLOCK, 2 * BLOCK, BLOCK)
            b.close(f)
        body = with_oplock(raw.create_body("target"), LEVEL_II)
        granted(b.raw.expect(raw.CREATE, body, "sign", tree=b.id), LEVEL_II)
        duplicate(a, target, source)
        expect(oplock_level(next_break(b.raw)), NONE, "what is left of the oplock")


def nowhere(build):
    """A file system that cannot says so."""
    with Server(build, shares={"share": {}, "other": {}}) as s, Client(s) as c:
        source, target = full(s, c), of_length(c, "target", LEN)
        if not features(c, source) & BLOCK_REFCOUNTING:
            duplicate(c, target, source, status=INVALID_DEVICE_REQUEST)
            duplicate_ex(c, target, source, status=INVALID_DEVICE_REQUEST)
            expect(contents(s, "target"), bytes(LEN), "contents")
    with Server(build, shares={"share": {"permissions": "everyone:read"}}) as s, Client(s) as c:
        s.put("f", b"x" * BLOCK)
        f = c.open("f", 0x02000000, 1)
        for code, data in ((DUPLICATE, f + bytes(24)), (DUPLICATE_EX, struct.pack("<Q", 0x30) + f + bytes(32)), (SET_COMPRESSION, b"\1\0")):
            c.call(raw.IOCTL, raw.ioctl_body(code, f, data), ACCESS_DENIED)


def compression(build):
    """Set, shown, passed on by directories, and not where that is not wanted."""
    with mounted("btrfs") as path, Server(build, shares={"share": {"path": path}}) as s, Client(s) as c:
        def state(f):
            attributes, form = struct.unpack_from("<I", c.get(f, 4), 32)[0], struct.unpack_from("<H", c.get(f, 28), 8)[0]
            got = struct.unpack("<H", output(c.call(raw.IOCTL, raw.ioctl_body(GET_COMPRESSION, f, out_max=2))))[0]
            return bool(attributes & COMPRESSED), form, got

        def put(f, form, status=raw.SUCCESS):
            c.call(raw.IOCTL, raw.ioctl_body(SET_COMPRESSION, f, struct.pack("<H", form)), status)

        f = c.open("f")
        expect(features(c, f) & FILE_COMPRESSION, FILE_COMPRESSION, "FILE_FILE_COMPRESSION")
        expect(state(f), (False, 0, 0), "of a new file")
        c.set(f, 4, struct.pack("<QQQQII", 0, 0, 0, 0, 0x2 | COMPRESSED, 0))
        expect(state(f), (False, 0, 0), "after it was asked for like the others")
        put(f, 1)
        expect(state(f), (True, 2, 2), "once it is compressed")
        c.set(f, 4, struct.pack("<QQQQII", 0, 0, 0, 0, 0x20, 0))
        expect(state(f), (True, 2, 2), "when the others were cleared")
        put(f, 3, INVALID_PARAMETER)
        put(f, 0)
        expect(state(f), (False, 0, 0), "once it is not any more")
        put(c.folder("d"), 2)
        expect(state(c.open("d\\f")), (True, 2, 2), "of what is made in a compressed directory")
        expect(state(c.open("d\\g", options=0x8040)), (False, 0, 0), "unless it is not to be")


def tests(build):
    for kind in ("btrfs", "xfs"):
        yield Test(f"extents.shared.{kind}", functools.partial(shared, build, kind))
    for f in (refused, around, nowhere, compression):
        yield Test("extents." + f.__name__.replace("_", "-"), functools.partial(f, build))
