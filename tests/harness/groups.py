"""The groups of tests, in the order they run: cheap ones first.

A group is prepared (built) by tests of its own, one after the other, and then lists its tests. Both lists are
made anew in each test's process, so making them is cheap and always gives the same names.
"""
import functools
import glob
import json
import os

from harness.testing import TOP, Test, command

ALL = ["lint", "unit"]


def ninja(build, *options):
    """Configure once, then build everything in `build`."""
    if not os.path.exists(os.path.join(build, "build.ninja")):
        command("meson", "setup", build, *options, cwd=TOP)
    command("ninja", "-C", build)


def prepare_main(build):
    return [Test("build", functools.partial(ninja, build), limit=600)]


def meson_tests(build, suite):
    """The programs that meson lists under a suite."""
    with open(os.path.join(build, "meson-info", "intro-tests.json")) as f:
        listed = json.load(f)
    for t in listed:
        if any(s.split(":")[-1] == suite for s in t["suite"]):
            yield Test(t["name"], functools.partial(meson_test, t), limit=t["timeout"] + 5)


def meson_test(t, **more_env):
    command(*t["cmd"], env={**os.environ, **t["env"], **more_env}, cwd=TOP)


def unit(build):
    yield from meson_tests(build, "unit")


def lint(build):
    for path in sorted(glob.glob(os.path.join(TOP, "tests", "lint", "*"))):
        if os.access(path, os.X_OK) and os.path.isfile(path):
            name = os.path.basename(path)
            args = [build] if name == "core-pure" else []
            yield Test(name, functools.partial(command, path, *args), limit=180)
            yield Test(name + ".self-test", functools.partial(command, path, "--self-test"))


def prepare(group, build):
    return {"lint": prepare_main, "unit": prepare_main}[group](build)


def tests(group, build):
    return list({"lint": lint, "unit": unit}[group](build))
