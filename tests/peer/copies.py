"""Server-side copy: FSCTL_SRV_REQUEST_RESUME_KEY, FSCTL_SRV_COPYCHUNK.  [MS-SMB2] 3.3.5.15.5, 3.3.5.15.6"""
import functools
import os
import struct

from harness.testing import Test

from peer import raw
from peer.attributes import THEN
from peer.caching import LEVEL_II, NONE, granted, next_break, oplock_level, with_oplock
from peer.files import expect, pattern
from peer.info import ACCESS_DENIED, INVALID_PARAMETER, NAME_NOT_FOUND, READ, Client, basic, basic_data
from peer.locks import CONFLICT, EXCLUSIVE, NOW, lock
from peer.server import Server

RESUME_KEY, COPY, COPY_WRITE = 0x140078, 0x1440F2, 0x1480F2
INVALID_VIEW_SIZE, INVALID_DEVICE_REQUEST, FILE_CLOSED = 0xC000001F, 0xC0000010, 0xC0000128
READ_DATA, WRITE_DATA, APPEND_DATA, EXECUTE, READ_ATTRIBUTES = 1, 2, 4, 0x20, 0x80
LIMITS = (256, 1 << 20, 16 << 20)
TO_END = 2**64 - 1
MIB = 1 << 20


def output(answer):
    at, length = struct.unpack_from("<II", answer.body, 32)
    return answer.body[at - 64:at - 64 + length]


def key_of(c, f, status=raw.SUCCESS, room=32):
    got = c.call(raw.IOCTL, raw.ioctl_body(RESUME_KEY, f, out_max=room), status)
    return output(got)[:24] if status == raw.SUCCESS else None


def chunks(key, *ranges):
    return key + struct.pack("<II", len(ranges), 0) + b"".join(struct.pack("<QQII", *r, 0) for r in ranges)


def copy(c, target, key, *ranges, status=raw.SUCCESS, figures=None, code=COPY, room=12):
    """figures: what is answered, None for an ERROR Response."""
    got = c.call(raw.IOCTL, raw.ioctl_body(code, target, chunks(key, *ranges), room), status)
    if figures is None and status != raw.SUCCESS:
        return expect(struct.unpack_from("<H", got.body)[0], 9, "an ERROR Response")
    expect(struct.unpack("<III", output(got)), figures or (len(ranges), 0, sum(r[2] for r in ranges)), "SRV_COPYCHUNK_RESPONSE")


def contents(s, name, share="share"):
    with open(os.path.join(s.folder(share), name), "rb") as f:
        return f.read()


def data(build):
    """16 MiB in as many chunks; in another order; within one file; from another share; to the end."""
    with Server(build, shares={"share": {}, "other": {}}) as s, Client(s) as c:
        whole = pattern(16 * MIB, "copies")
        s.put("source", whole)
        source, target = c.open("source"), c.open("target")
        key = key_of(c, source)
        expect(key_of(c, source), key, "the key when asked for again")
        copy(c, target, key, *((i * MIB, i * MIB, MIB) for i in range(16)))
        expect(contents(s, "target") == whole, True, "all is copied")
        copy(c, target, key, (5, 0, 3), (0, TO_END, 7), (1, 16 * MIB + 20, 2), (7, TO_END, 1))
        expect(contents(s, "target") == whole[5:8] + whole[3:] + whole[:7] + bytes(13) + whole[1:3] + whole[7:8], True, "pieces")
        copy(c, target, key_of(c, target), (0, 10, 100))
        expect(contents(s, "target")[:110] == (whole[5:8] + whole[3:10]) + (whole[5:8] + whole[3:100]), True, "what overlaps")
        copy(c, target, key)
        tree = c.raw.tree("other", "sign")
        there = raw.file_id_of(c.raw.expect(raw.CREATE, raw.create_body("there", 0x12019F, 3), "sign", tree=tree))
        c.raw.expect(raw.IOCTL, raw.ioctl_body(COPY, there, chunks(key, (1, 0, 9)), 12), "sign", tree=tree)
        expect(contents(s, "there", "other"), whole[1:10], "what another share has got")


def closed(build):
    """The source, or the target, is closed while the copy goes on: CLOSE comes after it."""
    with Server(build) as s, Client(s) as c:
        whole = pattern(16 * MIB, "closed")
        s.put("source", whole)
        for i in range(8):
            source, target = c.open("source"), c.open(f"target{i}")
            ranges = chunks(key_of(c, source), *((at * MIB, at * MIB, MIB) for at in range(16)))
            c.raw.send(raw.IOCTL, raw.ioctl_body(COPY, target, ranges, 12), "sign", tree=c.id)
            for f in (source, target):
                c.raw.send(raw.CLOSE, raw.close_body(f), "sign", tree=c.id)
            got = [c.raw.answer() for _ in range(3)]
            expect([g.status for g in got], [raw.SUCCESS] * 3, "status")
            expect(got[0].command, raw.IOCTL, "what ends first")
            expect(contents(s, f"target{i}") == whole, True, "all is copied")


def keys(build):
    """Only the session that opened the source may use its key, as long as it is open, and as it was given."""
    with Server(build) as s, Client(s) as c, Client(s) as other:
        source, target, theirs = c.open("source"), c.open("target"), other.open("target")
        c.write(source, b"0123456789")
        guess = struct.pack("<16sQ", source, 0)
        copy(c, target, guess, (0, 0, 1), status=NAME_NOT_FOUND)
        key = key_of(c, source)
        for i in range(24):
            wrong = key[:i] + bytes((key[i] ^ 1,)) + key[i + 1:]
            copy(c, target, wrong, (0, 0, 1), status=NAME_NOT_FOUND)
        copy(other, theirs, key, (0, 0, 1), status=NAME_NOT_FOUND)
        key_of(c, source, INVALID_PARAMETER, room=31)
        copy(c, target, key, (0, 0, 1), status=INVALID_PARAMETER, room=11)
        copy(c, target, key, (0, 0, 1))
        c.close(source)
        copy(c, target, key, (0, 0, 1), status=NAME_NOT_FOUND)
        c.close(target)
        c.call(raw.IOCTL, raw.ioctl_body(COPY, target, chunks(key, (0, 0, 1)), 12), FILE_CLOSED)


def limits(build):
    """Beyond a limit the answer says which there are; a source that ends says how far the copy came."""
    with Server(build) as s, Client(s) as c:
        source, target = c.open("source"), c.open("target")
        c.write(source, b"0123456789")
        key = key_of(c, source)
        for ranges in (((0, 0, 0),), ((0, 0, MIB + 1),), ((0, 0, 1),) * 257, ((0, 0, MIB),) * 17, ((0, 2**63, 1),),
                       ((0, 1, 1), (0, 2**63 - 1, 1))):
            copy(c, target, key, *ranges, status=INVALID_PARAMETER, figures=LIMITS)
        cut = raw.ioctl_body(COPY, target, chunks(key, (0, 0, 1))[:-1], 12)
        expect(struct.unpack("<III", output(c.call(raw.IOCTL, cut, INVALID_PARAMETER))), LIMITS, "the limits")
        copy(c, target, key, (0, 0, 11), status=INVALID_VIEW_SIZE, figures=(0, 0, 0))
        copy(c, target, key, (2**63, 0, 1), status=INVALID_VIEW_SIZE, figures=(0, 0, 0))
        expect(contents(s, "target"), b"", "what a refused copy leaves")
        copy(c, target, key, (2, 0, 3), (0, 3, 4), (5, 7, 6), status=INVALID_VIEW_SIZE, figures=(2, 0, 7))
        expect(contents(s, "target"), b"2340123", "the chunks before the one that failed")


def rights(build):
    """What source and target must have been opened for; locks of others; who may only append; no directories."""
    with Server(build) as s, Client(s) as c:
        for name in ("source", "target"):
            f = c.open(name)
            c.write(f, b"0123456789")
        for access, code, status in ((READ_DATA, COPY, raw.SUCCESS), (EXECUTE, COPY, raw.SUCCESS), (READ_ATTRIBUTES, COPY, ACCESS_DENIED),
                                     (WRITE_DATA, COPY, ACCESS_DENIED)):
            copy(c, c.open("target"), key_of(c, c.open("source", access)), (0, 0, 1), status=status, code=code)
        source = c.open("source")
        key = key_of(c, source)
        for access, code, status in ((READ_DATA, COPY, ACCESS_DENIED), (WRITE_DATA, COPY, ACCESS_DENIED), (WRITE_DATA, COPY_WRITE, raw.SUCCESS),
                                     (READ_DATA | WRITE_DATA, COPY, raw.SUCCESS)):
            copy(c, c.open("target", access), key, (0, 0, 1), status=status, code=code)
        appender = c.open("target", APPEND_DATA)
        copy(c, appender, key, (0, 9, 1), status=ACCESS_DENIED, code=COPY_WRITE)
        copy(c, appender, key, (5, 10, 1), (6, TO_END, 1), code=COPY_WRITE)
        expect(contents(s, "target"), b"012345678956", "what was appended")
        target, others = c.open("target"), (c.open("source"), c.open("target"))
        for f in others:
            lock(c, f, (8, 1, EXCLUSIVE | NOW))
            copy(c, target, key, (0, 0, 1), (8, 8, 1), status=CONFLICT, figures=(0, 0, 0))
            copy(c, target, key, (0, 0, 8))
            c.close(f)
        folder = c.folder("d", READ | WRITE_DATA)
        copy(c, target, key_of(c, folder), (0, 0, 1), status=INVALID_DEVICE_REQUEST)
        copy(c, folder, key, (0, 0, 1), status=INVALID_DEVICE_REQUEST)


def around(build):
    """What a copy does besides: the target is to be archived, held times stay, whoever caches the target is told."""
    with Server(build) as s, Client(s) as c, Client(s) as other:
        source, target = c.open("source"), c.open("target")
        c.write(source, b"0123456789")
        key = key_of(c, source)
        c.set(target, 4, basic_data(attributes=2))
        copy(c, target, key, (0, 0, 1))
        expect(basic(c, target)[4], 0x22, "to be archived")
        for f in (source, target):
            c.set(f, 4, basic_data(0, THEN + 1, THEN + 2, THEN + 3))
        copy(c, target, key, (0, 0, 9))
        for f in (source, target):
            expect(basic(c, f)[1:4], (THEN + 1, THEN + 2, THEN + 3), "held times")
        oplock = with_oplock(raw.create_body("target", READ), LEVEL_II)
        granted(other.raw.expect(raw.CREATE, oplock, "sign", tree=other.id), LEVEL_II)
        copy(c, target, key, (0, 0, 1))
        expect(oplock_level(next_break(other.raw)), NONE, "what the oplock is broken to")


def disabled(build):
    """server_side_copy = false: there is no such control."""
    with Server(build, settings={"server_side_copy": "false"}) as s, Client(s) as c:
        f = c.open("f")
        key_of(c, f, INVALID_DEVICE_REQUEST)
        copy(c, f, bytes(24), (0, 0, 1), status=INVALID_DEVICE_REQUEST)


def tests(build):
    for f in (data, closed, keys, limits, rights, around, disabled):
        yield Test(f"copies.{f.__name__}", functools.partial(f, build))
