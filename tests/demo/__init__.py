"""The first things a stranger types: a fresh copy, `make run`, the smbclient line it prints, `make test`."""
import functools
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

from harness.testing import TOP, Failed, Skip, Test, command

from peer.server import NOBODY, scratch

BUILD_SECONDS = 400


def tracked():
    """Files of the repository; where git cannot tell, all but what was built."""
    done = subprocess.run(["git", "-C", TOP, "ls-files", "-z"], capture_output=True, text=True)
    if done.returncode == 0 and done.stdout:
        return [f for f in done.stdout.split("\0") if f and os.path.exists(os.path.join(TOP, f))]
    found = []
    for folder, subs, files in os.walk(TOP):
        subs[:] = [s for s in subs if s not in (".git", "__pycache__") and not (folder == TOP and s.startswith("build"))]
        found += [os.path.relpath(os.path.join(folder, f), TOP) for f in files]
    return found


def copy_tree(target):
    for name in tracked():
        os.makedirs(os.path.dirname(os.path.join(target, name)), exist_ok=True)
        shutil.copy(os.path.join(TOP, name), os.path.join(target, name))


def as_ordinary_user(home):
    """Prefix of a command that runs it without privilege, at home in `home`; nothing of the account is changed."""
    clean = ["env", "-u", "SUDO_USER", "-u", "XDG_STATE_HOME", f"HOME={home}"]
    if os.getuid() != 0:
        return clean
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--", *clean]


class Running:
    """`make run` on a terminal of its own, as a person has it; Ctrl-C at the end."""

    def __init__(self, argv, folder):
        self.said, (self.terminal, theirs) = "", pty.openpty()
        self.process = subprocess.Popen(argv, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs,
                                        preexec_fn=lambda: os.login_tty(theirs))  # a session, so that Ctrl-C reaches all
        os.close(theirs)

    def until(self, pattern, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if select.select([self.terminal], [], [], 0.2)[0]:
                try:
                    self.said += os.read(self.terminal, 65536).decode(errors="replace").replace("\r\n", "\n")
                except OSError:  # its end was closed
                    break
            found = re.search(pattern, self.said, re.M)
            if found:
                return found
        raise Failed(f"`make run` never said {pattern!r}:\n{self.said}")

    def interrupt(self):
        """Ctrl-C; the exit status, when all of it has ended."""
        os.write(self.terminal, b"\x03")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            if select.select([self.terminal], [], [], 0.1)[0]:
                try:
                    self.said += os.read(self.terminal, 65536).decode(errors="replace")
                except OSError:
                    pass
        return self.process.poll()

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.terminal)


def use_demo(folder, prefix, seconds, home):
    """make run, then, at home, the very line it prints."""
    running = Running([*prefix, "make", "-C", folder, "run"], folder)
    try:
        line = running.until(r"^ +(smbclient //.*)\n", seconds)[1]
        running.until(r"tcpport:\d+", 5)
        for word in ("mount -t cifs", "open 'smb://", "net use", "24H2"):
            if word not in running.said:
                raise Failed(f"`make run` does not tell: {word}")
        password = re.search(r"%([^']+)'", line)[1]
        done = subprocess.run(["sh", "-c", line + " -c 'ls; get README.txt got.txt; put /etc/services services.txt; ls'"],
                              cwd=home, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
        print(done.stdout, done.stderr)
        if done.returncode != 0 or "NT_STATUS" in done.stdout or "services.txt" not in done.stdout:
            raise Failed("the printed smbclient line does not list, get and put")
        refused = subprocess.run(["sh", "-c", line.replace(password, "wrong") + " -c ls"], capture_output=True, text=True,
                                 stdin=subprocess.DEVNULL, timeout=60)
        if "NT_STATUS_LOGON_FAILURE" not in refused.stdout + refused.stderr:
            raise Failed("a wrong password was not refused")
        running.interrupt()
        if running.process.poll() is None:
            raise Failed("Ctrl-C did not end `make run`")
    finally:
        print(running.said)
        running.end()


def fresh_copy(build):
    """As an ordinary user without root, from sources alone: make run, smbclient, make test."""
    if not shutil.which("smbclient"):
        raise Skip("smbclient is not installed (Debian package smbclient)")
    with scratch() as tmp:
        folder = os.path.join(tmp, "tsmb")
        copy_tree(folder)
        os.chmod(tmp, 0o755)
        if os.getuid() == 0:
            command("chown", "-R", f"{NOBODY}:{NOBODY}", tmp)
        prefix = as_ordinary_user(tmp)
        use_demo(folder, prefix, BUILD_SECONDS, tmp)
        said = command(*prefix, "make", "-C", folder, "test", "GROUPS=unit sim")
        return re.search(r"\d+ passed.*", said)[0]


def as_typed(build):
    """make run here and now, as whoever runs this (root is told that it serves as root)."""
    if not shutil.which("smbclient"):
        raise Skip("smbclient is not installed (Debian package smbclient)")
    with scratch() as home:
        use_demo(TOP, ["env", "-u", "SUDO_USER", "-u", "XDG_STATE_HOME", f"HOME={home}"], BUILD_SECONDS, home)


def tests(build):
    yield Test("make-run", functools.partial(as_typed, build), limit=BUILD_SECONDS)
    yield Test("fresh-copy-as-ordinary-user", functools.partial(fresh_copy, build), limit=900)
