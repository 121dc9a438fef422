"""A second process on the server changes files under a share while clients use them: it makes, writes, truncates, renames and
removes names that they use as well. Whatever clients are told, what they read was written by somebody into this share, nothing is
left open in the end, and the server stops in order."""
import functools
import os
import random
import struct
import subprocess
import sys
import threading
import time

from harness.testing import Failed, Test

from peer import raw
from peer.caching import BATCH, with_oplock
from peer.contend import SPARE_DESCRIPTORS, descriptors, settled
from peer.info import DIRECTORY, rename_data
from peer.raw import Raw
from peer.server import NOBODY, Server
from peer.status import eventually

SECONDS = 5
SOAK_SHARE = 4  # of the time given to a soak
NAMES = ["a", "b", "c", "d", "d\\a", "d\\b", "e", "e\\a"]
FILLS = b"ABCDz"  # by the clients, and by the process
SECRET = b"\xee"  # what stands in files next to the share
SIZE = 64 * 1024
UNSOLICITED = 0xFFFFFFFFFFFFFFFF
READS, READWRITES, DELETES = 0x120089, 0x12019F, 0x110080
DIRECTORY_ONLY, NOT_DIRECTORY, DELETE_ON_CLOSE = 0x1, 0x40, 0x1000
# What a client may be told when the name or the file goes, comes or changes its kind under it.
MAY_BE = {
    raw.SUCCESS, raw.ACCESS_DENIED,
    0x10C,  # STATUS_NOTIFY_ENUM_DIR
    0x10B,  # STATUS_NOTIFY_CLEANUP
    0x80000006,  # STATUS_NO_MORE_FILES
    0xC000000F,  # STATUS_NO_SUCH_FILE
    0xC0000011,  # STATUS_END_OF_FILE
    0xC0000034, 0xC000003A,  # STATUS_OBJECT_NAME_NOT_FOUND, _PATH_
    0xC0000035,  # STATUS_OBJECT_NAME_COLLISION
    0xC0000043,  # STATUS_SHARING_VIOLATION
    0xC0000056,  # STATUS_DELETE_PENDING
    0xC00000BA, 0xC0000103,  # STATUS_FILE_IS_A_DIRECTORY, STATUS_NOT_A_DIRECTORY
    0xC0000101,  # STATUS_DIRECTORY_NOT_EMPTY
    0xC0000120,  # STATUS_CANCELLED
}

# Run as `python3 -c INTRUDER SECONDS SEED FILL SIZE NAME...` in the share. A name may be a file or a directory.
INTRUDER = """
import os, random, shutil, sys, time
until, chance = time.monotonic() + float(sys.argv[1]), random.Random(int(sys.argv[2]))
fill, size, names = sys.argv[3].encode(), int(sys.argv[4]), sys.argv[5:]
count = 0

def write(name):
    with open(name, "r+b" if chance.random() < 0.5 else "wb") as f:
        f.seek(chance.randrange(size))
        f.write(fill * chance.randrange(1, size))

def remove(name):
    shutil.rmtree(name) if os.path.isdir(name) and chance.random() < 0.3 else os.unlink(name)

acts = (write, write, lambda n: os.truncate(n, chance.randrange(size)), lambda n: os.rename(n, chance.choice(names)), remove,
        lambda n: os.mkdir(n), lambda n: os.rmdir(n), lambda n: os.link(n, chance.choice(names)), lambda n: os.listdir(n),
        lambda n: os.utime(n), lambda n: os.chmod(n, 0o777))
while time.monotonic() < until:
    try:
        chance.choice(acts)(chance.choice(names))
        count += 1
    except (OSError, shutil.Error):
        pass
    if chance.random() < 0.1:
        time.sleep(0.001)
print(count)
"""


class Guest(threading.Thread):
    """A client that does whatever comes to its mind, and checks what it is told."""

    def __init__(self, s, number, seed, until):
        super().__init__()
        self.server, self.number, self.until = s, number, until
        self.fill = FILLS[number:number + 1]
        self.chance = random.Random(seed)
        self.failure, self.done, self.read = None, 0, 0
        self.breaks, self.levels = [], {}

    def run(self):
        try:
            with Raw(self.server) as self.raw:
                self.tree = self.raw.ready()
                while time.monotonic() < self.until:
                    self.chance.choice((self.write, self.read_back, self.list, self.rename, self.remove, self.make_folder, self.watch))()
                    self.done += 1
        except Exception as e:  # said by who joins
            self.failure = e

    def call(self, command, body):
        """One request; breaks that come meanwhile are acknowledged once it is answered."""
        self.raw.send(command, body, "sign", tree=self.tree)
        got = self._answer()
        while self.breaks:
            fid = self.breaks.pop()
            self.raw.send(raw.OPLOCK_BREAK, struct.pack("<HBBI16s", 24, 0, 0, 0, fid), "sign", tree=self.tree)
            self._answer(also=(0xC0000128, 0xC00000E3, raw.INVALID_PARAMETER))  # closed meanwhile; not broken any more
        return got

    def _answer(self, also=()):
        while True:
            got = self.raw.answer(60)
            if got.command == raw.OPLOCK_BREAK and got.message_id == UNSOLICITED:
                self.breaks.append(got.body[8:24])
                continue
            if got.status not in MAY_BE and got.status not in also:
                raise Failed(f"command {got.command}: status {got.status:#010x}")
            return got

    def open(self, name, access, disposition, options, oplock=0):
        got = self.call(raw.CREATE, with_oplock(raw.create_body(name, access, disposition, options), oplock))
        return raw.file_id_of(got) if got.status == raw.SUCCESS else None

    def close(self, f):
        if f:
            self.call(raw.CLOSE, raw.close_body(f))

    def file(self, access):
        name, level = self.chance.choice(NAMES), self.chance.choice((0, BATCH))
        return self.open(name, access, self.chance.choice((1, 3, 5)) if access == READWRITES else 1, NOT_DIRECTORY, level)

    def write(self):
        f = self.file(READWRITES)
        for _ in range(3 if f else 0):
            self.call(raw.WRITE, raw.write_body(f, self.fill * self.chance.randrange(1, SIZE // 2), self.chance.randrange(SIZE)))
        if f and self.chance.random() < 0.3:
            self.call(raw.SET_INFO, raw.set_info_body(f, struct.pack("<Q", self.chance.randrange(SIZE)), info=20))
        self.close(f)

    def read_back(self):
        f = self.file(READS)
        for _ in range(5 if f else 0):
            got = self.call(raw.READ, raw.read_body(f, SIZE // 2, self.chance.randrange(SIZE)))
            if got.status == raw.SUCCESS:
                data = got.body[16:16 + struct.unpack_from("<I", got.body, 4)[0]]
                strange = data.translate(None, FILLS + b"\0")
                if strange:
                    raise Failed(f"{len(strange)} bytes that nobody wrote: {strange[:40]!r}")
                self.read += len(data)
        self.close(f)

    def list(self):
        d = self.open(self.chance.choice(("", "d", "e")), READS, 1, DIRECTORY_ONLY)
        for _ in range(3 if d else 0):
            self.call(raw.QUERY_DIRECTORY, raw.query_directory_body(d))
        self.close(d)

    def rename(self):
        f = self.open(self.chance.choice(NAMES), DELETES, 1, 0)
        if f:
            data = rename_data(self.chance.choice(NAMES), self.chance.random() < 0.5)
            self.call(raw.SET_INFO, raw.set_info_body(f, data, info=10))
        self.close(f)

    def remove(self):
        self.close(self.open(self.chance.choice(NAMES), DELETES, 1, DELETE_ON_CLOSE))

    def make_folder(self):
        self.close(self.open(self.chance.choice(("d", "e")), READS, 3, DIRECTORY))

    def watch(self):
        """With one request under way, which the CLOSE ends if nothing else does."""
        d = self.open("", READS, 1, DIRECTORY_ONLY)
        if d:
            self.raw.send(raw.CHANGE_NOTIFY, raw.notify_body(d, tree=self.chance.randrange(2), mask=0xFFF), "sign", tree=self.tree)
            self.raw.send(raw.CLOSE, raw.close_body(d), "sign", tree=self.tree)
            if {self._answer().command, self._answer().command} != {raw.CHANGE_NOTIFY, raw.CLOSE}:
                raise Failed("not an answer each for CHANGE_NOTIFY and CLOSE")


def together(s, seconds, seed):
    """Everybody at once; how much came of it."""
    until = time.monotonic() + seconds
    guests = [Guest(s, n, seed + n, until) for n in range(len(FILLS) - 1)]
    names = [n.replace("\\", "/") for n in NAMES]
    process = subprocess.Popen([sys.executable, "-c", INTRUDER, str(seconds), str(seed), chr(FILLS[-1]), str(SIZE), *names],
                               cwd=s.folder(), stdout=subprocess.PIPE, text=True, **({"user": NOBODY} if os.getuid() == 0 else {}))
    for g in guests:
        g.start()
    for g in guests:
        g.join(seconds + 120)
    changes = int(process.communicate(timeout=60)[0])
    for g in guests:
        if g.is_alive():
            raise Failed(f"client {g.number} was not answered")
        if g.failure:
            raise Failed(f"seed {seed}, client {g.number}: {g.failure!r}") from g.failure
    return f"{sum(g.done for g in guests)} acts of clients, {changes} of the process, {sum(g.read for g in guests) >> 20} MiB read"


def intruder(build, seconds, as_root=False):
    seed = int.from_bytes(os.urandom(4), "big")
    unix = {"alice": "nobody", "bob": "nobody"} if as_root else None
    with Server(build, shares={"share": {"security": "windows"}}, as_root=as_root, unix=unix) as s:
        if as_root:
            os.chown(s.folder(), NOBODY, -1)
        with open(s.top + "/secret", "wb") as f:
            f.write(SECRET * SIZE)
        together(s, 1, seed)  # whatever the server opens for good is open now
        eventually(lambda: not s.status("sessions", "--json"), "the end of sessions")
        before = descriptors(s)
        said = together(s, seconds, seed + 100)
        for what in ("files", "locks", "sessions"):
            eventually(lambda what=what: not s.status(what, "--json"), f"the end of {what}")
        if before is not None and settled(s, before + SPARE_DESCRIPTORS) > before + SPARE_DESCRIPTORS:
            raise Failed(f"{descriptors(s)} descriptors where there were {before}")
        s.alive()
        return f"seed {seed}: {said}"


def tests(build, seconds=SECONDS):
    yield Test("intruder.clients-and-a-process", functools.partial(intruder, build, seconds), limit=seconds + 240)
    yield Test("intruder.as-root", functools.partial(intruder, build, seconds, True), limit=seconds + 240)


def soak_tests(build, seconds):
    return tests(build, max(SECONDS, seconds // SOAK_SHARE))
