"""The runner itself, with tests made for it: what they come to, in which order they begin, and that nothing of them stays."""
import os
import subprocess
import tempfile
import time

from harness.running import Queue
from harness.testing import Failed, Skip, Test


def says(text, exception=None):
    def run():
        print("printed")
        if exception:
            raise exception
        return text
    return run


def for_ever(pid_file):
    """A test with a child of its own, neither of which ends."""
    child = subprocess.Popen(["sleep", "600"])
    with open(pid_file, "w") as f:
        f.write(str(child.pid))
    time.sleep(600)


def ends(pid, seconds=10):
    """Whether the process ends soon: a signal is sent, not awaited. One that waits for its parent to look has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat") as f:
                if f.read().rpartition(")")[2].split()[0] in "ZX":
                    return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


def run_all(folder, jobs, fill):
    """{test: result} in the order in which they ended."""
    found = {}
    queue = Queue(folder, jobs, lambda group, test, result, log, text: found.update({f"{group}/{test.name}": result}))
    fill(queue)
    queue.run()
    return found


def expect(got, want, what):
    if got != want:
        raise Failed(f"{what}: {got!r} instead of {want!r}")


def outcomes(folder):
    pid_file = os.path.join(folder, "pid")
    tests = [Test("good", says("said")), Test("failed", says("", Failed("why"))), Test("skipped", says("", Skip("a reason"))),
             Test("broken", says("", KeyError("key"))), Test("left", lambda: os._exit(3)), Test("killed", lambda: os.kill(os.getpid(), 9)),
             Test("long", lambda: for_ever(pid_file), limit=1)]
    found = run_all(folder, 3, lambda queue: queue.add("g", tests))
    expect({name: (r.word, r.text) for name, r in found.items()}, {
        "g/good": ("ok", "said"), "g/failed": ("FAIL", "why"), "g/skipped": ("skip", "a reason"),
        "g/broken": ("FAIL", "KeyError: 'key'"), "g/left": ("FAIL", ""), "g/killed": ("FAIL", ""),
        "g/long": ("FAIL", "time limit")}, "results")
    with open(pid_file) as f:
        expect(ends(f.read()), True, "the child of a test that took too long ends")


def order(folder):
    """The longest first; one that waits is in nobody's way; what is built is there before those that need it, or they are left out."""
    begun = []

    def note(name):
        return Test(name, lambda: open(os.path.join(folder, name), "x").close())

    def fill(queue):
        queue.build("a", note("built"), lambda word: queue.add("a", [note("needs")]) if word == "ok" else None)
        queue.build("b", Test("not-built", says("", Failed("no"))), lambda word: begun.append(word))
        long = Test("long", says(""), seconds=9)
        queue.add("c", [note("short"), long, Test("waits", lambda: time.sleep(1.5), waits=True)])

    found = run_all(folder, 1, fill)
    names = list(found)
    expect(sorted(names), ["a/built", "a/needs", "b/not-built", "c/long", "c/short", "c/waits"], "what was run")
    expect({n: r.word for n, r in found.items() if r.word != "ok"}, {"b/not-built": "FAIL"}, "what failed")
    expect(begun, ["FAIL"], "whom the build concerns is told")
    for first, second in (("c/long", "c/short"), ("a/built", "a/needs"), ("c/short", "c/waits")):
        expect(names.index(first) < names.index(second), True, f"{first} before {second}")


def runner():
    for check in outcomes, order:
        with tempfile.TemporaryDirectory() as folder:
            check(folder)
