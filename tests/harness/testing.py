"""What a test is, and what it may ask for."""
import dataclasses
import os
import shutil
import subprocess
import typing

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIP_STATUS = 77


class Skip(Exception):
    """This machine lacks what the test needs; the text names it."""


class Failed(Exception):
    """The text says what was wrong; no traceback is needed to understand it."""


@dataclasses.dataclass
class Test:
    name: str
    run: typing.Callable  # raises on failure; a returned string is shown beside "ok"
    limit: float = 60  # seconds
    seconds: float = 0  # that it takes if these are many: what takes longest is begun first
    waits: bool = False  # for time to pass, most of the time


def need(program, package):
    """The path of a peer; a skip that names its Debian package if it is not there."""
    path = shutil.which(program)
    if not path:
        raise Skip(f"{program} is not installed (Debian package {package})")
    return path


def command(*argv, **options):
    """Run, with the output in the log; a status other than 0 fails the test, 77 skips it."""
    done = subprocess.run(argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    print(f"$ {' '.join(map(str, argv))}\n{done.stdout}", end="", flush=True)
    if done.returncode == SKIP_STATUS:
        raise Skip(done.stdout.strip().splitlines()[-1].removeprefix("SKIP: "))
    if done.returncode != 0:
        raise Failed(f"{os.path.basename(argv[0])}: exit status {done.returncode}")
    return done.stdout
