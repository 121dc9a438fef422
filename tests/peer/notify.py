"""CHANGE_NOTIFY: what clients and local processes do is told once, to who asked for it.  [MS-SMB2] 3.3.5.19, [MS-FSA] 2.1.5.11

Each test runs in every way that changes may come from the kernel."""
import contextlib
import functools
import os
import struct
import subprocess

from harness.testing import Failed, Test, need

from peer import raw
from peer.contend import SPARE_DESCRIPTORS, settled
from peer.files import expect
from peer.info import DIRECTORY, READ, Client, basic_data, rename_data
from peer.lifecycle import eventually
from peer.server import NOBODY, Server

ENUM_DIR, CLEANUP = 0x10C, 0x10B
FILE_NAME, DIR_NAME, ATTRIBUTES, SIZE, LAST_WRITE = 0x1, 0x2, 0x4, 0x8, 0x10
NAMES, ALL = FILE_NAME | DIR_NAME, 0xFFF
SIGNS = {1: "+", 2: "-", 3: "!", 4: "<", 5: ">"}
MANY = 500  # directories of a tree
NO_MARKS = ("setpriv", "--bounding-set=-sys_admin")  # not enough for fanotify_mark() of a file system

# How the server is started, and what tells of trees then.
WAYS = {
    "nobody": ({}, "inotify"),
    "root": ({"as_root": True}, "fanotify"),
    "root-without-marks": ({"as_root": True, "before": NO_MARKS}, "inotify"),
}


def server(build, way):
    options, _ = WAYS[way]
    if "before" in options:
        need("setpriv", "util-linux")
    return Server(build, unix={"alice": "nobody", "bob": "nobody"} if "as_root" in options else None, **options)


def ready(s):
    if s.as_root:
        os.chown(s.folder(), NOBODY, -1)


class Watcher:
    """A client with a directory that it watches."""

    def __init__(self, s, name="", tree=False, mask=NAMES, out_max=65536):
        self.client, self.tree, self.mask, self.out_max = Client(s), tree, mask, out_max
        self.id = self.client.open(name, READ, 1, DIRECTORY)

    def __enter__(self):
        self.ask()
        return self

    def __exit__(self, *_):
        self.client.raw.socket.close()

    def ask(self, out_max=None):
        """An interim answer, or one at all, says that the server has begun to watch."""
        body = raw.notify_body(self.id, self.tree, self.out_max if out_max is None else out_max, self.mask)
        self.client.raw.send(raw.CHANGE_NOTIFY, body, "sign", tree=self.client.id)
        got = self.client.raw.receive()[0]
        self.early = got if got.status != raw.PENDING else None  # something had happened already

    def answer(self):
        return self.early or self.client.raw.answer()

    def told(self):
        """What the request under way is told: "+name", "<old", ">new" and so on; and ask again."""
        got = self.answer()
        if got.status == ENUM_DIR:
            expect(struct.unpack_from("<HI", got.body, 2), (0, 0), "nothing is told with STATUS_NOTIFY_ENUM_DIR")
            self.ask()
            return ["overflow"]
        expect(got.status, raw.SUCCESS, "status")
        self.ask()
        at, length = struct.unpack_from("<HI", got.body, 2)
        return parse(got.body[at - 64:at - 64 + length])

    def until(self, last):
        """All that is told up to `last`, which is told as well."""
        found = []
        while not found or found[-1] != last:
            found += self.told()
        return found[:-1]


def parse(data):
    found, at = [], 0
    while True:
        step, action, length = struct.unpack_from("<III", data, at)
        found.append(SIGNS[action] + data[at + 12:at + 12 + length].decode("utf-16le"))
        if not step:
            return found
        expect(step % 4, 0, "alignment of an entry")
        at += step


def by_client(s):
    """One client makes, writes, renames, moves and removes."""
    with Client(s) as c:
        c.close(c.folder("d"), c.folder("d\\e"))
        f = c.open("d\\e\\a")
        c.set(f, 10, rename_data("d\\e\\b"))
        c.set(f, 10, rename_data("d\\c"))
        c.set(f, 13, b"\1")
        c.close(f)
        d = c.folder("d\\e")
        c.set(d, 10, rename_data("moved"))
        c.close(d, c.open("moved\\x"))
        c.close(c.open("end"))


def by_process(s):
    """A process on the server does the same."""
    script = "mkdir d && mkdir d/e && : > d/e/a && mv d/e/a d/e/b && mv d/e/b d/c && rm d/c && mv d/e moved && : > moved/x && : > end"
    subprocess.run(["sh", "-ec", script], cwd=s.folder(), check=True)


IN_TREE = ["+d", "+d\\e", "+d\\e\\a", "<d\\e\\a", ">d\\e\\b", "-d\\e\\b", "+d\\c", "-d\\c", "-d\\e", "+moved", "+moved\\x"]


def told_once(build, way, act):
    """Each change once and in order, in the tree; of the directory itself, what concerns it."""
    with server(build, way) as s:
        ready(s)
        with Watcher(s, tree=True) as tree, Watcher(s) as flat:
            act(s)
            expect(flat.until("+end"), [e for e in IN_TREE if "\\" not in e], "the directory")
            found = tree.until("+end")
            # of what a process makes before inotify watches the directory it is in, only what is left is seen
            if act is by_client or WAYS[way][1] == "fanotify":
                expect(found, IN_TREE, "the tree")
            else:
                expect([e for e in found if "\\" not in e], [e for e in IN_TREE if "\\" not in e], "the top of the tree")
            expect(len(found), len(set(found)), "nothing twice")


def contents(build, way):
    """Sizes, times and attributes, for who asked for them, whoever changes them."""
    with server(build, way) as s:
        ready(s)
        s.put("f", b"old")
        os.mkdir(s.folder() + "/d")
        os.chown(s.folder() + "/f", NOBODY, -1)
        os.chown(s.folder() + "/d", NOBODY, -1)
        with Watcher(s, tree=True, mask=SIZE | FILE_NAME) as size, Watcher(s, tree=True, mask=ATTRIBUTES) as attributes, Client(s) as c:
            f = c.open("f")
            c.write(f, b"new")
            expect(size.told(), ["!f"], "a client wrote")
            c.set(f, 4, basic_data(attributes=2))
            expect(attributes.told()[-1], "!f", "a client set attributes")
            with open(s.folder() + "/f", "ab") as local:
                local.write(b"er")
            expect(size.told()[-1], "!f", "a process wrote")
            os.chmod(s.folder() + "/d", 0o700)
            expect(attributes.told()[-1], "!d", "a process changed the rights of a directory")
            c.close(f)


def does_not_fit(build, way):
    """What does not fit is not told; the buffer of the first request bounds the others. [MS-FSA] 2.1.5.11.1"""
    with server(build, way) as s:
        ready(s)
        with Watcher(s, tree=True, out_max=24) as w, Client(s) as c:
            c.close(c.open("a"))
            w.out_max = 4096
            expect(w.told(), ["+a"], "it fits")
            c.close(c.open("longer-than-that"))
            expect(w.told(), ["overflow"], "it does not fit into the first one's")
            c.close(c.open("b"))
            w.out_max = 0
            expect(w.told(), ["+b"], "what came after it")
            c.close(c.open("c"))
            expect(w.told(), ["overflow"], "it does not fit into nothing")


def large_tree(build, way):
    """However many directories there are, what happens in each is told; fanotify takes no watch for them."""
    with server(build, way) as s:
        ready(s)
        for n in range(MANY):
            os.mkdir(f"{s.folder()}/{n}")
        with Watcher(s, tree=True) as w:
            for n in range(0, MANY, 97):
                s.put(f"{n}/f", b"")
                expect(w.told(), [f"+{n}\\f"], "a file")
            expect(watches(s), 0 if WAYS[way][1] == "fanotify" else MANY + 1, "watches of inotify")


def watches(s):
    """How many of inotify the server has; descriptors may go while they are looked at."""
    found = 0
    for fd in os.listdir(f"/proc/{s.process.pid}/fdinfo"):
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{s.process.pid}/fdinfo/{fd}", encoding="ascii") as f:
            found += f.read().count("inotify wd:")
    return found


def ends(build, way):
    """A tree that is no longer watched leaves nothing behind; one that is closed ends its requests."""
    with server(build, way) as s:
        ready(s)
        os.mkdir(s.folder() + "/d")
        before = None
        for n in range(20):
            with Watcher(s, tree=True) as w, Watcher(s, "d", tree=True):
                w.client.raw.send(raw.CLOSE, raw.close_body(w.id), "sign", tree=w.client.id)
                expect({w.answer().status, w.answer().status}, {CLEANUP, raw.SUCCESS}, "the request and the CLOSE")
            if n == 0:
                eventually(lambda: not s.status("connections", "--json"), "the end of the first connections")
                before = len(os.listdir(f"/proc/{s.process.pid}/fd"))
        now = settled(s, before + SPARE_DESCRIPTORS)
        if now > before + SPARE_DESCRIPTORS:
            raise Failed(f"{now} descriptors where there were {before}")


def tests(build):
    for way in WAYS:
        for act in (by_client, by_process):
            yield Test(f"notify.told-once-{act.__name__}-{way}".replace("_", "-"), functools.partial(told_once, build, way, act))
        for f in (contents, does_not_fit, large_tree, ends):
            yield Test(f"notify.{f.__name__}-{way}".replace("_", "-"), functools.partial(f, build, way))
