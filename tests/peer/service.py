"""tsmb.service: is it well-formed; does the server do its work with the capabilities and system calls that it leaves, and say
what it cannot do; does the drop-in of the examples give the rest.
"""
import contextlib
import functools
import os
import platform
import re
import shutil
import subprocess
import tempfile

from harness.testing import TOP, Test, need

from peer import raw
from peer.acl import DACL, EVERYONE, sd
from peer.files import expect
from peer.info import ACCESS_DENIED, Client
from peer.lifecycle import two_accounts
from peer.notify import MANY, Watcher, watches
from peer.server import Server

DROP_IN = os.path.join(TOP, "packaging", "sys-admin.conf")
TREES = "each directory of a tree that a client watches takes a watch of inotify"
QUOTAS = "quotas bind, and clients are not shown them"
DESCRIPTORS = "without CAP_SYS_ADMIN no security descriptor can be set"
WHERE = "; see CAPABILITIES in tsmb-server(8)"
WAYS = {"unit": False, "drop-in": True}


def lines(build, drop_in):
    """Of the unit, and of the drop-in behind it."""
    for path in (os.path.join(build, "tsmb.service"), DROP_IN)[:2 if drop_in else 1]:
        with open(path, encoding="utf-8") as f:
            yield from (line.rstrip("\n") for line in f if not line.startswith("#"))


def words_of(build, drop_in, key):
    return [w for line in lines(build, drop_in) if line.startswith(key + "=") for w in line.split("=", 1)[1].split()]


def verified(build):
    """systemd has nothing to say against it, alone or with the drop-in."""
    analyze = need("systemd-analyze", "systemd")
    with tempfile.TemporaryDirectory(prefix="tsmb-unit-") as top:
        unit = os.path.join(top, "tsmb.service")
        with open(unit, "w", encoding="utf-8") as f:
            for line in lines(build, False):
                programs = re.sub(r"/\S*/(tsmb-server|tsmb-cfg)\b", lambda m: os.path.join(os.path.abspath(build), m[1]), line)
                f.write("" if line.startswith("Documentation=") else programs + "\n")  # the pages are not installed
        for drop_in in WAYS.values():
            if drop_in:
                os.mkdir(unit + ".d")
                shutil.copy(DROP_IN, unit + ".d")
            done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, timeout=60)
            expect((done.returncode, done.stdout + done.stderr), (0, ""), "systemd-analyze verify")
        with open(unit, "a", encoding="utf-8") as f:  # would it say anything?
            f.write("[Service]\nCapabilityBoundSet=CAP_SYS_ADMIN\n")
        done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, timeout=60)
        expect("CapabilityBoundSet" in done.stderr, True, "what is wrong in a unit")


def calls(names):
    """Names of system calls, for groups of them what they hold."""
    for name in names:
        if not name.startswith("@"):
            yield name
            continue
        out = subprocess.run([need("systemd-analyze", "systemd"), "syscall-filter", name], capture_output=True, text=True, check=True).stdout
        yield from calls(re.findall(r"^    (@?[a-z0-9_-]+)$", out, re.M))


def numbers(names):
    """As many of them as this machine has."""
    source = subprocess.run([need("cc", "gcc"), "-E", "-dM", "-include", "sys/syscall.h", "-xc", "/dev/null"], capture_output=True, text=True,
                            check=True).stdout
    known = dict(re.findall(r"^#define __NR_(\w+) (\d+)$", source, re.M))
    return [known[name] for name in names if name in known]


@contextlib.contextmanager
def served(build, way, map_acls="xattr"):
    """A server with what the unit leaves it, and what the drop-in adds; alice and bob are accounts of this machine."""
    one, two = two_accounts()
    allowed = numbers(set(calls(words_of(build, WAYS[way], "SystemCallFilter"))))
    caps = ",".join("+" + c.removeprefix("CAP_").lower() for c in words_of(build, WAYS[way], "CapabilityBoundingSet"))
    before = (need("setpriv", "util-linux"), "--bounding-set=-all," + caps, os.path.join(build, "tests", "peer", "filter"), ",".join(allowed))
    shares = {"share": {}, "own": {"security": "windows", "map_acls": map_acls}}
    with Server(build, shares=shares, unix={"alice": one.pw_name, "bob": two.pw_name}, as_root=True, before=before) as s:
        for share in shares:
            os.chmod(s.folder(share), 0o1777)
        yield s


def told(build, way):
    """What cannot be done is said at the start, why, and where to read on; with the drop-in there is nothing to say."""
    with served(build, way, map_acls="xattr:v4") as s:
        text = s.text()
        for line in (f"{TREES}: Operation not permitted{WHERE}", f"{QUOTAS}: Operation not permitted{WHERE}", DESCRIPTORS):
            expect(line in text, not WAYS[way], f"{line!r} in the log")


def does(build, way):
    """Files as two users, streams, descriptors, trees: with the capabilities and the system calls that there are."""
    with served(build, way) as s, Client(s) as c, Client(s, share="own") as own:
        f = c.open("f")
        c.write(f, b"bytes")
        stream = c.open("f:stream")
        c.write(stream, bytes(5000))
        c.close(f, stream)
        f = own.open("f")
        own.set(f, 0, sd([(EVERYONE, 0x1F01FF)]), kind=3, additional=DACL)
        own.close(f)
        with Client(s, user="bob", share="own") as other:
            other.write(other.open("f", disposition=1), b"bob's")
        expect(os.stat(s.folder("own") + "/f").st_size, 5, "what bob wrote")
        for n in range(MANY):
            os.mkdir(f"{s.folder()}/{n}")
        with Watcher(s, tree=True) as w:
            s.put("7/new", b"")
            expect(w.told(), ["+7\\new"], "a change in the tree")
            expect(watches(s), 0 if WAYS[way] else MANY + 1, "watches of inotify")


def descriptors(build, way):
    """Samba's form of them is set with the drop-in only; without it that is refused."""
    with served(build, way, map_acls="xattr:v4") as s, Client(s, share="own") as c:
        f = c.open("f")
        c.set(f, 0, sd([(EVERYONE, 0x1F01FF)]), kind=3, additional=DACL, status=raw.SUCCESS if WAYS[way] else ACCESS_DENIED)
        expect("security.NTACL" in os.listxattr(s.folder("own") + "/f"), WAYS[way], "security.NTACL")


def filtered(build):
    """CAP_SYS_ADMIN alone, without the system calls that go with it, is found out and told likewise."""
    with without_calls(build) as s:
        text = s.text()
        for line in (TREES, QUOTAS):
            expect(f"{line}: Operation not permitted{WHERE}" in text, True, line)
        with Watcher(s, tree=True) as w:
            s.put("new", b"")
            expect(w.told(), ["+new"], "a change in the tree")


@contextlib.contextmanager
def without_calls(build):
    allowed = numbers(set(calls(words_of(build, False, "SystemCallFilter"))))
    with Server(build, as_root=True, unix={"alice": "nobody", "bob": "nobody"},
                before=(os.path.join(build, "tests", "peer", "filter"), ",".join(allowed))) as s:
        os.chmod(s.folder(), 0o1777)
        yield s


def tests(build):
    yield Test("service.verified", functools.partial(verified, build))
    if platform.machine() != "x86_64":
        return
    for f in (told, does, descriptors):
        for way in WAYS:
            yield Test(f"service.{f.__name__}.{way}", functools.partial(f, build, way))
    yield Test("service.filtered", functools.partial(filtered, build))
