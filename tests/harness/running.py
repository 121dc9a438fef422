"""Running tests: each in a process and session of its own, several at once, across groups.

A test is a fork of the runner, which has imported everything already. What the tests build on is built one after the other,
beside the tests of groups that are ready, for these leave time: many wait for something.
"""
import collections
import os
import selectors
import signal
import sys
import threading
import time
import traceback

from harness import testing

Result = collections.namedtuple("Result", "word seconds text")
ASLEEP = 3  # tests that mostly wait, beside those that work


def judge(rc, text):
    lines = text.strip().splitlines() or [""]
    if rc == 0:
        return "ok", next((s[6:] for s in reversed(lines) if s.startswith("NOTE: ")), "")
    if rc == testing.SKIP_STATUS:
        return "skip", next((s[6:] for s in reversed(lines) if s.startswith("SKIP: ")), "no reason given")
    return "FAIL", lines[-1] if rc is not None else "time limit"


def outcome(test):
    """Run one test in this process; the exit status that tells how it went."""
    try:
        said = test.run()
    except testing.Skip as e:
        print(f"SKIP: {e}")
        return testing.SKIP_STATUS
    except testing.Failed as e:
        print(e, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    if said:
        print(f"NOTE: {said}")
    return 0


def child(test, log):
    """All that the forked process does. Nothing of the runner's may come after it: no handler, no buffer."""
    status = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        out, nothing = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        status = outcome(test)
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


class Running:
    """A test under way. fileno() is readable once it has ended; end() must be called then, or when its time is over.

    then    for the queue: whom the result of a build concerns
    """

    def __init__(self, group, test, folder, then=None):
        self.group, self.test, self.then = group, test, then
        self.log = os.path.join(folder, group, test.name.replace("/", "_") + ".log")
        os.makedirs(os.path.dirname(self.log), exist_ok=True)
        self.start = time.monotonic()
        self.deadline = self.start + test.limit
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if not self.pid:
            child(test, self.log)
        self.pidfd = os.pidfd_open(self.pid)

    def fileno(self):
        return self.pidfd

    def end(self, ended):
        """Nothing of the test stays behind. Its result and what it printed."""
        for kill in os.killpg, os.kill:  # it may not have come to make its session
            try:
                kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        rc = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.pidfd)
        with open(self.log, errors="replace") as f:
            text = f.read()
        word, said = judge(rc if ended else None, text)
        return Result(word, time.monotonic() - self.start, said), text


class Queue:
    """What is to be run, and what runs.

    jobs       tests that work at once; of those that wait there may be ASLEEP more
    report     is called with group, test, result, log and text of each that has ended
    """

    def __init__(self, folder, jobs, report):
        self.folder, self.jobs, self.report = folder, jobs, report
        self.builds = []  # (group, test, what to call with its word), in order
        self.ready = []  # (group, test), in order
        self.running = selectors.DefaultSelector()

    def build(self, group, test, then):
        self.builds.append((group, test, then))

    def add(self, group, tests):
        """Behind what is there; but what takes long first, of all groups."""
        self.ready += [(group, t) for t in sorted(tests, key=lambda t: -t.limit)]
        self.ready.sort(key=lambda ready: -ready[1].seconds)

    def _under_way(self):
        return [key.fileobj for key in self.running.get_map().values()]

    def _start(self, group, test, then=None):
        self.running.register(Running(group, test, self.folder, then), selectors.EVENT_READ)

    def _fill(self):
        """Start what may start."""
        under_way = self._under_way()
        if self.builds and not any(r.then for r in under_way):
            group, test, then = self.builds.pop(0)
            self._start(group, test, then)
        room = {waits: limit - sum(not r.then and r.test.waits == waits for r in under_way)
                for waits, limit in ((False, self.jobs), (True, ASLEEP))}
        left = []
        for group, test in self.ready:
            if room[test.waits] > 0:
                room[test.waits] -= 1
                self._start(group, test)
            else:
                left.append((group, test))
        self.ready = left

    def _end(self, r, ended):
        self.running.unregister(r)
        result, text = r.end(ended)
        self.report(r.group, r.test, result, r.log, text)
        if r.then:
            r.then(result.word)

    def run(self):
        """Until nothing is left."""
        try:
            while self.builds or self.ready or self._under_way():
                self._fill()
                now = time.monotonic()
                first = min((r.deadline for r in self._under_way()), default=now)
                for key, _ in self.running.select(max(0, first - now)):
                    self._end(key.fileobj, True)
                now = time.monotonic()
                for r in self._under_way():
                    if r.deadline <= now:
                        self._end(r, False)
        finally:
            for r in self._under_way():
                self.running.unregister(r)
                r.end(False)
