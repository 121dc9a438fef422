"""One sample after another: tsmb-bench against a subject, and what follows from what it says."""
import collections
import json
import os
import subprocess
import sys
import time

from harness.testing import Failed

from bench.rows import ENTRY, GIB
from bench.subjects import PASSWORD, USER, pinned

CLIENT_BOUND = 0.7  # of its core
COUNTERS_DIFFER = 0.03  # process clocks and cgroup
LONGEST_S = 600
TRIES = 3  # of a sample: one that fails should not cost the quarter of an hour before it
COUNTERS_LEAST_S = 0.02  # below that their resolution shows


class Progress:
    """A line on standard error for each sample."""

    def __init__(self, samples):
        self.done, self.samples, self.start = 0, samples, time.monotonic()

    def say(self, text):
        self.done += 1
        spent = time.monotonic() - self.start
        print(f"{self.done:4} of {self.samples}  {spent:4.0f} s  {text}", file=sys.stderr, flush=True)


def bench(build, subject, words, cpu=None):
    """What tsmb-bench measured, as a dictionary."""
    argv = [*pinned(cpu), os.path.join(build, "tsmb-bench"), "--json", "--user", USER, *subject.words(), *words]
    try:
        done = subprocess.run(argv, text=True, capture_output=True, env={**os.environ, "TSMB_BENCH_PASSWORD": PASSWORD},
                              timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        raise Failed(f"{subject.name}: {' '.join(argv)}: not done in {LONGEST_S} s") from None
    if done.returncode != 0:
        raise Failed(f"{subject.name}: {' '.join(argv)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def server_cpu(row, got):
    """Seconds. Processes that have ended count in their parent's record, in hundredths of a second each: where there are
    some, the cgroup's counter is better."""
    return got.get("server_cgroup_cpu_s", got["server_cpu_s"]) if row.reconnects else got["server_cpu_s"]


def bench_again(*arguments):
    """The same, after a failure, too; the last one counts."""
    for _ in range(TRIES - 1):
        try:
            return bench(*arguments)
        except Failed as e:
            print(f"again after: {e}", file=sys.stderr, flush=True)
    return bench(*arguments)


def figure(row, got):
    """Server CPU in the row's unit."""
    if row.unit == GIB:
        return server_cpu(row, got) / (got["bytes"] / 2**30)
    return server_cpu(row, got) * 1e6 / got["entries" if row.unit == ENTRY else "ops"]


class Cell:
    """All samples of a row and a subject."""

    def __init__(self, row, name):
        self.row, self.name, self.samples = row, name, []

    def add(self, got):
        self.samples.append(got)

    def figures(self):
        return [figure(self.row, s) for s in self.samples]

    def client_bound(self):
        """The client used most of its core while fewer than half of the samples were free of that."""
        bound = [s["client_cpu_s"] > CLIENT_BOUND * s["wall_s"] for s in self.samples]
        return sum(bound) * 2 > len(bound)

    def counters_differ(self):
        """By how much the sum of process clocks is off the cgroup's counter, at the most; None: cannot be told."""
        off = [abs(s["server_cpu_s"] / s["server_cgroup_cpu_s"] - 1) for s in self.samples
               if s.get("server_cgroup_cpu_s", 0) > COUNTERS_LEAST_S]
        return max(off, default=None)


class Measured:
    """The cells of one row."""

    def __init__(self, row):
        self.row, self.cells, self.batches = row, collections.OrderedDict(), None

    def cell(self, name):
        return self.cells.setdefault(name, Cell(self.row, name))


def batch_difference(before, after):
    """Batches of each size between two readings of the counters."""
    if not before or not after:
        return None
    difference = {}
    for key, rows in after.items():
        if isinstance(rows, dict):
            difference[key] = {size: n - before[key].get(size, 0) for size, n in rows.items()}
        else:
            difference[key] = [n - m for n, m in zip(rows, before[key])]
    return difference


def row_measure(build, row, subjects, plan, cpu, progress):
    """Rounds in which all subjects take turns, first in one order, then in the other."""
    measured = Measured(row)
    before = next((s.batches() for s in subjects if s.name == "tsmb"), None) if row.signs else None
    for n in range(plan.rounds):
        for subject in subjects if n % 2 == 0 else subjects[::-1]:
            words = (*row.load, "--seconds", str(plan.seconds), "--warmup", str(plan.warmup))
            got = bench_again(build, subject, words, cpu)
            measured.cell(subject.name).add(got)
            progress.say(f"{row.name:13} round {n + 1}  {subject.name:28} {figure(row, got):9.3f} {row.unit}")
    if row.signs:
        measured.batches = batch_difference(before, next(s.batches() for s in subjects if s.name == "tsmb"))
    return measured
