"""A private server: own directory, own port on the loopback, own users; watched until it has stopped cleanly."""
import contextlib
import errno
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from harness.testing import Failed, Skip

START_SECONDS = 30
STOP_SECONDS = 20
SANITIZER = re.compile(r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:|DEADLYSIGNAL|Assertion .* failed")
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=0:second_deadlock_stack=1",
}
NOBODY = 65534
PORTS = range(20000, 32768)


def build_option(build, name):
    """A meson option of a build directory; None if it is not one."""
    try:
        with open(os.path.join(build, "meson-info", "intro-buildoptions.json")) as f:
            return next(o["value"] for o in json.load(f) if o["name"] == name)
    except (OSError, StopIteration):
        return None


def steady(build):
    """Prefix for programs under ThreadSanitizer, whose shadow does not fit every random layout of addresses."""
    return ["setarch", "--addr-no-randomize"] if build_option(build, "b_sanitize") == "thread" else []


def preload(build, library, ours=True):
    """For the environment of a program: a library of tests/peer in front of it; of one of ours, the sanitizer's before that."""
    runtime = {"address,undefined": "libasan.so", "thread": "libtsan.so"}.get(build_option(build, "b_sanitize")) if ours else None
    found = [subprocess.check_output(["cc", "-print-file-name=" + runtime], text=True).strip()] if runtime else []
    return "LD_PRELOAD=" + ":".join([*found, os.path.join(build, "tests", "peer", f"lib{library}.so")])


HELD = []  # a datagram socket for each port that was given away: until this process ends nobody gets it once more


def free_port():
    """A port that no other test gets, nor the kernel for a client: those it chooses itself begin at PORTS' end."""
    while True:
        port, held = random.choice(PORTS), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            held.bind(("127.0.0.1", port))
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(("127.0.0.1", port))
        except OSError as e:
            held.close()
            if e.errno != errno.EADDRINUSE:
                raise
            continue
        HELD.append(held)
        return port


class Server:
    """with Server(build, settings={...}, shares={name: {...}}) as s: ...

    settings and each share's dictionary are lines of the configuration; a share without a path gets a directory of its
    own, s.folder(name); that of another one is {top}/share-NAME. Root gives the server to `nobody`, as which it serves everything, unless as_root is set.
    """

    def __init__(self, build, settings=None, shares=None, users=None, unix=None, as_root=False, options=(), before=(),
                 privileges=None):
        self.build, self.as_root = build, as_root
        self.privileges = privileges  # text of the file of privileges; None: there is none
        self.before = before  # words in front of the server's command: prlimit and the like
        self.options = options  # of the command line; {top} is the directory of its own
        self.settings = dict(settings or {})
        self.shares = {name: dict(lines) for name, lines in (shares or {"share": {}}).items()}
        self.unix = unix or {}  # the Unix account of a user, where it is not the one of the same name
        self.users = users or {"alice": "Wonder-land1", "bob": "Builder's own 2"}
        self.drops = os.getuid() == 0 and not as_root
        self.process = None

    def __enter__(self):
        for program in ("tsmb-server", "tsmb-passwd"):
            if not os.access(os.path.join(self.build, program), os.X_OK):
                raise Failed(f"{self.build}/{program} is not built")
        if self.as_root and os.getuid() != 0:
            raise Skip("needs root")
        self.top = tempfile.mkdtemp(prefix="tsmb-test-")
        self.conf, self.log = os.path.join(self.top, "tsmb.conf"), os.path.join(self.top, "log")
        os.chmod(self.top, 0o755)
        os.mkdir(os.path.join(self.top, "run"), 0o700)
        for name, lines in self.shares.items():
            lines["path"] = lines.get("path", "{top}/share-" + name).replace("{top}", self.top)
            lines.setdefault("permissions", "everyone:full")
            lines.setdefault("security", "posix")
            os.makedirs(lines["path"], exist_ok=True)
        self.programs = self.build
        if self.drops:
            self._hand_over()
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def _hand_over(self):
        """What the account needs to run the programs, wherever the build directory lies."""
        self.programs = os.path.join(self.top, "bin")
        os.mkdir(self.programs)
        for program in ("tsmb-server", "tsmb-passwd"):
            shutil.copy(os.path.join(self.build, program), self.programs)
        for path in [self.top, os.path.join(self.top, "run"), *(lines["path"] for lines in self.shares.values())]:
            os.chown(path, NOBODY, NOBODY)

    def _as_account(self, *argv):
        drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"] if self.drops else []
        return [*drop, *steady(self.build), *argv]

    def write_conf(self):
        lines = ["[global]"]
        lines += [f"{name} = {value}" for name, value in self.settings.items()]
        lines += [f"listen = ANY,127.0.0.1,IPv4,{self.port},DIRECT_TCP",
                  f"runstate_dir = {self.top}/run", f"userdb_file = {self.top}/run/users_db.txt"]
        if self.privileges is not None:
            self.write_privileges(self.privileges)
            lines.append(f"privilegedb = {self.top}/run/privileges")
        lines.append("[/global]")
        for name, share in self.shares.items():
            lines += ["", "[share]", f"netname = {name}", *(f"{k} = {v}" for k, v in share.items()), "[/share]"]
        with open(self.conf, "w") as f:
            f.write("\n".join(lines) + "\n")
        os.chown(self.conf, self.owner(), NOBODY if self.drops else -1)  # who serves by it may change it, as tsmb-cfg asks

    def write_privileges(self, text):
        path = os.path.join(self.top, "run", "privileges")
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o600)
        os.chown(path, self.owner(), -1)

    def cfg(self, *words, want=0):
        """tsmb-cfg on the configuration; what it printed, which is checked to be of exit status `want`."""
        done = subprocess.run([*steady(self.build), os.path.join(self.build, "tsmb-cfg"), "-c", self.conf, *words], text=True,
                              capture_output=True, cwd=self.top, timeout=60)
        print(f"$ tsmb-cfg {' '.join(words)}\n{done.stdout}{done.stderr}")
        if done.returncode != want:
            raise Failed(f"tsmb-cfg {' '.join(words)}: exit status {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def status(self, *words, want=0):
        """Likewise tsmb-status; with --json what that says."""
        done = subprocess.run([*steady(self.build), os.path.join(self.build, "tsmb-status"), "-c", self.conf, *words], text=True,
                              capture_output=True, cwd=self.top, timeout=60)
        if done.returncode != want:
            raise Failed(f"tsmb-status {' '.join(words)}: exit status {done.returncode}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout) if "--json" in words and want == 0 else done.stdout + done.stderr

    def passwd(self, *options, password=""):
        return subprocess.run(self._as_account(os.path.join(self.programs, "tsmb-passwd"), "-c", self.conf, *options),
                              input=password + "\n", text=True, capture_output=True, cwd=self.top)

    def _start(self):
        self.port = free_port()
        self.write_conf()
        for user, password in self.users.items():
            account = ["--unix", self.unix[user]] if user in self.unix else []
            done = self.passwd("-a", user, *account, "--stdin", password=password)
            if done.returncode != 0:
                raise Failed(f"tsmb-passwd -a {user}: exit status {done.returncode}: {done.stderr}")
        for _ in range(5):  # another process may take the port first
            self._launch()
            if self._wait_ready():
                return
            if "in use" not in self.text():
                break
            self.port = free_port()
            self.write_conf()
        raise Failed(f"no `ready` line; exit status {self.process.poll()}; log:\n{self.text()}")

    def _launch(self):
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(
                self._as_account(*self.before, os.path.join(self.programs, "tsmb-server"), "-c", self.conf,
                                 *(o.format(top=self.top) for o in self.options)), stdin=subprocess.DEVNULL,
                stdout=out, stderr=subprocess.STDOUT, cwd=self.top, env=self._environment())

    def _environment(self):
        env = {**os.environ, **SANITIZER_OPTIONS}
        if self.as_root:  # a process that changes credentials cannot be looked into by the leak detector
            env["ASAN_OPTIONS"] += ":detect_leaks=0"
        return env

    def _wait_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if re.search(r"\bready\b", self.text()):
                return True
            time.sleep(0.02)
        return False

    def text(self):
        """What the server has printed so far."""
        with open(self.log, errors="replace") as f:
            return f.read()

    def wait_text(self, pattern, seconds=10):
        """Until the log matches; the match, or a failure."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = re.search(pattern, self.text())
            if found:
                return found
            time.sleep(0.02)
        raise Failed(f"the log never said {pattern!r}:\n{self.text()}")

    def folder(self, share="share"):
        return self.shares[share]["path"]

    def owner(self):
        """uid that owns what is served."""
        return NOBODY if self.drops else os.getuid()

    def put(self, name, data, share="share"):
        """A file made behind the server's back, owned like what it makes itself."""
        path = os.path.join(self.folder(share), name)
        with open(path, "wb") as f:
            f.write(data)
        os.chown(path, self.owner(), -1)
        return path

    def kill(self, number):
        self.process.send_signal(number)

    def alive(self):
        """Answers a new connection (and has not been restarted: it is the same process)."""
        if self.process.poll() is not None:
            raise Failed(f"the server ended, status {self.process.returncode}:\n{self.text()[-4000:]}")
        with socket.create_connection(("127.0.0.1", self.port), 5):
            pass

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        """SIGTERM; the exit status."""
        if self.process.poll() is None:
            self.kill(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def __exit__(self, kind, value, trace):
        try:
            status = self.stop()
            text = self.text()
            print(f"--- log of the server, exit status {status}\n{text[-20000:]}\n---")
            if kind is None or kind is Failed:
                self._judge(status, text)
        finally:
            self._end()

    @staticmethod
    def _judge(status, text):
        report = SANITIZER.search(text)
        if report:
            raise Failed(f"the server's sanitizer: {report[0]} (see the log)")
        if status is None:
            raise Failed(f"the server did not stop within {STOP_SECONDS} s of SIGTERM")
        if status != 0:
            raise Failed(f"the server's exit status was {status}")

    def _end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.top, ignore_errors=True)


@contextlib.contextmanager
def scratch():
    """A directory of the test's own."""
    path = tempfile.mkdtemp(prefix="tsmb-peer-")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
