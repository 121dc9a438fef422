"""Listings of shares with access_based_enumeration: what a user may not read is left out.  [MS-SMB2] 3.3.5.18

The server is root and alice and bob are two Unix accounts; beside each entry that bob is not shown stands one that he is.
"""
import os
import re

from harness.testing import Test

from peer.acl import EVERYONE, User, sd, two_users, user
from peer.files import expect
from peer.info import ACCESS_DENIED, ALL, NAME_AT, NO_SUCH_FILE, NOT_EMPTY, OPEN, READ, REOPEN, RESTART, names_of
from peer.lifecycle import tighten
from peer.server import Server
from peer.smbclient import Smbclient

ENUMERATION = 0x800  # in ShareFlags
GENERIC_READ, DATA_READ, DATA_WRITE = 0x00120089, 0x1, 0x2
ON = {"access_based_enumeration": "true"}


def listed(client, folder="", info=37, pattern="*"):
    """What a listing of its own shows, but for the dots."""
    d = client.folder(folder, READ, disposition=OPEN)
    found = names_of(client.entries(d, info, REOPEN, pattern), info)
    client.close(d)
    expect(found[:2], [".", ".."], "the first two")
    return sorted(found[2:])


def by_descriptor(build):
    """windows: whoever is not granted all of GENERIC_READ does not see it; in each class, by pattern and by name, and at once."""
    with two_users(build, "windows", **ON) as (s, alice, bob, one, two):
        rights = {"all": ALL, "read": GENERIC_READ, "data only": DATA_READ, "write": DATA_WRITE, "no sync": GENERIC_READ & ~0x100000, "none": 0}
        for name, mask in rights.items():
            alice.close(alice.make(name), alice.make(name + " dir", options=1))
            for path, options in ((name, 0x40), (name + " dir", 1)):
                alice.protect(path, [(user(one), ALL), (user(two), mask)], options)
                os.chmod(f"{s.folder()}/{path}", 0o777)  # the descriptor decides
        everything = sorted([*rights, *(name + " dir" for name in rights)])
        shown = ["all", "all dir", "read", "read dir"]
        for info in NAME_AT:
            expect(listed(bob, info=info), shown, f"class {info} to bob")
            expect(listed(alice, info=info), everything, f"class {info} to alice")
        d = bob.folder("", READ, disposition=OPEN)
        expect(sorted(names_of(bob.entries(d, 37, REOPEN, "*a*"))), ["all", "all dir", "read", "read dir"], "a pattern")
        expect(names_of(bob.entries(d, 37, REOPEN, "read")), ["read"], "one name")
        bob.entries(d, 37, REOPEN, "write", status=NO_SUCH_FILE)
        alice.protect("write", [(EVERYONE, GENERIC_READ)])
        alice.protect("read", [(user(one), ALL)])
        expect(names_of(bob.entries(d, 37, REOPEN, "write")), ["write"], "what he may read now")
        bob.entries(d, 37, REOPEN, "read", status=NO_SUCH_FILE)
        expect(sorted(names_of(bob.entries(d, 37, RESTART, "*")))[2:], ["all", "all dir", "read dir", "write"], "through the same handle")
        bob.may_not("none", DATA_READ)  # whoever knows a name is told
        expect(sorted(os.listdir(s.folder())), everything, "on disk")


def by_mode(build):
    """posix, and windows without descriptors: whoever may not read it does not see it."""
    for security in ("posix", "windows"):
        with two_users(build, security, **ON) as (s, alice, bob, one, two):
            modes = {"open": 0o644, "shut": 0o600, "write": 0o622, "enter": 0o711, "group": 0o640}
            for name, mode in modes.items():
                alice.close(alice.make(name), alice.make(name + " dir", options=1))
                os.chmod(f"{s.folder()}/{name}", mode)
                os.chmod(f"{s.folder()}/{name} dir", mode)
            expect(listed(bob), ["open", "open dir"], f"{security}: to bob")
            expect(listed(alice), sorted([*modes, *(name + " dir" for name in modes)]), f"{security}: to alice")
            expect(listed(bob, info=12), ["open", "open dir"], f"{security}: names to bob")
            for who, shown in (("bob", {"open", "open dir"}), ("alice", {*modes, *(name + " dir" for name in modes)})):
                seen = re.findall(r"^  (\w[\w ]*?) +[ADN]+ ", Smbclient(s, user=who)("ls"), re.M)
                expect(set(seen), shown, f"{security}: smbclient's ls for {who}")
            for name in modes:
                os.chown(f"{s.folder()}/{name}", -1, two.pw_gid)
            expect(listed(bob), ["group", "open", "open dir"], f"{security}: by his group")
            os.chmod(f"{s.folder()}/shut", 0o640)
            os.chmod(f"{s.folder()}/open", 0o604)  # but not his group
            expect(listed(bob), ["group", "open dir", "shut"], f"{security}: modes changed")


def links(build):
    """A link is as what it leads to."""
    with two_users(build, "posix", **ON) as (s, alice, bob, one, two):
        alice.close(alice.make("shown"), alice.make("hidden"))
        os.chmod(f"{s.folder()}/hidden", 0o600)
        for name, to in (("to shown", "shown"), ("to hidden", "hidden")):
            os.symlink(to, f"{s.folder()}/{name}")
        expect(listed(bob), ["shown", "to shown"], "to bob")
        expect(listed(alice), ["hidden", "shown", "to hidden", "to shown"], "to alice")


def everybody(build):
    """none: all may read all. And without the parameter all is shown, and no client is told otherwise."""
    for security, lines, flag in (("none", ON, ENUMERATION), ("windows", {}, 0), ("posix", {}, 0)):
        with two_users(build, security, **lines) as (s, alice, bob, one, two):
            alice.close(alice.make("f"))
            os.chmod(f"{s.folder()}/f", 0o600)
            expect(listed(bob), ["f"], f"{security}: to bob")
            expect(bob.raw.share_flags & ENUMERATION, flag, f"{security}: flag of the share")


def many(build):
    """What is left out leaves no gap: each name once, through many answers, also of a folder that shows nothing."""
    with two_users(build, "windows", **ON) as (s, alice, bob, one, two):
        for n in range(700):
            with open(f"{s.folder()}/{n}", "w"):
                pass
            os.chmod(f"{s.folder()}/{n}", 0o644 if n % 3 == 0 else 0o600)
            os.chown(f"{s.folder()}/{n}", one.pw_uid, one.pw_gid)
        for room in (600, 65536):
            d = bob.folder("", READ, disposition=OPEN)
            found = names_of(bob.all_entries(d, 37, room))
            expect(sorted(found[2:]), sorted(str(n) for n in range(0, 700, 3)), f"in {room} bytes")
            bob.close(d)
        for n in range(0, 700, 3):
            os.chmod(f"{s.folder()}/{n}", 0o600)
        expect(listed(bob), [], "nothing left")
        alice.close(alice.make("d", options=1), alice.make("d\\hidden"))
        os.chmod(f"{s.folder()}/d/hidden", 0o600)
        os.chmod(f"{s.folder()}/d", 0o777)
        expect(listed(bob, "d"), [], "a folder that looks empty")
        d = bob.folder("d", ALL & ~0xC0000, disposition=OPEN)
        bob.set(d, 13, b"\1", NOT_EMPTY)


def live(build):
    """A reload turns it on and off for who is connected; the flag is told to who connects afterwards."""
    with two_users(build, "posix") as (s, alice, bob, one, two):
        alice.close(alice.make("shown"), alice.make("hidden"))
        os.chmod(f"{s.folder()}/hidden", 0o600)
        for value, want, flag in (("false", ["hidden", "shown"], 0), ("true", ["shown"], ENUMERATION), ("false", ["hidden", "shown"], 0)):
            s.shares["share"]["access_based_enumeration"] = value
            tighten(s)
            expect(listed(bob), want, f"{value}: to bob")
            with User(s, user="bob") as again:
                expect(again.raw.share_flags & ENUMERATION, flag, f"{value}: flag")


def forced(build):
    """force_user: what the forced account may read."""
    with two_users(build, "posix", force_user="daemon", **ON) as (s, alice, bob, one, two):
        for name, owner in (("his", one.pw_uid), ("another's", two.pw_uid)):
            s.put(name, b"")
            os.chown(f"{s.folder()}/{name}", owner, -1)
            os.chmod(f"{s.folder()}/{name}", 0o600)
        expect(listed(bob), ["his"], "to bob, who is daemon here")


def ordinary_user(build):
    """Not as root: descriptors count, and so does the kernel."""
    with Server(build, shares={"share": {"security": "windows", **ON}}) as s, User(s) as c:
        c.close(c.make("f"), c.make("g"), c.make("h"))
        c.protect("g", [(EVERYONE, DATA_WRITE)])
        expect(listed(c), ["f", "h"], "by descriptor")
        os.chmod(f"{s.folder()}/h", 0)
        expect(listed(c), ["f"], "by mode")
        c.open("h", DATA_READ, OPEN, status=ACCESS_DENIED)


def tests(build):
    for test in (by_descriptor, by_mode, links, everybody, many, live, forced, ordinary_user):
        yield Test("enumeration." + test.__name__.replace("_", "-"), lambda test=test: test(build))
