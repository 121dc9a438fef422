"""Durable handles: what outlives a lost connection, for whom, until when, and who is in its way."""
import functools
import os
import signal
import struct
import time

from harness.testing import Failed, Test

from peer import raw
from peer.caching import ALL_CACHING, BATCH, LEASE, LEVEL_II, granted, lease_context, next_break, with_oplock
from peer.lifecycle import eventually
from peer.raw import Raw
from peer.server import Server

NOT_FOUND, DENIED, SHARING, INVALID = 0xC0000034, 0xC0000022, 0xC0000043, 0xC000000D
DUPLICATE, FORCED_CLOSED = 0xC000022A, 0xC00000B6
REPLAY = 0x20000000
PERSISTENT = 2
GUID, OTHER_GUID = b"this create 0001", b"this create 0002"
KEY, OTHER_KEY = b"k" * 16, b"l" * 16
SECONDS = 10


# ---- what is asked for


def context(name, data):
    at = 16 + -(-len(name) // 8) * 8
    return struct.pack("<IHHHHI", 0, 16, len(name), 0, at, len(data)) + name.ljust(at - 16, b"\0") + data


def chain(*contexts):
    """Several contexts in a row, each pointing to the next."""
    padded = [c + bytes(-len(c) % 8) for c in contexts[:-1]]
    return b"".join(struct.pack("<I", len(c)) + c[4:] for c in padded) + contexts[-1]


def ask_v1():
    return context(b"DHnQ", bytes(16))


def ask_v2(guid=GUID, timeout_ms=0, flags=0):
    return context(b"DH2Q", struct.pack("<IIQ16s", timeout_ms, flags, 0, guid))


def instance(number=1):
    return context(bytes.fromhex("45bca66aefa7f74a9008fa462e144d74"), struct.pack("<HHQQ", 20, 0, number, 0))


def version(high, low):
    return context(bytes.fromhex("b982d0b73b56074fa07b524a8116a010"), struct.pack("<HHIQQ", 24, 0, 0, high, low))


def again_v1(fid):
    return context(b"DHnC", fid)


def again_v2(fid, guid=GUID, flags=0):
    return context(b"DH2C", fid + guid + struct.pack("<I", flags))


def create(name, *contexts, level=BATCH, **fields):
    return with_oplock(raw.create_body(name, contexts=chain(*contexts), **fields), level)


def answered(answer):
    """The contexts of a CREATE's answer, by name."""
    at, length = struct.unpack_from("<II", answer.body, 80)
    found, data = {}, answer.body[at - 64:at - 64 + length] if at else b""
    while data:
        step, name_at, name_len, _, value_at, value_len = struct.unpack_from("<IHHHHI", data)
        found[data[name_at:name_at + name_len]] = data[value_at:value_at + value_len]
        data = data[step:] if step else b""
    return found


def opened(client, tree, body, name=None):
    """A CREATE that is granted; with the context of that name in its answer. The file id."""
    answer = client.expect(raw.CREATE, body, "sign", tree=tree)
    if name and name not in answered(answer):
        raise Failed(f"the answer has no {name}")
    return raw.file_id_of(answer)


def lost(server, body, name, write=None, **logon):
    """An open whose client has lost its connection."""
    with Raw(server) as a:
        tree = a.ready(**logon)
        fid = opened(a, tree, body, name)
        if write:
            a.expect(raw.WRITE, raw.write_body(fid, write), "sign", tree=tree)
        return fid


def expect_status(client, tree, body, status, what, **fields):
    got = client.call(raw.CREATE, body, "sign", tree=tree, **fields).status
    if got != status:
        raise Failed(f"{what}: {got:#010x} where {status:#010x} was expected")


def claim(client, tree, body, fid, level=BATCH):
    """The open once more: the same persistent id, its caching."""
    got = granted(client.expect(raw.CREATE, body, "sign", tree=tree), level)
    if got[:8] != fid[:8]:
        raise Failed("another persistent id")
    return got


# ---- tests


def reconnect_v1(build):
    """The open is the same: file, rights, batch oplock, locks; and only once."""
    with Server(build) as s:
        with Raw(s) as a:
            tree = a.ready()
            fid = opened(a, tree, create("f", ask_v1()), b"DHnQ")
            a.expect(raw.WRITE, raw.write_body(fid, b"before"), "sign", tree=tree)
            a.expect(raw.LOCK, raw.lock_body(fid, 0, 3), "sign", tree=tree)
        with Raw(s) as b, Raw(s) as c:
            tree_b, tree_c = b.ready(), c.ready()
            fid = claim(b, tree_b, create("", again_v1(fid)), fid)
            expect_status(c, tree_c, create("", again_v1(fid)), NOT_FOUND, "claimed twice")
            if b.expect(raw.READ, raw.read_body(fid, 6), "sign", tree=tree_b).body[16:22] != b"before":
                raise Failed("other contents")
            b.expect(raw.LOCK, raw.lock_body(fid, 0, 3, flags=4), "sign", tree=tree_b)
            b.expect(raw.CLOSE, raw.close_body(fid), "sign", tree=tree_b)
            expect_status(c, tree_c, create("", again_v1(fid)), NOT_FOUND, "claimed after CLOSE")


def reconnect_v2(build):
    """By CreateGuid, with a lease of either version; the answer tells what is held."""
    with Server(build) as s:
        lease = lease_context(KEY)
        fid = lost(s, create("f", lease, ask_v2(), level=LEASE), b"DH2Q")
        with Raw(s) as b:
            tree = b.ready()
            answer = b.expect(raw.CREATE, create("f", lease, again_v2(fid), level=LEASE), "sign", tree=tree)
            granted(answer, LEASE)
            told = answered(answer)
            if set(told) != {b"RqLs"} or struct.unpack_from("<16sI", told[b"RqLs"]) != (KEY, ALL_CACHING):
                raise Failed(f"answered with {told}")


def refusals(build):
    """Each thing that does not match is refused; then the claim that does succeeds all the same."""
    with Server(build, shares={"share": {}, "other": {}}) as s:
        lease = lease_context(KEY)
        fid = lost(s, create("f", lease, ask_v2(), level=LEASE), b"DH2Q")
        with Raw(s) as alice, Raw(s) as bob:
            tree, elsewhere = alice.ready(), alice.tree("other")
            bobs = bob.ready(user="bob")
            for body, status, what in (
                    (create("f", lease, again_v2(fid, OTHER_GUID), level=LEASE), NOT_FOUND, "another CreateGuid"),
                    (create("f", lease, again_v2(bytes(16)), level=LEASE), NOT_FOUND, "another file id"),
                    (create("f", lease_context(OTHER_KEY), again_v2(fid), level=LEASE), NOT_FOUND, "another lease key"),
                    (create("f", again_v2(fid)), NOT_FOUND, "no lease"),
                    (create("g", lease, again_v2(fid), level=LEASE), INVALID, "another name"),
                    (create("f", lease, again_v2(fid, flags=PERSISTENT), level=LEASE), INVALID, "persistent"),
                    (create("f", lease, again_v2(fid), ask_v1(), level=LEASE), INVALID, "another context beside it"),
                    (create("f", lease, again_v2(fid), ask_v2(), level=LEASE), INVALID, "a request beside it")):
                expect_status(alice, tree, body, status, what)
            right = create("f", lease, again_v2(fid), level=LEASE)
            expect_status(bob, bobs, right, DENIED, "another user")
            expect_status(alice, elsewhere, right, NOT_FOUND, "another share")
            claim(alice, tree, right, fid, LEASE)


def not_granted(build):
    """Without an oplock or a lease that keeps the handle, for directories, with a timeout of 0: an open like any other."""
    with Server(build) as s, Raw(s) as a:
        tree = a.ready()
        for name, body in (("level II", create("a", ask_v1(), level=LEVEL_II)),
                           ("RW", create("b", lease_context(KEY, 5), ask_v2(), level=LEASE)),
                           ("a directory", create("d", lease_context(OTHER_KEY, 3), ask_v2(OTHER_GUID), options=1, level=LEASE))):
            told = answered(a.expect(raw.CREATE, body, "sign", tree=tree))
            if b"DHnQ" in told or b"DH2Q" in told:
                raise Failed(f"{name}: granted")
        told = answered(a.expect(raw.CREATE, create("c", ask_v2(b"this create 0003", 10 ** 9)), "sign", tree=tree))
        if told[b"DH2Q"] != struct.pack("<II", 300000, 0):
            raise Failed(f"the time granted is {told[b'DH2Q']}")
    with Server(build, settings={"durable_v1_timeout": 0, "durable_v2_timeout": 0}) as s, Raw(s) as a:
        tree = a.ready()
        for body in (create("a", ask_v1()), create("b", ask_v2())):
            if answered(a.expect(raw.CREATE, body, "sign", tree=tree)):
                raise Failed("granted though the time is 0")


def before_smb3(build):
    """Version 1 in every dialect; version 2 is no context of SMB 2.1."""
    with Server(build) as s:
        for dialect, body, name in (("2.0.2", ask_v1(), b"DHnQ"), ("2.1", ask_v1(), b"DHnQ"), ("2.1", ask_v2(), None)):
            with Raw(s, dialect) as a:
                tree = a.ready()
                answer = a.expect(raw.CREATE, create("f", body), "sign", tree=tree)
                if set(answered(answer)) != ({name} if name else set()):
                    raise Failed(f"{dialect}: answered with {answered(answer)}")
                a.expect(raw.CLOSE, raw.close_body(raw.file_id_of(answer)), "sign", tree=tree)


def timeout(build):
    """Not closed before its time, and soon after it."""
    with Server(build, settings={"durable_v2_timeout": 2}) as s:
        for seconds, request in ((2, ask_v2()), (1, ask_v2(OTHER_GUID, 1000))):
            start = time.monotonic()  # its time begins later
            fid = lost(s, create("f", lease_context(KEY), request, level=LEASE), b"DH2Q")
            eventually(lambda: not s.status("files", "--json"), "its end")
            if time.monotonic() - start < seconds:
                raise Failed(f"closed {time.monotonic() - start:.3f} s after it was opened")
            with Raw(s) as b:
                tree = b.ready()
                expect_status(b, tree, create("f", lease_context(KEY), again_v2(fid), level=LEASE), NOT_FOUND, "after its time")


def shared_stays(build):
    """Disconnected opens take part in sharing; what another may do beside them breaks nothing and closes nothing."""
    with Server(build) as s:
        lease = lease_context(KEY, 3)
        fid = lost(s, create("f", lease, ask_v2(), level=LEASE, sharing=1), b"DH2Q")
        with Raw(s) as b, Raw(s) as c:
            tree = b.ready()
            opened(b, tree, raw.create_body("f", access=0x120089))
            claim(c, c.ready(), create("f", lease, again_v2(fid), level=LEASE), fid, LEASE)
            b.send(raw.CREATE, raw.create_body("f", access=0x2), "sign", tree=tree)  # now there is somebody to ask
            next_break(c)


def broken(build):
    """What only the lost client could give up is taken from it: the other goes on at once, and it cannot come back."""
    for held, name in ((create("f", ask_v1(), sharing=0), b"DHnQ"),
                       (create("f", lease_context(KEY), ask_v2(), sharing=0, level=LEASE), b"DH2Q"),
                       (create("f", lease_context(KEY), ask_v2(), sharing=7, level=LEASE), b"DH2Q")):
        with Server(build) as s:
            fid = lost(s, held, name, write=b"kept")
            with Raw(s) as b:
                tree = b.ready()
                start = time.monotonic()
                b.send(raw.CREATE, raw.create_body("f"), "sign", tree=tree)
                answer = b.answer(SECONDS)
                if answer.status != raw.SUCCESS or time.monotonic() - start > 3:
                    raise Failed(f"the second open: {answer.status:#010x} after {time.monotonic() - start:.1f} s")
                again = create("f", again_v1(fid)) if name == b"DHnQ" else \
                    create("f", lease_context(KEY), again_v2(fid), level=LEASE)
                expect_status(b, tree, again, NOT_FOUND, "claimed after a break")
                got = b.expect(raw.READ, raw.read_body(raw.file_id_of(answer), 4), "sign", tree=tree)
                if got.body[16:20] != b"kept":
                    raise Failed("other contents")


def broken_before(build):
    """A client that was told of a break and is lost without an answer has nothing to come back for."""
    with Server(build) as s, Raw(s) as b:
        tree_b = b.ready()
        with Raw(s) as a:
            fid = opened(a, a.ready(), create("f", ask_v1(), sharing=7), b"DHnQ")
            b.send(raw.CREATE, raw.create_body("f"), "sign", tree=tree_b)
            a.receive(SECONDS)
        if b.answer(SECONDS).status != raw.SUCCESS:
            raise Failed("the second open failed")
        expect_status(b, tree_b, create("f", again_v1(fid)), NOT_FOUND, "claimed after a break")


def deleted(build):
    """A file to be deleted when its open is closed goes when the open does: with a break, with its time."""
    body = create("f", ask_v1(), access=0x13019F, options=0x1000)
    with Server(build) as s:
        path = os.path.join(s.folder(), "f")
        fid = lost(s, body, b"DHnQ")
        if not os.path.exists(path):
            raise Failed("deleted at once")
        with Raw(s) as b:
            tree = b.ready()
            fid = claim(b, tree, create("f", again_v1(fid)), fid)
            b.expect(raw.CLOSE, raw.close_body(fid), "sign", tree=tree)
            if os.path.exists(path):
                raise Failed("not deleted by CLOSE")
    with Server(build, settings={"durable_v1_timeout": 1}) as s:
        path = os.path.join(s.folder(), "f")
        lost(s, body, b"DHnQ")
        eventually(lambda: not os.path.exists(path), "its deletion when its time is up")


def ways_to_end(build):
    """LOGOFF and a new session that names the old one leave durable opens to be claimed; TREE_DISCONNECT closes them."""
    with Server(build) as s:
        with Raw(s) as a, Raw(s) as b:
            fid = opened(a, a.ready(), create("f", ask_v1()), b"DHnQ")
            tree = b.ready(previous=a.session)
            fid = claim(b, tree, create("f", again_v1(fid)), fid)
            b.expect(raw.LOGOFF, struct.pack("<HH", 4, 0), "sign")
        with Raw(s) as c:
            tree = c.ready()
            fid = claim(c, tree, create("f", again_v1(fid)), fid)
            c.expect(raw.TREE_DISCONNECT, struct.pack("<HH", 4, 0), "sign", tree=tree)
            expect_status(c, c.tree(), create("f", again_v1(fid)), NOT_FOUND, "after TREE_DISCONNECT")


def is_away(server):
    """All opens are without a client."""
    return all(f["session"] is None for f in server.status("files", "--json"))


def race(build):
    """Of many who claim it at once one has it."""
    with Server(build) as s:
        fid = lost(s, create("f", ask_v2()), b"DH2Q")
        clients = [Raw(s) for _ in range(12)]
        try:
            trees = [c.ready() for c in clients]
            for _ in range(5):
                for c, tree in zip(clients, trees):
                    c.send(raw.CREATE, create("f", again_v2(fid)), "sign", tree=tree)
                statuses = [c.answer(SECONDS).status for c in clients]
                if sorted(statuses) != sorted([raw.SUCCESS] + [NOT_FOUND] * (len(clients) - 1)):
                    raise Failed(f"{statuses}")
                winner = statuses.index(raw.SUCCESS)
                clients.pop(winner).socket.close()
                trees.pop(winner)
                eventually(lambda: is_away(s), "the end of the winner's connection")
        finally:
            for c in clients:
                c.socket.close()


def in_hurry(build):
    """A claim right behind the loss of the connection, with work under way there."""
    with Server(build) as s:
        for i in range(20):
            guid = struct.pack("<QQ", 77, i)
            with Raw(s) as b:
                tree_b = b.ready()
                a = Raw(s)
                tree = a.ready()
                fid = opened(a, tree, create(f"f{i}", ask_v2(guid)), b"DH2Q")
                for k in range(8):
                    a.send(raw.WRITE, raw.write_body(fid, bytes(60000), k * 60000), "sign", tree=tree)
                a.socket.close()
                body = create(f"f{i}", again_v2(fid, guid))
                for _ in range(100):  # until the server has heard that it is lost
                    answer = b.call(raw.CREATE, body, "sign", tree=tree_b)
                    if answer.status != NOT_FOUND:
                        break
                    time.sleep(0.01)
                granted(answer, BATCH)


def replay(build):
    """The same CREATE once more is refused, or answered again where the client says it is a replay."""
    with Server(build) as s, Raw(s) as a, Raw(s) as b:
        tree, tree_b = a.ready(), b.ready()
        body = create("f", ask_v2())
        fid = opened(a, tree, body, b"DH2Q")
        expect_status(a, tree, body, DUPLICATE, "the same CREATE")
        answer = a.expect(raw.CREATE, body, "sign", tree=tree, flags=REPLAY)
        if granted(answer, BATCH) != fid or b"DH2Q" not in answered(answer):
            raise Failed("the replay was answered with another open")
        expect_status(b, tree_b, body, DUPLICATE, "replayed through another session", flags=REPLAY)
        a.expect(raw.READ, raw.read_body(fid, 1), "sign", tree=tree, status=0xC0000011)
        a.expect(raw.CLOSE, raw.close_body(fid), "sign", tree=tree)
        opened(a, tree, body, b"DH2Q")


def elsewhere(server):
    """A client on another machine, and its tree."""
    c = Raw(server)
    c.guid = b"another machine!"
    return c, c.ready()


def moved(build):
    """An application takes its file over from the machine that it left; others, and older versions of it, do not."""
    with Server(build) as s, Raw(s) as a:
        tree = a.ready()
        b, tree_b = elsewhere(s)
        with b:
            fid = opened(a, tree, create("f", instance(), version(2, 5), ask_v2(), sharing=0), b"DH2Q")
            for contexts, what in (((version(2, 5),), "the same version"), ((version(1, 9),), "an older one"), ((), "none")):
                body = create("f", instance(), ask_v2(OTHER_GUID), *contexts, sharing=0)
                expect_status(b, tree_b, body, FORCED_CLOSED, what)
            a.expect(raw.READ, raw.read_body(fid, 1), "sign", tree=tree, status=0xC0000011)
            taken = opened(b, tree_b, create("f", instance(), version(2, 6), ask_v2(OTHER_GUID), sharing=0), b"DH2Q")
            a.expect(raw.READ, raw.read_body(fid, 1), "sign", tree=tree, status=0xC0000128)
            b.expect(raw.READ, raw.read_body(taken, 1), "sign", tree=tree_b, status=0xC0000011)


def moved_lost(build):
    """The same where the machine that it left is gone already: nobody can come back for the file."""
    with Server(build) as s:
        fid = lost(s, create("f", instance(), ask_v2(), sharing=0), b"DH2Q")
        b, tree_b = elsewhere(s)
        with b, Raw(s) as a:
            tree = a.ready()
            opened(b, tree_b, create("f", instance(), ask_v2(OTHER_GUID), sharing=0), b"DH2Q")
            expect_status(a, tree, create("f", again_v2(fid)), NOT_FOUND, "claimed after it was taken over")


def not_moved(build):
    """Not from the same machine, not by who names another application or none."""
    with Server(build) as s, Raw(s) as a:
        tree = a.ready()
        b, tree_b = elsewhere(s)
        with b:
            fid = opened(a, tree, create("f", instance(), sharing=0, level=0))
            expect_status(a, tree, create("f", instance(), sharing=0, level=0), SHARING, "from the same machine")
            expect_status(b, tree_b, create("f", instance(2), sharing=0, level=0), SHARING, "by another application")
            expect_status(b, tree_b, raw.create_body("f", sharing=0), SHARING, "by no application")
            a.expect(raw.READ, raw.read_body(fid, 1), "sign", tree=tree, status=0xC0000011)


def stop(build):
    """A server that stops closes them all: nothing is left (its exit status would say so)."""
    with Server(build) as s:
        for i in range(5):
            lost(s, create(f"f{i}", ask_v2(struct.pack("<QQ", 9, i))), b"DH2Q")
        still = Raw(s)
        opened(still, still.ready(), create("g", ask_v1()), b"DHnQ")
        if s.stop() != 0:
            raise Failed("the exit status")
        still.socket.close()


def share_gone(build):
    """A reload that takes the share away closes them; those of other shares stay."""
    with Server(build, shares={"share": {}, "old": {}}) as s:
        with Raw(s) as a:
            a.ready()
            tree, old = a.tree(), a.tree("old")
            kept = opened(a, tree, create("f", ask_v1()), b"DHnQ")
            gone = opened(a, old, create("f", ask_v1()), b"DHnQ")
        eventually(lambda: is_away(s), "the end of the connection")
        old_share = s.shares.pop("old")
        s.write_conf()
        s.kill(signal.SIGHUP)
        s.wait_text("old.*removed")
        s.shares["old"] = old_share
        s.write_conf()
        s.kill(signal.SIGHUP)
        s.wait_text("old.*added")
        with Raw(s) as b:
            tree = b.ready()
            expect_status(b, b.tree("old"), create("f", again_v1(gone)), NOT_FOUND, "of the share that was gone")
            claim(b, tree, create("f", again_v1(kept)), kept)


def renamed_above(build):
    """Nobody is there to give up a lost client's open when a folder above it is renamed: it ends, and the folder moves."""
    with Server(build) as s, Raw(s) as b:
        tree = b.ready()
        folder = opened(b, tree, raw.create_body("d", access=0x110081, options=1))
        fid = lost(s, create("d\\f", ask_v1()), b"DHnQ")
        name = "elsewhere".encode("utf-16le")
        body = raw.set_info_body(folder, struct.pack("<B7xQI", 0, 0, len(name)) + name, info=10)
        b.expect(raw.SET_INFO, body, "sign", tree=tree)
        expect_status(b, tree, create("elsewhere\\f", again_v1(fid)), NOT_FOUND, "claimed after the folder was renamed")


CASES = (reconnect_v1, reconnect_v2, refusals, not_granted, before_smb3, timeout, shared_stays, broken, broken_before, deleted,
         ways_to_end, race, in_hurry, replay, moved, moved_lost, not_moved, stop, share_gone, renamed_above)


def tests(build):
    for case in CASES:
        yield Test("durable." + case.__name__.replace("_", "-"), functools.partial(case, build))
