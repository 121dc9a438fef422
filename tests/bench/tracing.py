"""What a server does while it is loaded: its system calls, counted by strace, and its functions, sampled by perf."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from harness.testing import Failed, need

from bench.measure import bench
from bench.subjects import pinned

ATTACH_SECONDS = 10
PROFILE_SECONDS = 2
PROFILE_LINES = 18
WAITS = {"restart_syscall"}  # what strace itself causes


def counted(path):
    """{system call: number} of a table by strace -c."""
    calls = {}
    with open(path) as f:
        for line in f:
            m = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
            if m and m[2] not in WAITS | {"total"}:
                calls[m[2]] = calls.get(m[2], 0) + int(m[1])
    return calls


def traced(build, subject, words, count):
    """System calls of the server during so many operations, connecting and logging on included."""
    with tempfile.TemporaryDirectory() as top:
        out = os.path.join(top, "calls")
        p = subprocess.Popen([need("strace", "strace"), "-f", "-c", "-p", str(subject.pid), "-o", out], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + ATTACH_SECONDS
        while "attached" not in p.stderr.readline() and time.monotonic() < deadline and p.poll() is None:
            pass
        time.sleep(0.3)  # the other threads
        bench(build, subject, (*words, "--count", str(count), "--warmup", "0"))
        p.send_signal(signal.SIGINT)
        p.stderr.read()
        p.wait()
        return counted(out)


def calls_each(build, subject, words, few, many):
    """{system call: number an operation}: what `many` take more than `few`."""
    bench(build, subject, (*words, "--count", str(few), "--warmup", "0"))
    a, b = traced(build, subject, words, few), traced(build, subject, words, many)
    if sum(b.values()) <= sum(a.values()):
        raise Failed(f"{subject.name}: strace saw no more calls in {many} operations than in {few}")
    return {call: (n - a.get(call, 0)) / (many - few) for call, n in b.items() if n > a.get(call, 0)}


def can_profile():
    return shutil.which("perf") is not None


def profile(build, subject, words, cpu):
    """The functions that took most of the time."""
    with tempfile.TemporaryDirectory() as top:
        data = os.path.join(top, "perf.data")
        load = subprocess.Popen([*pinned(cpu), "perf", "record", "-q", "-F", "1999", "-e", "cpu-clock", "-p", str(subject.pid), "-o", data],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        bench(build, subject, (*words, "--seconds", str(PROFILE_SECONDS)), cpu)
        load.send_signal(signal.SIGINT)
        load.wait()
        said = subprocess.run(["perf", "report", "-q", "--stdio", "--no-children", "-s", "dso,symbol", "-i", data], text=True,
                              capture_output=True).stdout
    lines = [re.sub(r"[\s-]+$", "", line) for line in said.splitlines() if line.strip()]
    return "\n".join(lines[:PROFILE_LINES]) or "perf has no samples"
