"""Samba's smbtorture, one leaf test a process, each against a private server; expected.tsv says what must come out.

A test that does worse than expected fails, and so does one that does better: then the list is to be brought up to date.
"""
import functools
import os
import re
import subprocess

from harness.testing import TOP, Failed, Test, need

from peer.server import Server, scratch

EXPECTED = os.path.join(TOP, "tests", "conformance", "expected.tsv")
LIMIT_SECONDS = 90
OPTIONS = ("torture:progress=no", "torture:sharedelay=100000", "torture:writetimeupdatedelay=500000")
WORDS = {"success": "pass", "failure": "fail", "error": "fail", "skip": "skip"}


def expected():
    """[(test, result, reason)]: every result but `pass` has its reason."""
    with open(EXPECTED) as f:
        rows = [line.rstrip("\n").split("\t") for line in f if line.strip() and not line.startswith("#")]
    for row in rows:
        if len(row) != (2 if row[1] == "pass" else 3):
            raise ValueError(f"expected.tsv: {row}")
    return [(*row, "") if len(row) == 2 else tuple(row) for row in rows]


def result_of(leaf, output):
    """(word, first line of the reason) from subunit's lines, `success: LEAF` or `failure: LEAF [` and a text."""
    for m in re.finditer(r"^(\w+): (.*?)(?: \[\n(.*?))?$", output, re.M):
        if m[1] in WORDS and m[2] == leaf:
            return WORDS[m[1]], m[3] or ""
    return "fail", "smbtorture gave no result"


def torture(build, test, want):
    with Server(build, shares={"tmp": {"security": "windows"}}) as s, scratch() as tmp:
        users = [f"{name}%{password}" for name, password in s.users.items()]
        argv = [need("smbtorture", "samba-testsuite"), "//127.0.0.1/tmp", "-s", "/dev/null", "-p", str(s.port), "-U", users[0],
                "--target", "samba3", "--format", "subunit", "--basedir", tmp, *(f"--option={o}" for o in OPTIONS),
                "--option=torture:user2name=bob", "--option=torture:user2password=" + s.users["bob"], test]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", cwd=tmp, timeout=LIMIT_SECONDS)
        print("$ " + " ".join(argv) + "\n" + done.stdout[-8000:], f"-> {done.returncode}")
        got, why = result_of(test.rpartition(".")[2], done.stdout)
        s.alive()
    if got != want:
        raise Failed(f"{got} where {want} was expected{': ' + why if why else ''}")


def tests(build):
    for test, want, reason in expected():
        name = test if want == "pass" else f"{test} ({want}: {reason})"
        yield Test(name, functools.partial(torture, build, test, want), limit=LIMIT_SECONDS + 30)
