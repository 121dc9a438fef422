"""A file system of its own for a test: made in a file, mounted where nobody else sees it."""
import contextlib
import ctypes
import os
import shutil
import subprocess
import tempfile

from harness.testing import Skip, need

CLONE_NEWNS = 0x00020000
MAKE = {"btrfs": (["mkfs.btrfs", "-q"], "btrfs-progs", 256), "xfs": (["mkfs.xfs", "-q"], "xfsprogs", 512)}
MIB = 1 << 20


def own_mounts():
    """From now on what this process mounts is its own, and its children's."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise Skip(f"no mount namespace of its own: {os.strerror(ctypes.get_errno())}")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def run(*argv):
    done = subprocess.run(argv, text=True, capture_output=True)
    said = "".join(f"  {line}\n" for line in (done.stdout + done.stderr).splitlines())
    print(f"$ {' '.join(argv)}\n{said}-> {done.returncode}")
    return done


@contextlib.contextmanager
def mounted(kind):
    """The path of a folder on an empty file system of that kind."""
    if os.getuid() != 0:
        raise Skip("needs root, to mount")
    make, package, size = MAKE[kind]
    program = need(make[0], package)
    own_mounts()
    top = tempfile.mkdtemp(prefix="tsmb-mount-")
    try:
        os.chmod(top, 0o755)
        image, path = os.path.join(top, "image"), os.path.join(top, "fs")
        with open(image, "wb") as f:
            f.truncate(size * MIB)
        os.mkdir(path)
        if run(program, *make[1:], image).returncode != 0:
            raise Skip(f"{make[0]} failed")
        done = run("mount", "-t", kind, "-o", "loop", image, path)
        if done.returncode != 0:
            raise Skip(f"{kind} cannot be mounted here: {done.stderr.strip()}")
        try:
            folder = os.path.join(path, "share")
            os.mkdir(folder)
            yield folder
        finally:
            run("umount", path)
    finally:
        shutil.rmtree(top)
