"""The groups of tests, in the order they run: cheap ones first.

A group is prepared (built) by tests of its own, one after the other, and then lists its tests. What of several groups builds
the same has the same name, and is run once.
"""
import functools
import glob
import json
import os
import shutil
import tempfile
import time

from harness import check
from harness.pace import known
from harness.testing import TOP, Failed, Test, command, need

SANITIZED = {"asan": "address,undefined", "tsan": "thread"}
# What is compiled for one run: the sanitizers' manuals advise -O1, and lines are all that their reports tell.
FOR_A_RUN = ("-Doptimization=1", "-Dc_args=-g1", "-Db_lundef=false")


def ninja(build, *options, **env):
    """Configure once, then build everything in `build`."""
    if not os.path.exists(os.path.join(build, "build.ninja")):
        command("meson", "setup", build, *options, cwd=TOP, env={**os.environ, **env})
    command("ninja", "-C", build)


def prepare_main(build):
    return [Test("build", functools.partial(ninja, build), limit=600)]


def beside(build, kind):
    """The build directory of a group that needs one of its own."""
    return f"{build}-{kind}"


def prepare_sanitized(kind, build):
    build_it = functools.partial(ninja, beside(build, kind), "-Db_sanitize=" + SANITIZED[kind], *FOR_A_RUN)
    return [Test(kind + "-build", build_it, limit=600)]


def build_fuzz(build):
    need("clang", "clang")
    ninja(beside(build, "fuzz"), "-Dfuzz=true", "-Db_sanitize=address,undefined", *FOR_A_RUN, CC="clang")


def prepare_fuzz(build):
    return [Test("fuzz-build", functools.partial(build_fuzz, build), limit=600)]


# ---- programs that meson knows

def meson_tests(build, suite, without=None):
    with open(os.path.join(build, "meson-info", "intro-tests.json")) as f:
        listed = json.load(f)
    for t in listed:
        suites = {s.split(":")[-1] for s in t["suite"]}
        if suite in suites and without not in suites:
            yield Test(t["name"], functools.partial(meson_test, build, t), limit=4 * t["timeout"])


def meson_test(build, t):
    from peer.server import SANITIZER_OPTIONS, steady
    command(*steady(build), *t["cmd"], env={**os.environ, **SANITIZER_OPTIONS, **t["env"]}, cwd=TOP)


def unit(build, without=None):
    return meson_tests(build, "unit", without)


def sim(build):
    return meson_tests(build, "sim")


# ---- what an operation costs

def cost(build):
    from cost import tests as all_tests
    return all_tests(build)


# ---- lint

def lint(build):
    yield Test("runner", check.runner)
    for path in sorted(glob.glob(os.path.join(TOP, "tests", "lint", "*"))):
        if os.access(path, os.X_OK) and os.path.isfile(path):
            name = os.path.basename(path)
            args = [build] if name == "core-pure" else []
            yield Test(name, functools.partial(command, path, *args), limit=180)
            yield Test(name + ".self-test", functools.partial(command, path, "--self-test"))


# ---- peers

def peer(build):
    from peer import tests as all_tests
    return all_tests(build)


def conformance(build):
    from conformance import tests as all_tests
    return all_tests(build)


def conformance_quick(build):
    from conformance import quick_tests
    return quick_tests(build)


def demo(build):
    from demo import tests as all_tests
    return all_tests(build)


def sanitized(kind, build):
    """Units and peers again, under a sanitizer; what has one thread, as the simulation, under the address sanitizer only."""
    import peer as peers
    own = beside(build, kind)
    yield from (Test("unit." + t.name, t.run, t.limit) for t in unit(own, "one-thread" if kind == "tsan" else None))
    if kind == "asan":
        yield from (Test("sim." + t.name, t.run, t.limit) for t in sim(own))
    yield from (peers.quick_tests if kind == "asan" else peers.thread_tests)(own)


# ---- soaking: what contends for SOAK_SECONDS under the thread sanitizer

def soak(build):
    import conformance
    import peer as peers
    own, seconds = beside(build, "tsan"), int(os.environ.get("SOAK_SECONDS", 60))
    yield from peers.soak_tests(own, seconds)
    yield from conformance.soak_tests(own)
    for mode in "explore", "faults":
        yield Test("sim." + mode, functools.partial(soak_sim, own, mode, seconds), limit=seconds + 120)


def soak_sim(build, mode, seconds):
    """The simulation from seeds that were never run before."""
    command(os.path.join(build, "tests", "sim", "sim"), mode, "--seed", str(int(time.time()) << 20), "--seconds", str(seconds))


# ---- fuzzing: the corpus every time, new inputs for FUZZ_SECONDS each

def fuzz(build):
    for source in sorted(glob.glob(os.path.join(TOP, "tests", "fuzz", "fuzz_*.c"))):
        name = os.path.basename(source)[len("fuzz_"):-len(".c")]
        run = must_crash if name == "must_crash" else fuzz_one
        yield Test(name, functools.partial(run, beside(build, "fuzz"), name), limit=120 + int(os.environ.get("FUZZ_SECONDS", 0)))


def fuzz_command(build, name, seconds, corpus, work):
    program = os.path.join(build, "tests", "fuzz", "fuzz_" + name)
    bound = ["-runs=0"] if not seconds else [f"-max_total_time={seconds}"]
    # by itself it would leave a crash with the status that means a skip
    exits = ["-error_exitcode=1", "-timeout_exitcode=1"]
    return [program, *bound, *exits, "-rss_limit_mb=1024", "-timeout=10", f"-artifact_prefix={work}/", work, corpus]


def fuzz_one(build, name):
    corpus = os.path.join(TOP, "tests", "fuzz", "corpus", name)
    if not os.path.isdir(corpus) or not os.listdir(corpus):
        raise Failed(f"no corpus: {corpus}")
    with tempfile.TemporaryDirectory() as work:
        try:
            command(*fuzz_command(build, name, int(os.environ.get("FUZZ_SECONDS", 0)), corpus, work))
        except Failed:
            kept = os.path.join(build, "findings", name)
            shutil.copytree(work, kept, dirs_exist_ok=True)
            raise Failed(f"a finding: its input is in {kept}") from None
    return f"{len(os.listdir(corpus))} inputs"


def must_crash(build, name):
    """The harness finds a hole that is there."""
    corpus = os.path.join(TOP, "tests", "fuzz", "corpus", name)
    with tempfile.TemporaryDirectory() as work:
        try:
            command(*fuzz_command(build, name, 10, corpus, work))
        except Failed:
            if any(f.startswith("crash-") for f in os.listdir(work)):
                return "crashed, as it must"
    raise Failed("the fuzzer did not find the hole in fuzz_must_crash.c")


GROUPS = {
    "lint": (prepare_main, lint),
    "unit": (prepare_main, unit),
    "sim": (prepare_main, sim),
    "cost": (prepare_main, cost),
    "peer": (prepare_main, peer),
    "conformance-quick": (prepare_main, conformance_quick),
    "conformance": (prepare_main, conformance),
    "fuzz": (prepare_fuzz, fuzz),
    "asan": (functools.partial(prepare_sanitized, "asan"), functools.partial(sanitized, "asan")),
    "tsan": (functools.partial(prepare_sanitized, "tsan"), functools.partial(sanitized, "tsan")),
    "demo": (prepare_main, demo),
    "soak": (functools.partial(prepare_sanitized, "tsan"), soak),
}
ASKED_FOR = ("conformance", "soak")  # not part of everything
ALL = [name for name in GROUPS if name not in ASKED_FOR]


def prepare(group, build):
    return GROUPS[group][0](build)


def tests(group, build):
    return [known(t) for t in GROUPS[group][1](build)]
