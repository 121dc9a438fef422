"""What is said about samples: medians, ratios, verdicts; and the text of doc/PERFORMANCE.md."""
import statistics

from bench.rows import GIB, IDLE_GOAL_KIB, IDLE_PASSES_KIB
from bench.measure import COUNTERS_DIFFER

SELF_DIFFERS = 0.10
DIGITS = {GIB: 3}


def quartiles(values):
    """(first, median, third)"""
    if len(values) < 2:
        return values[0], values[0], values[0]
    q = statistics.quantiles(values, n=4, method="inclusive")
    return q[0], q[1], q[2]


def self_difference(values):
    """How far the median of every second sample is from that of the others."""
    if len(values) < 2:
        return None
    a, b = statistics.median(values[::2]), statistics.median(values[1::2])
    return abs(a - b) / min(a, b)


def growth(values):
    """The most that a point costs, in terms of one before it."""
    return max((b / a for n, a in enumerate(values) for b in values[n + 1:]), default=1)


def smbd_cells(measured):
    return [c for name, c in measured.cells.items() if name.startswith("smbd")]


def best_smbd(measured):
    return min(smbd_cells(measured), key=lambda c: statistics.median(c.figures()), default=None)


def verdict(value, goal):
    if goal is None or value is None:
        return ""
    return "reached" if value <= goal else "missed"


class Judgement:
    """A row's medians, ratios and verdicts."""

    def __init__(self, measured):
        self.row, self.measured = measured.row, measured
        self.tsmb = measured.cells["tsmb"]
        self.smbd, self.bare = best_smbd(measured), measured.cells.get("bare")
        self.differs = self_difference(self.tsmb.figures())
        self.of_bare, self.of_smbd = self._ratio(self.bare), self._ratio(self.smbd)

    def _ratio(self, other):
        if other is None:
            return None
        return statistics.median(self.tsmb.figures()) / statistics.median(other.figures())

    def steady(self):
        return self.differs is not None and self.differs <= SELF_DIFFERS

    def word(self, value, goal):
        said = verdict(value, goal)
        return said if not said or self.steady() else "no verdict"

    def missed(self):
        return "missed" in (self.word(self.of_bare, self.row.bare), self.word(self.of_smbd, self.row.smbd))


def spread(cell):
    if cell is None:
        return "–"
    low, median, high = quartiles(cell.figures())
    digits = DIGITS.get(cell.row.unit, 2)
    bound = " (c)" if cell.client_bound() else ""
    return f"{median:.{digits}f} ({low:.{digits}f}–{high:.{digits}f}){bound}"


def ratio_cell(j, value, goal):
    if value is None:
        return "–"
    if goal is None:
        return f"{value:.2f}"
    return f"{value:.2f}, goal {goal:g}: **{j.word(value, goal)}**"


def main_table(judgements):
    lines = ["| row | unit | tsmb | bare | Samba's best | of bare | of Samba | tsmb against itself |", "|---|---|---|---|---|---|---|---|"]
    for j in judgements:
        itself = "–" if j.differs is None else f"{100 * j.differs:.0f} %"
        lines.append(f"| {j.row.title} | {j.row.unit} | {spread(j.tsmb)} | {spread(j.bare)} | {spread(j.smbd)} | "
                     f"{ratio_cell(j, j.of_bare, j.row.bare)} | {ratio_cell(j, j.of_smbd, j.row.smbd)} | {itself} |")
    return lines


def smbd_table(judgements):
    """All of Samba's settings: which was taken can be seen."""
    names = sorted({c.name for j in judgements for c in smbd_cells(j.measured)})
    lines = ["| row | unit | " + " | ".join(n.removeprefix("smbd ") for n in names) + " |", "|---|---|" + "---|" * len(names)]
    for j in judgements:
        lines.append(f"| {j.row.title} | {j.row.unit} | "
                     + " | ".join(spread(j.measured.cells[n]) if n in j.measured.cells else "–" for n in names) + " |")
    return lines


def rate_table(judgements):
    """What the clients saw, which is not what is compared: the client and the server share the machine."""
    lines = ["| row | server | a second | p50 us | p99 us | p99.9 us | client's core |", "|---|---|---|---|---|---|---|"]
    for j in judgements:
        for cell in (j.tsmb, j.bare, j.smbd):
            if cell is None:
                continue
            middle = lambda key: statistics.median(key(s) for s in cell.samples)
            rate = (f"{middle(lambda s: s['bytes'] / 2**30 / s['wall_s']):.2f} GiB" if j.row.unit == GIB
                    else f"{middle(lambda s: s['ops'] / s['wall_s']):.0f}")
            lines.append(f"| {j.row.title} | {cell.name.partition(' ')[0]} | {rate} | {middle(lambda s: s['p50_us']):.0f} | "
                         f"{middle(lambda s: s['p99_us']):.0f} | {middle(lambda s: s['p999_us']):.0f} | "
                         f"{100 * middle(lambda s: s['client_cpu_s'] / s['wall_s']):.0f} % |")
    return lines


def batches_text(judgements):
    rows = [j for j in judgements if j.row.signs]
    if not rows:
        return []
    lines = ["How many messages tsmb signed and verified together (batches of 1, 2, 3–4, 5–8, 9–16, more):", ""]
    for j in rows:
        got = j.measured.batches
        lines.append(f"- {j.row.title}: " + ("none: the server does not count them" if not got else
                                              "; ".join(f"{k.replace('_', ' ')} {show(v)}" for k, v in sorted(got.items()))))
    return lines + [""]


def show(counts):
    return ", ".join(map(str, counts.values() if isinstance(counts, dict) else counts))


def counters_text(judgements):
    off = [(c.counters_differ(), j.row.name, c.name) for j in judgements for c in j.measured.cells.values()
           if c.counters_differ() is not None]
    if not off:
        return ["CPU time could not be checked against a cgroup's counter."]
    worst, row, name = max(off)
    beyond = sum(1 for d, _, _ in off if d > COUNTERS_DIFFER)
    return [f"Sum of process clocks against the cgroup's counter: at most {100 * worst:.1f} % apart ({row}, {name}); "
            f"more than {100 * COUNTERS_DIFFER:.0f} % in {beyond} of {len(off)} cells."]


def idle_text(idle):
    """Memory of idle connections: {name: (count, result of tsmb-bench)}."""
    lines = ["| server | connections | resident, each | by share of pages, each | kernel's sockets, each |", "|---|---|---|---|---|"]
    for name, (count, got) in idle.items():
        each = lambda key: (got[key] - got[key + "_empty"]) / count / 1024
        lines.append(f"| {name} | {count} | {each('rss'):.1f} KiB | {each('pss'):.1f} KiB | {each('socket_bytes'):.1f} KiB |")
    count, got = idle["tsmb"]
    each = (got["rss"] - got["rss_empty"]) / count / 1024
    said = "reached" if each <= IDLE_GOAL_KIB else "passed" if each <= IDLE_PASSES_KIB else "missed"
    return lines + ["", f"Goal {IDLE_GOAL_KIB} KiB ({IDLE_PASSES_KIB} KiB passes): **{said}** with {each:.1f} KiB. Samba has a process for "
                    "each connection: by share of pages counts what several of them share once."]


def calls_text(calls):
    """System calls an operation: {title: {server: {call: number}}}."""
    lines = ["| operation | server | system calls | which |", "|---|---|---|---|"]
    for title, servers in calls.items():
        for name, counts in servers.items():
            most = sorted(counts.items(), key=lambda item: -item[1])
            lines.append(f"| {title} | {name} | {sum(counts.values()):.1f} | "
                         + ", ".join(f"{call} {n:.1f}" for call, n in most if n >= 0.05) + " |")
    return lines


def profiles_text(profiles):
    lines = []
    for title, text in profiles.items():
        lines += [f"<details><summary>{title}: where tsmb's time goes</summary>", "", "```", text.rstrip(), "```", "", "</details>", ""]
    return lines
