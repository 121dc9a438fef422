"""Samba's smbtorture, one leaf test a process, each against a private server; expected.tsv says what must come out.

Each row has two results: of a client that demands nothing or that all be signed, and of one that demands encryption. A test
that does worse than expected fails, and so does one that does better: then the list is to be brought up to date. Rows that
take their time, and all signed and encrypted runs, are `make conformance`'s; the others are part of `make test`.
"""
import collections
import functools
import os
import re
import subprocess

from harness.testing import TOP, Failed, Test, need

from peer.mounted import mounted
from peer.server import Server, scratch

EXPECTED = os.path.join(TOP, "tests", "conformance", "expected.tsv")
LIMIT_SECONDS = 90
OPTIONS = ("torture:progress=no", "torture:sharedelay=100000", "torture:writetimeupdatedelay=500000")
WORDS = {"success": "pass", "failure": "fail", "error": "fail", "skip": "skip"}
SETTINGS = {"null_session_access": "true"}  # some tests log on anonymously, and back
SHARES = {
    "tmp": {"security": "windows"},
    "hideunread": {"path": "{top}/share-tmp", "security": "windows", "access_based_enumeration": "true"},
    "noperm": {"security": "windows"},  # which the user cannot enter
}
SUITE_SETTINGS = {"smb2.session-require-signing": {"require_message_signing": "true"}}
# What is about blocks and compression runs on a file system that has these.
BTRFS = re.compile(r"smb2\.ioctl\.(dup_extents_|compress_(?!notsup)|sparse_compressed)")
PROTECTIONS = {"sign": "signed", "encrypt": "encrypted"}
Row = collections.namedtuple("Row", "test plain encrypted slow reason")


def expected():
    """Every result but `pass` has its reason; the fourth column says `slow` or nothing."""
    rows = []
    with open(EXPECTED) as f:
        for number, line in enumerate(f, 1):
            if not line.strip() or line.startswith("#"):
                continue
            row = line.rstrip("\n").split("\t")
            row += [""] * (5 - len(row))
            row = Row(row[0], row[1], row[2], row[3] == "slow", row[4])
            if {row.plain, row.encrypted} - {"pass", "fail", "skip"} or ({row.plain, row.encrypted} != {"pass"}) != bool(row.reason):
                raise ValueError(f"expected.tsv:{number}: {line!r}")
            rows.append(row)
    return rows


def result_of(leaf, output):
    """(word, first line of the reason) from subunit's lines, `success: LEAF` or `failure: LEAF [` and a text."""
    for m in re.finditer(r"^(\w+): (.*?)(?: \[\n(.*?))?$", output, re.M):
        if m[1] in WORDS and m[2] == leaf:
            return WORDS[m[1]], m[3] or ""
    return "fail", "smbtorture gave no result"


def torture(build, test, want, protection):
    if not BTRFS.match(test):
        return torture_in(build, test, want, protection, {})
    with mounted("btrfs") as path:
        return torture_in(build, test, want, protection, {"path": path})


def torture_in(build, test, want, protection, share):
    settings = SUITE_SETTINGS.get(test.rpartition(".")[0], SETTINGS)
    shares = {**SHARES, "tmp": {**SHARES["tmp"], **share}}
    with Server(build, settings=settings, shares=shares) as s, scratch() as tmp:
        os.chmod(s.folder("noperm"), 0)
        users = [f"{name}%{password}" for name, password in s.users.items()]
        argv = [need("smbtorture", "samba-testsuite"), "//127.0.0.1/tmp", "-s", "/dev/null", "-p", str(s.port), "-U", users[0],
                "--target", "samba3", "--format", "subunit", "--basedir", tmp, *(f"--option={o}" for o in OPTIONS),
                *([f"--client-protection={protection}"] if protection else []),
                "--option=torture:user2name=bob", "--option=torture:user2password=" + s.users["bob"], test]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", cwd=tmp, timeout=LIMIT_SECONDS)
        print("$ " + " ".join(argv) + "\n" + done.stdout[-8000:], f"-> {done.returncode}")
        got, why = result_of(test.rpartition(".")[2], done.stdout)
        s.alive()
    if got != want:
        raise Failed(f"{got} where {want} was expected{': ' + why if why else ''}")


def one(build, row, protection=None):
    want = row.encrypted if protection == "encrypt" else row.plain
    name = row.test + (f" ({PROTECTIONS[protection]})" if protection else "")
    if want != "pass":
        name += f" ({want}: {row.reason})"
    return Test(name, functools.partial(torture, build, row.test, want, protection), limit=LIMIT_SECONDS + 30)


def quick_tests(build):
    return [one(build, row) for row in expected() if not row.slow]


def tests(build):
    for row in expected():
        for protection in (None, *PROTECTIONS):
            yield one(build, row, protection)
