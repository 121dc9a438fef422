"""Short names, and names that clients cannot spell.  [MS-FSCC] 2.1.5.2.1; [MS-FSA] 2.1.5.1.1, 2.1.5.6.3, 2.1.5.12.4"""
import os
import re
import struct

from harness.testing import Test

from peer import raw
from peer.files import expect
from peer.info import (
    ALL, CREATE_NEW, DELETE, DIRECTORY, NAME_AT, NAME_INVALID, NAME_NOT_FOUND, NOT_EMPTY, OPEN, OPEN_IF, READ, REOPEN, Client, names_of, on_disk,
    rename_data)
from peer.raw import SUCCESS
from peer.server import Server, scratch
from peer.smbclient import Smbclient

SHORT_AT = {3: 68, 37: 68, 79: 80, 81: 96}
ALTERNATE, RENAME, DELETE_ON_CLOSE = 21, 10, 0x1000
MADE = re.compile(r"[^~.]?~[0-9A-Z]{6}(\.[^~.]{1,3})?")
# as on disk; a client sees neither of them
UNSPELLABLE = (b"with:colon.txt", b"bad\xff\xfe", b"back\\slash", b"line\nfeed", b"star*", b"lone \xed\xa0\x80", b"\x01")


def short_names(c, info=37, folder=""):
    """{name: ShortName} of a listing."""
    d = c.folder(folder, READ, disposition=OPEN)
    entries = c.all_entries(d, info, 65536)
    c.close(d)
    at = SHORT_AT[info]
    shorts = [e[at + 2:at + 2 + e[at]].decode("utf-16le") for e in entries]
    return dict(zip(names_of(entries, info), shorts))


def alternate(c, name):
    f = c.open(name, READ, OPEN)
    data = c.get(f, ALTERNATE)
    c.close(f)
    return data[4:4 + struct.unpack_from("<I", data)[0]].decode("utf-16le")


def short(build):
    """The same in each class and by handle, for ever; it opens what it stands for; what fits has no other."""
    names = ["A long name.html", "another long name.html", "Grüße.txt", "dots.in.it", " x", "+.txt"]
    with Server(build) as s, Client(s) as c:
        for name in names:
            s.put(name, name.encode())
        s.put("FITS.TXT", b"")
        found = short_names(c)
        expect((found["FITS.TXT"], found["."], found[".."]), ("", "", ""), "those that need none")
        made = {name: found[name] for name in names}
        expect([n for n, m in made.items() if not MADE.fullmatch(m)], [], f"names not made up as they should be, of {made}")
        expect(len(set(made.values())), len(names), "short names")
        for info in SHORT_AT:
            expect(short_names(c, info), found, f"class {info}")
        for name, its in made.items():
            expect(alternate(c, name), its, f"of {name}")
            f = c.open(its.lower(), READ, OPEN)
            got = c.raw.expect(raw.READ, raw.read_body(f, 64, 0), "sign", tree=c.id).body
            expect(got[16:], name.encode(), f"content of {its}")
            c.close(f)
            d = c.folder("", READ, disposition=OPEN)
            expect(names_of(c.entries(d, 37, REOPEN, its)), [name], f"search for {its}")
            c.close(d)
        expect(alternate(c, "FITS.TXT"), "FITS.TXT", "its own")
        c.open("Q~123456", READ, OPEN, status=NAME_NOT_FOUND)
        s.stop()
        s._start()
        with Client(s) as again:
            expect(short_names(again), found, "after a restart")


def tunnel(build):
    """A program that knows short names only, and saves by removing and making anew."""
    with Server(build) as s, Client(s) as c:
        s.put("A long name.html", b"old")
        its = alternate(c, "A long name.html")
        c.close(c.open(its, DELETE, OPEN, options=DELETE_ON_CLOSE))
        on_disk(s)
        c.open(its, READ, OPEN, status=NAME_NOT_FOUND)  # opening alone makes nothing
        c.close(c.open(its, ALL, CREATE_NEW))
        on_disk(s, "A long name.html")
        f = c.open("A long name.html", ALL, OPEN)
        c.set(f, RENAME, rename_data("elsewhere it is long"))
        c.close(f)
        c.close(c.folder(its, ALL, disposition=CREATE_NEW))  # files only
        on_disk(s, its, "elsewhere it is long")
        c.close(c.open("sub", ALL, OPEN_IF, DIRECTORY))
        c.close(c.open("sub\\" + its, ALL, CREATE_NEW))  # and in their own folder
        expect(os.listdir(s.folder() + "/sub"), [its], "in another folder")


def unspellable(build):
    """What no client can spell is shown, opened, renamed and removed by its short name; what it says of itself is that name."""
    with Server(build) as s, Client(s) as c, scratch() as tmp:
        top = os.fsencode(s.folder())
        for name in UNSPELLABLE:
            with open(top + b"/" + name, "wb") as f:
                f.write(name)
            os.chown(top + b"/" + name, s.owner(), -1)
        os.mkdir(top + b"/dir:")
        os.chown(top + b"/dir:", s.owner(), -1)
        s.put("dir:/inside", b"")
        s.put(":tsmb:0123456789abcdef", b"")
        os.mkdir(s.folder() + "/.tsmb")
        found = short_names(c)
        expect(len(found), 2 + len(UNSPELLABLE) + 1, f"entries of {sorted(found)}")
        expect(set(found.values()), {""}, "they are short names themselves")
        shown = sorted(set(found) - {".", ".."})
        expect([n for n in shown if not MADE.fullmatch(n)], [], "names that are not made up")
        for info in NAME_AT:
            d = c.folder("", READ, disposition=OPEN)
            expect(sorted(names_of(c.all_entries(d, info, 65536), info))[2:], shown, f"class {info}")
            c.close(d)
        client = Smbclient(s)
        contents = {}
        for name in shown:
            f = c.open(name, READ, OPEN, options=0)
            told = c.get(f, 48)  # FileNormalizedNameInformation
            expect(told[4:].decode("utf-16le"), name, "the name by handle")
            c.close(f)
            if name.startswith("D~"):
                continue
            client(f"get {name} {tmp}/{name}")
            with open(f"{tmp}/{name}", "rb") as f:
                contents[name] = f.read()
        expect(sorted(contents.values()), sorted(UNSPELLABLE), "contents")
        folder = next(n for n in shown if n not in contents)
        expect(sorted(short_names(c, folder=folder)), [".", "..", "inside"], "in the folder")
        d = c.folder(folder, ALL, disposition=OPEN)
        c.set(d, 13, b"\1", NOT_EMPTY)
        c.set(d, RENAME, rename_data("folder"))
        c.close(d, c.open("folder\\inside", DELETE, OPEN, options=DELETE_ON_CLOSE))
        for n, name in enumerate(sorted(contents)):
            if n % 2:
                client(f"rename {name} new-{n}")
                with open(f"{s.folder()}/new-{n}", "rb") as f:
                    expect(f.read(), contents[name], "what was renamed")
            else:
                client(f"del {name}")
        expect([n for n in os.listdir(top) if n in UNSPELLABLE], [], "left of them on disk")


def watched(build):
    """Who watches a folder hears of them by the names he sees."""
    with Server(build) as s, Client(s) as c:
        d = c.folder("", READ, disposition=OPEN)
        c.raw.send(raw.CHANGE_NOTIFY, raw.notify_body(d), "sign", tree=c.id)
        expect(c.raw.receive()[0].status, raw.PENDING, "CHANGE_NOTIFY waits")
        s.put("local:file", b"")
        got = c.raw.answer()
        expect(got.status, SUCCESS, "CHANGE_NOTIFY")
        (name,) = set(short_names(c)) - {".", ".."}
        length = struct.unpack_from("<I", got.body, 8 + 8)[0]
        expect(got.body[8 + 12:8 + 12 + length].decode("utf-16le"), name, "the name that was told")


def surrogates(build):
    """A name that is no UTF-16 is refused wherever one is made, looked for or searched."""
    with Server(build) as s, Client(s) as c:
        d, f = c.folder("", READ, disposition=OPEN), c.open("f")
        for bad in ("\ud800", "\udc00", "a\ud800b", "\udc00\ud800"):
            name = bad.encode("utf-16le", "surrogatepass")
            body = bytearray(raw.create_body("x" * len(bad), ALL, CREATE_NEW, 0x40))
            body[56:] = name
            c.call(raw.CREATE, bytes(body), NAME_INVALID)
            data = struct.pack("<B7xQI", 0, 0, len(name)) + name
            c.set(f, RENAME, data.ljust(24, b"\0"), NAME_INVALID)
        c.close(d, f)
        on_disk(s, "f")


def tests(build):
    for test in (short, tunnel, unspellable, watched, surrogates):
        yield Test("names." + test.__name__, lambda test=test: test(build))
