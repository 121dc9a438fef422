"""The table: operation, measure, value. A line of a measure that is counted exactly must be met; instructions have 1 % of slack."""
import os

from harness.testing import TOP

TABLE = "tests/cost/table.tsv"
SLACK = 0.01  # of instructions
HEAD = """# What an operation costs. Made by tests/cost/update, compared by tests/run cost.
# instructions: of the core, in the simulation, for one; 1 % more is a failure. The others are of a real server with one client:
# allocations, from 0.05 of them on; bytes copied, in pieces of 256 and more; system calls, all but those of waiting and memory.
"""


class Table:
    def __init__(self, compiler, rows):
        self.compiler, self.rows = compiler, rows  # rows: {(operation, measure): number}

    @classmethod
    def read(cls):
        compiler, rows = None, {}
        with open(os.path.join(TOP, TABLE)) as f:
            for line in f:
                if line.startswith("#") or not line.strip():
                    continue
                operation, measure, value = line.rstrip("\n").split("\t")
                if operation == "compiler":
                    compiler = value
                else:
                    rows[operation, measure] = float(value)
        return cls(compiler, rows)

    def write(self):
        with open(os.path.join(TOP, TABLE), "w") as f:
            f.write(f"{HEAD}compiler\t-\t{self.compiler}\n")
            for (operation, measure), value in sorted(self.rows.items()):
                f.write(f"{operation}\t{measure}\t{value:g}\n" if value % 1 else f"{operation}\t{measure}\t{int(value)}\n")


def compare(rows, found):
    """([what is dearer or unknown], [what is cheaper]); for all measures that were found."""
    wrong, better = [], []
    for key in sorted(found):
        want, got = rows.get(key), found[key]
        text = f"{key[0]}: {key[1]} {got:g}, the table has {'nothing' if want is None else f'{want:g}'}"
        slack = SLACK * want if want and key[1] == "instructions" else 0
        if want is None or got > want + slack:
            wrong.append(text)
        elif got < want - slack:
            better.append(text)
    kinds = {operation: {m for o, m in found if o == operation} for operation, _ in found}
    for operation, measure in sorted(set(rows) - set(found)):  # a system call that is not made any more
        if measure.startswith("call ") and any(m.startswith("call ") for m in kinds.get(operation, ())):
            better.append(f"{operation}: {measure} 0, the table has {rows[operation, measure]:g}")
    return wrong, better
