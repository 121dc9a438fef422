"""rclone, whose client is written in Go and owes nothing to Samba or Windows, mirrors folders by eight connections."""
import functools
import os
import random
import subprocess

from harness.testing import Failed, Test, need

from peer.files import expect
from peer.server import Server, scratch

DEMANDS = {
    "any": {},
    "signed": {"require_message_signing": "true"},
    "encrypted": {"encrypt_data": "true", "reject_unencrypted_access": "true"},
}
SIZES = (0, 1, 4095, 65536, 65537, 3 << 20)
NAMES = ("plain", "with blank", "Größe", "日本", "a" * 200)


class Rclone:
    """rclone("check", folder, ":smb:share/folder"). At the top of a share it makes a folder `．` when it moves something."""

    def __init__(self, server, user="alice", password=None):
        self.program = need("rclone", "rclone")
        said = subprocess.run([self.program, "obscure", "-"], input=password or server.users[user], text=True, capture_output=True, check=True)
        self.options = ("--config", os.devnull, "-v", "--transfers", "8", "--retries", "1", "--low-level-retries", "1", "--smb-host", "127.0.0.1", "--smb-port", str(server.port),
                        "--smb-user", user, "--smb-pass", said.stdout.strip())

    def run(self, *words):
        done = subprocess.run([self.program, *words, *self.options], text=True, capture_output=True, timeout=60)
        print(f"$ rclone {' '.join(words)}\n{done.stdout}{done.stderr}")
        return done

    def __call__(self, *words):
        done = self.run(*words)
        if done.returncode != 0:
            raise Failed(f"rclone {words[0]}: exit status {done.returncode}")
        return done.stdout


def fill(top):
    """Folders with files of all sizes and names."""
    content = random.Random(1)
    for depth, name in enumerate(NAMES):
        folder = os.path.join(top, *NAMES[:depth])
        os.makedirs(folder, exist_ok=True)
        for size in SIZES:
            with open(os.path.join(folder, f"{name} {size}"), "wb") as f:
                f.write(content.randbytes(size))


def listed(top):
    """All paths below, with their sizes."""
    return {os.path.relpath(path, top): os.path.getsize(path) for folder, _, files in os.walk(top)
            for path in (os.path.join(folder, name) for name in files)}


def mirror(build, demand):
    with scratch() as here, Server(build, DEMANDS[demand], {"share": {"permissions": "alice:full"}}) as s:
        rclone, there = Rclone(s), s.folder("share")
        fill(here)
        rclone("sync", here, ":smb:share/all/copy")
        expect(listed(os.path.join(there, "all", "copy")), listed(here), "the copy")
        rclone("check", here, ":smb:share/all/copy", "--download")
        expect(rclone("lsf", ":smb:share/all", "--dirs-only").split(), ["copy/"], "the listing")

        rclone("moveto", ":smb:share/all/copy", ":smb:share/all/moved")  # a rename on the server
        os.unlink(os.path.join(here, "plain 1"))
        with open(os.path.join(here, "plain 4095"), "ab") as f:
            f.write(b"more")
        rclone("sync", here, ":smb:share/all/moved")
        expect(listed(there), {os.path.join("all", "moved", path): size for path, size in listed(here).items()}, "after the second run")
        rclone("purge", ":smb:share/all/moved")
        expect(os.listdir(os.path.join(there, "all")), [], "the folder")


def refused(build):
    """Neither a wrong password nor a user whom the share does not know gets anything."""
    with Server(build, {"auth_delay_ms": 0}, {"share": {"permissions": "alice:full"}}) as s:
        for user, password in ("alice", "wrong"), ("bob", None):
            done = Rclone(s, user, password).run("lsf", ":smb:share")
            expect((done.returncode != 0, done.stdout), (True, ""), f"{user}: rclone lsf")


def tests(build):
    for demand in DEMANDS:
        yield Test(f"rclone.mirror.{demand}", functools.partial(mirror, build, demand), limit=120)
    yield Test("rclone.refused", functools.partial(refused, build))
