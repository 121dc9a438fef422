"""Reparse points, symbolic links and special files: FSCTL_SET_REPARSE_POINT, _GET_, _DELETE_, with the bytes that the Linux
client sends; what CREATE says where a client is to follow.  [MS-FSCC] 2.1.2; [MS-SMB2] 2.2.2.2.1, 3.3.5.9
"""
import functools
import os
import socket
import stat
import struct
import threading

from harness.testing import Failed, Test

from peer import raw
from peer.copies import output
from peer.files import expect
from peer.info import (ACCESS_DENIED, COLLISION, INVALID_PARAMETER, NAME_NOT_FOUND, NOT_EMPTY, OVERFLOW, PATH_NOT_FOUND, TOO_SMALL,
                       Client, names_of)
from peer.server import Server
from peer.smbclient import Smbclient

SET, GET, DELETE = 0x900A4, 0x900A8, 0x900AC
STOPPED, NOT_HANDLED, NOT_REPARSE = 0x8000002D, 0xC0000279, 0xC0000275
INVALID_TAG, MISMATCH, INVALID_DATA, CONFLICT = 0xC0000276, 0xC0000277, 0xC0000278, 0xC00002B2
NOT_UPGRADED = 0xC000029C
SYMLINK, NFS, LX_SYMLINK, AF_UNIX, LX_FIFO, LX_CHR, LX_BLK = (0xA000000C, 0x80000014, 0xA000001D, 0x80000023, 0x80000024,
                                                              0x80000025, 0x80000026)
THIRD = 0x42
ITSELF, FOLDER, NO_FOLDER = 0x00200000, 0x1, 0x40
OPEN, NEW, OPEN_IF, OVERWRITE = 1, 2, 3, 4
REPARSE = 0x400
# what mknod(1) and ln(1) ask for through the Linux client
LINUX_CREATE = 0x00110180
LINUX_QUERY = 0x00100088
ALL = 0x001F01FF


def buffer(tag, data=b"", guid=b""):
    return struct.pack("<IHH", tag, len(data), 0) + guid + data


def link(target, relative=True, tag=SYMLINK):
    """As the Linux client packs a symbolic link: substitute and print name are the same."""
    name = target.encode("utf-16le")
    return buffer(tag, struct.pack("<HHHHI", 0, len(name), len(name), len(name), relative) + name + name)


def nfs(kind, data=b""):
    return buffer(NFS, struct.pack("<Q", int.from_bytes(kind, "little")) + data)


SPECIAL = {
    "symlink": link("dir\\file"),
    "absolute": link("\\??\\C:\\dir", relative=False),
    "nfs-link": nfs(b"LNK\1", "dir/file".encode("utf-16le")),
    "nfs-chr": nfs(b"CHR", struct.pack("<II", 1, 3)),
    "nfs-blk": nfs(b"BLK", struct.pack("<II", 8, 1)),
    "nfs-fifo": nfs(b"FIFO"),
    "nfs-sock": nfs(b"SOCK"),
    "wsl-link": buffer(LX_SYMLINK, struct.pack("<I", 2) + b"dir/file"),
    "wsl-sock": buffer(AF_UNIX),
    "wsl-fifo": buffer(LX_FIFO),
    "wsl-chr": buffer(LX_CHR),
    "wsl-blk": buffer(LX_BLK),
    "third-party": buffer(THIRD, b"their own", bytes(range(16))),
}


def tag_of(data):
    return struct.unpack_from("<I", data)[0]


def control(c, code, f, data=b"", status=raw.SUCCESS, room=16384):
    return c.call(raw.IOCTL, raw.ioctl_body(code, f, data, room), status)


def get(c, f, **more):
    return output(control(c, GET, f, **more))


def itself(c, name, access=LINUX_QUERY, **more):
    return c.open(name, access, more.pop("disposition", OPEN), more.pop("options", 0) | ITSELF, **more)


def make(c, name, data, options=NO_FOLDER, status=raw.SUCCESS):
    """A new file or directory that is one from the start."""
    f = itself(c, name, LINUX_CREATE, disposition=NEW, options=options)
    control(c, SET, f, data, status)
    c.close(f)


def attributes(c, f):
    """FileAttributeTagInformation."""
    return struct.unpack("<II", c.get(f, 35))


def listed(c, name):
    """EaSize and attributes of the entry, as FileIdBothDirectoryInformation has them."""
    d = c.open("", 0x81, OPEN, FOLDER)
    entry = c.entries(d, 37, pattern=name)[0]
    c.close(d)
    return struct.unpack_from("<I", entry, 64)[0], struct.unpack_from("<I", entry, 56)[0]


def stopped(c, path, access=LINUX_QUERY, disposition=OPEN, options=0):
    """The symbolic link error of a CREATE: target, is it relative, bytes of the path that are left."""
    got = c.call(raw.CREATE, raw.create_body(path, access, disposition, options), STOPPED)
    count, size = got.body[2], struct.unpack_from("<I", got.body, 4)[0]
    data = got.body[8:8 + size]
    expect(count, 1 if c.raw.revision == 0x311 else 0, "ErrorContextCount")
    if count:
        expect(struct.unpack_from("<II", data), (size - 8, 0), "ErrorDataLength, ErrorId")
        data = data[8:]
    length, magic, tag, data_len, unparsed, at, n, _, _, flags = struct.unpack_from("<IIIHHHHHHI", data)
    expect((length, magic, tag, data_len), (len(data) - 4, 0x4C4D5953, SYMLINK, len(data) - 16), "the header of the error")
    return data[28 + at:28 + at + n].decode("utf-16le"), bool(flags & 1), unparsed


def kinds(build):
    """Each kind comes back byte for byte, is told by attributes and listings, and lies as an ordinary empty file on the disk."""
    with Server(build) as s, Client(s) as c:
        for name, data in SPECIAL.items():
            make(c, name, data)
            f = itself(c, name)
            expect(get(c, f), data, f"{name}: the buffer")
            given, tag = attributes(c, f)
            expect((given & REPARSE, tag), (REPARSE, tag_of(data)), f"{name}: attributes and tag")
            expect(get(c, f, room=9 + 16, status=OVERFLOW if len(data) > 25 else 0), data[:25], f"{name}: with little room")
            c.close(f)
            tag, given = listed(c, name)
            expect((given & REPARSE, tag), (REPARSE, tag_of(data)), f"{name}: in the listing")
            there = os.lstat(os.path.join(s.folder(), name))
            expect((stat.S_ISREG(there.st_mode), there.st_size), (True, 0), f"{name}: on the disk")


def as_the_linux_client(build):
    """The compound it sends: CREATE, FSCTL_SET_REPARSE_POINT, QUERY_INFO, CLOSE; then what it asks of what is there."""
    with Server(build) as s, Client(s) as c:
        c.raw.compound([(raw.CREATE, raw.create_body("link", LINUX_CREATE, NEW, NO_FOLDER | ITSELF)),
                        (raw.IOCTL, raw.ioctl_body(SET, raw.NO_ID, link("target"))),
                        (raw.QUERY_INFO, raw.query_info_body(raw.NO_ID)), (raw.CLOSE, raw.close_body(raw.NO_ID))],
                       "sign", raw.RELATED, tree=c.id)
        answers = c.raw.receive()
        while len(answers) < 4:
            answers += c.raw.receive()
        expect([a.status for a in answers], [0, 0, 0, 0], "the compound")
        expect(struct.unpack_from("<I", answers[2].body, 8 + 32)[0] & REPARSE, REPARSE, "FileAttributes")
        expect(stopped(c, "link"), ("target", True, 0), "without FILE_OPEN_REPARSE_POINT")
        got = c.call(raw.CREATE, raw.create_body("link", LINUX_QUERY, OPEN, ITSELF))
        expect(got.body[3], 1, "SMB2_CREATE_FLAG_REPARSEPOINT")
        expect(get(c, raw.file_id_of(got)), link("target"), "the buffer")
        f = c.open("plain")
        c.call(raw.IOCTL, raw.ioctl_body(GET, f), NOT_REPARSE)
        c.call(raw.CREATE, raw.create_body("link", 0x00010080, OPEN, ITSELF | 0x1000))
        c.raw.socket.close()
    with Server(build) as s, Client(s, "2.1") as c:
        make(c, "link", link("target"))
        expect(stopped(c, "link"), ("target", True, 0), "in the words of 2.1")
        got = c.call(raw.CREATE, raw.create_body("link", LINUX_QUERY, OPEN, ITSELF))
        expect(got.body[3], 0, "Flags, which 2.1 does not have")


def wsl_attributes(build):
    """Owner, mode and device numbers of WSL come as extended attributes with the CREATE, and stay visible; ours does not."""
    with Server(build) as s, Client(s) as c:
        f = itself(c, "dev", ALL, disposition=NEW)
        ea = struct.pack("<IBBH", 0, 0, 6, 8) + b"$LXDEV\0" + struct.pack("<II", 1, 3)
        c.set(f, 15, ea)
        control(c, SET, f, buffer(LX_CHR))
        expect(c.get(f, 15), ea, "what is shown of the extended attributes")


def on_the_way(build):
    """Paths through a link, kept or of the file system: how much is left, whatever follows; what is followed here."""
    with Server(build) as s, Client(s) as c:
        c.close(c.folder("d"), c.folder("real"))
        make(c, "d\\link", link("..\\real"))
        make(c, "d\\folder", link("..\\real"), FOLDER)
        s.put("outside", b"secret")
        os.rename(os.path.join(s.folder(), "outside"), f"{s.top}/outside")
        os.symlink("../../outside", f"{s.folder()}/d/out")
        os.symlink("nowhere", f"{s.folder()}/gone")
        os.symlink("real", f"{s.folder()}/in")
        os.symlink("/etc", f"{s.folder()}/etc")
        for path, target, left in (("d\\link", "..\\real", 0), ("d\\link\\a", "..\\real", 4), ("d\\link\\a\\bc", "..\\real", 10),
                                   ("D\\LINK\\a", "..\\real", 4), ("d\\folder", "..\\real", 0), ("d\\folder\\a", "..\\real", 4),
                                   ("d\\folder\\", "..\\real", 2), ("d\\folder\\a\\b", "..\\real", 8), ("d\\link:s", "..\\real", 4),
                                   ("d\\link:s:$DATA", "..\\real", 16), ("d\\out", "..\\..\\outside", 0),
                                   ("d\\out\\x", "..\\..\\outside", 4), ("gone", "nowhere", 0), ("gone\\x\\y", "nowhere", 8)):
            expect(stopped(c, path), (target, True, left), path)
            if not path.endswith("\\"):
                expect(stopped(c, path, ALL, OPEN_IF, 0), (target, True, left), f"{path}, to be made")
        c.open("d\\link", disposition=NEW, status=COLLISION)
        c.open("d\\link\\x", disposition=NEW, options=0, status=STOPPED)
        for path in ("etc", "etc\\passwd"):
            got = c.raw.call(raw.CREATE, raw.create_body(path, LINUX_QUERY, OPEN), "sign", tree=c.id)
            if got.status in (raw.SUCCESS, STOPPED) or b"e\0t\0c" in got.body:
                raise Failed(f"{path}: {got.status:#x}")
        c.close(c.open("in\\made", disposition=NEW))
        expect(os.path.exists(f"{s.folder()}/real/made"), True, "made through a link inside the share")
        make(c, "d\\fifo", buffer(LX_FIFO))
        c.open("d\\fifo", LINUX_QUERY, OPEN, status=NOT_HANDLED)
        c.open("d\\fifo\\x", LINUX_QUERY, OPEN, status=NOT_HANDLED)
        c.open("d\\none\\x", LINUX_QUERY, OPEN, status=PATH_NOT_FOUND)


def of_this_machine(build):
    """Links, pipes and sockets that others made: opened as themselves, read as buffers, changed by nobody, deleted and renamed."""
    with Server(build) as s, Client(s) as c:
        s.put("file", b"x")
        os.symlink("file", f"{s.folder()}/link")
        os.symlink("/etc/passwd", f"{s.folder()}/absolute")
        os.mkfifo(f"{s.folder()}/fifo")
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(f"{s.folder()}/sock")
        for name, data in (("link", link("file")), ("absolute", link("\\etc\\passwd", False)), ("fifo", nfs(b"FIFO")),
                           ("sock", nfs(b"SOCK"))):
            for options in (0, FOLDER if "fifo" not in name and "sock" not in name else 0, NO_FOLDER):
                f = itself(c, name, 0x02000000, options=options)
                expect(get(c, f), data, name)
                expect(attributes(c, f)[1], tag_of(data), f"the tag of {name}")
                control(c, SET, f, data, ACCESS_DENIED)
                control(c, DELETE, f, buffer(tag_of(data)), ACCESS_DENIED)
                c.close(f)
            itself(c, name, 0x00120089, status=ACCESS_DENIED)
            itself(c, name, disposition=OVERWRITE, access=ALL, status=ACCESS_DENIED)
        for name in ("fifo", "sock"):
            c.open(name, LINUX_QUERY, OPEN, status=NOT_HANDLED)
            expect(listed(c, name)[0], NFS, f"{name} in the listing")
        expect(listed(c, "link")[1] & REPARSE, 0, "a link that is followed, in the listing")
        expect(listed(c, "absolute")[0], SYMLINK, "one that is not")
        f = itself(c, "link", 0x00010080)
        target = "renamed".encode("utf-16le")
        c.set(f, 10, struct.pack("<B7xQI", 0, 0, len(target)) + target)
        c.close(f)
        expect(os.readlink(f"{s.folder()}/renamed"), "file", "the link by its new name")
        for name in ("renamed", "absolute", "fifo", "sock"):
            c.close(itself(c, name, 0x00010080, options=0x1000))
        expect(sorted(os.listdir(s.folder())), ["file"], "what is left")


def refusals(build):
    """Lengths, tags, GUIDs, directories and files with something in them, rights, the root of a share."""
    with Server(build) as s, Client(s) as c:
        f = c.open("f")
        for data, status in ((b"", INVALID_DATA), (link("a")[:7], INVALID_DATA), (link("a")[:-1], INVALID_DATA),
                             (link("a") + b"\0", INVALID_DATA), (buffer(0, b"", bytes(16)), INVALID_TAG),
                             (buffer(0xA0000003, bytes(8)), INVALID_TAG), (buffer(0x9000001A, bytes(8)), INVALID_TAG),
                             (buffer(THIRD, b"x"), INVALID_DATA), (buffer(SYMLINK, bytes(12)), INVALID_DATA),
                             (nfs(b"DOOR"), INVALID_DATA), (nfs(b"CHR", bytes(4)), INVALID_DATA),
                             (buffer(THIRD, bytes(16384 - 23), bytes(16)), INVALID_DATA)):
            control(c, SET, f, data, status)
        control(c, GET, f, status=NOT_REPARSE)
        control(c, DELETE, f, buffer(SYMLINK), NOT_REPARSE)
        c.write(f, b"contents")
        control(c, SET, f, link("a"), INVALID_DATA)
        mine, other = bytes(range(16)), bytes(16)
        control(c, SET, f, buffer(THIRD, b"one", mine))
        control(c, SET, f, buffer(THIRD, b"two", mine))
        for code in (SET, DELETE):
            control(c, code, f, buffer(THIRD, b"", other), CONFLICT)
            control(c, code, f, buffer(THIRD + 1, b"", mine), MISMATCH)
            control(c, code, f, buffer(AF_UNIX), MISMATCH)
        control(c, DELETE, f, buffer(THIRD, b"two", mine), INVALID_DATA)
        control(c, DELETE, f, buffer(THIRD, b"two"), INVALID_DATA)
        control(c, DELETE, f, buffer(0), INVALID_DATA)
        control(c, GET, f, room=7, status=TOO_SMALL)
        control(c, GET, f, room=23, status=TOO_SMALL)
        expect(get(c, f), buffer(THIRD, b"two", mine), "what is left after all that")
        control(c, DELETE, f, buffer(THIRD, b"", mine))
        control(c, GET, f, status=NOT_REPARSE)
        expect(attributes(c, f)[0] & REPARSE, 0, "FileAttributes")
        c.close(f)
        expect(os.listxattr(f"{s.folder()}/f"), ["user.DOSATTRIB"], "what is kept of it")
        d = c.folder("d")
        c.close(c.open("d\\x"))
        control(c, SET, d, link("a"), NOT_EMPTY)
        for access, status in ((0x00120089, ACCESS_DENIED), (0x80, ACCESS_DENIED), (0x100, 0), (0x2, 0)):
            f = c.open("g", access)
            control(c, SET, f, buffer(AF_UNIX), status)
            control(c, DELETE, f, buffer(AF_UNIX), status)
            c.close(f)
        control(c, SET, c.folder("", 0x180), link("a"), ACCESS_DENIED)
        control(c, SET, c.open("g:stream"), link("a"), INVALID_PARAMETER)
        c.open("none", LINUX_QUERY, OPEN, ITSELF, status=NAME_NOT_FOUND)
    with Server(build, shares={"share": {"permissions": "everyone:read"}}) as s, Client(s) as c:
        os.symlink("a", f"{s.folder()}/link")
        control(c, SET, itself(c, "link"), link("a"), ACCESS_DENIED)


def no_place(build):
    """Where attributes are not stored there is no place for them: refused, and nothing is left behind."""
    for how in ("posix-exec:archive", "filename:hidden"):
        with Server(build, shares={"share": {"map_attributes": how}}) as s, Client(s) as c:
            make(c, "f", link("a"), status=NOT_UPGRADED)
            f = itself(c, "f")
            control(c, GET, f, status=NOT_REPARSE)
            expect((attributes(c, f)[0] & REPARSE, os.listxattr(os.path.join(s.folder(), "f"))), (0, []), how)


def life(build):
    """A kept one is renamed, deleted and made anew like any file; with a directory the children are out of reach meanwhile."""
    with Server(build) as s, Client(s) as c:
        make(c, "link", link("a"))
        f = itself(c, "link", 0x00010080)
        target = "other".encode("utf-16le")
        c.set(f, 10, struct.pack("<B7xQI", 0, 0, len(target)) + target)
        c.close(f)
        expect(stopped(c, "other"), ("a", True, 0), "after a rename")
        c.close(itself(c, "other", 0x00010080, options=0x1000))
        c.open("other", LINUX_QUERY, OPEN, status=NAME_NOT_FOUND)
        make(c, "folder", link("a"), FOLDER)
        d = itself(c, "folder", ALL, options=FOLDER)
        expect(sorted(names_of(c.entries(d))), [".", ".."], "in a directory that is a link")
        control(c, DELETE, d, buffer(SYMLINK))
        c.close(c.open("folder\\x"))


def minshall_french(build):
    """The files that stand for links with mfsymlinks are files like others, to the byte."""
    target = b"some/where"
    data = b"XSym\n%04d\n" % len(target) + b"0123456789abcdef0123456789abcdef\n" + target + b"\n"
    data += b" " * (1067 - len(data))
    with Server(build) as s, Client(s) as c:
        f = c.open("link")
        c.write(f, data)
        got = c.call(raw.READ, raw.read_body(f, 2000)).body
        expect(got[16:16 + 1067], data, "read back")
        expect(attributes(c, f), (0x20, 0), "attributes")
        with open(f"{s.folder()}/link", "rb") as there:
            expect(there.read(), data, "on the disk")


def swapped(build):
    """Somebody exchanges a component for a link out of the share, as fast as he can: nothing outside is ever reached."""
    with Server(build) as s, Client(s) as c:
        os.mkdir(f"{s.top}/out")
        with open(f"{s.top}/out/f", "wb") as f:
            f.write(b"outside, and longer")
        inside, aside = f"{s.folder()}/d", f"{s.folder()}/aside"
        c.close(c.folder("d"))
        s.put("d/f", b"in")
        os.symlink("../out", aside)
        over = threading.Event()

        def swap():
            while not over.is_set():
                os.rename(inside, inside + "2")
                os.rename(aside, inside)
                os.rename(inside, aside)
                os.rename(inside + "2", inside)

        swapper = threading.Thread(target=swap)
        swapper.start()
        seen = set()
        try:
            for n in range(3000):
                options = ITSELF if n % 2 else 0
                path = "d\\f" if n % 3 else "d"
                got = c.raw.call(raw.CREATE, raw.create_body(path, 0x00120089, OPEN, options), "sign", tree=c.id)
                seen.add(got.status)
                if got.status != raw.SUCCESS:
                    continue
                f = raw.file_id_of(got)
                if path == "d\\f":
                    expect(struct.unpack_from("<Q", c.get(f, 5), 8)[0], 2, "the size of what was opened")
                c.close(f)
        finally:
            over.set()
            swapper.join()
        expect(raw.SUCCESS in seen and STOPPED in seen, True, f"both were met: {sorted(map(hex, seen))}")


def smbclient(build):
    """smbclient goes through a link inside the share, knows one that it would have to follow, and what cannot be opened."""
    with Server(build) as s:
        with Client(s) as c:
            c.close(c.folder("real"))
            make(c, "kept", link("real\\file"))
            make(c, "fifo", nfs(b"FIFO"))
        s.put("real/file", b"content")
        os.symlink("real", f"{s.folder()}/link")
        os.symlink("../out", f"{s.folder()}/out")
        client = Smbclient(s)
        expect({name: size for name, (_, size) in client.listing("cd link").items()}, {"file": 7}, "through the link")
        for name, target in (("kept", "real\\file"), ("out", "..\\out")):
            got = client(f"allinfo {name}")
            if f"symlink: subst=[{target}], print=[{target}], flags=1" not in got:
                raise Failed(got)
            expect(client.refused(f"get {name} -"), "NT_STATUS_STOPPED_ON_SYMLINK", name)
        expect(client.refused("get fifo -"), "NT_STATUS_IO_REPARSE_TAG_NOT_HANDLED", "fifo")


def tests(build):
    for f in (kinds, as_the_linux_client, wsl_attributes, on_the_way, of_this_machine, refusals, no_place, life, minshall_french, swapped,
              smbclient):
        yield Test("reparse." + f.__name__.replace("_", "-"), functools.partial(f, build))
