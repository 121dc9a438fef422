"""What the programs say of themselves: --help, manual pages and both shells' completion name the same options, and complete them."""
import functools
import os
import pty
import re
import shlex
import subprocess
import time

from harness.testing import TOP, Failed, Test, need

from peer.files import expect
from peer.server import scratch

PROGRAMS = ("tsmb-server", "tsmb-passwd", "tsmb-cfg", "tsmb-status")
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
ZSH_SECONDS = 20


def completions(build, name):
    """The script of bash and that of zsh, wherever it lies: some are written, some are made."""
    for script in (name, "_" + name):
        written = os.path.join(TOP, "packaging", "completion", script)
        yield written if os.path.exists(written) else os.path.join(build, "packaging", "completion", script)


def options_of_help(build, name):
    """The options at the beginning of lines, with their short forms."""
    said = subprocess.run([os.path.join(build, name), "--help"], capture_output=True, text=True, check=True).stdout
    if max(map(len, said.splitlines())) > 110:
        raise Failed(f"{name} --help has long lines")
    heads = re.findall(r"^ +((?:-\w, +)?--[a-z-]+|-\w)", said, re.M)
    return {option for head in heads for option in OPTION.findall(head)}


def same_options(build, name):
    """Each option of --help stands in the manual page and in both completions, and those have no other."""
    want = options_of_help(build, name)
    expect("--help" in want and "--config" in want, True, f"--help: {want}")
    for script in completions(build, name):
        with open(script) as f:
            got = set(OPTION.findall(re.sub("^#.*", "", f.read(), flags=re.M)))
        expect(want - got, set(), f"missing in {script}")
        foreign = {o for o in got - want if o.startswith("--")}
        if name in ("tsmb-server", "tsmb-passwd"):
            expect(foreign, set(), f"too much in {script}")
    pages = [os.path.join(TOP, "doc", page) for page in (f"{name}.8.scd", f"{name}.8.scd.in")]
    with open(next(p for p in pages if os.path.exists(p))) as f:
        page = set(re.findall(r"\*(--?[a-z-]+)\*", f.read()))
    expect(want - page, set(), f"missing in the manual page of {name}")


def bash(build):
    """bash, asked as it asks when somebody presses the tabulator."""
    cases = {
        "tsmb-server ": "-c --config --check --keylog -v --version -h --help", "tsmb-server --ch": "--check", "tsmb-server --key": "--keylog",
        "tsmb-server --config {top}/c": "{top}/conf", "tsmb-server --keylog {top}/k": "{top}/keys",
        "tsmb-passwd --imp": "--import", "tsmb-passwd -i {top}/k": "{top}/keys", "tsmb-passwd --rep": "--replace",
        "tsmb-passwd -a roo": "root", "tsmb-passwd -a root --unix daem": "daemon", "tsmb-passwd -a root --std": "--stdin",
        "tsmb-passwd -l --js": "--json", "tsmb-passwd -c {top}/c": "{top}/conf", "tsmb-cfg share add --audit-l": "--audit-level",
        "tsmb-cfg global update --audit-e": "--audit-enable", "tsmb-cfg global update --audit-enable t": "true",
        "tsmb-cfg global update --userdb-file {top}/k": "{top}/keys",
    }
    with scratch() as top:
        files(top)
        for line, want in cases.items():
            words = line.format(top=top).split(" ")
            script = next(completions(build, words[0]))
            text = (f"source {shlex.quote(script)}; COMP_WORDS=({' '.join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}; "
                    f"_{words[0].replace('-', '_')}; echo ${{COMPREPLY[@]}}")
            done = subprocess.run(["bash", "-c", text], capture_output=True, text=True)
            expect((done.stdout.strip(), done.stderr), (want.format(top=top), ""), f"completion of {line!r}")


def files(top):
    for name in ("conf", "keys"):
        with open(f"{top}/{name}", "w"):
            pass


class Zsh:
    """An interactive zsh at a terminal."""

    def __init__(self, top, folders):
        argv = [need("zsh", "zsh"), "-f", "-i"]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(top)
            os.execve(argv[0], argv, {**os.environ, "TERM": "dumb", "HOME": top, "ZDOTDIR": top, "LC_ALL": "C.UTF-8"})
        self.seen = ""
        self.type(f"PS1='ready> '; fpath=({' '.join(map(shlex.quote, folders))} $fpath); autoload -Uz compinit; compinit -u -D\n")
        self.type("show() { BUFFER=\"print -r -- '<<'${(q)BUFFER}'>>'\"; zle accept-line }; zle -N show; bindkey '^T' show\n")
        self.type("print be''gun\n")
        self.wait("begun")

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self, pattern):
        deadline = time.monotonic() + ZSH_SECONDS
        while not re.search(pattern, self.seen):
            if time.monotonic() > deadline:
                raise Failed(f"zsh never showed {pattern!r}: {self.seen!r}")
            os.set_blocking(self.fd, False)
            try:
                self.seen += os.read(self.fd, 4096).decode(errors="replace")
            except BlockingIOError:
                time.sleep(0.02)
        return re.search(pattern, self.seen)

    def complete(self, line):
        """What becomes of a line when the tabulator is pressed."""
        self.seen = ""
        self.type(line + "\t\x14")
        return self.wait(r"\n<<(.*)>>")[1].rstrip()

    def end(self):
        self.type("\x15exit\n")
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def zsh(build):
    """zsh, at a terminal, with the tabulator."""
    cases = {
        "tsmb-server --ch": "--check", "tsmb-server --check -c {top}/c": "{top}/conf", "tsmb-server --key": "--keylog=",
        "tsmb-passwd --imp": "--import=", "tsmb-passwd -i {top}/k": "{top}/keys", "tsmb-passwd -a root --std": "--stdin",
        "tsmb-passwd -a roo": "root", "tsmb-passwd -l --js": "--json", "tsmb-cfg glo": "global", "tsmb-cfg share upd": "update",
        "tsmb-cfg share add --audit-l": "--audit-level", "tsmb-cfg global update --audit-enable t": "true",
        "tsmb-cfg -c {top}/conf rel": "reload", "tsmb-cfg global update --userdb-file {top}/k": "{top}/keys",
    }
    with scratch() as top:
        files(top)
        shell = Zsh(top, sorted({os.path.dirname(list(completions(build, name))[1]) for name in PROGRAMS}))
        try:
            for line, want in cases.items():
                line, want = line.format(top=top), want.format(top=top)
                expect(shell.complete(line).split(" ")[-1], want, f"completion of {line!r}")
        finally:
            shell.end()


def passwd(build):
    """What tsmb-passwd says of a mistyped line, of a line from Windows, of names that are no ASCII; and of a disk that is full."""
    tool, see = os.path.join(build, "tsmb-passwd"), "; see tsmb-passwd --help\n"
    with scratch() as tmp:
        def run(*words, text="", out=subprocess.PIPE):
            done = subprocess.run([tool, "--file", f"{tmp}/db", *words], input=text, stdout=out, stderr=subprocess.PIPE, text=True, timeout=20)
            return done.returncode, done.stderr if done.returncode else done.stdout

        for words, said in ((["--bogus"], "--bogus: there is no such option, or it takes no value"), (["-a"], "-a: expected a value"),
                            (["--unix"], "--unix: expected a value"), (["-l", "more"], "more: unexpected argument"),
                            (["-a", "x", "secret"], "unexpected argument: a password is asked for, or read with --stdin")):
            expect(run(*words), (2, f"tsmb-passwd: {said}{see}"), f"{words}")
        for user, text in (("root", "same\n"), ("daemon", "same\r\n"), ("J\u00f6rg M\u00fcller", "same"), ("nobody", "other\r\r\n")):
            expect(run("-a", user, "--stdin", "--unix", "root", text=text)[0], 0, user)
        with open(f"{tmp}/db") as f:
            hashes = re.findall(r":root:([0-9A-F]{32}):", f.read())
        expect((len(hashes), len(set(hashes)), hashes[0] == hashes[2]), (4, 2, True), "the hash of a line that ends as on Windows")
        listed = run("-l")[1].splitlines()
        expect({line.index("root", 6) for line in listed[1:]}, {listed[0].index("UNIX ACCOUNT")}, f"columns in line: {listed}")
        with open("/dev/full", "w") as full:
            for words in (["-l"], ["-l", "--json"]):
                expect(run(*words, out=full), (1, "tsmb-passwd: standard output cannot be written\n"), f"{words} on a full disk")
        with open(f"{tmp}/db", "a") as f:
            f.write("nonsense\n")
        code, said = run("-l")
        expect((code, "db:" in said and "USER" not in said), (1, True), f"a faulty file: {said}")


def tests(build):
    for name in PROGRAMS:
        yield Test(f"tools.options.{name}", functools.partial(same_options, build, name))
    for f in (bash, zsh, passwd):
        yield Test(f"tools.{f.__name__}", functools.partial(f, build), limit=60)
