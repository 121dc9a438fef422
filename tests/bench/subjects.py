"""The servers under measurement: tsmb, Debian's smbd, and the pipeline without a server; all on one folder."""
import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from harness.testing import Failed, need
from peer.server import Server, free_port

ACCOUNT = "daemon"  # Debian has it everywhere; whom both servers act as
USER, PASSWORD = "alice", "Wonder-land1"
START_SECONDS = 20

SMB_CONF = """[global]
server role = standalone server
workgroup = WORKGROUP
netbios name = BENCH
smb ports = {port}
interfaces = 127.0.0.1/8
bind interfaces only = yes
disable netbios = yes
passdb backend = tdbsam:{top}/private/passdb.tdb
username map = {top}/users
private dir = {top}/private
state directory = {top}/state
cache directory = {top}/cache
lock directory = {top}/lock
pid directory = {top}/pid
ncalrpc dir = {top}/ncalrpc
log file = {top}/log
log level = 0
load printers = no
disable spoolss = yes
rpc start on demand helpers = no
host msdfs = no
server min protocol = SMB2_02
server max protocol = SMB3_11
server signing = auto
server smb encrypt = auto
use sendfile = {sendfile}
aio read size = {aio}
aio write size = {aio}

[share]
path = {share}
read only = no
"""


def cgroup_mount():
    """Where version 2 is mounted; None: nowhere."""
    with open("/proc/mounts") as f:
        return next((line.split()[1] for line in f if line.split()[2] == "cgroup2"), None)


class Cgroup:
    """A group for one server, to hold the sum of process clocks against; without effect where there is none."""

    def __init__(self, name, pid):
        mount, self.path = cgroup_mount(), None
        if not mount:
            return
        path = os.path.join(mount, f"tsmb-bench-{os.getpid()}-{name}")
        try:
            os.mkdir(path)
            with open(os.path.join(path, "cgroup.procs"), "w") as f:
                f.write(str(pid))
            self.path = path
        except OSError:
            with contextlib.suppress(OSError):
                os.rmdir(path)

    def remove(self):
        deadline = time.monotonic() + 5
        while self.path and time.monotonic() < deadline:
            try:
                os.rmdir(self.path)
                return
            except OSError:  # a process in it has not quite ended
                time.sleep(0.1)


def pinned(cpu):
    return () if cpu is None else ("taskset", "--cpu-list", str(cpu))


class Subject:
    """name, port, pid, and what tsmb-bench must be told to measure it."""
    unix_folder = None

    def words(self):
        group = ("--cgroup", self.group.path) if self.group.path else ()
        return ("--port", str(self.port), "--pid", str(self.pid), *group)

    def batches(self):
        """Counts of messages signed and verified together so far; None: not to be had."""
        return None


class Tsmb(Subject):
    name = "tsmb"

    def __init__(self, build, folder, cpu, settings=None):
        self.build = build
        self.server = Server(build, shares={"share": {"path": folder}}, users={USER: PASSWORD}, unix={USER: ACCOUNT},
                             as_root=True, before=pinned(cpu), settings={"connections_max": 10240, **(settings or {})})

    def __enter__(self):
        self.server.__enter__()
        self.port, self.pid = self.server.port, self.server.process.pid
        self.group = Cgroup("tsmb", self.pid)
        return self

    def __exit__(self, *why):
        with open(os.devnull, "w") as quiet, contextlib.redirect_stdout(quiet):  # the harness shows the server's log
            self.server.__exit__(*why)
        self.group.remove()

    def batches(self):
        with socket.socket(socket.AF_UNIX) as c:
            c.settimeout(START_SECONDS)
            c.connect(os.path.join(self.server.top, "run", "control"))
            c.sendall(json.dumps({"version": 1, "call": "status.stats"}).encode() + b"\n")
            with c.makefile() as answers:
                answer = json.loads(answers.readline())
        return dict(find(answer, ("signed_together", "verified_together"))) or None


def find(tree, keys):
    """(key, value) wherever a JSON object has one of these keys."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key in keys:
                yield key, value
            else:
                yield from find(value, keys)
    elif isinstance(tree, list):
        for value in tree:
            yield from find(value, keys)


class Smbd(Subject):
    """Debian's smbd, private, with one share for one user."""

    def __init__(self, folder, cpu, sendfile, aio):
        self.folder, self.cpu, self.sendfile, self.aio = folder, cpu, sendfile, aio
        self.name = f"smbd sendfile {'on' if sendfile else 'off'}, aio {'on' if aio else 'off'}"
        self.process = None

    def __enter__(self):
        self.top, self.port = tempfile.mkdtemp(prefix="tsmb-smbd-"), free_port()
        for name in ("private", "state", "cache", "lock", "pid", "ncalrpc"):
            os.mkdir(os.path.join(self.top, name), 0o755)
        self.conf = os.path.join(self.top, "smb.conf")
        with open(self.conf, "w") as f:
            f.write(SMB_CONF.format(top=self.top, port=self.port, share=self.folder, aio=int(self.aio),
                                    sendfile="yes" if self.sendfile else "no"))
        with open(os.path.join(self.top, "users"), "w") as f:
            f.write(f"{ACCOUNT} = {USER}\n")
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self):
        made = subprocess.run([need("smbpasswd", "samba-common-bin"), "-c", self.conf, "-s", "-a", ACCOUNT], text=True,
                              input=f"{PASSWORD}\n{PASSWORD}\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if made.returncode != 0:
            raise Failed(f"smbpasswd: {made.stdout}")
        self.process = subprocess.Popen([*pinned(self.cpu), need("smbd", "samba"), "--foreground", "--no-process-group", "-s",
                                         self.conf], start_new_session=True,  # it ends its whole process group
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid, self.group = self.process.pid, Cgroup(f"smbd-{self.port}", self.process.pid)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise Failed("smbd does not answer")

    def __exit__(self, kind, value, trace):
        if self.process:
            self.process.send_signal(signal.SIGTERM)  # it ends its children
            self.process.wait()
            self.group.remove()
        shutil.rmtree(self.top, ignore_errors=True)


class Bare(Subject):
    """The pipeline without a server, for one way of protection."""
    name = "bare"
    CIPHERS = {"aes-128-gcm": "2"}

    def __init__(self, build, path, cpu, load):
        words = [os.path.join(build, "tests", "bench", "bench_bare"), "--file", path]
        for option in ("--protect", "--signing", "--cipher"):
            if option in load:
                value = load[load.index(option) + 1]
                words += [option, self.CIPHERS.get(value, value)]
        self.argv = [*pinned(cpu), *words]

    def __enter__(self):
        self.process = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().split()
        if len(line) != 2:
            raise Failed(f"{' '.join(self.argv)}: does not start")
        self.port, self.pid = int(line[1]), self.process.pid
        self.group = Cgroup("bare", self.pid)
        return self

    def __exit__(self, *why):
        self.process.stdin.close()
        self.process.wait()
        self.group.remove()

    def words(self):
        return ("--assume", *super().words())


@contextlib.contextmanager
def folder_for_all(parent, entries):
    """What is served: it belongs to the account, and holds the folder that is listed."""
    uid = pwd.getpwnam(ACCOUNT).pw_uid
    top = tempfile.mkdtemp(prefix="tsmb-bench-", dir=parent)
    try:
        os.chmod(top, 0o755)
        listed = os.path.join(top, f"bench-list-{entries}")
        os.mkdir(listed)
        for path in (top, listed):
            os.chown(path, uid, -1)
        for i in range(entries):
            path = os.path.join(listed, f"entry-{i:07}")
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
            os.chown(path, uid, -1)
        yield top
    finally:
        shutil.rmtree(top, ignore_errors=True)
