"""Named streams over the wire, and where they lie on disk.  [MS-FSA] 2.1.5.1, 2.1.5.12.29, 2.1.5.15.12.1"""
import os
import struct

from harness.testing import Test

from peer import raw
from peer.files import check_file, expect, pattern, write
from peer.info import (ACCESS_DENIED, ALL, ATTRIBUTES, CANNOT_DELETE, COLLISION, Client, CREATE_NEW, DELETE, DELETE_PENDING, DIRECTORY,
                       FILE, INVALID_PARAMETER, IS_DIRECTORY, NAME_INVALID, NAME_NOT_FOUND, OPEN, OPEN_IF, READ, SHARING_VIOLATION,
                       basic_data, on_disk, rename_data)
from peer.lifecycle import two_accounts
from peer.server import Server, scratch
from peer.smbclient import Smbclient

SUPERSEDE, OVERWRITE, OVERWRITE_IF = 0, 4, 5
NOT_A_DIRECTORY = 0xC0000103
DELETE_ON_CLOSE = 0x1000
NAMED_STREAMS = 0x40000
BATCH, OPLOCK_BREAK = 9, 18
INLINE = 1024


def streams_of(c, f, room=65536):
    """FileStreamInformation: {name: size}."""
    data, found = c.get(f, 22, room), {}
    while data:
        step, length, size, allocated = struct.unpack_from("<IIQQ", data)
        expect(step % 8 == 0 and allocated >= min(size, 1), True, "a stream's entry")
        found[data[24:24 + length].decode("utf-16le")] = size
        data = data[step:] if step else b""
    return found


def read(c, f, length=65536):
    got = c.call(raw.READ, raw.read_body(f, length))
    at, count = got.body[2], struct.unpack_from("<I", got.body, 4)[0]
    return got.body[at - 64:at - 64 + count]


def content_files(s):
    folder = f"{s.folder()}/.tsmb/streams"
    return len(os.listdir(folder)) if os.path.isdir(folder) else 0


# name, disposition, options, what is answered
NAMES = (
    ("file:s", OPEN, 0, NAME_NOT_FOUND),
    ("file:s", OVERWRITE, 0, NAME_NOT_FOUND),
    ("file:s", CREATE_NEW, 0, raw.SUCCESS),
    ("file:S", CREATE_NEW, 0, COLLISION),
    ("FILE:S:$data", OPEN, 0, raw.SUCCESS),
    ("file:s", OPEN, DIRECTORY, NOT_A_DIRECTORY),
    ("file:s:$DATA", OVERWRITE_IF, FILE, raw.SUCCESS),
    ("file:t", SUPERSEDE, 0, raw.SUCCESS),
    ("file::$DATA", OPEN, 0, raw.SUCCESS),
    ("file:", OPEN, 0, NAME_INVALID),
    ("file:s:", OPEN, 0, NAME_INVALID),
    ("file:s:$WHAT", OPEN, 0, NAME_INVALID),
    ("file:s:$DATA:x", OPEN, 0, NAME_INVALID),
    ("file:a/b", OPEN_IF, 0, NAME_INVALID),
    ("file:" + "n" * 256, OPEN_IF, 0, NAME_INVALID),
    ("file:" + "n" * 255, OPEN_IF, 0, raw.SUCCESS),
    ("file:<*?>|\"", OPEN_IF, 0, raw.SUCCESS),
    ("dir:s", OPEN_IF, 0, raw.SUCCESS),
    ("dir:s", OPEN, FILE, raw.SUCCESS),
    ("dir::$DATA", OPEN, 0, IS_DIRECTORY),
    ("none:s", OPEN, 0, NAME_NOT_FOUND),
    ("none\\none:s", OPEN_IF, 0, 0xC000003A),
    ("made:s", CREATE_NEW, 0, raw.SUCCESS),
    (".tsmb:s", OPEN_IF, 0, ACCESS_DENIED),
    (".tsmb\\streams:s", OPEN_IF, 0, ACCESS_DENIED),
)


def names(build):
    """What CREATE makes of a name with a stream, and of each disposition."""
    with Server(build) as s, Client(s) as c:
        s.put("file", b"content")
        c.close(c.folder("dir"))
        for name, disposition, options, want in NAMES:
            got = c.raw.call(raw.CREATE, raw.create_body(name, ALL, disposition, options), "sign", tree=c.id)
            expect(hex(got.status), hex(want), f"{name} {disposition} {options:#x}")
            if got.status == raw.SUCCESS:
                c.close(raw.file_id_of(got))
        c.close(c.open(":s", READ | 2))  # of the root, which nobody may delete
        on_disk(s, "dir", "file", "made")
        check_file(f"{s.folder()}/file", b"content")


def switched_off(build):
    """named_streams = false: no name with a stream, none listed, none promised."""
    with Server(build, shares={"share": {"named_streams": "false"}}) as s, Client(s) as c:
        for name in ("file:s", "file:s:$DATA", ":s"):
            c.open(name, status=NAME_INVALID)
        f = c.open("file::$DATA")
        expect(streams_of(c, f), {"::$DATA": 0}, "streams")
        expect(struct.unpack_from("<I", c.get(f, 5, kind=2))[0] & NAMED_STREAMS, 0, "FILE_NAMED_STREAMS")


def content(build):
    """Every size around the border, apart from the file's own content, and over a restart of all handles."""
    with Server(build) as s, Client(s) as c:
        base = c.open("file")
        c.write(base, b"the file itself")
        expect(struct.unpack_from("<I", c.get(base, 5, kind=2))[0] & NAMED_STREAMS, NAMED_STREAMS, "FILE_NAMED_STREAMS")
        want = {"::$DATA": 15}
        for size in (0, 1, INLINE - 1, INLINE, INLINE + 1, 60000):
            f = c.open(f"file:of {size}")
            if size:
                c.write(f, pattern(size, size))
            want[f":of {size}:$DATA"] = size
            expect(struct.unpack_from("<QQ", c.get(f, 5))[1], size, "EndOfFile")
            c.close(f)
        expect(streams_of(c, base), want, "streams")
        expect(content_files(s), 2, "content files")
        for size in (1, INLINE, INLINE + 1, 60000):
            f = c.open(f"FILE:OF {size}", READ, OPEN)
            expect(read(c, f), pattern(size, size), f"content of {size}")
            expect(streams_of(c, f), want, "streams, through a stream")
            c.close(f)
        check_file(f"{s.folder()}/file", b"the file itself")
        f = c.open("file:of 60000")
        c.set(f, 20, struct.pack("<Q", 10))
        expect(read(c, f), pattern(60000, 60000)[:10], "cut")
        c.close(f, base)


def overwriting(build):
    """A stream is overwritten alone; a file with all its streams."""
    with Server(build) as s, Client(s) as c:
        for name in ("file", "file:small", "file:large"):
            f = c.open(name)
            c.write(f, pattern(5000 if "large" in name else 50, name))
            c.close(f)
        c.close(c.open("file:small", disposition=OVERWRITE))
        f = c.open("file", READ)
        expect(streams_of(c, f), {"::$DATA": 50, ":small:$DATA": 0, ":large:$DATA": 5000}, "one overwritten")
        c.close(f)
        for disposition in (OVERWRITE, SUPERSEDE):
            f = c.open("file:large")
            c.write(f, pattern(5000, 1))
            c.close(f)
            expect(content_files(s), 1, "content files")
            f = c.open("file", disposition=disposition)
            expect(streams_of(c, f), {"::$DATA": 0}, "all overwritten")
            expect(content_files(s), 0, "content files")
            c.close(f)


def deleting(build):
    """A stream goes alone; a file takes its streams along."""
    with Server(build) as s, Client(s) as c:
        for name in ("file:one", "file:two", "file:three"):
            f = c.open(name)
            c.write(f, pattern(3000, name))
            c.close(f)
        c.close(c.open("file:one", options=FILE | DELETE_ON_CLOSE))
        f, other = c.open("file:two"), c.open("file:two")
        c.set(f, 13, b"\1")
        c.open("file:two", status=DELETE_PENDING)
        expect(c.get(f, 5)[20], 1, "DeletePending")
        c.close(f)
        c.open("file:two", status=DELETE_PENDING)
        c.close(other)
        f = c.open("file", READ)
        expect(streams_of(c, f), {"::$DATA": 0, ":three:$DATA": 3000}, "left")
        expect(content_files(s), 1, "content files")
        c.set(c.open("file:three"), 4, basic_data(attributes=1))
        f = c.open("file:three", DELETE | ATTRIBUTES)
        c.set(f, 13, b"\1", status=CANNOT_DELETE)
        c.set(c.open("file", ATTRIBUTES | 0x100), 4, basic_data(attributes=0x80))
    with Server(build) as s, Client(s) as c:
        f = c.open("file:large")
        c.write(f, pattern(3000, 1))
        c.close(f, c.open("file", options=FILE | DELETE_ON_CLOSE))
        on_disk(s, ".tsmb")
        expect(content_files(s), 0, "content files")


def renaming(build):
    """To what, over what, and what is no name for a stream."""
    with Server(build) as s, Client(s) as c:
        f, other = c.open("file:a"), c.open("file:b")
        c.write(f, b"content of a")
        c.set(f, 10, rename_data(":c:$DATA"))
        c.set(f, 10, rename_data(":B"), status=COLLISION)
        c.set(f, 10, rename_data(":b", replace=True), status=INVALID_PARAMETER)  # it is open
        c.write(other, b"x")
        c.close(other)
        c.set(f, 10, rename_data(":b", replace=True), status=INVALID_PARAMETER)  # it holds something
        c.close(c.open("file:b", disposition=OVERWRITE))
        c.set(f, 10, rename_data(":b", replace=True))
        c.set(f, 10, rename_data(":B"))
        expect(streams_of(c, f), {"::$DATA": 0, ":B:$DATA": 12}, "streams")
        second = c.open("file:b", sharing=7)
        expect(read(c, second), b"content of a", "the same stream by its new name")
        c.close(second)
        for name, status in (("::$DATA", COLLISION), (":x:$INDEX_ALLOCATION", INVALID_PARAMETER), ("other", INVALID_PARAMETER),
                             ("file:x", SHARING_VIOLATION), (":x\\y", NAME_INVALID)):
            c.set(f, 10, rename_data(name), status=status)
        c.set(f, 11, rename_data("link"), status=INVALID_PARAMETER)
        c.close(f)
        base = c.open("file")
        c.set(base, 10, rename_data(":x"), status=INVALID_PARAMETER)
        f = c.open("file:b")
        c.set(base, 10, rename_data("moved"))
        expect(c.get(f, 48)[4:].decode("utf-16le"), "moved:B", "name of a stream whose file was renamed")
        c.close(f, base)
        on_disk(s, "moved")


def attributes(build):
    """Times, attributes and rights are the file's."""
    with Server(build) as s, Client(s) as c:
        base, f = c.open("file"), c.open("file:s")
        c.set(f, 4, basic_data(write=0x01D0000000000000, attributes=2))
        expect(c.get(base, 4), c.get(f, 4), "basic information")
        expect(c.get(base, 6), c.get(f, 6), "file number")
        expect(c.get(base, 0, kind=3, additional=7), c.get(f, 0, kind=3, additional=7), "descriptor")
        c.close(base, f)
        d = c.folder("dir")
        f = c.open("dir:s")
        expect(struct.unpack_from("<I", c.get(f, 4), 32)[0] & 0x10, 0, "a directory's stream is no directory")
        expect(streams_of(c, d), {":s:$DATA": 0}, "streams of a directory")
        expect(c.get(f, 5)[21], 0, "Directory")
        c.close(d, f)


def sharing(build):
    """Each stream has its own share modes and locks."""
    with Server(build) as s, Client(s) as c, Client(s) as d:
        mine = c.open("file:s", sharing=0)
        d.open("file:S", status=SHARING_VIOLATION)
        d.close(d.open("file", READ), d.open("file:t", sharing=0))
        d.open("file", status=SHARING_VIOLATION)  # it would delete the stream, too
        d.open("file:s", READ, status=SHARING_VIOLATION)
        c.close(mine)
        d.close(d.open("file:s"))


def cached(build):
    """A CREATE that waits for a stream's oplock opens that stream in the end, and no oplock on it bothers the file."""
    with Server(build) as s, Client(s) as c, Client(s) as d:
        body = bytearray(raw.create_body("file:s", ALL, OPEN_IF, FILE))
        body[3] = BATCH
        got = c.call(raw.CREATE, bytes(body))
        expect(got.body[2], BATCH, "OplockLevel")
        mine = raw.file_id_of(got)
        c.write(mine, b"content of the stream")
        d.close(d.open("file", READ), d.open("file:t"))
        for name in ("file:s", "FILE:S:$DATA"):
            d.raw.send(raw.CREATE, raw.create_body(name, ALL, OPEN, FILE), "sign", tree=d.id)
            if name == "file:s":
                expect(c.raw.receive()[0].command, OPLOCK_BREAK, "a break")
                c.close(mine)
            got = d.raw.answer()
            expect(hex(got.status), hex(raw.SUCCESS), "the waiting CREATE")
            f = raw.file_id_of(got)
            expect(read(d, f), b"content of the stream", "what it opened")
            expect(struct.unpack_from("<Q", got.body, 48)[0], 21, "EndOfFile")
            d.close(f)


def folder(build):
    """Nobody sees or opens what the server keeps beside the files."""
    with Server(build) as s, scratch() as tmp, Client(s) as c:
        f = c.open("file:s")
        c.write(f, pattern(5000, 1))
        c.close(f)
        expect(os.stat(f"{s.folder()}/.tsmb").st_mode & 0o777, 0o700, "mode of the folder")
        expect(sorted(Smbclient(s, "SMB3_11").listing()), ["file"], "listing")
        for name in (".tsmb", ".TSMB", ".tsmb\\streams", ".tsmb\\streams\\x"):
            c.open(name, READ, OPEN, options=0, status=ACCESS_DENIED)
        c.open(".tsmb", disposition=CREATE_NEW, status=ACCESS_DENIED)
        f = c.open("file")
        c.set(f, 10, rename_data(".tsmb", replace=True), status=ACCESS_DENIED)
        c.close(f)
        write(f"{tmp}/f", pattern(200000, 2))
        client = Smbclient(s, "SMB3_11")
        client(f"put {tmp}/f file:big", f"get FILE:BIG:$DATA {tmp}/back")
        check_file(f"{tmp}/back", pattern(200000, 2))


def rights(build):
    """As root: whoever may read or write a file may so its streams, and nobody else; large ones are the file's owner's."""
    one, two = two_accounts()
    with Server(build, users={"alice": "Pass-1", "bob": "Pass-2"}, unix={"alice": one.pw_name, "bob": two.pw_name}, as_root=True) as s:
        os.chmod(s.folder(), 0o1777)
        with Client(s) as alice, Client(s, user="bob") as bob:
            for size in (10, 5000):
                f = alice.open(f"file:{size}")
                alice.write(f, pattern(size, size))
                alice.close(f)
            content = f"{s.folder()}/.tsmb/streams/{os.listdir(s.folder() + '/.tsmb/streams')[0]}"
            expect(os.stat(content).st_uid, one.pw_uid, "owner of the content")
            expect(os.stat(f"{s.folder()}/.tsmb").st_uid, 0, "owner of the folder")
            for size in (10, 5000):  # mode 0644
                f = bob.open(f"file:{size}", READ, OPEN)
                expect(read(bob, f), pattern(size, size), "another's stream")
                bob.close(f)
                bob.open(f"file:{size}", ALL, OPEN, status=ACCESS_DENIED)
            bob.open("file:new", READ, OPEN_IF, status=ACCESS_DENIED)
            os.chmod(f"{s.folder()}/file", 0o600)
            for size in (10, 5000):
                bob.open(f"file:{size}", READ, OPEN, status=ACCESS_DENIED)
            os.chmod(f"{s.folder()}/file", 0o666)
            for size in (10, 5000):
                f = bob.open(f"file:{size}", READ | 2, OPEN)
                bob.write(f, pattern(6000, 1))
                bob.close(f)
            expect({os.stat(e.path).st_uid for e in os.scandir(os.path.dirname(content))}, {one.pw_uid}, "owners")


def tests(build):
    for test in (names, switched_off, content, overwriting, deleting, renaming, attributes, sharing, cached, folder, rights):
        yield Test("streams." + test.__name__.replace("_", "-"), lambda test=test: test(build))
