"""Times, attributes and space of a file, as they stay and as they come late.  [MS-FSA] 2.1.4.17, 2.1.4.18, 2.1.4.20, 2.1.5.15.1,
2.1.5.15.2
"""
import functools
import os
import struct
import time

from harness.testing import Test

from peer import raw
from peer.files import expect
from peer.info import ACCESS_DENIED, ALL, FREEZE, INVALID_PARAMETER, READ, THAW, Client, basic, basic_data, rename_data
from peer.server import Server, preload

THEN = 130000000000000000
NOTED_SECONDS = 2  # then a write is
NOT_SUPPORTED = 0xC00000BB
SETTABLE = 0x3127  # READONLY HIDDEN SYSTEM ARCHIVE TEMPORARY OFFLINE NOT_CONTENT_INDEXED


def pause():
    """The clock of files ticks, at the most, every 10 ms."""
    time.sleep(0.03)


def attributes(build):
    """Each that can be set comes back, also later; a directory cannot be temporary."""
    with Server(build) as s, Client(s) as c:
        f, d = c.open("f"), c.folder("d")
        for bit in (1 << n for n in range(16) if SETTABLE >> n & 1):
            c.set(f, 4, basic_data(attributes=bit))
            expect(basic(c, f)[4], bit, "attributes of a file")
            if bit != 0x100:
                c.set(d, 4, basic_data(attributes=bit))
                expect(basic(c, d)[4], bit | 0x10, "attributes of a directory")
        c.set(f, 4, basic_data(attributes=SETTABLE & ~1))
        c.close(f)
        expect(basic(c, c.open("f", READ))[4], SETTABLE & ~1, "all of them, opened anew")
        c.set(d, 4, basic_data(attributes=0x80))
        expect(basic(c, d)[4], 0x10, "none")


def mapped(build):
    """map_attributes: by execute bits and names, or in the attribute's older versions; what has no place is ignored."""
    def shown(c, name):
        return basic(c, c.open(name, READ))[4]

    with Server(build, shares={"share": {"map_attributes": "posix-exec:archive,system,hidden"}}) as s, Client(s) as c:
        path = os.path.join(s.folder(), "f")
        f = c.open("f")
        expect((basic(c, f)[4], os.stat(path).st_mode & 0o111), (0x20, 0o100), "a new file")
        for attributes, execs in ((4, 0o010), (2, 0o001), (0x26, 0o111), (0x80, 0)):
            c.set(f, 4, basic_data(attributes=attributes, create=THEN))
            expect((basic(c, f)[4], os.stat(path).st_mode & 0o111), (attributes, execs), "set")
        c.write(f, b"x")
        expect((basic(c, f)[4], os.stat(path).st_mode & 0o111), (0x20, 0o100), "changed, so to be archived")
        c.set(f, 4, basic_data(attributes=0x1000))
        expect(basic(c, f)[4], 0x80, "what has no bit")
        c.set(f, 4, basic_data(attributes=1))
        expect(os.stat(path).st_mode & 0o222, 0, "read-only")
        expect([x for x in os.listxattr(path) if "DOSATTRIB" in x], [], "nothing is stored")
    with Server(build, shares={"share": {"map_attributes": "filename:hidden"}}) as s, Client(s) as c:
        for name, attributes in (("f", 0x20), (".f", 0x22)):
            f = c.open(name)
            c.set(f, 4, basic_data(attributes=6))
            c.close(f)
            expect(shown(c, name), attributes, name)
    for version in (3, 4, 5):
        with Server(build, shares={"share": {"map_attributes": f"xattr:v{version}"}}) as s, Client(s) as c:
            f = c.open("f")
            c.set(f, 4, basic_data(attributes=6, create=THEN))
            stored = os.getxattr(os.path.join(s.folder(), "f"), "user.DOSATTRIB")
            expect((stored[2], basic(c, f)[0], basic(c, f)[4]), (version, THEN, 6), f"version {version}")


def archive(build):
    """Whatever changes a file marks it to be archived again; a directory is never marked. [MS-FSA] 2.1.4.17, 2.1.4.18"""
    with Server(build) as s, Client(s) as c:
        f, d = c.open("f"), c.folder("d")
        for change in (
            lambda: c.write(f, b"x"),
            lambda: c.set(f, 20, struct.pack("<Q", 3)),
            lambda: c.set(f, 19, struct.pack("<Q", 1 << 16)),
            lambda: c.set(f, 10, rename_data("g")),
            lambda: c.set(f, 11, rename_data("h")),
            lambda: c.set(f, 15, struct.pack("<IBBH", 0, 0, 1, 1) + b"A\0" + b"v"),
        ):
            c.write(f, b"x")
            c.set(f, 4, basic_data(attributes=2))
            expect(basic(c, f)[4], 2, "archived")
            change()
            expect(basic(c, f)[4], 0x22, "to be archived")
        c.set(d, 4, basic_data(attributes=2))
        c.set(d, 10, rename_data("e"))
        expect(basic(c, d)[4], 0x12, "a directory")


def change_time(build):
    """A change time stays as it was set when nobody has the file open, also in a listing, and ends with the next change."""
    with Server(build) as s, Client(s) as c:
        for name in ("written", "chmod", "attributes"):
            f = c.open(name)
            c.set(f, 4, basic_data(THEN, THEN + 1, THEN + 2, THEN + 3))
            c.close(f)
        pause()
        root = c.folder("", READ)
        for entry in c.entries(root, 37)[2:]:
            expect(struct.unpack_from("<QQQQ", entry, 8), (THEN, THEN + 1, THEN + 2, THEN + 3), "times in a listing")
        f = c.open("written")
        expect(basic(c, f)[:4], (THEN, THEN + 1, THEN + 2, THEN + 3), "times of a file that was opened anew")
        c.write(f, b"x")
        os.chmod(f"{s.folder()}/chmod", 0o644)
        g, h = c.open("chmod"), c.open("attributes")
        c.set(h, 4, basic_data(attributes=2))
        for changed in (f, g, h):
            expect(basic(c, changed)[3] > THEN + 3, True, "the change time has moved")
            expect(basic(c, changed)[0], THEN, "the creation time has not")


def held(build, slow_stores=None):
    """Times that were set or frozen are not moved by whatever is done through that open; by another they are."""
    before = ("env", preload(build, "stall"), f"TSMB_TEST_SLOW_STORES={slow_stores}") if slow_stores else ()
    with Server(build, before=before) as s, Client(s) as c:
        f = c.open("f")
        c.write(f, b"content")
        c.set(f, 4, basic_data(0, THEN + 1, THEN + 2, THEN + 3))
        for change in (
            lambda: c.write(f, b"x"),
            lambda: c.set(f, 20, struct.pack("<Q", 3)),
            lambda: c.set(f, 19, struct.pack("<Q", 1 << 16)),
            lambda: c.set(f, 4, basic_data(attributes=2)),
            lambda: c.set(f, 10, rename_data("g")),
            lambda: c.set(f, 15, struct.pack("<IBBH", 0, 0, 1, 1) + b"A\0" + b"v"),
            lambda: c.call(raw.READ, raw.read_body(f, 1)),
        ):
            pause()
            change()
            expect(basic(c, f)[1:4], (THEN + 1, THEN + 2, THEN + 3), "held times")
        other = c.open("g")
        c.write(other, b"y")
        c.call(raw.FLUSH, raw.flush_body(other))
        expect(basic(c, f)[2] > THEN + 2, True, "another open moves them")
        c.set(f, 4, basic_data(0, FREEZE, FREEZE, FREEZE))
        frozen = basic(c, f)
        pause()
        c.write(f, b"z")
        expect(basic(c, f)[1:4], frozen[1:4], "frozen times")
        c.set(f, 4, basic_data(0, THAW, THAW, THAW))
        pause()
        c.write(f, b"z")
        c.call(raw.FLUSH, raw.flush_body(f))
        expect([a > b for a, b in zip(basic(c, f)[2:4], frozen[2:4])], [True, True], "thawed times move")


def late_write(build):
    """A write is noted by what else is written to the record, or after 2 s; the kernel knows of it at once."""
    with Server(build) as s, Client(s) as c:
        for note in ("flush", "size", "attributes", "close", "time"):
            f, reader = c.open(note), c.open(note, READ)
            before = basic(c, f)[2]
            pause()
            began = time.monotonic()
            c.write(f, b"x")
            seen = [basic(c, g)[2] for g in (f, reader)]
            if time.monotonic() - began < NOTED_SECONDS:
                expect(seen, [before] * 2, f"{note}: a write is not noted yet")
            expect(os.stat(f"{s.folder()}/{note}").st_mtime_ns // 100 + 116444736000000000 > before, True, "but has happened")
            if note == "flush":
                c.call(raw.FLUSH, raw.flush_body(f))
            elif note == "size":
                c.set(f, 20, struct.pack("<Q", 5))
            elif note == "attributes":
                c.set(f, 4, basic_data())
            elif note == "close":
                c.close(f)
            else:
                time.sleep(NOTED_SECONDS + 0.1)
            expect(basic(c, reader)[2] > before, True, f"{note}: the write is noted")


def space(build):
    """AllocationSize is what was asked for, in whole clusters, whatever the size; an empty file has none."""
    with Server(build) as s, Client(s) as c:
        standard = lambda f: struct.unpack_from("<QQ", c.get(f, 5))
        f = c.open("f")
        expect(standard(f), (0, 0), "of an empty file")
        c.set(f, 19, struct.pack("<Q", 5000))
        expect(standard(f), (8192, 0), "of an empty file with space reserved")
        c.write(f, b"x")
        expect(standard(f), (8192, 1), "of a file that has less")
        c.set(f, 20, struct.pack("<Q", 0))
        expect(standard(f), (0, 0), "of a file that is empty again")
        context = struct.pack("<IHHHHI4s4xQ", 0, 16, 4, 0, 24, 8, b"AlSi", 1 << 20)
        got = c.call(raw.CREATE, raw.create_body("g", ALL, 2, contexts=context))
        expect(struct.unpack_from("<QQ", got.body, 40), (1 << 20, 0), "of a file created with space reserved")


def compression(build):
    """Nothing is compressed: so it is told, and cannot be changed. [MS-FSA] 2.1.5.10.9, 2.1.5.10.30"""
    get, put = 0x9003C, 0x9C040
    with Server(build) as s, Client(s) as c:
        f, reader, d = c.open("f"), c.open("f", READ), c.folder("d")
        for which in (f, reader, d):
            got = c.call(raw.IOCTL, raw.ioctl_body(get, which, out_max=2))
            expect(got.body[48:50], bytes(2), "CompressionState")
        c.call(raw.IOCTL, raw.ioctl_body(get, f, out_max=1), INVALID_PARAMETER)
        for which, data, status in ((f, b"\0\0", raw.SUCCESS), (d, b"\0\0", raw.SUCCESS), (f, b"\1\0", NOT_SUPPORTED),
                                    (f, b"\2\0", NOT_SUPPORTED), (f, b"\3\0", INVALID_PARAMETER), (f, b"\0", INVALID_PARAMETER),
                                    (reader, b"\0\0", ACCESS_DENIED)):
            c.call(raw.IOCTL, raw.ioctl_body(put, which, data), status)


def tests(build):
    for f in (attributes, mapped, archive, change_time, held, late_write, space, compression):
        yield Test(f"attributes.{f.__name__.replace('_', '-')}", functools.partial(f, build))
    yield Test("attributes.held-by-slow-disk", functools.partial(held, build, 7))
