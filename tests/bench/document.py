"""doc/PERFORMANCE.md: what was measured where, and how text gets between its markers."""
import datetime
import os
import platform
import re
import subprocess

from harness.testing import TOP, Failed

PATH = os.path.join(TOP, "doc", "PERFORMANCE.md")


def said(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()


def machine(build, command):
    """Where, when and by which command."""
    with open("/proc/cpuinfo") as f:
        cpu = next((line.partition(":")[2].strip() for line in f if line.startswith("model name")), platform.machine())
    with open("/proc/meminfo") as f:
        memory = int(f.readline().split()[1]) / 2**20
    version = said(os.path.join(build, "tsmb-server"), "--version")
    return {"machine": f"{os.cpu_count()} x {cpu}, {memory:.0f} GiB, Linux {platform.release()}",
            "tsmb": f"{version}, commit {said('git', '-C', TOP, 'rev-parse', '--short', 'HEAD') or 'unknown'}",
            "date": datetime.date.today().isoformat(), "command": f"`{command}`",
            "load": f"{os.getloadavg()[0]:.1f} on average when it began"}


def facts_list(facts):
    return [f"- {key}: {value}" for key, value in facts.items()]


def put(begin, end, text):
    with open(PATH) as f:
        old = f.read()
    new, count = re.subn(re.escape(begin) + ".*?" + re.escape(end), lambda _: f"{begin}\n{text}{end}", old, flags=re.DOTALL)
    if count != 1:
        raise Failed(f"{PATH}: the markers {begin} and {end} are not there once")
    with open(PATH, "w") as f:
        f.write(new)
