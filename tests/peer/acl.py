"""Who may do what to a file: security descriptors, modes, the share's permissions.  [MS-DTYP] 2.5.3, [MS-FSA] 2.1.5.1, 2.1.5.14, 2.1.5.17

Alice and bob are two Unix accounts and the server is root, so that the kernel would refuse what is not allowed by more than the mode.
"""
import contextlib
import os
import re
import struct

from harness.testing import TOP, Test

from peer import raw
from peer.files import expect
from peer.info import ACCESS_DENIED, ALL, NAME_NOT_FOUND, NO_PRIVILEGE, Client, rename_data
from peer.lifecycle import two_accounts
from peer.raw import CREATE, SUCCESS
from peer.server import Server

XATTR = "user.tsmb.$sd"
NTACL = "security.NTACL"
INVALID_OWNER = 0xC000005A
OPEN, CREATE_NEW, OVERWRITE_IF = 1, 2, 5
DATA_READ, DATA_WRITE, APPEND, DELETE_CHILD, READ_ATTRIBUTES = 0x1, 0x2, 0x4, 0x40, 0x80
DELETE, READ_CONTROL, WRITE_DAC, WRITE_OWNER = 0x10000, 0x20000, 0x40000, 0x80000
SYSTEM_SECURITY, MAXIMUM, GENERIC_READ = 0x01000000, 0x02000000, 0x80000000
OI, CI, IO = 1, 2, 8
OWNER, GROUP, DACL, SACL = 1, 2, 4, 8
RENAME, LINK, DISPOSITION, END_OF_FILE = 10, 11, 13, 20
DELETE_ON_CLOSE = 0x1000


def sid(text):
    parts = [int(p) for p in text.split("-")[2:]]
    return struct.pack("<BB", 1, len(parts) - 1) + parts[0].to_bytes(6, "big") + struct.pack(f"<{len(parts) - 1}I", *parts[1:])


EVERYONE, CREATOR_OWNER, SYSTEM = sid("S-1-1-0"), sid("S-1-3-0"), sid("S-1-5-18")


def user(account):
    return sid(f"S-1-22-1-{account.pw_uid}")


def sd(aces=None, owner=None, control=0):
    """aces: [(sid, mask[, flags[, type]])]; None: no DACL."""
    body, offsets = b"", [0, 0, 0, 0]
    if aces is not None:
        entries = b""
        for who, mask, *rest in aces:
            flags, kind = (rest + [0, 0])[:2]
            entries += struct.pack("<BBHI", kind, flags, 8 + len(who), mask) + who
        control |= 4
        offsets[3] = 20
        body = struct.pack("<BBHHH", 2, 0, 8 + len(entries), len(aces), 0) + entries
    if owner:
        offsets[0] = 20 + len(body)
        body += owner
    return struct.pack("<BBHIIII", 1, 0, 0x8000 | control, *offsets) + body


def aces_of(descriptor):
    """[(sid, mask, flags, type)] of the DACL; None if there is none."""
    at = struct.unpack_from("<I", descriptor, 16)[0]
    if not at:
        return None
    count, found, at = struct.unpack_from("<H", descriptor, at + 4)[0], [], at + 8
    for _ in range(count):
        kind, flags, size, mask = struct.unpack_from("<BBHI", descriptor, at)
        found.append((descriptor[at + 8:at + size], mask, flags, kind))
        at += size
    return found


def owner_of(descriptor):
    at = struct.unpack_from("<I", descriptor, 4)[0]
    return descriptor[at:at + 8 + 4 * descriptor[at + 1]]


class User(Client):
    def set_sd(self, f, descriptor, parts=DACL, status=SUCCESS):
        self.set(f, 0, descriptor, status, kind=3, additional=parts)

    def get_sd(self, f, parts=OWNER | GROUP | DACL, status=SUCCESS):
        return self.get(f, 0, kind=3, additional=parts, status=status)

    def protect(self, name, aces, options=0x40):
        """Give an existing file a descriptor, as its owner."""
        f = self.open(name, WRITE_DAC, OPEN, options)
        self.set_sd(f, sd(aces))
        self.close(f)

    def make(self, name, options=0x40, descriptor=None, access=ALL, status=SUCCESS):
        contexts = b""
        if descriptor is not None:
            contexts = struct.pack("<IHHHHI", 0, 16, 4, 0, 24, len(descriptor)) + b"SecD" + bytes(4) + descriptor
            contexts += bytes(-len(contexts) % 8)
        got = self.call(CREATE, raw.create_body(name, access, CREATE_NEW, options, contexts=contexts), status)
        return raw.file_id_of(got) if status == SUCCESS else None

    def may(self, name, *accesses, options=0):
        """Each of them is granted, and closed again."""
        for access in accesses:
            self.close(self.open(name, access, OPEN, options))

    def may_not(self, name, *accesses, options=0):
        for access in accesses:
            self.open(name, access, OPEN, options, status=ACCESS_DENIED)


@contextlib.contextmanager
def two_users(build, security, privileges=None, **share):
    one, two = two_accounts()
    users = {"alice": "Pass-1", "bob": "Pass-2"}
    lines = {"security": security, **share}
    with Server(build, users=users, unix={"alice": one.pw_name, "bob": two.pw_name}, as_root=True, shares={"share": lines},
                privileges=privileges) as s:
        os.chmod(s.folder(), 0o777)
        with User(s) as alice, User(s, user="bob") as bob:
            yield s, alice, bob, one, two


def without_descriptor(build):
    """windows: a file that has none is as the mode says."""
    with two_users(build, "windows") as (s, alice, bob, one, two):
        alice.close(alice.make("f"))
        path = f"{s.folder()}/f"
        expect((os.stat(path).st_uid, os.listxattr(path)), (one.pw_uid, []), "owner, attributes")
        bob.may("f", DATA_READ, DELETE)  # the folder lets him delete
        bob.may_not("f", DATA_WRITE, WRITE_DAC, WRITE_OWNER)
        alice.may("f", ALL)
        os.chmod(path, 0o600)
        bob.may_not("f", DATA_READ)
        bob.may("f", READ_ATTRIBUTES)
        f = alice.open("f", READ_CONTROL, OPEN)
        shown = alice.get_sd(f)
        expect(owner_of(shown), user(one), "owner shown")
        expect(aces_of(shown)[0][:2], (user(one), ALL), "the owner may everything")


def descriptor_decides(build):
    """windows: neither more nor less than the descriptor says, whatever the mode."""
    with two_users(build, "windows") as (s, alice, bob, one, two):
        alice.close(alice.make("f"), alice.make("d", options=1))
        alice.protect("d", [(user(one), ALL)], options=1)  # bob may not delete in it, nor list it
        alice.close(alice.make("d\\f"))
        path = f"{s.folder()}/d/f"
        os.chmod(path, 0o600)
        alice.protect("d\\f", [(user(two), DATA_READ | DATA_WRITE)])
        expect(len(os.getxattr(path, XATTR)) > 0, True, "it is stored")
        f = bob.open("d\\f", DATA_READ | DATA_WRITE, OPEN)
        bob.write(f, b"bob was here")
        bob.close(f)
        with open(path, "rb") as f:
            expect(f.read(), b"bob was here", "content")
        bob.may_not("d\\f", READ_ATTRIBUTES, DELETE, READ_CONTROL, WRITE_DAC, WRITE_OWNER, ALL)
        alice.may_not("d\\f", DATA_READ, ALL)
        alice.may("d\\f", READ_CONTROL | WRITE_DAC, DELETE, READ_ATTRIBUTES)  # as owner; by her folder
        os.chmod(path, 0o666)
        alice.protect("d\\f", [(user(two), DATA_WRITE, 0, 1), (EVERYONE, DATA_READ | DATA_WRITE)])
        bob.may("d\\f", DATA_READ)
        bob.may_not("d\\f", DATA_WRITE)
        alice.may("d\\f", DATA_WRITE)
        bob.open("d\\f", DATA_READ, OVERWRITE_IF, status=ACCESS_DENIED)
        alice.protect("d\\f", [])
        bob.may_not("d\\f", DATA_READ, MAXIMUM)
        alice.open("d\\f", SYSTEM_SECURITY, OPEN, status=NO_PRIVILEGE)
        f = alice.open("d\\f", WRITE_DAC, OPEN)
        alice.set_sd(f, sd(None, control=4))  # a NULL DACL
        bob.may("d\\f", ALL)


def by_smbd():
    """What it stored of version 3 and 4, for SIDs of its own; everyone may read."""
    with open(os.path.join(TOP, "tests", "vectors", "ntacl.txt")) as f:
        lines = [line for line in f if not line.startswith("#")]
    return [bytes.fromhex(text) for text in re.split(r"v\d =", "".join(lines))[1:]]


def ntacl_of(path):
    """(version, descriptor) of what vfs_acl_xattr would find."""
    stored = os.getxattr(path, NTACL)
    version = struct.unpack_from("<H", stored)[0]
    at = {3: 80, 4: 160}[version]
    offsets = [off and off - at for off in struct.unpack_from("<4I", stored, at + 4)]
    return version, stored[at:at + 4] + struct.pack("<4I", *offsets) + stored[at + 20:]


def as_samba(build):
    """windows, map_acls = xattr:v3 or v4: what Samba stored decides, of either version, and what is set is stored so."""
    for version in (3, 4):
        with two_users(build, "windows", map_acls=f"xattr:v{version}") as (s, alice, bob, one, two):
            alice.close(alice.make("f"), alice.make("g"))
            path = f"{s.folder()}/f"
            alice.protect("f", [(user(two), DATA_READ)])
            found, descriptor = ntacl_of(path)
            expect((found, aces_of(descriptor)), (version, [(user(two), DATA_READ, 0, 0)]), "stored")
            bob.may("f", DATA_READ)
            bob.may_not("f", DATA_WRITE)
            alice.may_not("f", DATA_READ)
            expect(XATTR in os.listxattr(path), False, "ours")
            other = f"{s.folder()}/g"
            for stored in by_smbd():
                os.setxattr(other, NTACL, stored)
                bob.may("g", DATA_READ)
                bob.may_not("g", DATA_WRITE)
            os.setxattr(other, NTACL, b"\1\0\1\0 what is this?")
            bob.may_not("g", DATA_READ)
            alice.may_not("g", DATA_READ)


def posix_acl(path, kind):
    """{(tag, id): permissions}  acl(5)"""
    stored = os.getxattr(path, f"system.posix_acl_{kind}")
    entries = [struct.unpack_from("<HHI", stored, at) for at in range(4, len(stored), 8)]
    return {(tag, who): may for tag, may, who in entries}


def append_only(build):
    """windows: who may only append writes over nothing.  [MS-SMB2] 3.3.5.13"""
    with two_users(build, "windows") as (s, alice, bob, one, two):
        f = alice.make("f")
        alice.write(f, b"0123456789")
        alice.set_sd(f, sd([(user(two), APPEND)]))
        g = bob.open("f", APPEND, OPEN)
        for offset in (0, 5, 9):
            bob.call(raw.WRITE, raw.write_body(g, b"xxxx", offset), ACCESS_DENIED)
        bob.write(g, b"ab", 10)
        bob.write(g, b"cd", 12)
        bob.set(g, END_OF_FILE, struct.pack("<Q", 0), ACCESS_DENIED)
        with open(f"{s.folder()}/f", "rb") as content:
            expect(content.read(), b"0123456789abcd", "content")
        alice.write(f, b"X")
        bob.close(g)
        alice.close(f)


def directories(build):
    """windows: names are added, replaced and removed by leave of their directory."""
    with two_users(build, "windows") as (s, alice, bob, one, two):
        alice.close(alice.make("d", options=1), alice.make("d\\theirs"))
        bob.close(bob.make("his"), bob.make("hisdir", options=1))
        os.chmod(f"{s.folder()}/d", 0o777)
        os.chmod(f"{s.folder()}/d/theirs", 0o666)
        alice.protect("d", [(user(one), ALL), (user(two), GENERIC_READ)], options=1)
        alice.protect("d\\theirs", [(EVERYONE, DATA_READ)])
        bob.make("d\\new", status=ACCESS_DENIED)
        bob.make("d\\newdir", options=1, status=ACCESS_DENIED)
        bob.may_not("d\\theirs", DELETE)
        theirs = bob.open("d\\theirs", READ_ATTRIBUTES, OPEN)
        bob.set(theirs, LINK, rename_data("my-link"), ACCESS_DENIED)  # nor link to it elsewhere
        bob.close(theirs)
        f, g = bob.open("his", ALL, OPEN), bob.folder("hisdir", DELETE, disposition=OPEN)
        bob.set(f, RENAME, rename_data("d\\his"), ACCESS_DENIED)
        bob.set(g, RENAME, rename_data("d\\hisdir"), ACCESS_DENIED)
        bob.set(f, LINK, rename_data("d\\link"), ACCESS_DENIED)
        bob.set(f, LINK, rename_data("my-link"))
        expect(os.listdir(f"{s.folder()}/d"), ["theirs"], "nothing came or went")
        alice.protect("d", [(user(one), ALL), (user(two), DATA_WRITE)], options=1)  # ADD_FILE only
        bob.make("d\\newdir", options=1, status=ACCESS_DENIED)
        bob.set(g, RENAME, rename_data("d\\hisdir"), ACCESS_DENIED)
        bob.set(f, RENAME, rename_data("d\\theirs", True), ACCESS_DENIED)  # he may not delete what is there
        bob.close(bob.make("d\\new"))
        bob.set(f, RENAME, rename_data("d\\his"))
        alice.protect("d", [(user(one), ALL), (user(two), DATA_WRITE | DELETE_CHILD)], options=1)
        bob.set(f, RENAME, rename_data("d\\theirs", True))
        bob.close(f, g)
        bob.close(bob.open("d\\new", DELETE, OPEN, options=0x1000))
        expect(os.listdir(f"{s.folder()}/d"), ["theirs"], "replaced, and removed on close")
        expect(os.stat(f"{s.folder()}/d/theirs").st_uid, two.pw_uid, "it is bob's")


def inheritance(build):
    """windows: what a directory hands on is in force at once, also where the mode would allow."""
    with two_users(build, "windows") as (s, alice, bob, one, two):
        alice.close(alice.make("d", options=1))
        os.chmod(f"{s.folder()}/d", 0o777)
        alice.protect("d", [(CREATOR_OWNER, ALL, OI | CI | IO), (user(two), DATA_READ | DATA_WRITE | 4, CI)], options=1)
        f = bob.make("d\\f")
        expect(aces_of(bob.get_sd(f)), [(user(two), ALL, 0, 0)], "DACL of bob's file")
        g = bob.make("d\\sub", options=1)
        expect(aces_of(bob.get_sd(g)), [(user(two), ALL, 0, 0), (CREATOR_OWNER, ALL, OI | CI | IO, 0),
                                        (user(two), DATA_READ | DATA_WRITE | 4, CI, 0)], "DACL of bob's folder")
        bob.close(f, g)
        os.chmod(f"{s.folder()}/d/f", 0o666)
        alice.may_not("d\\f", DATA_READ)
        # nothing to hand on: the owner and the system, not the mode
        alice.close(alice.make("e", options=1))
        alice.protect("e", [(EVERYONE, DATA_WRITE)], options=1)
        f = bob.make("e\\f")
        expect(aces_of(bob.get_sd(f)), [(user(two), ALL, 0, 0), (SYSTEM, ALL, 0, 0)], "default DACL")
        bob.close(f)
        alice.may_not("e\\f", DATA_READ)
        # given with CREATE
        f = bob.make("e\\g", descriptor=sd([(user(one), DATA_READ)]))
        expect(aces_of(bob.get_sd(f)), [(user(one), DATA_READ, 0, 0)], "DACL that was given")
        bob.close(f)
        alice.may("e\\g", DATA_READ)
        alice.may_not("e\\g", DATA_WRITE)
        bob.make("e\\h", descriptor=sd([], owner=user(one)), status=INVALID_OWNER)
        alice.open("e\\h", DATA_READ, OPEN, status=NAME_NOT_FOUND)


def ownership(build):
    """windows: one may take a file that gives WRITE_OWNER; nobody gives one away."""
    with two_users(build, "windows") as (s, alice, bob, one, two):
        alice.close(alice.make("f"), alice.make("g"))
        alice.protect("f", [(user(two), WRITE_OWNER)])
        f = bob.open("f", WRITE_OWNER, OPEN)
        bob.set_sd(f, sd(owner=SYSTEM), OWNER, INVALID_OWNER)
        bob.set_sd(f, sd(owner=user(one)), OWNER)  # who owns it already
        bob.set_sd(f, sd([]), DACL, ACCESS_DENIED)
        bob.set_sd(f, sd(owner=user(two)), OWNER)
        expect(os.stat(f"{s.folder()}/f").st_uid, two.pw_uid, "owner on disk")
        bob.close(f)
        bob.may("f", READ_CONTROL | WRITE_DAC)
        alice.may_not("f", READ_CONTROL)
        f = bob.open("f", READ_CONTROL, OPEN)
        expect(owner_of(bob.get_sd(f, OWNER)), user(two), "owner shown")
        expect(aces_of(bob.get_sd(f, DACL)), [(user(two), WRITE_OWNER, 0, 0)], "the DACL stays")
        bob.get_sd(f, SACL, ACCESS_DENIED)
        bob.may_not("g", WRITE_OWNER)
        g = alice.open("g", ALL, OPEN)
        alice.set_sd(g, sd(owner=user(two)), OWNER, INVALID_OWNER)
        expect(os.stat(f"{s.folder()}/g").st_uid, one.pw_uid, "alice still owns it")


def spoilt(build):
    """windows: a stored descriptor that is none forbids, and its file's owner may repair it."""
    with two_users(build, "windows") as (s, alice, bob, one, two):
        alice.close(alice.make("d", options=1), alice.make("d\\f"))
        alice.protect("d", [(EVERYONE, 4)], options=1)
        path = f"{s.folder()}/d/f"
        os.chmod(path, 0o666)
        bob.may("d\\f", DATA_READ)
        for junk in (b"", b"\0", b"junk" * 10, sd([(EVERYONE, ALL)])[:-1]):
            os.setxattr(path, XATTR, junk)
            bob.may_not("d\\f", DATA_READ, READ_ATTRIBUTES, MAXIMUM)
            alice.may_not("d\\f", DATA_READ)
        alice.protect("d\\f", [(EVERYONE, ALL)])
        bob.may("d\\f", ALL)


def posix(build):
    """posix: a stored descriptor means nothing."""
    with two_users(build, "posix") as (s, alice, bob, one, two):
        alice.close(alice.make("f"))
        path = f"{s.folder()}/f"
        os.setxattr(path, XATTR, sd([(EVERYONE, ALL)]))
        bob.may_not("f", DATA_WRITE)
        os.setxattr(path, XATTR, sd([]))
        bob.may("f", DATA_READ)
        f = alice.open("f", ALL & ~DELETE, OPEN)
        alice.set_sd(f, sd([(user(one), ALL)]))
        expect(os.stat(path).st_mode & 0o777, 0o600, "mode")
        expect(os.getxattr(path, XATTR), sd([]), "what was stored is left alone")
        alice.close(f)
        bob.may_not("f", DATA_READ)


def posix_acls(build):
    """posix, or windows with map_acls = posix-acl: users and groups of a DACL are those of a POSIX ACL, and back."""
    for security, lines in (("posix", {}), ("windows", {"map_acls": "posix-acl"}), ("windows", {"map_acls": "posix-acl:map_full_control"})):
        with two_users(build, security, **lines) as (s, alice, bob, one, two):
            alice.close(alice.make("d", options=1))
            path, full = f"{s.folder()}/d", "map_acls" in lines and lines["map_acls"].endswith("control")
            d = alice.open("d", READ_CONTROL | WRITE_DAC, OPEN, 1)
            alice.set_sd(d, sd([(user(one), ALL), (user(two), DATA_READ | 0x20), (user(one), ALL, OI | CI | IO), (user(two), DATA_READ | DATA_WRITE, OI | CI | IO)]))
            expect(posix_acl(path, "access")[(2, two.pw_uid)], 5, "bob in the folder's ACL")  # 2: ACL_USER
            expect(posix_acl(path, "default")[(2, two.pw_uid)], 6, "bob in its default ACL")
            alice.close(alice.make("d\\f"))
            bob.may("d\\f", DATA_READ, DATA_WRITE)
            bob.make("d\\g", status=ACCESS_DENIED)
            f = alice.open("d\\f", READ_CONTROL | WRITE_DAC, OPEN)
            shown = alice.get_sd(f)
            masks = {who: mask for who, mask, *_ in aces_of(shown)}
            expect((masks[user(two)] == ALL, masks[user(two)] & (DATA_READ | DATA_WRITE)), (full, DATA_READ | DATA_WRITE), "bob is shown")
            before = posix_acl(f"{path}/f", "access")
            alice.set_sd(f, shown)
            expect(posix_acl(f"{path}/f", "access"), before, "written back as it was read")
            alice.set_sd(f, sd([(user(one), ALL)]))
            expect("system.posix_acl_access" in os.listxattr(f"{path}/f"), False, "an ACL that says no more than the mode")
            bob.may_not("d\\f", DATA_READ)
            alice.set_sd(f, sd([(user(two), DATA_READ, 0, 1), (EVERYONE, DATA_READ)]))
            bob.may_not("d\\f", DATA_READ)
            alice.close(f, d)
            expect(XATTR in os.listxattr(f"{path}/f"), False, "a stored descriptor")


def removed_by_others(build):
    """posix: what one may delete and does is gone when another closes last, though he could not: file, stream, on close or before."""
    with two_users(build, "posix") as (s, alice, bob, one, two):
        alice.close(alice.folder("d"))
        for name in ("d\\f", "d\\f:s"):
            for on_close in (False, True):
                mine = alice.open(name, ALL, options=0x40 | (DELETE_ON_CLOSE if on_close else 0))
                theirs = bob.open(name, DATA_READ, OPEN)
                if not on_close:
                    alice.set(mine, DISPOSITION, b"\1")
                alice.close(mine)
                bob.close(theirs)
                alice.open(name, DATA_READ, OPEN, status=NAME_NOT_FOUND)
            alice.close(alice.open("d\\f"))
        bob.open("d\\f", DELETE, OPEN, status=ACCESS_DENIED)
        expect(os.listdir(f"{s.folder()}/d"), ["f"], "names on disk")


def none(build):
    """none: whoever the share lets in, within what it lets him."""
    with two_users(build, "none") as (s, alice, bob, one, two):
        alice.close(alice.make("d", options=1), alice.make("d\\f"))
        os.chmod(f"{s.folder()}/d", 0o700)
        os.chmod(f"{s.folder()}/d/f", 0o600)
        os.setxattr(f"{s.folder()}/d/f", XATTR, sd([]))
        f = bob.open("d\\f", ALL, OPEN)
        bob.write(f, b"bob was here")
        bob.set_sd(f, sd(owner=SYSTEM), OWNER, INVALID_OWNER)
        bob.set_sd(f, sd(owner=user(two)), OWNER)
        bob.close(f, bob.make("d\\g"))
        expect([os.stat(f"{s.folder()}/d/{n}").st_uid for n in "fg"], [two.pw_uid] * 2, "owners")
        bob.close(bob.open("d\\f", DELETE, OPEN, options=0x1000))
        expect(os.listdir(f"{s.folder()}/d"), ["g"], "what is left")
    with two_users(build, "none", permissions="everyone:read") as (s, alice, bob, one, two):
        with open(f"{s.folder()}/f", "w") as f:
            f.write("secret")
        os.chmod(f"{s.folder()}/f", 0o600)
        bob.may("f", DATA_READ)
        bob.may_not("f", DATA_WRITE, DELETE, WRITE_DAC)
        bob.make("g", access=DATA_READ, status=ACCESS_DENIED)


def forced(build):
    """windows, force_user: the forced account is the one whose rights count."""
    one, _ = two_accounts()
    with two_users(build, "windows", force_user=one.pw_name) as (s, alice, bob, one, two):
        f = bob.make("f", descriptor=sd([(user(one), ALL)]))
        expect(owner_of(bob.get_sd(f)), user(one), "owner")
        bob.close(f)
        alice.may("f", ALL)
        alice.protect("f", [(user(two), ALL)])
        bob.may_not("f", DATA_READ)


def ordinary_user(build):
    """windows, not as root: descriptors count, and so does the kernel."""
    with Server(build, shares={"share": {"security": "windows"}}) as s, User(s) as c:
        me = sid(f"S-1-22-1-{s.owner()}")
        f = c.make("f", descriptor=sd([(me, DATA_READ)]))
        c.close(f)
        c.may("f", DATA_READ, WRITE_DAC)
        c.may_not("f", DATA_WRITE)
        os.chmod(s.put("g", b""), 0o444)
        c.may_not("g", DATA_WRITE)
        c.may("g", WRITE_DAC)
        if os.getuid() == 0:
            s.put("h", b"")
            os.chown(f"{s.folder()}/h", 0, 0)
            os.chmod(f"{s.folder()}/h", 0o604)
            c.may("h", DATA_READ)
            os.setxattr(f"{s.folder()}/h", XATTR, sd([(EVERYONE, ALL)]))
            c.may_not("h", DATA_WRITE)  # allowed, but not by the kernel


BACKUP_INTENT = 0x4000
NAMES = ("SeBackupPrivilege", "SeRestorePrivilege", "SeTakeOwnershipPrivilege", "SeSecurityPrivilege")


def all_but(name):
    return "bob: " + ", ".join(n for n in (*NAMES, "SeDiskOperatorPrivilege") if n != name) + "\n"


@contextlib.contextmanager
def locked(build, privileges, security="windows", **share):
    """A folder of alice's, and what is in it, that let nobody do anything."""
    with two_users(build, security, privileges=privileges, **share) as (s, alice, bob, one, two):
        alice.close(alice.make("d", options=1))
        f = alice.make("d\\f")
        alice.write(f, b"secret")
        alice.close(f)
        if security == "windows":
            alice.protect("d\\f", [])
            alice.protect("d", [], options=1)
        os.chmod(f"{s.folder()}/d/f", 0o600)
        os.chmod(f"{s.folder()}/d", 0o700)
        yield s, alice, bob, one, two


def refused_all(bob, no_privilege=NO_PRIVILEGE):
    """Nothing that privileges give."""
    for access in (DATA_READ, DATA_WRITE, DELETE, READ_CONTROL, WRITE_DAC, WRITE_OWNER, MAXIMUM):
        bob.may_not("d\\f", access, options=BACKUP_INTENT)
    bob.open("d\\f", SYSTEM_SECURITY, OPEN, BACKUP_INTENT, status=no_privilege)
    bob.make("d\\new", 0x40 | BACKUP_INTENT, access=DATA_WRITE, status=ACCESS_DENIED)


def no_privilege(build):
    with locked(build, "alice: SeBackupPrivilege, SeRestorePrivilege\n") as (s, alice, bob, one, two):
        refused_all(bob)


def backup(build):
    """SeBackupPrivilege reads all, descriptors and lists included, where the client says that it backs up; and changes nothing."""
    with locked(build, "bob: SeBackupPrivilege\n") as (s, alice, bob, one, two):
        f = bob.open("d\\f", GENERIC_READ | SYSTEM_SECURITY, OPEN, BACKUP_INTENT)
        expect(bob.call(raw.READ, raw.read_body(f, 6)).body[16:22], b"secret", "what is read")
        expect(aces_of(bob.get_sd(f)), [], "the DACL")
        bob.get_sd(f, SACL)
        bob.set_sd(f, sd([(EVERYONE, ALL)]), DACL, ACCESS_DENIED)
        d = bob.open("d", DATA_READ, OPEN, 1 | BACKUP_INTENT)
        expect([e[0] for e in bob.entries(d)][-1:] != [], True, "the folder is listed")
        bob.may("d\\f", MAXIMUM, options=BACKUP_INTENT)
        bob.may_not("d\\f", DATA_READ, MAXIMUM)  # no intent
        bob.may_not("d\\f", DATA_WRITE, DELETE, WRITE_DAC, WRITE_OWNER, options=BACKUP_INTENT)
        bob.open("d\\f", DATA_READ, OVERWRITE_IF, 0x40 | BACKUP_INTENT, status=ACCESS_DENIED)
        bob.make("d\\new", 0x40 | BACKUP_INTENT, access=DATA_READ, status=ACCESS_DENIED)
    with locked(build, all_but("SeBackupPrivilege")) as (s, alice, bob, one, two):
        bob.may_not("d\\f", DATA_READ, options=BACKUP_INTENT)


def restore(build):
    """SeRestorePrivilege writes all, makes files anywhere and gives them to anybody; and reads nothing."""
    with locked(build, "bob: SeRestorePrivilege\n") as (s, alice, bob, one, two):
        f = bob.open("d\\f", DATA_WRITE | WRITE_DAC | WRITE_OWNER, OPEN, BACKUP_INTENT)
        bob.write(f, b"stored")
        bob.set_sd(f, sd([(EVERYONE, DATA_READ)], owner=SYSTEM), OWNER | DACL)
        bob.close(f)
        bob.may("d\\f", DATA_READ)
        f = bob.make("d\\new", 0x40 | BACKUP_INTENT, sd([(EVERYONE, ALL)], owner=user(one)), DATA_WRITE | WRITE_DAC)
        bob.close(f)
        f = alice.open("d\\new", READ_CONTROL, OPEN)
        expect(owner_of(alice.get_sd(f, OWNER)), user(one), "owner of what was restored")
        alice.close(f)
        alice.protect("d\\new", [])
        bob.may_not("d\\new", DATA_READ, options=BACKUP_INTENT)
        bob.may_not("d\\new", DATA_WRITE, DELETE)  # no intent
        bob.make("d\\other", access=DATA_WRITE, status=ACCESS_DENIED)
        bob.may("d\\new", DELETE, options=BACKUP_INTENT)
    with locked(build, all_but("SeRestorePrivilege")) as (s, alice, bob, one, two):
        bob.may_not("d\\f", DATA_WRITE, DELETE, WRITE_DAC, options=BACKUP_INTENT)
        bob.make("d\\new", 0x40 | BACKUP_INTENT, access=DATA_WRITE, status=ACCESS_DENIED)


def take_ownership(build):
    with locked(build, "bob: SeTakeOwnershipPrivilege\n") as (s, alice, bob, one, two):
        bob.may_not("d\\f", WRITE_DAC, WRITE_OWNER | WRITE_DAC)
        f = bob.open("d\\f", WRITE_OWNER, OPEN)
        bob.set_sd(f, sd(owner=SYSTEM), OWNER, INVALID_OWNER)
        bob.set_sd(f, sd(owner=user(two)), OWNER)
        bob.close(f)
        expect(os.stat(f"{s.folder()}/d/f").st_uid, two.pw_uid, "owner on disk")
        bob.may("d\\f", WRITE_DAC)
    with locked(build, all_but("SeTakeOwnershipPrivilege")) as (s, alice, bob, one, two):
        bob.may_not("d\\f", WRITE_OWNER)


def with_sacl(control=0):
    """A descriptor with an audit list: failed writes of everyone."""
    entry = struct.pack("<BBHI", 2, 0x80, 8 + len(EVERYONE), DATA_WRITE) + EVERYONE
    acl = struct.pack("<BBHHH", 2, 0, 8 + len(entry), 1, 0) + entry
    return struct.pack("<BBHIIII", 1, 0, 0x8010 | control, 0, 0, 20, 0) + acl


def audit_lists(build):
    """SeSecurityPrivilege sees and sets them; they are kept, beside what others set."""
    with locked(build, "bob: SeSecurityPrivilege\n") as (s, alice, bob, one, two):
        f = bob.open("d\\f", SYSTEM_SECURITY, OPEN)
        bob.set_sd(f, with_sacl(), SACL)
        bob.set_sd(f, sd([(EVERYONE, ALL)]), DACL, ACCESS_DENIED)
        expect(bob.get_sd(f, SACL), with_sacl(), "the audit list")
        alice.protect("d\\f", [(EVERYONE, DATA_READ)])
        expect(bob.get_sd(f, SACL), with_sacl(), "the audit list after another's change")
        bob.close(f)
        bob.may_not("d\\f", DATA_WRITE, WRITE_DAC)
        alice.open("d\\f", SYSTEM_SECURITY, OPEN, status=NO_PRIVILEGE)
        bob.close(bob.make("audited", descriptor=with_sacl()))
        alice.make("audited2", descriptor=with_sacl(), status=NO_PRIVILEGE)
    with locked(build, all_but("SeSecurityPrivilege")) as (s, alice, bob, one, two):
        bob.open("d\\f", SYSTEM_SECURITY, OPEN, status=NO_PRIVILEGE)


def privileges_end(build):
    """Not on shares where others decide, nor beyond what a share permits; and from a reload on, those that are gone."""
    every = "bob: " + ", ".join(NAMES) + "\n"
    with locked(build, every, "posix") as (s, alice, bob, one, two):
        refused_all(bob, ACCESS_DENIED)  # the folder's mode stops him before
    with locked(build, every) as (s, alice, bob, one, two):
        s.cfg("share", "update", "-n", "share", "-P", "everyone:read")
        bob.may("d\\f", DATA_READ, options=BACKUP_INTENT)
        bob.may_not("d\\f", DATA_WRITE, WRITE_OWNER, DELETE, options=BACKUP_INTENT)
        bob.make("d\\new", 0x40 | BACKUP_INTENT, access=DATA_READ, status=ACCESS_DENIED)
        bob.open("d\\f", SYSTEM_SECURITY, OPEN, BACKUP_INTENT, status=NO_PRIVILEGE)
        s.cfg("share", "update", "-n", "share", "-P", "everyone:full")
        bob.may("d\\f", DATA_WRITE, SYSTEM_SECURITY, options=BACKUP_INTENT)
        s.write_privileges("")
        s.cfg("reload")
        refused_all(bob)


def tests(build):
    for test in (without_descriptor, descriptor_decides, as_samba, append_only, directories, inheritance, ownership, spoilt, posix,
                 removed_by_others, posix_acls, none, forced, ordinary_user, no_privilege, backup, restore, take_ownership, audit_lists,
                 privileges_end):
        yield Test("acl." + test.__name__.replace("_", "-"), lambda test=test: test(build))
