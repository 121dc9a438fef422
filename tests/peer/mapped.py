"""Large encrypted READs, which are sealed straight from the mapped file, while others cut it, write to it and replace it."""
import functools
import multiprocessing
import os
import random
import time

from harness.testing import Failed, Test

from peer import raw
from peer.files import expect, pattern
from peer.pieces import END_OF_FILE, MIB, SIZE, charge, data_of, opened, read, stored
from peer.raw import Raw
from peer.server import Server

PAGE = 4096
IN_FLIGHT = 8
CUTTING_S = 8


def ready(server, dialect="3.1.1", ciphers=("AES-128-GCM",)):
    c = Raw(server, dialect, ciphers)
    tree = c.ready(how="encrypt")
    c.expect(raw.ECHO, raw.ECHO_BODY, "encrypt", credits=2000)
    return c, tree


def can_seal(server):
    """Only ipsec-mb reads from memory of others; where there is none nothing is mapped."""
    with open(server.log) as f:
        return "cryptography by ipsec-mb" in f.read()


def mappings(server, path):
    """How many of the server's mappings are of the file."""
    with open(f"/proc/{server.process.pid}/maps") as f:
        return sum(path in line for line in f)


def which(build):
    """Mapped is what is read twice, large, and encrypted by GCM. All see the same bytes."""
    cases = [("3.1.1", "AES-128-GCM", "encrypt", MIB, True), ("3.1.1", "AES-256-GCM", "encrypt", MIB, True),
             ("3.1.1", "AES-128-GCM", "encrypt", 4 * PAGE, False), ("3.1.1", "AES-128-CCM", "encrypt", MIB, False),
             ("3.1.1", "AES-256-CCM", "encrypt", MIB, False), ("3.0", "AES-128-CCM", "encrypt", MIB, False),
             ("3.1.1", "AES-128-GCM", "sign", MIB, False), ("3.1.1", "AES-128-GCM", "plain", MIB, False)]
    with Server(build) as s:
        data = pattern(SIZE, 1)
        path = stored(s, data)
        for dialect, cipher, how, length, mapped in cases:
            c = Raw(s, dialect, (cipher,) if dialect == "3.1.1" else ())
            tree = c.ready(how="encrypt" if how == "encrypt" else "sign")
            c.expect(raw.ECHO, raw.ECHO_BODY, how, credits=2000)
            file_id = raw.file_id_of(c.expect(raw.CREATE, raw.create_body("file"), how, tree=tree))
            for n, offset in enumerate((0, 1, 4095, MIB, 4096)):
                expect(data_of(read(c, tree, file_id, offset, length, how)), data[offset:offset + length], f"{cipher}, {how}")
                expect(mappings(s, path) > 0, mapped and n > 0 and can_seal(s), f"{dialect}, {cipher}, {how}, {length}, READ {n}: mapped")
            c.expect(raw.CLOSE, raw.close_body(file_id), how, tree=tree)
            expect(mappings(s, path), 0, "mappings after CLOSE")
            c.socket.close()


def in_a_compound(build):
    """Sealed together with its neighbours, so not by itself."""
    with Server(build) as s:
        data, (c, tree) = pattern(SIZE, 2), ready(s)
        path = stored(s, data)
        file_id = raw.file_id_of(c.expect(raw.CREATE, raw.create_body("file"), "encrypt", tree=tree))
        for _ in range(3):
            elements = (raw.READ, raw.read_body(file_id, MIB)), (raw.READ, raw.read_body(raw.NO_ID, MIB, 1))
            c.compound(elements, flags=4, tree=tree, charge=charge(MIB), how="encrypt")
            first, second = c.receive()
            expect(first.body[16:16 + MIB], data[:MIB], "the first")
            expect(second.body[16:16 + MIB], data[1:MIB + 1], "the second")
        expect(mappings(s, path), 0, "mappings")
        c.socket.close()


def cut_on(path, size, seed, stop):
    """Cut the file, at a page's end or anywhere, and write anew what belongs there."""
    data, chance = pattern(size, 4), random.Random(seed)
    with open(path, "r+b", buffering=0) as f:
        while not stop.is_set():
            at = chance.randrange(size // PAGE) * PAGE
            os.ftruncate(f.fileno(), at)
            time.sleep(chance.choice((0, 0, 0.0005)))
            os.pwrite(f.fileno(), data[at:], at)


def cutting(build):
    """Each answer is as long as it says and holds what the file has there: never a byte of anything else, never an end.

    Zeros are what Linux' own pread() shows of a file that is cut and written anew meanwhile: it looks at the length before it copies.
    """
    with Server(build) as s:
        data, (c, tree) = pattern(SIZE, 4), ready(s)
        path = stored(s, data)
        file_id = raw.file_id_of(c.expect(raw.CREATE, raw.create_body("file"), "encrypt", tree=tree))
        stop = multiprocessing.Event()
        cutter = multiprocessing.Process(target=cut_on, args=(path, SIZE, 5, stop), daemon=True)
        cutter.start()
        lengths, ends, under_way, until, chance = [], 0, {}, time.monotonic() + CUTTING_S, random.Random(6)
        while time.monotonic() < until or under_way:
            while len(under_way) < IN_FLIGHT and time.monotonic() < until:
                offset = chance.randrange(SIZE - MIB)
                message_id = c.send(raw.READ, raw.read_body(file_id, MIB, offset), "encrypt", tree=tree, charge=charge(MIB), credits=64)
                under_way[message_id] = offset
            got = c.answer()
            offset = under_way.pop(got.message_id)
            expect(got.protection, "encrypt", "protection")
            if got.status == END_OF_FILE:
                ends += 1
                continue
            expect(got.status, raw.SUCCESS, "status")
            found = data_of(got)
            lengths.append(len(found))
            if found != data[offset:offset + len(found)]:
                wrong = next((i for i, b in enumerate(found) if b and b != data[offset + i]), None)
                if wrong is not None:
                    raise Failed(f"READ at {offset}: byte {wrong} of {len(found)} is {found[wrong]}, not {data[offset + wrong]}")
        stop.set()
        cutter.join()
        whole = lengths.count(MIB)
        print(f"{whole} whole, {len(lengths) - whole} short, {ends} behind the end")
        if not (whole and len(lengths) > whole and ends):
            raise Failed("not all of whole, short and no READs happened")
        expect(mappings(s, path) > 0, can_seal(s), "mapped")
        c.socket.close()


def grown_and_replaced(build):
    """The open file is what is read: also what was appended, and when another one has got its name."""
    with Server(build) as s:
        data, (c, tree) = pattern(SIZE, 7), ready(s)
        path = stored(s, data[:MIB])
        file_id = raw.file_id_of(c.expect(raw.CREATE, raw.create_body("file"), "encrypt", tree=tree))
        for size in (MIB, MIB + 300000, 2 * MIB, SIZE):
            with open(path, "r+b") as f:
                f.write(data[:size])
            for offset in (0, size - MIB):
                expect(data_of(read(c, tree, file_id, offset, MIB, "encrypt")), data[offset:offset + MIB], f"of {size}")
        read(c, tree, file_id, SIZE, MIB, "encrypt", END_OF_FILE)
        other = path + "-other"
        with open(other, "wb") as f:
            f.write(bytes(SIZE))
        os.rename(other, path)
        expect(data_of(read(c, tree, file_id, 5, MIB, "encrypt")), data[5:5 + MIB], "after it was replaced")
        c.socket.close()


def holes(build):
    with Server(build) as s:
        path, (c, tree) = stored(s, b"front"), ready(s)
        os.truncate(path, 2 * MIB)
        file_id = raw.file_id_of(c.expect(raw.CREATE, raw.create_body("file"), "encrypt", tree=tree))
        for _ in range(3):
            expect(data_of(read(c, tree, file_id, 0, 2 * MIB, "encrypt")), b"front" + bytes(2 * MIB - 5), "a sparse file")
        expect(os.stat(path).st_blocks * 512 < MIB, True, "still sparse")
        c.socket.close()


def pipelined_write(build):
    """A WRITE that is answered is seen by the READ behind it."""
    with Server(build) as s:
        data, (c, tree) = bytearray(pattern(SIZE, 8)), ready(s)
        stored(s, data)
        file_id = raw.file_id_of(c.expect(raw.CREATE, raw.create_body("file"), "encrypt", tree=tree))
        for n in range(20):
            text = b"%05d" % n
            c.expect(raw.WRITE, raw.write_body(file_id, text, n * 70000), "encrypt", tree=tree)
            data[n * 70000:n * 70000 + 5] = text
            expect(data_of(read(c, tree, file_id, 0, 2 * MIB, "encrypt")), bytes(data[:2 * MIB]), f"after WRITE {n}")
        c.socket.close()


def tests(build):
    for test in (which, in_a_compound, cutting, grown_and_replaced, holes, pipelined_write):
        yield Test(f"mapped.{test.__name__.replace('_', '-')}", functools.partial(test, build), limit=120)
