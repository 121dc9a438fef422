"""Large plain READs, which go from the page cache to the socket without a copy, beside the same that are protected."""
import functools
import hashlib
import os
import struct

from harness.testing import Failed, Test

from peer import raw
from peer.contend import descriptors, settled
from peer.files import expect, pattern
from peer.raw import Raw
from peer.server import Server

MIB = 1 << 20
SIZE = 3 * MIB + 12345
END_OF_FILE = 0xC0000011
RELATED = 4
READS = [(0, MIB), (1, MIB), (4096, MIB), (MIB + 777, 2 * MIB), (0, 262144), (262143, 262145), (SIZE - 300000, MIB),
         (SIZE - 1, MIB), (0, 4 * MIB)]


def ready(server):
    """A connection with credits for many large READs, and its tree."""
    c = Raw(server)
    c.ready()
    c.expect(raw.ECHO, raw.ECHO_BODY, credits=2000)
    return c, c.tree()


def stored(server, data):
    path = os.path.join(server.folder(), "file")
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, 0o666)
    return path


def opened(c, tree):
    return raw.file_id_of(c.expect(raw.CREATE, raw.create_body("file"), tree=tree))


def charge(length):
    return (length - 1) // 65536 + 1


def data_of(answer):
    offset, length = answer.body[2], struct.unpack_from("<I", answer.body, 4)[0]
    expect(offset, 80, "DataOffset")
    expect(len(answer.body), 16 + length, "length of the message")
    return answer.body[16:]


def read(c, tree, file_id, offset, length, how="plain", status=raw.SUCCESS):
    got = c.expect(raw.READ, raw.read_body(file_id, length, offset), how, tree=tree, charge=charge(length), status=status)
    if status == raw.SUCCESS:
        expect(got.protection, how, "protection of the answer")
    return got


def same_bytes(build):
    """Whatever the offset, the length and the protection; cold and warm."""
    with Server(build) as s:
        data, (c, tree) = pattern(SIZE, 1), ready(s)
        path = stored(s, data)
        file_id = opened(c, tree)
        for cold in (True, False):
            for offset, length in READS:
                for how in ("plain", "sign", "encrypt"):
                    if cold:
                        with open(path, "rb") as f:
                            os.fsync(f.fileno())
                            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                    got = data_of(read(c, tree, file_id, offset, length, how))
                    if got != data[offset:offset + length]:
                        raise Failed(f"{how} READ of {length} at {offset}: other bytes, {len(got)} of them")
        read(c, tree, file_id, SIZE, MIB, status=END_OF_FILE)
        read(c, tree, file_id, SIZE + 5, MIB, status=END_OF_FILE)
        c.socket.close()


def holes(build):
    with Server(build) as s:
        path, (c, tree) = stored(s, b"front"), ready(s)
        os.truncate(path, 2 * MIB)
        expect(hashlib.sha256(data_of(read(c, tree, opened(c, tree), 0, 2 * MIB))).digest(),
               hashlib.sha256(b"front" + bytes(2 * MIB - 5)).digest(), "a sparse file")
        c.socket.close()


def in_a_compound(build):
    """Padding and the next answer follow the data, so that it is copied; behind it the connection goes on as before."""
    with Server(build) as s:
        data, (c, tree) = pattern(SIZE, 2), ready(s)
        stored(s, data)
        file_id = opened(c, tree)
        elements = (raw.READ, raw.read_body(file_id, MIB)), (raw.READ, raw.read_body(raw.NO_ID, MIB, 1))
        c.compound(elements, flags=RELATED, tree=tree, charge=charge(MIB))
        first, second = c.receive()
        expect(first.body[16:16 + MIB], data[:MIB], "the first")
        expect(second.body[16:16 + MIB], data[1:MIB + 1], "the second")
        expect(data_of(read(c, tree, file_id, 5, MIB)), data[5:5 + MIB], "one by itself")
        c.socket.close()


def hung_up(build):
    """Clients that go away with answers half sent; nobody else is sent the rest, and no descriptor stays."""
    with Server(build) as s:
        data = pattern(SIZE, 3)
        stored(s, data)
        watcher, tree = ready(s)
        file_id = opened(watcher, tree)
        read(watcher, tree, file_id, 0, MIB)
        before = descriptors(s)
        for _ in range(5):
            c, its_tree = ready(s)
            its_file = opened(c, its_tree)
            for n in range(20):  # more than its socket takes
                c.send(raw.READ, raw.read_body(its_file, MIB, n), tree=its_tree, charge=charge(MIB))
            c.socket.recv(100000)
            c.socket.close()
            expect(data_of(read(watcher, tree, file_id, 4096, MIB)), data[4096:4096 + MIB], "beside one who hung up")
        watcher.expect(raw.CLOSE, raw.close_body(file_id), tree=tree)
        watcher.expect(raw.ECHO, raw.ECHO_BODY)
        limit = before + 2 * 16  # pipes it keeps
        if settled(s, limit) > limit:
            raise Failed(f"{descriptors(s)} descriptors where {before} were before")
        watcher.socket.close()


def shrinking(build):
    """What was promised is sent, whatever becomes of the file: the connection goes on."""
    with Server(build) as s:
        data, (c, tree) = pattern(SIZE, 4), ready(s)
        path = stored(s, data)
        file_id = opened(c, tree)
        ids = [c.send(raw.READ, raw.read_body(file_id, MIB, n * 4096), tree=tree, charge=charge(MIB)) for n in range(20)]
        first = c.answer()
        os.truncate(path, 100)
        expect(data_of(first), data[:MIB], "before the file was cut")
        for message_id in ids[1:]:
            got = c.answer()
            expect(got.message_id, message_id, "the answers' order")
            if got.status == raw.SUCCESS:
                data_of(got)  # as long as it says
        read(c, tree, file_id, 0, MIB)
        read(c, tree, file_id, 100, MIB, status=END_OF_FILE)
        c.socket.close()


def tests(build):
    for test in (same_bytes, holes, in_a_compound, hung_up, shrinking):
        yield Test(f"pieces.{test.__name__.replace('_', '-')}", functools.partial(test, build), limit=120)
