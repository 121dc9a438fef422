"""LOCK: what ends a lock, what is left of a request that fails half-way.  [MS-SMB2] 3.3.5.14; [MS-FSA] 2.1.5.8, 2.1.5.9"""
import functools
import struct

from harness.testing import Test

from peer import raw
from peer.files import expect
from peer.info import READ, Client
from peer.server import Server

SHARED, EXCLUSIVE, UNLOCK, NOW = 1, 2, 4, 0x10
NOT_GRANTED, RANGE_NOT_LOCKED, INVALID_RANGE, CONFLICT = 0xC0000055, 0xC000007E, 0xC00001A1, 0xC0000054
INVALID_PARAMETER, CLOSED, ACCESS_DENIED, RESOURCES, CANCELLED = 0xC000000D, 0xC0000128, 0xC0000022, 0xC000009A, 0xC0000120
LAST = 2**64 - 1
OF_OPEN, OF_SESSION = 16384, 131072  # locks at most


def body(f, *elements, sequence=0):
    return struct.pack("<HHI16s", 48, len(elements), sequence, f) + b"".join(struct.pack("<QQII", *e, 0) for e in elements)


def lock(c, f, *elements, status=raw.SUCCESS):
    c.call(raw.LOCK, body(f, *elements), status)


def free(c, f, offset, length, status=raw.SUCCESS):
    """Can the range be locked by f? Then it is let go again."""
    lock(c, f, (offset, length, EXCLUSIVE | NOW), status=status)
    if status == raw.SUCCESS:
        lock(c, f, (offset, length, UNLOCK))


def series(build):
    """All of a series of locks or none; of unlocks those before the one that fails; locks before an unlock stay."""
    with Server(build) as s, Client(s) as c:
        f, g = c.open("f"), c.open("f")
        lock(c, g, (20, 1, EXCLUSIVE | NOW))
        lock(c, f, (0, 1, EXCLUSIVE | NOW), (20, 1, SHARED | NOW), status=NOT_GRANTED)
        free(c, g, 0, 1)
        lock(c, f, (0, 1, EXCLUSIVE | NOW), (LAST, 2, SHARED | NOW), status=INVALID_RANGE)
        free(c, g, 0, 1)
        lock(c, f, (0, 1, EXCLUSIVE | NOW), (5, 1, EXCLUSIVE), status=INVALID_PARAMETER)
        free(c, g, 0, 1)
        lock(c, f, (0, 1, EXCLUSIVE | NOW), (5, 1, UNLOCK | NOW), status=INVALID_PARAMETER)
        free(c, g, 0, 1, NOT_GRANTED)
        lock(c, f, (5, 1, EXCLUSIVE | NOW))
        lock(c, f, (0, 1, UNLOCK), (1, 1, UNLOCK), (5, 1, UNLOCK), status=RANGE_NOT_LOCKED)
        free(c, g, 0, 1)
        free(c, g, 5, 1, NOT_GRANTED)
        lock(c, f, (5, 1, UNLOCK), (6, 1, SHARED), status=INVALID_PARAMETER)
        free(c, g, 5, 1)
        lock(c, f, (0, 0, 0), status=INVALID_PARAMETER)
        lock(c, f, status=INVALID_PARAMETER)


def ranges(build):
    """Empty ranges, the last byte, ranges past it; READ and WRITE beside them."""
    with Server(build) as s, Client(s) as c:
        f, g = c.open("f"), c.open("f")
        for offset, length, status in ((LAST, 1, raw.SUCCESS), (LAST, 2, INVALID_RANGE), (0, LAST, raw.SUCCESS), (2, LAST, INVALID_RANGE)):
            lock(c, f, (offset, length, EXCLUSIVE | NOW), status=status)
            lock(c, f, (offset, length, UNLOCK), status=status)
        lock(c, f, (10, 10, EXCLUSIVE | NOW))
        free(c, g, 15, 0, NOT_GRANTED)
        free(c, g, 10, 0)
        free(c, g, 20, 0)
        c.call(raw.WRITE, raw.write_body(g, b"x", 19), CONFLICT)
        c.write(g, b"x", 20)
        c.call(raw.READ, raw.read_body(g, 11, 0), CONFLICT)
        c.call(raw.READ, raw.read_body(g, 10, 0))
        c.write(f, b"x", 19)
        lock(c, f, (10, 9, UNLOCK), status=RANGE_NOT_LOCKED)
        lock(c, g, (10, 10, UNLOCK), status=RANGE_NOT_LOCKED)
        lock(c, c.folder("d"), (0, 1, SHARED | NOW), status=INVALID_PARAMETER)
        lock(c, c.open("f", 0x20080), (30, 1, SHARED | NOW), status=ACCESS_DENIED)


def ends(build):
    """Locks end with their open, their tree, their session, their connection; one that waits is then granted."""
    with Server(build) as s, Client(s) as c:
        for way in ("close", "tree", "logoff", "connection"):
            other = Client(s, user="bob")
            mine, theirs = c.open("f", sharing=7), other.open("f", READ)
            lock(other, theirs, (0, 10, EXCLUSIVE | NOW))
            c.raw.send(raw.LOCK, body(mine, (5, 1, EXCLUSIVE)), "sign", tree=c.id)
            expect(hex(c.raw.receive()[0].status), hex(raw.PENDING), "a lock that waits")
            if way == "close":
                other.close(theirs)
            elif way == "tree":
                other.call(raw.TREE_DISCONNECT, raw.TREE_DISCONNECT_BODY)
            elif way == "logoff":
                other.call(raw.LOGOFF, raw.LOGOFF_BODY)
            else:
                other.raw.socket.close()
            expect(hex(c.raw.answer().status), hex(raw.SUCCESS), f"granted after {way}")
            if way == "close":
                lock(other, theirs, (0, 10, UNLOCK), status=CLOSED)
            other.raw.socket.close()
            c.close(mine)


def repeated(build):
    """While no open outlives its connection a repeated LockSequence means nothing: the request is done again. But a client
    of several channels may have lost one of them, and its answers."""
    for dialect, again in (("2.0.2", RANGE_NOT_LOCKED), ("2.1", RANGE_NOT_LOCKED), ("3.1.1", raw.SUCCESS)):
        with Server(build) as s, Client(s, dialect) as c:
            f = c.open("f")
            for number, status in enumerate((raw.SUCCESS, again)):
                if number == 0:
                    c.call(raw.LOCK, body(f, (0, 1, EXCLUSIVE | NOW), sequence=0x10))
                c.call(raw.LOCK, body(f, (0, 1, UNLOCK), sequence=0x11), status)


def fill(c, f, count):
    for at in range(0, count, 64):
        lock(c, f, *((at + n, 1, EXCLUSIVE | NOW) for n in range(64)))


def too_many(build):
    """An open has so many locks, a session has so many; what is let go, closed or never granted does not count."""
    with Server(build) as s, Client(s) as c, Client(s, user="bob") as other:
        files = [c.open(f"f{n}") for n in range(OF_SESSION // OF_OPEN)]
        for f in files:
            fill(c, f, OF_OPEN)
        last, held = c.open("last"), other.open("last", READ)
        lock(c, files[0], (1 << 40, 1, EXCLUSIVE | NOW), status=RESOURCES)
        lock(c, last, (0, 1, SHARED | NOW), status=RESOURCES)
        lock(other, held, (0, 1, SHARED | NOW))
        lock(c, files[1], (0, 1, UNLOCK))
        for _ in range(3):
            lock(c, last, (0, 1, EXCLUSIVE | NOW), status=NOT_GRANTED)
            lock(c, last, (5, 1, UNLOCK), status=RANGE_NOT_LOCKED)
            number = c.raw.send(raw.LOCK, body(last, (0, 1, EXCLUSIVE)), "sign", tree=c.id)
            interim = c.raw.receive()[0]
            expect(hex(interim.status), hex(raw.PENDING), "a lock that waits")
            c.raw.send(raw.CANCEL, struct.pack("<HH", 4, 0), "sign", message_id=number)
            expect(hex(c.raw.answer().status), hex(CANCELLED), "a lock that was cancelled")
        lock(c, last, (0, 1, SHARED | NOW))
        lock(c, last, (1, 1, SHARED | NOW), status=RESOURCES)
        c.close(files[0])
        fill(c, c.open("fresh"), 64)


def tests(build):
    for f in (series, ranges, ends, repeated, too_many):
        yield Test(f"locks.{f.__name__.replace('_', '-')}", functools.partial(f, build))
