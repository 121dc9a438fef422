"""Oplocks and leases, as what goes over the wire: who is told of a break, when, and how that is protected."""
import functools
import os
import struct
import time

from harness.testing import Failed, Skip, Test

from peer import raw
from peer.raw import Raw
from peer.server import Server

BATCH, LEVEL_II, NONE, LEASE = 0x09, 0x01, 0x00, 0xFF
READ_CACHING, WRITE_CACHING, ALL_CACHING = 0x01, 0x04, 0x07
UNSOLICITED = 0xFFFFFFFFFFFFFFFF
END_OF_FILE = 0xC0000011
SECONDS = 10


def with_oplock(body, level):
    return body[:3] + bytes([level]) + body[4:]


def lease_context(key, state=ALL_CACHING):
    """RqLs, version 1."""
    data = struct.pack("<16sIIQ", key, state, 0, 0)
    return struct.pack("<IHHHHI4s4x", 0, 16, 4, 0, 24, len(data), b"RqLs") + data


def lease_context_v2(key, state, parent=None):
    data = struct.pack("<16sIIQ16sHH", key, state, 4 if parent else 0, 0, parent or bytes(16), 1, 0)
    return struct.pack("<IHHHHI4s4x", 0, 16, 4, 0, 24, len(data), b"RqLs") + data + bytes(4)


def create_with_lease(name, key):
    return with_oplock(raw.create_body(name, disposition=3, contexts=lease_context(key)), LEASE)


def granted(answer, level):
    """The file id; and that the oplock was granted."""
    if answer.status != raw.SUCCESS or answer.body[2] != level:
        raise Failed(f"CREATE: status {answer.status:#010x}, oplock level {answer.body[2]:#04x} where {level:#04x} was expected")
    return raw.file_id_of(answer)


def lease_state(answer):
    """Of the lease context in a CREATE answer, which is the only context."""
    at = struct.unpack_from("<I", answer.body, 80)[0] - raw.HEADER_LEN + 24
    return struct.unpack_from("<I", answer.body, at + 16)[0]


def next_break(client, how="plain"):
    """The notification that must come now."""
    got = client.receive(SECONDS)[0]
    if got.command != raw.OPLOCK_BREAK or got.message_id != UNSOLICITED:
        raise Failed(f"command {got.command}, message {got.message_id:#x} where a break was expected")
    if got.protection != how:
        raise Failed(f"the break came {got.protection} where {how} was expected")
    return got


def oplock_level(notification):
    return notification.body[2]


def acknowledge(client, tree, file_id, level, how="plain"):
    return client.expect(raw.OPLOCK_BREAK, struct.pack("<HBBI16s", 24, level, 0, 0, file_id), how, tree=tree)


def second_open(build):
    """The first client is told, the second waits with an interim answer, then gets level II."""
    with Server(build) as s, Raw(s) as a, Raw(s) as b:
        tree_a, tree_b = a.ready(), b.ready()
        fid = granted(a.expect(raw.CREATE, with_oplock(raw.create_body("f"), BATCH), "sign", tree=tree_a), BATCH)
        b.send(raw.CREATE, with_oplock(raw.create_body("f"), BATCH), "sign", tree=tree_b)
        if oplock_level(next_break(a)) != LEVEL_II:
            raise Failed("broken to another level than II")
        if b.receive(SECONDS)[0].status != raw.PENDING:
            raise Failed("the second open was not told that it waits")
        acknowledge(a, tree_a, fid, LEVEL_II, "sign")
        granted(b.answer(SECONDS), LEVEL_II)


def sealed_break(build):
    """A break says no less secretly than the answer to its CREATE."""
    for settings, how in (({}, "plain"), ({"encrypt_data": "true"}, "encrypt")):
        with Server(build, settings=settings) as s, Raw(s) as a, Raw(s) as b:
            ask = "encrypt" if how == "encrypt" else "sign"
            tree_a, tree_b = a.ready(how=ask), b.ready(how=ask)
            granted(a.expect(raw.CREATE, with_oplock(raw.create_body("f"), BATCH), ask, tree=tree_a), BATCH)
            b.send(raw.CREATE, raw.create_body("f"), ask, tree=tree_b)
            next_break(a, how)


def encrypting_client(build):
    """A client that encrypts of its own accord hears of breaks encrypted."""
    with Server(build) as s, Raw(s) as a, Raw(s) as b:
        tree_a, tree_b = a.ready(how="encrypt"), b.ready()
        granted(a.expect(raw.CREATE, with_oplock(raw.create_body("f"), BATCH), "encrypt", tree=tree_a), BATCH)
        b.send(raw.CREATE, raw.create_body("f"), "sign", tree=tree_b)
        next_break(a, "encrypt")


def granted_before_broken(build):
    """In a compound whose second element waits the grant is answered first, then broken."""
    with Server(build) as s, Raw(s) as a, Raw(s) as b, Raw(s) as c:
        tree_a, tree_b, tree_c = a.ready(), b.ready(), c.ready()
        held = raw.file_id_of(c.expect(raw.CREATE, raw.create_body("f"), "sign", tree=tree_c))
        c.expect(raw.CLOSE, raw.close_body(held), "sign", tree=tree_c)
        related = raw.NO_ID
        a.compound([(raw.CREATE, create_with_lease("f", b"k" * 16)), (raw.FLUSH, raw.flush_body(related))], "sign",
                   flags=raw.RELATED, tree=tree_a)
        b.send(raw.CREATE, raw.create_body("f"), "sign", tree=tree_b)
        frame = a.receive(SECONDS)  # FLUSH waits for the disk; whatever else comes first is wrong
        if [one.command for one in frame] != [raw.CREATE, raw.FLUSH]:
            raise Failed("the break came before the answer that granted")
        if lease_state(frame[0]) & WRITE_CACHING:  # not if the other client's open overtook it
            next_break(a)


def local_process(build):
    """Somebody on the server opens the file: whoever caches it is told to stop, and then may write no more behind."""
    with Server(build) as s, Raw(s) as a:
        if "no fanotify" in s.text():
            raise Skip("the kernel has no fanotify")
        tree = a.ready()
        fid = granted(a.expect(raw.CREATE, with_oplock(raw.create_body("f"), BATCH), "sign", tree=tree), BATCH)
        a.expect(raw.WRITE, raw.write_body(fid, b"ours"), "sign", tree=tree)
        with open(os.path.join(s.folder(), "f"), "rb") as f:
            f.read()
        if oplock_level(next_break(a)) != NONE:
            raise Failed("broken to another level than none")
        acknowledge(a, tree, fid, NONE, "sign")


def directory_lease(build):
    """Entries that change under the directory's own key leave its lease alone; another's do not."""
    with Server(build) as s, Raw(s) as a, Raw(s) as b, Raw(s) as old:
        os.mkdir(s.folder() + "/d", 0o777)
        os.chmod(s.folder() + "/d", 0o777)
        tree_a, tree_b = a.ready(), b.ready()

        def directory(key):
            return with_oplock(raw.create_body("d", access=0x120089, disposition=1, options=1,
                                               contexts=lease_context_v2(key, 0x07)), LEASE)

        got = a.expect(raw.CREATE, directory(b"d" * 16), "sign", tree=tree_a)
        granted(got, LEASE)
        if lease_state(got) != 0x03:
            raise Failed(f"a directory was granted {lease_state(got):#x} instead of READ and HANDLE")
        mine = with_oplock(raw.create_body("d\\mine", contexts=lease_context_v2(b"f" * 16, 0x01, parent=b"d" * 16)), LEASE)
        granted(a.expect(raw.CREATE, mine, "sign", tree=tree_a), LEASE)
        b.expect(raw.CREATE, raw.create_body("d\\other"), "sign", tree=tree_b)
        broken = next_break(a)
        if broken.body[8:24] != b"d" * 16 or struct.unpack_from("<II", broken.body, 24) != (0x03, 0x00):
            raise Failed("another break than that of the directory, to nothing")
        old.negotiate(capabilities=0x3F & ~0x20)  # no DIRECTORY_LEASING
        old.logon()
        got = old.expect(raw.CREATE, directory(b"o" * 16), "sign", tree=old.tree("share", "sign"))
        if lease_state(got):
            raise Failed("a client that knows of no directory leases was granted one")


def moved_meanwhile(build):
    """While an open waits its directory is moved, and another takes its place: what is opened is what the name means then."""
    with Server(build) as s, Raw(s) as a, Raw(s) as b:
        tree_a, tree_b = a.ready(), b.ready()
        a.expect(raw.CREATE, raw.create_body("d", options=1), "sign", tree=tree_a)
        fid = granted(a.expect(raw.CREATE, with_oplock(raw.create_body("d\\f"), BATCH), "sign", tree=tree_a), BATCH)
        b.send(raw.CREATE, raw.create_body("d\\f", access=0x80000000), "sign", tree=tree_b)
        next_break(a)
        if b.receive(SECONDS)[0].status != raw.PENDING:
            raise Failed("the second open was not told that it waits")
        os.rename(s.folder() + "/d", s.folder() + "/elsewhere")
        os.mkdir(s.folder() + "/d")
        s.put("d/f", b"another")
        a.expect(raw.CLOSE, raw.close_body(fid), "sign", tree=tree_a)
        got = b.answer()
        if got.status != raw.SUCCESS:
            raise Failed(f"CREATE: {got.status:#010x}")
        got = b.expect(raw.READ, raw.read_body(raw.file_id_of(got), 16), "sign", tree=tree_b)
        if got.body[16:] != b"another":
            raise Failed(f"what was read: {got.body[16:]}")


def rename_over_cached_handle(build):
    """A directory is renamed once files that were open only because of a lease are closed; one that stays open holds it."""
    with Server(build) as s, Raw(s) as a, Raw(s) as b:
        os.mkdir(s.folder() + "/d", 0o777)
        os.chmod(s.folder() + "/d", 0o777)
        tree_a, tree_b = a.ready(), b.ready()
        got = a.expect(raw.CREATE, create_with_lease("d\\f", b"k" * 16), "sign", tree=tree_a)
        fid = granted(got, LEASE)
        directory = raw.file_id_of(b.expect(raw.CREATE, raw.create_body("d", access=0x130089, disposition=1, options=1), "sign", tree=tree_b))
        name = "e".encode("utf-16le")
        rename = raw.set_info_body(directory, struct.pack("<BxxxxxxxQI", 0, 0, len(name)) + name + bytes(6), info=10)
        b.send(raw.SET_INFO, rename, "sign", tree=tree_b)
        broken = next_break(a)
        if struct.unpack_from("<II", broken.body, 24) != (0x07, 0x05):
            raise Failed("the handle was not what was broken")
        a.expect(raw.CLOSE, raw.close_body(fid), "sign", tree=tree_a)
        if b.answer(SECONDS).status != raw.SUCCESS or not os.path.exists(s.folder() + "/e/f"):
            raise Failed("the directory was not renamed after the file was closed")
        a.expect(raw.CREATE, raw.create_body("e\\f"), "sign", tree=tree_a)
        got = b.call(raw.SET_INFO, rename.replace(name, "g".encode("utf-16le")), "sign", tree=tree_b)
        if got.status != raw.ACCESS_DENIED:
            raise Failed("a directory was renamed though a file in it is open")


def overwritten_streams(build):
    """Who replaces a file empties its streams: whoever caches one of them hears of that, and reads nothing of before."""
    with Server(build) as s, Raw(s) as a, Raw(s) as b:
        tree_a, tree_b = a.ready(), b.ready()
        fid = granted(a.expect(raw.CREATE, with_oplock(raw.create_body("f:s"), BATCH), "sign", tree=tree_a), BATCH)
        a.expect(raw.WRITE, raw.write_body(fid, b"before"), "sign", tree=tree_a)
        b.expect(raw.CREATE, raw.create_body("f", disposition=5), "sign", tree=tree_b)
        if oplock_level(next_break(a)) != NONE:
            raise Failed("broken to another level than none")
        acknowledge(a, tree_a, fid, NONE, "sign")
        a.expect(raw.READ, raw.read_body(fid, 6), "sign", tree=tree_a, status=END_OF_FILE)


def disabled(build):
    """enable_oplock = false: nothing is granted, leasing is not announced."""
    with Server(build, settings={"enable_oplock": "false"}) as s, Raw(s) as a:
        tree = a.ready()
        granted(a.expect(raw.CREATE, with_oplock(raw.create_body("f"), BATCH), "sign", tree=tree), NONE)
        granted(a.expect(raw.CREATE, create_with_lease("f", b"k" * 16), "sign", tree=tree), NONE)


def silent_client(build):
    """A client that never acknowledges holds others up for 35 seconds, and no longer; gone, it does not at all."""
    with Server(build) as s, Raw(s) as a, Raw(s) as b:
        tree_a, tree_b = a.ready(), b.ready()
        granted(a.expect(raw.CREATE, with_oplock(raw.create_body("f"), BATCH), "sign", tree=tree_a), BATCH)
        b.send(raw.CREATE, raw.create_body("f"), "sign", tree=tree_b)
        next_break(a)
        start = time.monotonic()
        a.socket.close()
        if b.answer(SECONDS).status != raw.SUCCESS or time.monotonic() - start > 5:
            raise Failed("the open waited for a client that is gone")


CASES = (second_open, sealed_break, encrypting_client, granted_before_broken, local_process, directory_lease, moved_meanwhile, rename_over_cached_handle, overwritten_streams, disabled, silent_client)


def tests(build):
    for case in CASES:
        yield Test("caching." + case.__name__.replace("_", "-"), functools.partial(case, build))
