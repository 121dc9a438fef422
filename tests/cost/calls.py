"""What a real server asks of the heap and of the kernel for an operation of the one client it has."""
import collections
import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time

from harness.testing import Failed, Skip, need
from peer.mapped import can_seal
from peer.server import Server

LISTED = 1000
COUNT = {"read-1m": 20, "write-1m": 20, "list-page": 6}
COUNT_DEFAULT = 400
HEAP = ("echo", "read-4k", "read-1m", "write-4k", "write-1m", "create-close", "create-close-deep", "create-close-other-case",
        "create-missing", "query-info", "query-all")
CALLS = (*HEAP, "query-fs", "list-page")
# Again signed (AES-GMAC) and sealed (AES-128-GCM), as `read-4k signed`: what protection adds is not to be a copy or a call. A large
# READ that is sealed by GCM comes from the mapped file, if ipsec-mb is there; CMAC and CCM go other ways again.
PROTECTED = ("read-4k", "read-1m", "write-4k", "write-1m", "create-close")
OTHERWISE = ("read-4k", "read-1m", "write-4k")
MAPPED = "read-1m sealed"
PROTECTIONS = {"": ("plain",), "signed": ("sign",), "sealed": ("seal",), "signed-cmac": ("sign", "--signing", "1"),
               "sealed-ccm": ("seal", "--cipher", "1")}
# how often these are made follows from who is quicker: waiting, waking, memory, and looking whether something slept
BY_CHANCE = {"epoll_wait", "futex", "read", "write", "getrusage", "restart_syscall", "madvise", "mmap", "munmap", "mprotect",
             "mlock", "clock_gettime", "sched_yield"}
PIECES = {"read-1m", "write-1m"}  # which the socket takes and gives in pieces
TRACED = 20
# one and the same, by the kernel's age; and what strace does not know by name
SAME = {"syscall_0x1c3": "cachestat", "syscall_0x1d0": "getxattr", "getxattrat": "getxattr", "lgetxattr": "getxattr",
        "fgetxattr": "getxattr", "newfstatat": "fstat"}
LINE = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)")


def count_of(operation, otherwise):
    return COUNT.get(operation.partition(" ")[0], otherwise)


def protected(server):
    words = [(PROTECTED, "signed"), (PROTECTED, "sealed"), (OTHERWISE, "signed-cmac"), (OTHERWISE, "sealed-ccm")]
    names = [f"{operation} {how}" for operations, how in words for operation in operations]
    return [n for n in names if n != MAPPED or can_seal(server)]


def run_ops(build, server, operation, *options):
    """`read-4k signed`: with that protection."""
    name, _, how = operation.partition(" ")
    done = subprocess.run([os.path.join(build, "tests", "cost", "ops"), "--port", str(server.port), "--password",
                           server.users["alice"], "--protect", *PROTECTIONS[how], *options, name],
                          text=True, capture_output=True)
    print(f"$ ops {operation}\n{done.stdout}{done.stderr}")
    if done.returncode:
        raise Failed(f"ops {operation}: {done.stderr.strip()}")
    return done.stdout


@contextlib.contextmanager
def serving(build, before=()):
    """A server whose share has what ops uses; everything in it is old enough to be remembered."""
    with Server(build, before=before) as s:
        for folder in ("many", "a/b/c"):
            os.makedirs(os.path.join(s.folder(), folder))
        s.put("small", b"x" * 100)
        s.put("large", b"y" * (1 << 20))
        s.put("a/b/c/deep", b"z")
        for i in range(LISTED):
            s.put(f"many/file{i:05}.dat", b"")
        for folder, folders, _ in os.walk(s.folder()):
            os.chown(folder, s.owner(), -1)
        time.sleep(3)  # what changed within two seconds is read each time
        yield s


def heap(build):
    """{(operation, "allocations" | "copied"): number}"""
    found = {}
    with tempfile.TemporaryDirectory(prefix="tsmb-cost-") as top:
        os.chmod(top, 0o755)
        library = shutil.copy(os.path.join(build, "tests", "cost", "libcount.so"), top)
        counts = os.path.join(top, "counts")
        with open(counts, "wb") as f:
            f.write(bytes(4096))
        os.chmod(counts, 0o666)
        with serving(build, ("env", "LD_PRELOAD=" + library, "TSMB_COUNTS=" + counts)) as s:
            for operation in (*HEAP, *protected(s)):
                said = run_ops(build, s, operation, "--count", str(count_of(operation, COUNT_DEFAULT)), "--counts", counts)
                number = {k: float(v) for k, v in re.findall(r"(\w+) ([\d.]+)", said.partition("\t")[2])}
                found[operation, "allocations"] = round(number["allocations"], 1)
                if not operation.startswith("write-1m"):  # how much of it comes with its header is chance
                    found[operation, "copied"] = round(number["copied"])
    return found


def traced(build, server, operation, count, out):
    """How often each system call was made meanwhile."""
    strace = subprocess.Popen(["strace", "-f", "-p", str(server.process.pid), "-o", out], stderr=subprocess.PIPE, text=True)
    try:
        if "attached" not in strace.stderr.readline():
            raise Skip("strace may not attach to a process here")
        time.sleep(0.2)  # to all its threads
        run_ops(build, server, operation, "--count", str(count))
        time.sleep(0.2)  # what follows the last answer
    finally:
        strace.terminate()
        strace.communicate()
    with open(out, errors="replace") as f:
        lines = [LINE.match(line) for line in f if "unfinished ...>" not in line]
    return collections.Counter(SAME.get(m[1], m[1]) for m in lines if m)


def system_calls(build):
    """{(operation, "call NAME"): number}, from a run and one that does as much again."""
    need("strace", "strace")
    found = {}
    with serving(build) as s, tempfile.TemporaryDirectory(prefix="tsmb-cost-") as top:
        out = os.path.join(top, "strace")
        for operation in (*CALLS, *protected(s)):
            count = count_of(operation, TRACED)
            few, many = (traced(build, s, operation, n, out) for n in (count, 2 * count))
            print(operation, {k: many[k] - few[k] for k in many})
            for name in set(many) - BY_CHANCE:
                each = round((many[name] - few[name]) / count)
                if each and not (operation.partition(" ")[0] in PIECES and name in ("recvmsg", "sendmsg", "splice")):
                    found[operation, "call " + name] = each
    return found
