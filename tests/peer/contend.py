"""Clients that contend for files with every means the protocol has (tests/soak), against a private server that must have
nothing left of them in the end."""
import functools
import os
import time

from harness.testing import Failed, Test, command

from peer.server import SANITIZER_OPTIONS, Server, build_option, steady

SECONDS = 4  # in `make test`; tests/run soak takes its time
DRAIN_SECONDS = 100  # what the program itself gives the end
SLOWER = 3  # a sanitized build, at stop
SPARE_DESCRIPTORS = 4  # a log or a library may open something for good
QUIET_SECONDS = 20


def descriptors(s):
    """Of the server; None if we may not look."""
    try:
        return len(os.listdir(f"/proc/{s.process.pid}/fd"))
    except PermissionError:
        return None


def settled(s, limit):
    """Descriptors once there are no more than that, or after some time: what hung up may take a moment to be gone."""
    deadline = time.monotonic() + QUIET_SECONDS
    while descriptors(s) > limit and time.monotonic() < deadline:
        time.sleep(0.2)
    return descriptors(s)


def contend(s, build, seconds, seed):
    program = os.path.join(build, "tests", "soak", "contend")
    return command(*steady(build), program, "--port", str(s.port), "--user", "alice", "--password", s.users["alice"], "--seconds", str(seconds),
                   "--seed", str(seed), env={**os.environ, **SANITIZER_OPTIONS})


def soak(build, seconds):
    """No impossible answer, no request without one, no descriptor left, and the server stops with nothing in its tables."""
    seed = int.from_bytes(os.urandom(4), "big")
    with Server(build) as s:
        contend(s, build, 1, seed)  # whatever the server opens for good is open now
        before = descriptors(s)
        text = contend(s, build, seconds, seed + 1)
        if before is not None and settled(s, before + SPARE_DESCRIPTORS) > before + SPARE_DESCRIPTORS:
            raise Failed(f"{descriptors(s)} descriptors where there were {before}")
        s.alive()
        done = next(line for line in text.splitlines() if line.startswith("done"))
        return f"seed {seed + 1}, {done.partition(': ')[2]}"


def tests(build, seconds=SECONDS):
    yield Test("contend.eight-clients", functools.partial(soak, build, seconds), limit=SLOWER * (seconds + DRAIN_SECONDS))
