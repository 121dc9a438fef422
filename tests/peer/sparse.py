"""Sparse files: FSCTL_SET_SPARSE, _SET_ZERO_DATA, _QUERY_ALLOCATED_RANGES, _FILE_LEVEL_TRIM.  [MS-FSCC] 2.3"""
import functools
import os
import struct

from harness.testing import Test

from peer import raw
from peer.caching import LEVEL_II, NONE, granted, next_break, oplock_level, with_oplock
from peer.copies import APPEND_DATA, READ_ATTRIBUTES, READ_DATA, WRITE_DATA, contents, output
from peer.files import expect
from peer.info import ACCESS_DENIED, INVALID_PARAMETER, Client
from peer.locks import CONFLICT, EXCLUSIVE, NOW, lock
from peer.server import Server

SET_SPARSE, SET_ZERO, RANGES, TRIM = 0x900C4, 0x980C8, 0x940CF, 0x98208
BUFFER_OVERFLOW, BUFFER_TOO_SMALL = 0x80000005, 0xC0000023
WRITE_ATTRIBUTES, SPARSE = 0x100, 0x200
KIB = 1 << 10
LEN = 1024 * KIB


def control(c, code, f, data=b"", status=raw.SUCCESS, room=1024):
    return c.call(raw.IOCTL, raw.ioctl_body(code, f, data, room), status)


def zero(c, f, offset, end, status=raw.SUCCESS):
    control(c, SET_ZERO, f, struct.pack("<QQ", offset, end), status)


def ranges(c, f, offset=0, length=LEN, **more):
    data = output(control(c, RANGES, f, struct.pack("<QQ", offset, length), **more))
    return list(struct.iter_unpack("<QQ", data))


def attributes(c, f):
    return struct.unpack_from("<I", c.get(f, 4), 32)[0]


def full(s, c, name="f"):
    s.put(name, b"x" * LEN)
    return c.open(name)


def holes(build):
    """What is zeroed is a hole of a sparse file, and none of another; the disk has less to hold; nothing gets longer."""
    with Server(build) as s, Client(s) as c:
        f = full(s, c)
        zero(c, f, 256 * KIB, 512 * KIB)
        expect(ranges(c, f), [(0, LEN)], "of a file that is not sparse")
        control(c, SET_SPARSE, f)
        zero(c, f, 256 * KIB, 512 * KIB)
        expect(ranges(c, f), [(0, 256 * KIB), (512 * KIB, 512 * KIB)], "around the hole")
        expect(ranges(c, f, 300 * KIB, 100 * KIB), [], "within it")
        expect(ranges(c, f, LEN, 100), [], "behind the end")
        expect(ranges(c, f, 0, 0), [], "nowhere")
        expect(ranges(c, f, room=16, status=BUFFER_OVERFLOW), [(0, 256 * KIB)], "with room for one")
        control(c, RANGES, f, struct.pack("<QQ", 0, LEN), BUFFER_TOO_SMALL, room=15)
        expect(os.stat(os.path.join(s.folder("share"), "f")).st_blocks * 512 <= LEN - 256 * KIB + 64 * KIB, True, "the disk")
        zero(c, f, LEN - 5, LEN + 5)
        expect(contents(s, "f"), b"x" * 256 * KIB + bytes(256 * KIB) + b"x" * (512 * KIB - 5) + bytes(5), "contents")


def attribute(build):
    """It is stored, shown, and no other way sets or clears it; overwriting keeps it."""
    with Server(build) as s, Client(s) as c:
        f = c.open("f")
        expect(attributes(c, f) & SPARSE, 0, "of a new file")
        c.set(f, 4, struct.pack("<QQQQII", 0, 0, 0, 0, SPARSE | 2, 0))
        expect(attributes(c, f) & (SPARSE | 2), 2, "after it was asked for like the others")
        control(c, SET_SPARSE, f, b"\1")
        expect(attributes(c, f) & (SPARSE | 2), SPARSE | 2, "once it is sparse")
        c.set(f, 4, struct.pack("<QQQQII", 0, 0, 0, 0, 0x80, 0))
        c.close(f)
        f = c.open("f")
        expect(attributes(c, f) & (SPARSE | 2), SPARSE, "when the others were cleared")
        control(c, SET_SPARSE, f, b"\0")
        expect(attributes(c, f) & SPARSE, 0, "once it is not any more")


def rights(build):
    """Which rights each takes; directories have none of it."""
    with Server(build) as s, Client(s) as c:
        c.close(full(s, c))
        both = struct.pack("<QQ", 0, 100)
        for access, sparse, zeroed, asked in ((READ_DATA, ACCESS_DENIED, ACCESS_DENIED, 0), (WRITE_DATA, 0, 0, ACCESS_DENIED),
                                              (APPEND_DATA, 0, ACCESS_DENIED, ACCESS_DENIED),
                                              (WRITE_ATTRIBUTES, 0, ACCESS_DENIED, ACCESS_DENIED),
                                              (READ_ATTRIBUTES, ACCESS_DENIED, ACCESS_DENIED, ACCESS_DENIED)):
            f = c.open("f", access)
            control(c, SET_SPARSE, f, b"", sparse)
            control(c, SET_ZERO, f, both, zeroed)
            control(c, TRIM, f, struct.pack("<II", 0, 1) + both, zeroed)
            control(c, RANGES, f, both, asked)
            c.close(f)
        d = c.folder("d")
        for code in (SET_SPARSE, SET_ZERO, RANGES, TRIM):
            control(c, code, d, both, INVALID_PARAMETER)
        f = c.open("f")
        for offset, end in ((5, 4), (2**63, 2**63 + 1), (0, 2**63)):
            zero(c, f, offset, end, INVALID_PARAMETER)
        control(c, SET_ZERO, f, both[:15], INVALID_PARAMETER)
        control(c, RANGES, f, both[:15], INVALID_PARAMETER)
        control(c, TRIM, f, struct.pack("<II", 0, 2) + both, INVALID_PARAMETER)
        control(c, TRIM, f, struct.pack("<II", 1, 1) + both, INVALID_PARAMETER)
        zero(c, f, 7, 7)


def around(build):
    """Locks of others stop it, and who caches the file hears of it."""
    with Server(build) as s, Client(s) as a, Client(s) as b:
        f = full(s, a)
        g = b.open("f")
        lock(b, g, (100, 10, EXCLUSIVE | NOW))
        for offset, end, status in ((90, 101, CONFLICT), (109, 200, CONFLICT), (90, 100, 0), (110, 120, 0), (105, 105, 0)):
            zero(a, f, offset, end, status)
        control(a, TRIM, f, struct.pack("<IIQQ", 0, 1, 0, 101), CONFLICT)
        expect(contents(s, "f")[85:125], b"xxxxx" + bytes(10) + b"x" * 10 + bytes(10) + b"xxxxx", "contents")
        b.close(g)
        body = with_oplock(raw.create_body("f"), LEVEL_II)
        granted(b.raw.expect(raw.CREATE, body, "sign", tree=b.id), LEVEL_II)
        zero(a, f, 0, 10)
        expect(oplock_level(next_break(b.raw)), NONE, "what is left of the oplock")


def trim(build):
    """As many ranges as are named; what they held is gone."""
    with Server(build) as s, Client(s) as c:
        f = full(s, c)
        done = output(control(c, TRIM, f, struct.pack("<IIQQQQ", 0, 2, 0, 256 * KIB, LEN - KIB, 9 * KIB)))
        expect(struct.unpack("<I", done), (2,), "NumRangesProcessed")
        expect(contents(s, "f"), bytes(256 * KIB) + b"x" * (LEN - 257 * KIB) + bytes(KIB), "contents")
        control(c, TRIM, f, struct.pack("<IIQQ", 0, 1, 0, 1), BUFFER_TOO_SMALL, room=3)


def tests(build):
    for f in (holes, attribute, rights, around, trim):
        yield Test(f"sparse.{f.__name__}", functools.partial(f, build))
