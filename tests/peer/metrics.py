"""metrics_listen: what Prometheus reads, what the page shows in a browser, and who is not answered."""
import contextlib
import functools
import json
import math
import os
import re
import resource
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from harness.testing import TOP, Failed, Test, need

from peer import raw
from peer.browser import Browser
from peer.files import expect
from peer.raw import Raw
from peer.server import Server, free_port
from peer.smbclient import Smbclient

VIEW_SECONDS = 0.3  # how old an answer may be, and a little
SAMPLE = re.compile(r'^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\+Inf|-?[0-9.e+-]+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
UNITS = re.compile(r"_(total|seconds|bytes|info)$")


class Shown:
    """A server that shows what it does."""

    def __init__(self, build, settings=None, shares=None, **more):
        self.port = free_port()
        self.server = Server(build, {"metrics_listen": f"127.0.0.1:{self.port}", "auth_delay_ms": 0, **(settings or {})}, shares, **more)

    def __enter__(self):
        self.s = self.server.__enter__()
        return self

    def __exit__(self, *what):
        return self.server.__exit__(*what)

    def ask(self, request, port=None, seconds=10):
        """What comes back for these bytes, until the connection ends."""
        with socket.create_connection(("127.0.0.1", port or self.port), seconds) as c:
            c.sendall(request)
            return read_all(c)

    def get(self, path, method="GET", host="localhost", port=None, seconds=10):
        """(status, {header: value}, body)"""
        lines = [f"{method} {path} HTTP/1.1"] + ([f"Host: {host}"] if host is not None else [])
        return parted(self.ask("\r\n".join([*lines, "", ""]).encode(), port, seconds))

    def metrics(self):
        status, headers, body = self.get("/metrics")
        expect((status, headers["content-type"]), (200, "text/plain; version=0.0.4; charset=utf-8"), "/metrics")
        return parsed(body.decode())

    def json(self):
        status, headers, body = self.get("/status.json")
        expect((status, headers["content-type"]), (200, "application/json"), "/status.json")
        return json.loads(body)

    def until(self, what, judge, seconds=5):
        """The metrics, once judge(them) is true."""
        deadline = time.monotonic() + seconds
        while not judge(m := self.metrics()):
            if time.monotonic() > deadline:
                raise Failed(f"never seen: {what}")
            time.sleep(VIEW_SECONDS)
        return m


def read_all(c):
    got = b""
    try:
        while piece := c.recv(65536):
            got += piece
    except ConnectionResetError:
        pass
    return got


def parted(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    if not lines[0].startswith("HTTP/1.1 "):
        raise Failed(f"no HTTP: {answer[:200]!r}")
    return int(lines[0].split()[1]), {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}, body


def parsed(text):
    """{(name, ((label, value), ...)): number} of the exposition format, strictly: each family together, announced before."""
    types, helps, now, found = {}, set(), None, {}
    if not text.endswith("\n"):
        raise Failed("the last line does not end")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            now = line.split(" ", 3)[2]
            if now in helps or not line.split(" ", 3)[3]:
                raise Failed(f"announced twice, or without a text: {line}")
            helps.add(now)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            if name != now or name in types or kind not in ("counter", "gauge", "histogram"):
                raise Failed(line)
            types[name] = kind
        else:
            m = SAMPLE.match(line)
            if not m:
                raise Failed(f"not a sample: {line}")
            family = re.sub(r"_(bucket|sum|count)$", "", m[1]) if types[now] == "histogram" else m[1]
            key = (m[1], tuple(LABEL.findall(m[2] or "")))
            if family != now or key in found:
                raise Failed(f"out of place, or twice: {line}")
            found[key] = math.inf if m[3] == "+Inf" else float(m[3])
    for name, kind in types.items():
        if (kind == "counter") != name.endswith("_total") or (kind != "gauge" and not UNITS.search(name)):
            raise Failed(f"{name} is a {kind}")
        if kind == "histogram":
            check_histogram(name, found)
    return found


def check_histogram(name, found):
    """Buckets grow up to +Inf, which is the count."""
    series = {}
    for (n, labels), value in found.items():
        if n == name + "_bucket":
            rest = tuple(x for x in labels if x[0] != "le")
            series.setdefault(rest, []).append((float(dict(labels)["le"]), value))
    if not series:
        raise Failed(f"{name} has no buckets")
    for labels, buckets in series.items():
        limits, counts = zip(*buckets)
        if list(limits) != sorted(set(limits)) or list(counts) != sorted(counts) or limits[-1] != math.inf:
            raise Failed(f"{name}{labels}: {buckets}")
        expect(found[(name + "_count", labels)], counts[-1], f"{name}{labels}: count")
        if (found[(name + "_sum", labels)] > 0) != (counts[-1] > 0):
            raise Failed(f"{name}{labels}: sum")


def value(metrics, name, **labels):
    return metrics[(name, tuple(labels.items()))]


def families(metrics):
    return {re.sub(r"_(bucket|sum|count)$", "", name) if "duration" in name else name for name, _ in metrics}


def some_traffic(s, protection="sign"):
    source = os.path.join(s.top, "source")
    with open(source, "wb") as f:
        f.write(os.urandom(300000))
    Smbclient(s, "SMB3_11", protection)(f"put {source} a", f"get a {s.top}/back")


# ---- what is said

def text_format(build):
    """promtool has nothing to complain of, whatever shares are called."""
    shares = {"share": {}, "It's {le=1}, 100 % ü€": {}, "a'b;c#d": {"encrypt_data": "true"}}
    with Shown(build, {"server_comment": "Nothing \\ \"of\" this"}, shares) as shown:
        some_traffic(shown.s)
        Smbclient(shown.s, share="It's {le=1}, 100 % ü€")("ls")
        metrics = shown.metrics()
        requests = value(metrics, "tsmb_share_requests_total", share="It's {le=1}, 100 % ü€")
        expect(requests > 0, True, "requests on a share of an odd name")
        expect(value(metrics, "tsmb_share_encrypted", share="a'b;c#d"), 1, "encryption of a share")
        text = shown.get("/metrics")[2].decode()
        done = subprocess.run([need("promtool", "prometheus"), "check", "metrics"], input=text, text=True, capture_output=True)
        print(done.stdout, done.stderr)
        expect((done.returncode, done.stdout + done.stderr), (0, ""), "promtool check metrics")
        return f"{len(text.splitlines())} lines"


def counters(build):
    """They move as the traffic does."""
    with Shown(build, {"encryption_ciphers": "AES-256-GCM, AES-128-GCM"}) as shown:
        s, before = shown.s, shown.metrics()
        expect(sum(v for (name, _), v in before.items() if name == "tsmb_requests_total"), 0, "requests of a new server")
        expect(value(before, "process_open_fds") > 5, True, "descriptors")
        some_traffic(s, "sign")
        signed = shown.until("a session that has ended", functools.partial(have_ended, 1))
        some_traffic(s, "encrypt")
        sealed = shown.until("another one", functools.partial(have_ended, 2))
        for what, was, now in (("signed", before, signed), ("encrypted", signed, sealed)):
            for way, command in (("received", "WRITE"), ("sent", "READ")):
                moved = [value(now, name, **labels) - value(was, name, **labels) for name, labels in (
                    ("tsmb_message_bytes_total", {"direction": way, "protection": what}),
                    ("tsmb_request_bytes_total", {"command": command, "direction": way}),
                    ("tsmb_share_bytes_total", {"share": "share", "direction": way}))]
                if not all(300000 <= m <= 330000 for m in moved):
                    raise Failed(f"{what}, {way}: {moved}")
            expect(value(now, "tsmb_connections_accepted_total") - value(was, "tsmb_connections_accepted_total"), 1, "connections")
            expect(value(now, "tsmb_logons_total", result="success") - value(was, "tsmb_logons_total", result="success"), 1, "logons")
        reads = value(sealed, "tsmb_requests_total", command="READ")
        expect(value(sealed, "tsmb_request_duration_seconds_count", command="READ"), reads, "timed READs")
        expect(Smbclient(s, password="wrong").refused("ls"), "NT_STATUS_LOGON_FAILURE", "a wrong password")
        Smbclient(s).refused("get missing")
        after = shown.until("the failed logon", lambda m: value(m, "tsmb_logons_total", result="failure") == 1)
        expect(value(after, "tsmb_refusals_total", reason="credentials"), 1, "refusals for a wrong password")
        expect(value(after, "tsmb_request_errors_total", command="CREATE") > 0, True, "failed CREATEs")
        expect(value(after, "tsmb_share_errors_total", share="share") > 0, True, "errors on the share")


def have_ended(logons, m):
    return value(m, "tsmb_logons_total", result="success") == logons and value(m, "tsmb_sessions") == value(m, "tsmb_connections") == 0


def sessions(build):
    """What is there now, by what was negotiated; and nobody's name."""
    with Shown(build, {"connections_max": 77}) as shown:
        s = shown.s
        with Raw(s, "3.1.1", ciphers=("AES-256-GCM",), signings=("AES-CMAC",)) as a, Raw(s, "2.1") as b:
            a_tree = a.ready(how="encrypt")
            b.ready(how="sign")
            a.expect(raw.CREATE, raw.create_body("of alice"), "encrypt", tree=a_tree)
            m = shown.until("two sessions", lambda m: value(m, "tsmb_sessions") == 2)
            expect(value(m, "tsmb_sessions_protection", dialect="3.1.1", signing="AES-CMAC", cipher="AES-256-GCM"), 1, "3.1.1")
            expect(value(m, "tsmb_sessions_protection", dialect="2.1", signing="HMAC-SHA256", cipher="none"), 1, "2.1")
            expect(value(m, "tsmb_sessions_account", kind="named"), 2, "named")
            expect((value(m, "tsmb_connections"), value(m, "tsmb_connections_limit")), (2, 77), "connections")
            expect((value(m, "tsmb_open_files"), value(m, "tsmb_share_connections", share="share")), (1, 2), "opens, trees")
            status = shown.json()
            expect([(r["dialect"], r["cipher"]) for r in status["sessions"]["protection"]], [("2.1", None), ("3.1.1", "AES-256-GCM")], "JSON")
            for path in ("/", "/metrics", "/status.json"):
                body = shown.get(path)[2].decode()
                for word in ("alice", "of alice", s.top, str(a.socket.getsockname()[1])):
                    if word in body:
                        raise Failed(f"{path} says {word}")
        shown.until("no sessions", lambda m: value(m, "tsmb_sessions") == 0 and value(m, "tsmb_connections") == 0)


def demands(build):
    """Refusals and settings, also after a change."""
    with Shown(build) as shown:
        s = shown.s
        expect(value(shown.metrics(), "tsmb_setting", parameter="require_message_signing"), 0, "require_message_signing")
        s.cfg("global", "update", "--require-signing", "true")
        shown.until("the change", lambda m: value(m, "tsmb_setting", parameter="require_message_signing") == 1)
        with Raw(s) as a:
            tree = a.ready(how="sign")
            try:
                a.call(raw.CREATE, raw.create_body("x"), "plain", seconds=1, tree=tree)
                raise Failed("an unsigned CREATE was answered")
            except (raw.Dropped, raw.Disconnected):
                pass
            m = shown.until("the refusal", lambda m: value(m, "tsmb_refusals_total", reason="unsigned") == 1)
            expect(value(m, "tsmb_sessions_signing_required"), 1, "sessions that must sign")
        refusals = {r["reason"]: r["count"] for r in shown.json()["refusals"]}
        expect({r: n for r, n in refusals.items() if n}, {"unsigned": 1}, "refusals in JSON")


# ---- where it listens

def is_open(port, address="127.0.0.1"):
    with socket.socket() as c:
        c.settimeout(5)
        return c.connect_ex((address, port)) == 0


def moving(build):
    """tsmb-cfg and a reload start, move and end it; what does not work changes nothing."""
    with Server(build) as s:
        shown, ports = Shown(build), [free_port() for _ in range(3)]
        shown.s = s
        s.cfg("global", "update", "--metrics-listen", f"127.0.0.1:{ports[0]}")
        expect(shown.get("/metrics", port=ports[0])[0], 200, "started")
        s.cfg("global", "update", "--metrics-listen", f"127.0.0.1:{ports[1]}")
        expect((shown.get("/metrics", port=ports[1])[0], is_open(ports[0])), (200, False), "moved")
        with socket.socket() as other:
            other.bind(("127.0.0.1", ports[2]))
            other.listen()
            said = s.cfg("global", "update", "--metrics-listen", f"127.0.0.1:{ports[2]}", want=1)
            if f"metrics_listen: cannot listen on 127.0.0.1:{ports[2]}: Address already in use" not in said:
                raise Failed(said)
        expect(shown.get("/metrics", port=ports[1])[0], 200, "where it was")
        with open(s.conf) as f:
            expect(re.findall(r"^metrics_listen = (.*)$", f.read(), re.M), [f"127.0.0.1:{ports[1]}"], "the file")
        # an address in place of all of them, and back, at the same port
        said = s.cfg("global", "update", "--metrics-listen", f"0.0.0.0:{ports[1]}")
        expect("open to the network" in said, True, "the warning of tsmb-cfg")
        s.wait_text(f"metrics_listen 0.0.0.0:{ports[1]} is open to the network")
        expect((shown.get("/metrics", port=ports[1])[0], is_open(ports[1], "127.0.0.2")), (200, True), "every address")
        said = s.cfg("global", "update", "--metrics-listen", f"192.0.2.1:{ports[1]}", want=1)
        expect("metrics_listen: cannot listen on" in said, True, said)
        expect(is_open(ports[1], "127.0.0.2"), True, "back where it was")
        s.cfg("global", "update", "--metrics-listen", f"127.0.0.1:{ports[1]}")
        expect(is_open(ports[1], "127.0.0.2"), False, "one address again")
        s.cfg("global", "update", "--metrics-listen", "off")
        expect(is_open(ports[1]), False, "off")
        s.cfg("global", "update", "--metrics-listen", f"[::1]:{ports[1]}" if socket.has_ipv6 and ipv6() else f"127.0.0.1:{ports[1]}")
        s.cfg("global", "update", "--unset", "metrics_listen")
        expect(is_open(ports[1]), False, "its default")


def ipv6():
    try:
        with socket.socket(socket.AF_INET6) as c:
            c.bind(("::1", 0))
        return True
    except OSError:
        return False


def taken(build):
    """Files are served also where the port is another's; a reload does not fail for it, and tries again."""
    with socket.socket() as other:
        port = free_port()
        other.bind(("127.0.0.1", port))
        other.listen()
        with Server(build, {"metrics_listen": f"127.0.0.1:{port}"}) as s:
            s.wait_text(f"metrics_listen 127.0.0.1:{port}: Address already in use")
            Smbclient(s)("ls")
            s.cfg("global", "update", "--server-comment", "changed")
            other.close()
            s.cfg("reload")
            shown = Shown(build)
            expect(shown.get("/", port=port)[0], 200, "after the reload")


# ---- who is not answered

def refusals(build):
    """Methods, paths, hosts, and bytes that are no HTTP."""
    with Shown(build) as shown:
        host = socket.gethostname()
        cases = [("GET", "/", "localhost", 200), ("GET", "/metrics?x=/../y", f"127.0.0.1:{shown.port}", 200), ("HEAD", "/metrics", host, 200),
                 ("HEAD", "/status.json", "[::1]", 200), ("GET", "/nothing", "localhost", 404), ("GET", "/metrics/../..", "localhost", 404),
                 ("GET", "/%6detrics", "localhost", None), ("POST", "/metrics", "localhost", 405), ("DELETE", "/", "localhost", 405),
                 ("TRACE", "/", "localhost", 405), ("GET", "/metrics", "attacker.example", 403),
                 ("GET", "/status.json", f"localhost.attacker.example:{shown.port}", 403), ("POST", "/", "attacker.example", 403)]
        for method, path, name, status in cases:
            got, headers, body = shown.get(path, method, name)
            expect(got == status or (status is None and got in (200, 404)), True, f"{method} {path} of {name}: {got}")
            expect((headers["x-content-type-options"], headers["cache-control"], headers["connection"].lower()), ("nosniff", "no-store", "close"),
                   "headers")
            expect("access-control-allow-origin" in headers, False, "CORS")
            expect("default-src 'none'" in headers["content-security-policy"], True, "policy")
            if method == "HEAD":
                expect((body, int(headers["content-length"]) > 1000), (b"", True), "HEAD")
            if got != 200 and (b"tsmb" in body or len(body) > 100):
                raise Failed(f"{method} {path} of {name}: {body[:200]}")
            if got == 405:
                expect(headers["allow"], "GET, HEAD", "Allow")
        expect(shown.get("/metrics", host=None)[0] in (400, 403), True, "no Host")
        long = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100000 + b"\r\n\r\n"
        body = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\n" + b"x" * 100000
        for garbage in (b"\0" * 1000, b"\xfeSMB" + bytes(200), b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", os.urandom(5000), long, body,
                        b"\x16\x03\x01\x02\x00" + bytes(500), b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n"):
            try:
                with socket.create_connection(("127.0.0.1", shown.port), 15) as c:
                    c.sendall(garbage)
                    c.shutdown(socket.SHUT_WR)
                    got = read_all(c)
            except OSError:  # cut off before all was sent
                got = b""
            if b"tsmb_" in got or b"</html>" in got and b"tsmb" in got:
                raise Failed(f"{garbage[:40]}: {got[:200]}")
        expect(shown.get("/metrics")[0], 200, "afterwards")
        shown.s.alive()


def crowd(build, count=1000):
    """Connections that say nothing, and one that asks: it is answered, and only so many are held."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < 2 * count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(2 * count, hard) if hard != resource.RLIM_INFINITY else 2 * count, hard))
    with Shown(build) as shown:
        before, held = value(shown.metrics(), "process_open_fds"), []
        try:
            for n in range(count):
                c = socket.socket()
                c.settimeout(10)
                c.connect(("127.0.0.1", shown.port))
                c.sendall(b"GET /metrics HTTP/1.1\r\nHost: local"[:n % 36])
                held.append(c)
                if n % 100 == 99:
                    began = time.monotonic()
                    expect(shown.get("/metrics")[0], 200, f"beside {n + 1} others")
                    if time.monotonic() - began > 5:
                        raise Failed(f"an answer took {time.monotonic() - began:.1f} s beside {n + 1} others")
            time.sleep(VIEW_SECONDS)
            now = value(shown.metrics(), "process_open_fds")
            if not 10 < now - before < 64:
                raise Failed(f"{now - before:.0f} descriptors for {count} connections")
            Smbclient(shown.s)("ls")
        finally:
            for c in held:
                c.close()
        shown.until("the crowd is gone", lambda m: value(m, "process_open_fds") <= before + 2)
        return f"{now - before:.0f} of {count} held"


def drip(build):
    """Who sends a byte now and then has half a minute; who takes no answer is no trouble to others."""
    with Shown(build) as shown:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", shown.port), 10) as slow, socket.create_connection(("127.0.0.1", shown.port)) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            deaf.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try:
                while time.monotonic() - began < 60:
                    slow.sendall(b"G")
                    time.sleep(1)
                    expect(shown.get("/status.json", seconds=5)[0], 200, "beside a slow one")
            except (BrokenPipeError, ConnectionResetError):
                pass
        took = time.monotonic() - began
        if not 25 < took < 45:
            raise Failed(f"a connection that dripped was ended after {took:.0f} s")
        return f"ended after {took:.0f} s"


def beside_load(build, seconds=4):
    """Scrapes, sessions and reloads at once, all the time."""
    with Shown(build) as shown:
        s, stop, faults = shown.s, time.monotonic() + seconds, []

        def loop(step):
            try:
                while time.monotonic() < stop:
                    step()
            except Exception as e:  # pylint: disable=broad-except
                faults.append(repr(e))

        def client():
            with Raw(s, seconds=30) as c:
                tree = c.ready(how="encrypt")
                got = c.expect(raw.CREATE, raw.create_body("f"), "encrypt", tree=tree)
                c.expect(raw.CLOSE, raw.close_body(raw.file_id_of(got)), "encrypt", tree=tree)

        def reload():
            s.cfg("share", "add", "-n", "more", "-p", s.folder())
            s.cfg("share", "del", "-n", "more")

        threads = [threading.Thread(target=loop, args=(step,)) for step in (
            shown.metrics, functools.partial(shown.get, "/"), client, client, reload)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        expect(faults, [], "faults")


# ---- the page, in a browser

HOSTILE = "</script><img src=x onerror=\"document.title='owned'\"><b id=owned>&lt;"


def browse(build, shown, *options, budget_ms=9000):
    """(DOM, what the browser complained of) of the page once it has asked for news some times: its clock runs ahead."""
    browser = need("chromium", "chromium")
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
             f"--user-data-dir={home}", "--enable-logging=stderr", f"--virtual-time-budget={budget_ms}", *options,
             f"http://127.0.0.1:{shown.port}/"], capture_output=True, text=True, timeout=90, env={**os.environ, "HOME": home, "LC_ALL": "C.UTF-8"})
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, complaints


def shown_text(dom, element):
    m = re.search(rf'id="{element}"[^>]*>(.*?)</(?:dd|p|strong|h1|tbody|div|small)>', dom, re.S)
    if not m:
        raise Failed(f"the page has no {element}")
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", m[1])).strip()


def screenshot(build, shown, name, *options):
    """The picture's path; it lies beside the tests' logs, to be looked at."""
    folder = os.path.join(build, "test-logs", "peer")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name)
    browse(build, shown, f"--screenshot={path}", "--window-size=1280,1500", *options)
    with open(path, "rb") as f:
        expect(f.read(8), b"\x89PNG\r\n\x1a\n", "a picture")
    if os.path.getsize(path) < 20000:
        raise Failed(f"{path}: an empty picture")


def page(build):
    """What a browser shows is what the server counted; texts stay texts; its policy is not broken."""
    need("chromium", "chromium")
    shares = {"share": {}, "Vorräte & 'mehr' {1}": {"encrypt_data": "true"}}
    with Shown(build, {"server_comment": HOSTILE, "server_name": "PANTRY"}, shares) as shown:
        s = shown.s
        Smbclient(s, password="wrong").refused("ls")
        some_traffic(s, "encrypt")
        with Raw(s, "3.1.1", ciphers=("AES-256-GCM",)) as a, Raw(s, "2.1") as b:
            b.ready(how="sign")
            tree, busy = a.ready(how="sign"), threading.Event()

            def load():
                got = a.expect(raw.CREATE, raw.create_body("f"), "sign", tree=tree)
                handle = raw.file_id_of(got)
                while not busy.wait(0.01):
                    a.expect(raw.WRITE, raw.write_body(handle, bytes(60000)), "sign", tree=tree)
                    a.expect(raw.READ, raw.read_body(handle, 60000), "sign", tree=tree)

            t = threading.Thread(target=load)
            t.start()
            try:
                while len(shown.json()["history"]["uptime_ms"]) < 4:
                    time.sleep(0.5)
                dom, complaints = browse(build, shown, "--dump-dom")
                check_page(dom, complaints)
                screenshot(build, shown, "page-light.png", "--blink-settings=preferredColorScheme=1")
                screenshot(build, shown, "page-dark.png", "--blink-settings=preferredColorScheme=0")
            finally:
                busy.set()
                t.join()


SCREENS = {"phone-light": (360, 740), "phone-dark": (390, 844), "tablet-light": (768, 1024), "desktop-light": (1280, 800), "desktop-dark": (1280, 800)}
TOO_WIDE = """[...document.querySelectorAll(".card")].filter(c => c.scrollWidth > c.clientWidth)
    .map(c => `${c.querySelector("h2").textContent}: ${c.scrollWidth} in ${c.clientWidth}`)"""


def screens(build):
    """Nothing is wider than the screen, a phone's included, and no name of a command takes more than two lines; with many shares and connections."""
    shares = {"share": {}, **{f"Abteilung {n} - Unterlagen": {"encrypt_data": "true"} for n in range(12)}}
    with Shown(build, {"server_comment": "all that the pantry holds"}, shares) as shown, contextlib.ExitStack() as all_of_them:
        some_traffic(shown.s, "encrypt")
        for _ in range(200):
            all_of_them.enter_context(Raw(shown.s)).ready()
        folder = os.path.join(build, "test-logs", "peer")
        os.makedirs(folder, exist_ok=True)
        for name, size in SCREENS.items():
            with Browser(f"http://127.0.0.1:{shown.port}/", size, dark="dark" in name, mobile="phone" in name) as b:
                b.until("document.getElementById('connections').textContent >= 200")
                expect((b.value("document.documentElement.scrollWidth"), b.value(TOO_WIDE)), (size[0], []), f"what is too wide: {name}")
                high = b.value("Math.max(...[...document.querySelectorAll('#commands th')].map(x => x.getClientRects()[0].height))")
                expect(high < 65, True, f"{high} pixels for a command: {name}")
                b.picture(os.path.join(folder, f"page-{name}.png"))


def check_page(dom, complaints):
    expect(complaints, [], "what the browser complained of")
    expect(re.search(r"<title>(.*?)</title>", dom)[1], "PANTRY – tsmb", "the title")
    expect(dom.count('id="owned"') + len(re.findall(r"<img", re.sub(r"<script.*?</script>", "", dom, flags=re.S))), 0, "elements out of a text")
    if "&lt;/script&gt;&lt;img src=x" not in dom:
        raise Failed("the comment is not there as a text")
    expect((shown_text(dom, "connections"), shown_text(dom, "sessions")), ("2", "2"), "connections, sessions")
    expect(shown_text(dom, "logons-failed"), "1", "failed logons")
    for element, words in (("verdict-text", "Clients decide"), ("protection", "2.1 HMAC-SHA256 none 1"), ("protection", "3.1.1 AES-GMAC AES-256-GCM 1"),
                           ("refusals", "unknown user, wrong password or no Unix account 1"), ("commands", "WRITE"), ("shares", "Vorräte &amp; 'mehr' {1} yes"),
                           ("live", "live")):
        if words not in shown_text(dom, element):
            raise Failed(f"{element}: {shown_text(dom, element)}")
    if '<main id="main" hidden' in dom or not re.search(r'id="spark-sent"[^>]* d="M', dom):
        raise Failed("nothing was drawn")


# ---- what is written about it

def documented(build):
    """The manual names each metric there is, and no other; and so does the dashboard."""
    with Shown(build) as shown:
        with Raw(shown.s) as a:
            a.ready()
            there = families(shown.until("a session", lambda m: value(m, "tsmb_sessions") == 1))
        reasons = [f"| `{r['reason']}` | {r['text']} |" for r in shown.json()["refusals"]]
    with open(os.path.join(TOP, "doc", "METRICS.md")) as f:
        text = f.read()
    rows = set(re.findall(r"^\| `((?:tsmb|process)_\w+)", text, re.M))
    expect((sorted(there - rows), sorted(rows - there)), ([], []), "metrics that doc/METRICS.md does not have, and has alone")
    expect([r for r in reasons if f"\n{r}\n" not in text], [], "reasons that doc/METRICS.md does not have")
    with open(os.path.join(TOP, "packaging", "grafana-dashboard.json")) as f:
        board = json.load(f)
    used = {re.sub(r"_(bucket|sum|count)$", "", name) if "duration" in name else name
            for x in expressions(board) for name in re.findall(r"\b(?:tsmb|process)_\w+", x)}
    expect((len(used) > 15, sorted(used - there)), (True, []), "metrics that the dashboard names and that are not there")
    ids = [p["id"] for p in board["panels"]]
    expect(len(ids), len(set(ids)), "ids of panels")
    promql = [x for x in expressions(board) if not x.startswith("label_values(")]
    if shutil.which("promtool"):
        with tempfile.TemporaryDirectory() as tmp:
            rules = [{"record": f"panel:{n}", "expr": substituted(x)} for n, x in enumerate(promql)]
            with open(f"{tmp}/rules.yml", "w") as f:
                json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, f)  # JSON is YAML
            done = subprocess.run(["promtool", "check", "rules", f"{tmp}/rules.yml"], text=True, capture_output=True)
            expect(done.returncode, 0, f"promtool check rules: {done.stdout}{done.stderr}")
    return f"{len(there)} metrics, {len(promql)} expressions"


def substituted(expression):
    return expression.replace("$__rate_interval", "5m").replace("$instance", ".*").replace("$job", ".*")


def expressions(x):
    """Every query in a dashboard."""
    if isinstance(x, dict):
        for key, value_of in x.items():
            if key in ("expr", "query") and isinstance(value_of, str):
                yield value_of
            else:
                yield from expressions(value_of)
    elif isinstance(x, list):
        for item in x:
            yield from expressions(item)


LIMITS = {"drip": 120, "page": 240, "screens": 240, "crowd": 120}
NAMES = {"text_format": "format"}
QUICK = (text_format, counters, sessions, demands, moving, taken, refusals, beside_load)


def test_of(f, build):
    name = NAMES.get(f.__name__, f.__name__.replace("_", "-"))
    return Test("metrics." + name, functools.partial(f, build), LIMITS.get(name, 60))


def quick_tests(build):
    yield from (test_of(f, build) for f in QUICK)


def thread_tests(build):
    yield from (test_of(f, build) for f in (counters, moving, beside_load))


def tests(build):
    yield from quick_tests(build)
    yield from (test_of(f, build) for f in (crowd, drip, page, screens, documented))
