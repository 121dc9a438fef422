"""Clients that mean harm, against reparse points, quotas, srvsvc, short names, and what the administrator hands in: each message is
answered, what is refused has not begun, and the server goes on.
"""
import functools
import os
import random
import struct
import threading
import time

from harness.testing import Failed, Test

from peer import raw
from peer.admin import windows_path
from peer.files import expect
from peer.impacket_peer import impacket, pipe
from peer.ipc import bind_pdu
from peer.info import (ACCESS_DENIED, ALL, CREATE_NEW, INVALID_PARAMETER, LENGTH_MISMATCH, NAME_NOT_FOUND, OPEN, PATH_NOT_FOUND, Client,
                       rename_data)
from peer.names import alternate
from peer.quotas import INDEX, NONE, accounts, ask, chain, sid, user
from peer.raw import Raw
from peer.reparse import (DELETE, FOLDER, GET, INVALID_DATA, ITSELF, LX_FIFO, NOT_HANDLED, NOT_REPARSE, SET, STOPPED, SYMLINK, THIRD,
                          attributes, buffer, control, get, itself, link, make)
from peer.server import Server, preload, scratch

RENAME, LINK = 10, 11
NOT_EMPTY, DISK_FULL, SUCCESS = 0xC0000101, 0xC000007F, raw.SUCCESS
ROUNDS = 400
OPERATOR = "alice: SeDiskOperatorPrivilege\n"


def alive(c):
    f = c.open("alive")
    c.write(f, b"yes")
    c.close(f)


# ---- reparse points

def behind_reparse_points(build):
    """Nothing is made in, renamed to or linked into a directory that is one, by whatever kind; and nothing out of the share."""
    with Server(build) as s, Client(s) as c:
        outside = os.path.join(s.top, "outside")
        os.mkdir(outside, 0o777)
        os.chmod(outside, 0o777)
        s.put("f", b"mine")
        for name, data in (("link", link("..\\..\\outside")), ("fifo", buffer(LX_FIFO)), ("absolute", link("\\??\\C:\\", False))):
            make(c, name, data, FOLDER)
            f = c.open("f", disposition=OPEN)
            for info in (RENAME, LINK):
                for target in (f"{name}\\f", f"{name}\\below\\f"):
                    got = c.raw.call(raw.SET_INFO, raw.set_info_body(f, rename_data(target), 1, info), "sign", tree=c.id)
                    expect(got.status, PATH_NOT_FOUND, f"{info} to {target}")
            c.close(f)
            for disposition in (OPEN, CREATE_NEW, 3, 5):
                for path in (f"{name}\\f", f"{name}\\f:stream"):
                    got = c.raw.call(raw.CREATE, raw.create_body(path, disposition=disposition), "sign", tree=c.id)
                    expect(got.status, NOT_HANDLED if name == "fifo" else STOPPED, f"CREATE of {path}")
            expect(os.listdir(os.path.join(s.folder(), name)), [], f"what is in {name}")
        expect((os.listdir(outside), os.path.exists(s.folder() + "/f")), ([], True), "what is outside, and what was to be moved")


def reparse_bytes(build):
    """Any bytes, cut and damaged: answered, and what was taken is what is told, to the byte."""
    r = random.Random(7)
    with Server(build) as s, Client(s) as c:
        seeds = [link("target"), link("a\\..\\..\\b"), buffer(THIRD, b"x" * 40, bytes(range(16))), buffer(LX_FIFO)]
        taken = 0
        f = itself(c, "f", 0x00110180 | 0x100, disposition=CREATE_NEW)
        for n in range(ROUNDS):
            data = bytearray(r.choice(seeds))
            for _ in range(r.randrange(1, 4)):
                data[r.randrange(len(data))] = r.choice((0, 1, 0x7F, 0x80, 0xFF, r.randrange(256)))
            data = bytes(data[:r.randrange(len(data) + 1)] if n % 3 == 0 else data)
            got = c.raw.call(raw.IOCTL, raw.ioctl_body(SET, f, data), "sign", tree=c.id)
            if got.status != SUCCESS:
                expect(got.status >= 0xC0000000, True, f"{data.hex()}: {got.status:#x}")
                continue
            taken += 1
            expect(get(c, f), data, "what was taken")
            other = c.raw.call(raw.CREATE, raw.create_body("f"), "sign", tree=c.id)
            expect(other.status in (STOPPED, NOT_HANDLED), True, f"CREATE at {data.hex()}: {other.status:#x}")
            gone = data[:8 if data[3] & 0x80 else 24]
            control(c, DELETE, f, gone[:4] + bytes(4) + gone[8:])
        expect(taken > 0, True, "buffers that were taken")
        largest = buffer(THIRD, bytes(16384 - 24), bytes(16))
        got = c.raw.call(raw.IOCTL, raw.ioctl_body(SET, f, largest), "sign", tree=c.id)
        expect(got.status in (SUCCESS, DISK_FULL), True, "the largest, which not every file system has room for")
        if got.status == SUCCESS:
            control(c, GET, f, room=24, status=0x80000005)
            expect(get(c, f, room=65536), largest, "the largest")
        control(c, SET, f, buffer(THIRD, bytes(16384 - 23), bytes(16)), INVALID_DATA)
        control(c, SET, f, bytes(65536), INVALID_DATA)
        alive(c)


def reparse_chain(build):
    """Links to links, to themselves, and of the greatest depth: the server follows none, so none costs it anything."""
    with Server(build) as s, Client(s) as c:
        for n in range(50):
            make(c, f"l{n}", link(f"l{n + 1}"))
        make(c, "self", link("self"))
        make(c, "up", link("..\\" * 200 + "etc"), FOLDER)
        for path in ("l0", "self", "up\\passwd", "self\\a\\b"):
            c.open(path, 0x80, OPEN, 0, status=STOPPED)
        alive(c)


def reparse_race(build):
    """One makes a directory a link and takes that back, another makes files in it: in the end all is reached, and nothing is lost."""
    with Server(build) as s, Client(s) as c, Client(s, user="bob") as other:
        c.close(c.folder("d"))
        stop, made, problems = threading.Event(), set(), []

        def fill():
            try:
                n = 0
                while not stop.is_set():
                    got = other.raw.call(raw.CREATE, raw.create_body(f"d\\f{n}", ALL, CREATE_NEW), "sign", tree=other.id)
                    if got.status == SUCCESS:
                        f = raw.file_id_of(got)
                        if n % 2:
                            made.add(f"f{n}")
                        else:
                            other.set(f, 13, b"\1")
                        other.close(f)
                    elif got.status not in (STOPPED, NAME_NOT_FOUND):
                        raise Failed(f"CREATE: {got.status:#x}")
                    n += 1
            except Exception as e:
                problems.append(e)

        t = threading.Thread(target=fill)
        t.start()
        d = c.open("d", 0x00110180, OPEN, FOLDER | ITSELF)
        refused = 0
        for n in range(ROUNDS):
            if n % 20 == 0:  # room for the next one
                for name in list(made):
                    got = c.raw.call(raw.CREATE, raw.create_body(f"d\\{name}", 0x10000, OPEN, 0x1000), "sign", tree=c.id)
                    if got.status == SUCCESS:
                        c.close(raw.file_id_of(got))
                        made.discard(name)
            got = c.raw.call(raw.IOCTL, raw.ioctl_body(SET, d, link("elsewhere")), "sign", tree=c.id)
            refused += got.status != SUCCESS
            expect(got.status in (SUCCESS, NOT_EMPTY), True, f"SET: {got.status:#x}")
            if got.status == SUCCESS:
                control(c, DELETE, d, buffer(SYMLINK))
        stop.set()
        t.join()
        if problems:
            raise problems[0]
        print(f"{ROUNDS - refused} times a link")
        control(c, GET, d, status=NOT_REPARSE)
        expect(attributes(c, d)[0] & 0x400, 0, "FileAttributes")
        expect(set(os.listdir(s.folder() + "/d")), made, "what is in it")


# ---- a local process

def exchange(folder, outside, stop):
    """`folder` is by turns the directory it was and a link out of the share; now and then it is outside for a moment."""
    aside, away = folder + "-real", os.path.join(os.path.dirname(outside), "away")
    n = 0
    while not stop.is_set():
        n += 1
        os.rename(folder, aside)
        os.symlink("../outside" if n % 2 else outside, folder)
        if n % 3 == 0:
            os.rename(aside, away)
            os.rename(away, aside)
        os.unlink(folder)
        os.rename(aside, folder)


def anything(c, rng):
    """One operation on a file that may be anywhere; what was read."""
    name = rng.choice(("d\\x", "d\\x", "d\\y", "d\\z", "d\\x:s", "e\\z"))
    got = c.raw.call(raw.CREATE, raw.create_body(name, ALL, rng.choice((1, 3, 3, 2, 5)), rng.choice((0, 0, 1, ITSELF))), "sign", tree=c.id)
    if got.status != SUCCESS:
        return b""
    f, to = raw.file_id_of(got), rename_data(rng.choice(("e\\z", "d\\z", "d\\x", "d\\y")), True)
    command, body = rng.choice(((raw.READ, raw.read_body(f, 100)), (raw.READ, raw.read_body(f, 100)), (raw.WRITE, raw.write_body(f, b"mine")),
                                (raw.SET_INFO, raw.set_info_body(f, b"\1", 1, 13)), (raw.SET_INFO, raw.set_info_body(f, to, 1, RENAME)),
                                (raw.SET_INFO, raw.set_info_body(f, to, 1, LINK))))
    got = c.raw.call(command, body, "sign", tree=c.id)
    c.close(f)
    return got.body[16:] if command == raw.READ and got.status == SUCCESS else b""


def exchanged_for_links(build, operations=1500):
    """A directory is exchanged for a link out of the share at any time: nothing out there is read, changed, removed or added."""
    seed = random.randrange(2**32)
    print("seed", seed)
    with Server(build) as s, Client(s) as c, Client(s, user="bob") as other:
        outside, stop, rng = os.path.join(s.top, "outside"), threading.Event(), random.Random(seed)
        os.mkdir(outside)
        for name in ("x", "y"):
            with open(os.path.join(outside, name), "w") as f:
                f.write("not for clients")
        for path in (outside, s.top, *(os.path.join(outside, name) for name in "xy")):
            os.chown(path, s.owner(), -1)
        for name in ("d", "e"):
            c.close(c.folder(name))
        before = {name: os.stat(os.path.join(outside, name)) for name in "xy"}
        t = threading.Thread(target=exchange, args=(s.folder() + "/d", outside, stop))
        t.start()
        try:
            for n in range(operations):
                expect(b"not for clients" in anything(other if n % 2 else c, rng), False, "what was read")
        finally:
            stop.set()
            t.join()
        expect(sorted(os.listdir(outside)), ["x", "y"], "names outside")
        for name, stat in before.items():
            now = os.stat(os.path.join(outside, name))
            expect((now.st_ino, now.st_nlink, now.st_size, now.st_mtime_ns), (stat.st_ino, 1, stat.st_size, stat.st_mtime_ns), name)
            expect(os.listxattr(os.path.join(outside, name)), [], f"attributes of {name}")
        alive(c)


# ---- quotas

def quota_bytes(build):
    """Lists of SIDs that are cut, loop or lie: refused, and nothing of them is set, by an administrator and by others."""
    one, two, server = accounts(build, "{0}:1:2:3 {1}:4:0:0")
    with server as s, Client(s, user="root") as c, Client(s) as other:
        os.chmod(s.folder(), 0o1777)
        q, theirs = c.open(INDEX, 0x100016, OPEN, 0), other.open(INDEX, 0x100081, OPEN, 0)
        whole = chain([struct.pack("<IQQQQ", len(user(u)), 0, 0, 4096, 8192) + user(u) for u in (one, two)], 8)
        before = ask(c, q, restart=1)
        for n in range(len(whole)):
            # what ends behind the first entry is a whole list, but for the offset of the next
            got = c.raw.call(raw.SET_INFO, raw.set_info_body(q, whole[:n], 4, 0), "sign", tree=c.id)
            expect(got.status in (INVALID_PARAMETER, LENGTH_MISMATCH), True, f"cut at {n}: {got.status:#x}")
        for at, value in ((0, 4), (0, 7), (0, 0xFFFFFFF8), (0, len(whole)), (4, 0), (4, 7), (4, 68), (4, 0xFFFFFFFF)):
            bad = bytearray(whole)
            struct.pack_into("<I", bad, at, value)
            c.set(q, 0, bytes(bad), INVALID_PARAMETER, kind=4)
        bad = bytearray(whole)
        bad[41] = 255  # SubAuthorityCount
        c.set(q, 0, bytes(bad), INVALID_PARAMETER, kind=4)
        other.set(theirs, 0, whole, ACCESS_DENIED, kind=4)
        expect(ask(c, q, restart=1), before, "quotas after all that")
        listed = chain([struct.pack("<I", len(x)) + x for x in (user(one), sid(0, authority=1))], 4)
        for who, f in ((c, q), (other, theirs)):
            for n in range(len(listed)):
                data = struct.pack("<BBHIII", 0, 0, 0, len(listed), 0, 0) + listed[:n]
                who.get(f, 0, kind=4, data=data, status=INVALID_PARAMETER)
            for lengths in ((0xFFFFFFFF, 0, 0), (0, 0xFFFFFFFF, 4), (0, 16, 0xFFFFFFF0), (4, 0, 0)):
                who.get(f, 0, kind=4, data=struct.pack("<BBHIII", 0, 0, 0, *lengths) + listed, status=INVALID_PARAMETER)
        alive(other)


# ---- srvsvc

def ndr_string(text):
    data = (text + "\0").encode("utf-16le")
    return struct.pack("<III", len(data) // 2, 0, len(data) // 2) + data + bytes(-len(data) % 4)


def share_add_stub(path):
    """NetrShareAdd, level 2."""
    fixed = struct.pack("<IIIIIIII", 2, 0, 3, 0, 0xFFFFFFFF, 0, 4, 0)
    return struct.pack("<IIII", 0, 2, 2, 1) + fixed + ndr_string("Neu") + ndr_string("remark") + ndr_string(path) + struct.pack("<II", 5, 0)


CALLS = {  # opnum, stub
    "NetrSessionDel": (13, lambda s: struct.pack("<II", 0, 1) + ndr_string("\\\\127.0.0.9") + struct.pack("<I", 2) + ndr_string("nobody")),
    "NetrShareAdd": (14, lambda s: share_add_stub(windows_path(s.top + "/nothing"))),
    "NetrShareDel": (18, lambda s: struct.pack("<I", 0) + ndr_string("nothing") + struct.pack("<I", 0)),
    "NetrFileClose": (11, lambda s: struct.pack("<II", 0, 0x7FFFFFFF)),
}


def called(dce, opnum, stub):
    """The Win32 error, or None for a fault."""
    from impacket.dcerpc.v5.rpcrt import DCERPCException
    dce.call(opnum, stub)
    try:
        return struct.unpack("<I", dce.recv()[-4:])[0]
    except DCERPCException:
        return None


def srvsvc_bytes(build):
    """Calls that change something, cut at every length and with lengths that lie: a fault or an error, and all is as it was."""
    impacket()
    from impacket.dcerpc.v5 import srvs
    with Server(build, privileges=OPERATOR) as s:
        with open(s.conf, encoding="utf-8") as f:
            before = f.read()
        for who, whole_error in (("bob", 5), ("alice", None)):
            dce = pipe(s, r"\srvsvc", srvs.MSRPC_UUID_SRVS, who)
            for name, (opnum, stub) in CALLS.items():
                whole = stub(s)
                error = called(dce, opnum, whole)
                expect(error == 5 if whole_error else error not in (0, 5, None), True, f"{name} of {who}: {error}")
                for n in range(0, len(whole), 2 if len(whole) > 100 else 1):
                    expect(called(dce, opnum, whole[:n]) != 0, True, f"{name} cut at {n}")
                for at in range(0, len(whole) - 4, 4):
                    bad = bytearray(whole)
                    struct.pack_into("<I", bad, at, 0xFFFFFFFF)
                    expect(called(dce, opnum, bytes(bad)) != 0, True, f"{name} with a lie at {at}")
        with open(s.conf, encoding="utf-8") as f:
            expect(f.read(), before, "the configuration")
        with Client(s) as c:
            alive(c)


# ---- names

def server_info_pdu(call):
    stub = struct.pack("<II", 0, 100)
    return struct.pack("<BBBBIHHIIHH", 5, 0, 0, 3, 0x10, 24 + len(stub), 0, call, len(stub), 0, 21) + stub


def slow_names(build, callers=6):
    """Calls that wait for a directory service leave threads to the files. What waits behind them for a client that goes is not made."""
    impacket()
    from impacket.dcerpc.v5 import lsad, lsat
    from impacket.dcerpc.v5.dtypes import MAXIMUM_ALLOWED
    with scratch() as tmp:
        stall, found = os.path.join(tmp, "stall"), []
        os.chmod(tmp, 0o755)
        settings = {"vfs_data_threads": 2, "vfs_metadata_threads": 2, "log_level": 5}
        with Server(build, settings, before=("env", preload(build, "stall"), f"TSMB_TEST_STALL={stall}")) as s, Client(s) as c, Raw(
                s) as gone:
            def look_up(dce, policy):
                try:
                    lsat.hLsarLookupNames(dce, policy, ["slow"])
                except Exception as e:
                    found.append("NONE_MAPPED" in str(e))
            for name in ("a", "b"):
                c.close(c.open(name))
            pipes = [pipe(s, r"\lsarpc", lsat.MSRPC_UUID_LSAT) for _ in range(callers)]
            policies = [lsad.hLsarOpenPolicy2(dce, MAXIMUM_ALLOWED)["PolicyHandle"] for dce in pipes]
            threads = [threading.Thread(target=look_up, args=both) for both in zip(pipes, policies)]
            tree = gone.ready("IPC$")
            srvsvc = raw.file_id_of(gone.expect(raw.CREATE, raw.create_body("srvsvc"), "sign", tree=tree))
            for data in (bind_pdu(1), server_info_pdu(2)):
                gone.expect(raw.WRITE, raw.write_body(srvsvc, data), "sign", tree=tree)
            open(stall, "w").close()
            for t in threads:
                t.start()
            time.sleep(0.5)  # until they are under way
            gone.send(raw.WRITE, raw.write_body(srvsvc, server_info_pdu(3)), "sign", tree=tree)
            gone.socket.close()
            s.wait_text("closed by the client")
            f = c.open("a", disposition=OPEN)
            c.set(f, RENAME, rename_data("b", True))
            expect(found, [], "who was answered so far")
            os.unlink(stall)
            for t in threads:
                t.join()
            expect(found, [True] * callers, "who was answered")
            s.stop()
            expect(s.text().count("srvsvc: NetrServerGetInfo: "), 1, "calls to srvsvc")


def short_name_taken(build):
    """Who makes a file of the very name that a longer one's short name is gets his own; the other stays whole, and reached."""
    with Server(build) as s, Client(s) as c, Client(s, user="bob") as other:
        s.put("A secret of alice.txt", b"secret")
        short = alternate(c, "A secret of alice.txt")
        f = other.open(short, disposition=5)  # overwrites what the name means: that file, as on Windows
        expect(sorted(os.listdir(s.folder())), ["A secret of alice.txt"], "no second file")
        other.close(f)
        s.put("A secret of alice.txt", b"secret")
        s.put(short, b"a local process's")
        for name, data in ((short, b"a local process's"), ("A secret of alice.txt", b"secret")):
            f = c.open(name, disposition=OPEN)
            got = c.raw.expect(raw.READ, raw.read_body(f, 64), "sign", tree=c.id).body
            expect(got[16:16 + len(data)], data, f"what {name} is")
            c.close(f)
        c.close(c.open(short, 0x10000, OPEN, 0x1040))
        expect(sorted(os.listdir(s.folder())), ["A secret of alice.txt"], "the exact name was deleted")
        c.close(c.folder("many"))
        for n in range(300):
            s.put(f"many/a name like others {n:04}.txt", str(n).encode())
        names = {alternate(c, f"many\\a name like others {n:04}.txt") for n in range(0, 300, 10)}
        expect(len(names), 30, "short names that differ")


# ---- what the administrator hands in

def descriptors(build):
    """SDDL that is too long, too deep, or says what cannot be kept: refused by name, and nothing changes."""
    with Server(build) as s:
        with open(s.conf, encoding="utf-8") as f:
            before = f.read()
        for text in ("D:" + "(A;;FA;;;WD)" * 6000, "D:" + "(" * 5000, "D:(A;;FA;;;S-1-" + "1-" * 200 + "1)", "D:(A;;FA;;;S-1-99999999999999999999)",
                     "D:(A;;0x1FFFFFFFFFF;;;WD)", "D:(XA;;FA;;;WD;(a==b))", "D:(A;;FA;;;WD)D:(A;;FA;;;WD)", "O:", "D:(A;;FA;;;WD) x", "%n%s%n"):
            s.cfg("share", "update", "-n", "share", "--security-descriptor", text, want=1)
            with open(s.conf, encoding="utf-8") as f:
                expect(f.read(), before, f"the configuration after {text[:40]}")
        s.cfg("share", "update", "-n", "share", "--security-descriptor", "D:(A;;FA;;;WD)")
        with Client(s) as c:
            alive(c)


def privileges_of_others(build):
    """A file of privileges that somebody else owns, or may write to, gives nobody any, at the start and later."""
    with Server(build, privileges=OPERATOR) as s:
        path = os.path.join(s.top, "run", "privileges")
        os.chmod(path, 0o620)
        expect("others than its owner" in s.cfg("reload", want=1), True, "writable by a group")
        os.chmod(path, 0o600)
        s.cfg("reload")
        if os.getuid() == 0:
            os.chmod(path, 0o644)
            os.chown(path, 12345, -1)
            expect("belongs to another account" in s.cfg("reload", want=1), True, "somebody else's")
            os.chown(path, s.owner(), -1)
            s.cfg("reload")
        os.unlink(path)
        os.mkfifo(path, 0o600)
        os.chown(path, s.owner(), -1)
        expect("not a regular file" in s.cfg("reload", want=1), True, "a pipe that nobody writes to")
        os.unlink(path)
        s.write_privileges(OPERATOR)


def tests(build):
    for f in (behind_reparse_points, reparse_bytes, reparse_chain, reparse_race, exchanged_for_links, quota_bytes, srvsvc_bytes, slow_names,
              short_name_taken, descriptors, privileges_of_others):
        yield Test("hostile." + f.__name__.replace("_", "-"), functools.partial(f, build), limit=120)
