"""tsmb-bench: each work does what it says on a private server, and what is asked for and not had is an error, not a figure."""
import contextlib
import functools
import json
import os
import subprocess
import tempfile

from harness.testing import Failed, Test

from peer.server import SANITIZER_OPTIONS, Server, steady

PASSWORD = "Wonder-land1"
COUNT = 40
SIZE = 65536
WORKS = {
    "read": ("--depth", "4", "--protect", "sign", "--verify", "8"),
    "write": ("--depth", "4", "--protect", "seal"),
    "randread": ("--depth", "8", "--connections", "3", "--channels", "--protect", "sign", "--dialect", "3.0.2"),
    "randwrite": ("--depth", "8", "--connections", "2", "--protect", "sign", "--dialect", "2.1"),
    "create": ("--connections", "2",),
    "query": ("--depth", "4"),
    "list": ("--entries", "300"),
    "small": ("--depth", "2", "--protect", "seal", "--cipher", "aes-256-ccm"),
    "logon": ("--connections", "3"),
    "relogon": ("--protect", "sign",),
    "echo": ("--idle", "10", "--moved", "1M", "--held", "10"),
}
MOVES = ("read", "write", "randread", "randwrite", "small")
BARE = (("--protect", "plain"), ("--protect", "seal", "--cipher", "2"), ("--protect", "sign", "--signing", "gmac"),
        ("--protect", "sign", "--signing", "cmac"), ("--protect", "sign", "--signing", "hmac"))
USAGE = 2  # exit status
REFUSED = (  # arguments, what the message says
    (("--depth", "x"), "--depth: expected a number from 1 to 1024"),
    (("--depth", "1025"), "--depth: expected a number from 1 to 1024"),
    (("--work", "fly"), "--work: expected a name that --help lists"),
    (("--protect", "maybe"), "--protect: expected one of plain, sign, seal"),
    (("--size", "9M"), "--size: expected a number of bytes"),
    (("--size", "4Q"), "--size: expected a number of bytes"),
    (("--seconds", "-1"), "--seconds: expected seconds"),
    (("--seconds", "0"), "without end"),
    (("--work", "logon", "--depth", "2"), "--depth: logons go one after the other"),
    (("--protect", "seal", "--dialect", "2.1"), "--protect seal: from dialect 3.0 on"),
    (("--file", "1K"), "--file: at least --size"),
    (("--cgroup", "/x"), "--cgroup: only beside --pid"),
    (("stray",), "unexpected argument"),
    (("--nonsense",), "--help tells"),
)


def run(build, *arguments):
    return subprocess.run([*steady(build), os.path.join(build, "tsmb-bench"), *arguments], text=True, capture_output=True,
                          env={**os.environ, **SANITIZER_OPTIONS}, timeout=120)


def on(s, *arguments):
    return run(s.build, "--port", str(s.port), "--password", PASSWORD, "--pid", str(s.process.pid), *arguments)


def failed(done, status, text):
    if done.returncode != status or text not in done.stderr or "Sanitizer" in done.stderr:
        raise Failed(f"exit status {done.returncode} and not {status} with {text!r}: {done.stderr}")


def works(build):
    with Server(build, settings={"connections_max": 100}) as s:
        for work, options in WORKS.items():
            done = on(s, "--work", work, "--count", str(COUNT), "--warmup", "0.05", "--json", *options,
                      *(("--size", str(SIZE), "--file", "1M") if work in MOVES else ()))
            print(done.stdout + done.stderr)
            if done.returncode != 0:
                raise Failed(f"{work}: exit status {done.returncode}: {done.stderr}")
            got = json.loads(done.stdout)
            if got["ops"] != COUNT or got["work"] != work:
                raise Failed(f"{work}: {got['ops']} operations of {got['work']}, not {COUNT}")
            if got["bytes"] != (COUNT * SIZE if work in MOVES else 0):
                raise Failed(f"{work}: {got['bytes']} bytes")
            if got["entries"] != (COUNT * 302 if work == "list" else 0):
                raise Failed(f"{work}: {got['entries']} entries")
            if not 0 < got["server_cpu_s"] < 60 or not 0 < got["p50_us"] <= got["p99_us"] <= got["p999_us"]:
                raise Failed(f"{work}: figures that cannot be: {got}")
        left = [name for name in os.listdir(os.path.join(s.folder(), "bench-small"))]
        if left:
            raise Failed(f"small files are left: {left}")


def refusals(build):
    """Nothing is measured that was not asked for."""
    for arguments, text in REFUSED:
        failed(run(build, *arguments), USAGE, text)
    with Server(build, settings={"signing_algorithms": "AES-CMAC"}) as s:
        short = ("--count", "1", "--size", "4K", "--file", "1M")
        failed(on(s, *short, "--user", "nobody-of-that-name"), 1, "logon: STATUS_LOGON_FAILURE")
        failed(on(s, *short, "--signing", "cmac", "--share", "none"), 1, "TREE_CONNECT: STATUS_BAD_NETWORK_NAME")
        failed(on(s, *short, "--signing", "cmac", "--subject", "none"), 1, "none: STATUS_OBJECT_NAME_NOT_FOUND")
        failed(on(s, *short, "--protect", "sign", "--signing", "gmac"), 1, "does not sign by that algorithm")
        failed(run(build, *short, "--port", str(s.port), "--pid", "4194304"), 1, "No such process")
        failed(on(s, *short, "--cgroup", s.top), 1, "No such file")
        os.mkdir(os.path.join(s.folder(), "three"))
        failed(on(s, "--work", "list", "--signing", "cmac", "--subject", "three", "--entries", "3", "--count", "1"), 1, "not as many entries")
    with Server(build, settings={"encrypt_data": "true"}) as s:
        failed(on(s, *short, "--protect", "plain"), 1, "protected in another way than asked for")
    failed(run(build, *short, "--port", str(s.port)), 1, "Connection refused")


@contextlib.contextmanager
def bare(build, *arguments):
    """The pipeline without a server; its port. What it prints is told when it ends."""
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(1 << 20)
        p = subprocess.Popen([*steady(build), os.path.join(build, "tests", "bench", "bench_bare"), "--file", file.name, *arguments],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **SANITIZER_OPTIONS})
        try:
            yield p.stdout.readline().split()[1]
        finally:
            p.stdin.close()
            status = p.wait(30)
        if status != 0:
            raise Failed(f"bench_bare {arguments}: exit status {status}")


def pipelines(build):
    """The bare pipeline answers what the client believes, and believes no wrong signature."""
    for words in BARE:
        with bare(build, *words) as port:
            for work in ("read", "write", "randread", "randwrite"):
                done = run(build, "--assume", "--port", port, "--work", work, "--count", "100", "--depth", "8", "--json",
                           "--size", str(SIZE), "--file", "1M", *(w if w != "2" else "aes-128-gcm" for w in words))
                if done.returncode != 0 or json.loads(done.stdout)["bytes"] != 100 * SIZE:
                    raise Failed(f"{words}, {work}: {done.stdout}{done.stderr}")
    failed(run(build, "--assume", "--work", "create", "--count", "1"), 1, "")
    try:
        with bare(build, "--protect", "sign", "--signing", "gmac") as port:
            failed(run(build, "--assume", "--port", port, "--count", "1", "--size", "4K", "--protect", "sign", "--signing", "cmac"),
                   1, "Connection reset")
    except Failed as e:
        if "exit status 1" not in str(e) or "bench_bare" not in str(e):
            raise
    else:
        raise Failed("the bare pipeline took a wrong signature")


def sample(cpu_s, client_s=0.1, cgroup_s=None):
    return {"server_cpu_s": cpu_s, "server_cgroup_cpu_s": cgroup_s or cpu_s, "bytes": 2**30, "ops": 1000, "entries": 0, "wall_s": 1.0,
            "client_cpu_s": client_s, "p50_us": 1, "p99_us": 2, "p999_us": 3}


def judged(tsmb, smbd, bare, **more):
    """What `make bench` says of a row with these CPU seconds; its goals are 1.2 of bare and 0.5 of Samba."""
    from bench import figures, measure, rows  # here: they import this package
    measured = measure.Measured(rows.Row("row", "a row", ("--work", "read"), rows.GIB, 1.2, 0.5, has_bare=True))
    for name, seconds in (("tsmb", tsmb), ("smbd a", smbd), ("smbd b", [2 * s for s in smbd]), ("bare", bare)):
        for s in seconds:
            measured.cell(name).add(sample(s, **more))
    return figures.Judgement(measured)


def judgements(_build):
    """`make bench` compares with Samba's best, and says neither reached nor missed where tsmb differs from itself."""
    from bench import figures
    for tsmb, words in (([1.0, 1.0, 1.0], ("reached", "reached")), ([1.3, 1.3, 1.3], ("missed", "missed")),
                        ([1.19, 1.0, 1.19], ("no verdict", "no verdict")), ([1.0], ("no verdict", "no verdict")),
                        ([1.1, 1.1, 1.1], ("reached", "missed"))):
        j = judged(tsmb, [2.1] * 3, [1.0] * 3)
        got = j.word(j.of_bare, j.row.bare), j.word(j.of_smbd, j.row.smbd)
        if got != words or j.missed() != ("missed" in words) or j.smbd.name != "smbd a":
            raise Failed(f"tsmb {tsmb}: {got} of {j.smbd.name}, not {words}")
    if judged([1.0] * 3, [2.1] * 3, [1.0] * 3).tsmb.client_bound() or not judged([1.0] * 3, [2.1] * 3, [1.0] * 3, client_s=0.8).tsmb.client_bound():
        raise Failed("a client's share of its core is misjudged")
    if not 0.09 < judged([1.0] * 3, [2.0] * 3, [1.0] * 3, cgroup_s=1.1).tsmb.counters_differ() < 0.1:
        raise Failed("counters that differ are not seen")
    for values, want in (([1, 1.2, 1.1], 1.2), ([4, 1, 1, 2], 2), ([3, 2, 1], 2 / 3), ([5], 1)):
        if abs(figures.growth(values) - want) > 1e-9:
            raise Failed(f"growth of {values}: {figures.growth(values)}, not {want}")


def tests(build):
    for what in (works, refusals, pipelines, judgements):
        yield Test("bench." + what.__name__, functools.partial(what, build), limit=120)
