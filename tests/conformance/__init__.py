"""Samba's smbtorture, one leaf test a process, each against a private server; expected.tsv says what must come out.

Each row has two results: of a client that demands nothing or that all be signed, and of one that demands encryption. A test
that does worse than expected fails, and so does one that does better: then the list is to be brought up to date. Rows that
take their time, and all signed and encrypted runs, are `make conformance`'s; the others are part of `make test`.
"""
import collections
import functools
import os
import re
import shutil
import subprocess
import threading

from harness.testing import TOP, Failed, Test, need

from peer.mounted import mounted
from peer.server import Server, scratch

EXPECTED = os.path.join(TOP, "tests", "conformance", "expected.tsv")
LIMIT_SECONDS = 90
SLOW_LIMIT_SECONDS = 240  # beside others, under a sanitizer
AT_ONCE = 8  # shares, of tests that run together
OPTIONS = ("torture:progress=no", "torture:sharedelay=100000", "torture:writetimeupdatedelay=500000")
WORDS = {"success": "pass", "failure": "fail", "error": "fail", "skip": "skip"}
SETTINGS = {"null_session_access": "true"}  # some tests log on anonymously, and back
SHARES = {
    "tmp": {"security": "windows"},
    "hideunread": {"path": "{top}/share-tmp", "security": "windows", "access_based_enumeration": "true"},
    "noperm": {"security": "windows"},  # which the user cannot enter
}
SUITE_SETTINGS = {
    "smb2.session-require-signing": {"require_message_signing": "true"},
    # It asks over one connection and changes something over another, without waiting for an answer in between: what came first
    # is done first by a single thread only.
    "smb2.notify": {**SETTINGS, "transport_rx_threads": "1", "transport_tx_threads": "1"},
}
# What is about blocks and compression runs on a file system that has these.
BTRFS = re.compile(r"smb2\.ioctl\.(dup_extents_|compress_(?!notsup)|sparse_compressed)")
# What is about a share of a certain name, or on a file system of its own.
ALONE = re.compile(BTRFS.pattern + r"|smb2\.(acls\.ACCESSBASED|ioctl\.bug14788)")
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


def run(s, test, protection=None, share="tmp", limit=LIMIT_SECONDS):
    """(word, reason) of one test on a share of a running server."""
    with scratch() as tmp:
        argv = [need("smbtorture", "samba-testsuite"), f"//127.0.0.1/{share}", "-s", "/dev/null", "-p", str(s.port),
                "-U", "alice%" + s.users["alice"], "--target", "samba3", "--format", "subunit", "--basedir", tmp,
                *(f"--option={o}" for o in OPTIONS), *([f"--client-protection={protection}"] if protection else []),
                "--option=torture:user2name=bob", "--option=torture:user2password=" + s.users["bob"], test]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", cwd=tmp, timeout=limit)
        print("$ " + " ".join(argv) + "\n" + done.stdout[-8000:], f"-> {done.returncode}")
        return result_of(test.rpartition(".")[2], done.stdout)


def torture(build, test, want, protection):
    if not BTRFS.match(test):
        return torture_in(build, test, want, protection, {})
    with mounted("btrfs") as path:
        return torture_in(build, test, want, protection, {"path": path})


def torture_in(build, test, want, protection, share):
    settings = SUITE_SETTINGS.get(test.rpartition(".")[0], SETTINGS)
    shares = {**SHARES, "tmp": {**SHARES["tmp"], **share}}
    with Server(build, settings=settings, shares=shares) as s:
        os.chmod(s.folder("noperm"), 0)
        got, why = run(s, test, protection)
        s.alive()
    if got != want:
        raise Failed(f"{got} where {want} was expected{': ' + why if why else ''}")


def one(build, row, protection=None):
    want = row.encrypted if protection == "encrypt" else row.plain
    name = row.test + (f" ({PROTECTIONS[protection]})" if protection else "")
    if want != "pass":
        name += f" ({want}: {row.reason})"
    return Test(name, functools.partial(torture, build, row.test, want, protection), limit=LIMIT_SECONDS + 30)


# ---- all at once, on one server

def run_clean(s, row, share):
    """One test on an empty share, as some leave things that are in the way of others."""
    for entry in os.scandir(s.folder(share)):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=entry.name == ".tsmb")
        else:
            os.unlink(entry.path)
    try:
        return run(s, row.test, share=share, limit=SLOW_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        return "fail", "time limit"


def take_turns(s, share, rows, odd):
    """One test after another on a share, as they use the same names there; what came out otherwise goes into odd."""
    while True:
        try:
            row = rows.popleft()
        except IndexError:
            return
        got, why = run_clean(s, row, share)
        if got != row.plain:
            odd.append((row, f"{got}: {why}"))


def together(build):
    """The quick tests, on shares of one server at once. What came out otherwise, maybe for want of time, must come out right alone."""
    rows = collections.deque(r for r in expected() if not (r.slow or r.test.rpartition(".")[0] in SUITE_SETTINGS or ALONE.match(r.test)))
    count, odd = len(rows), []
    shares = [f"tmp{n}" for n in range(AT_ONCE)]
    with Server(build, settings=SETTINGS, shares={name: {"security": "windows"} for name in shares}) as s:
        threads = [threading.Thread(target=take_turns, args=(s, name, rows, odd)) for name in shares]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        s.alive()
        for row, why in odd:
            got, again = run_clean(s, row, shares[0])
            if got != row.plain:
                raise Failed(f"{row.test}: {got} where {row.plain} was expected: {again} (among others {why})")
        return f"{count} tests on {AT_ONCE} shares, {len(odd)} of them again alone"


def soak_tests(build):
    return [Test("conformance.together", functools.partial(together, build), limit=3600)]


def quick_tests(build):
    return [one(build, row) for row in expected() if not row.slow]


def tests(build):
    for row in expected():
        for protection in (None, *PROTECTIONS):
            yield one(build, row, protection)
