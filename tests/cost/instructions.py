"""Instructions that the core spends on an operation: callgrind counts the simulation, which is one thread and leaves nothing
to chance in this mode. Only those of lines in src/ count: not the test's own, nor those of libraries, whose copying follows the
processor that the test happens to run on."""
import glob
import os
import re
import subprocess
import tempfile

from harness.testing import TOP, Failed, need

SOURCES = os.path.join(TOP, "src")


def compiler(build):
    """As the program's own comment names it."""
    done = subprocess.run([need("readelf", "binutils"), "-p", ".comment", program(build)], text=True, capture_output=True)
    found = re.search(r"\]\s+(.*\S)", done.stdout)
    return found[1] if found else "unknown"


def program(build):
    return os.path.join(build, "tests", "sim", "sim")


def is_ours(name):
    """A file of src/, wherever that lay when it was compiled: a cache of objects has those of another copy."""
    below = name.rpartition("/src/")[2]
    return below != name and os.path.isfile(os.path.join(SOURCES, below))


def count_file(path):
    """Instructions of lines in src/, in one dump of callgrind."""
    total, ours, called, known = 0, False, False, {}
    with open(path) as f:
        for line in f:
            if line[:3] in ("fl=", "fi=", "fe="):
                name = line[3:].rstrip("\n")
                if name not in known:
                    known[name] = is_ours(name)
                ours = known[name]
            elif line.startswith("calls="):
                called = True  # the next line is the cost of what was called, which has lines of its own
            elif line[0].isdigit():
                if ours and not called:
                    total += int(line.split()[1])
                called = False
    return total


def measure(build):
    """{(operation, "instructions"): number}"""
    need("valgrind", "valgrind")
    with tempfile.TemporaryDirectory(prefix="tsmb-cost-") as top:
        out = os.path.join(top, "out")
        done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=" + out, "--dump-before=cost_mark",
                               "--compress-strings=no", "--compress-pos=no", program(build), "cost"], text=True,
                              capture_output=True, cwd=build, env={"PATH": os.environ["PATH"]})
        print(done.stdout, done.stderr)
        if done.returncode:
            raise Failed(f"the simulation under valgrind: exit status {done.returncode}")
        operations = [line.split("\t") for line in done.stdout.splitlines()]
        dumps = sorted(glob.glob(out + ".*"), key=lambda p: int(p.rpartition(".")[2]))
        if not operations or len(dumps) < 2 * len(operations):
            raise Failed(f"{len(operations)} operations, {len(dumps)} dumps")
        # a dump before each call: the second of an operation's two holds what was between them
        return {(name, "instructions"): round(count_file(dumps[2 * i + 1]) / int(count))
                for i, (name, count) in enumerate(operations)}
