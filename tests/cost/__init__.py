"""What an operation costs, compared with tests/cost/table.tsv: instructions of the core, counted by callgrind in the simulation;
and on a real server with one client, allocations, bytes copied and system calls.

Nothing is timed. Instructions depend on the compiler, so the table names the one it was made with; another is a skip.
"""
import functools

from cost import calls, instructions
from cost.table import TABLE, Table, compare
from harness.testing import Failed, Skip, Test
from peer.server import build_option

MEASURES = {"instructions": instructions.measure, "heap": calls.heap, "system-calls": calls.system_calls}


def check(build, name):
    if build_option(build, "b_sanitize") not in (None, "none"):
        raise Skip("a sanitizer adds to everything that is counted")
    table = Table.read()
    if name == "instructions" and table.compiler != instructions.compiler(build):
        raise Skip(f"the table was made with {table.compiler}, this is {instructions.compiler(build)}")
    wrong, better = compare(table.rows, MEASURES[name](build))
    if wrong:
        raise Failed("\n".join([f"dearer than {TABLE} says, or not in it:", *wrong]))
    return "; ".join(["cheaper, update the table:", *better]) if better else ""


def self_test():
    """The comparison complains of what it should, and of nothing else."""
    rows = {("a", "instructions"): 1000, ("a", "call statx"): 2, ("a", "call close"): 1, ("b", "allocations"): 0}
    cases = (({("a", "instructions"): 1010}, 0, 0), ({("a", "instructions"): 1011}, 1, 0), ({("a", "instructions"): 989}, 0, 1),
             ({("a", "call statx"): 2, ("a", "call close"): 1}, 0, 0), ({("a", "call statx"): 3, ("a", "call close"): 1}, 1, 0),
             ({("a", "call statx"): 2}, 0, 1), ({("a", "call close"): 1, ("a", "call statx"): 2, ("a", "call lseek"): 1}, 1, 0),
             ({("b", "allocations"): 0.1}, 1, 0), ({("c", "allocations"): 0}, 1, 0))
    for found, wrong, better in cases:
        got = tuple(len(x) for x in compare(rows, found))
        if got != (wrong, better):
            raise Failed(f"{found}: {got[0]} wrong and {got[1]} better, not {wrong} and {better}")
    return f"{len(cases)} cases"


def tests(build):
    yield Test("self-test", self_test)
    for name in MEASURES:
        yield Test(name, functools.partial(check, build, name), limit=180)
