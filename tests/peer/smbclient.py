"""Samba's smbclient and rpcclient as peers."""
import re
import subprocess

from harness.testing import Failed, need

# Their name of each dialect, oldest first, and the protections it can have.
DIALECTS = {"SMB2_02": ("plain", "sign"), "SMB2_10": ("plain", "sign"), "SMB3_00": ("plain", "sign", "encrypt"),
            "SMB3_02": ("plain", "sign", "encrypt"), "SMB3_11": ("plain", "sign", "encrypt")}
CIPHERS = ("AES-128-GCM", "AES-128-CCM", "AES-256-GCM", "AES-256-CCM")
SIGNINGS = ("AES-128-GMAC", "AES-128-CMAC", "HMAC-SHA256")
CLIENT_PROTECTION = {"plain": "off", "sign": "sign", "encrypt": "encrypt"}

LISTED = re.compile(r"^  (.*?) +([A-Z]*) +(\d+)  (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ")


class Smbclient:
    """client("put a b", "ls") runs one smbclient with these commands and returns what it printed."""

    def __init__(self, server, dialect=None, protection=None, user="alice", password=None, options=(), port=None,
                 share="share"):
        self.server, self.share, self.port = server, share, port or server.port
        self.login = f"{user}%{server.users.get(user, '') if password is None else password}"
        self.options = [f"--option={o}" for o in options]
        if dialect:
            self.options += [f"--option=client min protocol={dialect}", f"--option=client max protocol={dialect}"]
        if protection:
            self.options.append("--client-protection=" + CLIENT_PROTECTION[protection])

    def common(self):
        return ["-s", "/dev/null", "-p", str(self.port), "-U", self.login, *self.options]

    def run(self, *commands, seconds=60):
        argv = [need("smbclient", "smbclient"), f"//127.0.0.1/{self.share}", *self.common(), "-t", str(seconds),
                "-c", "; ".join(commands)]
        return execute(argv, seconds)

    def __call__(self, *commands, seconds=60):
        done = self.run(*commands, seconds=seconds)
        status = re.search(r"NT_STATUS_\w+", done.stdout)
        if done.returncode != 0 or status:
            raise Failed(f"smbclient: {status[0] if status else 'exit status ' + str(done.returncode)}")
        return done.stdout

    def refused(self, *commands, seconds=60):
        """The NT_STATUS_ it met; a failure if it met none."""
        done = self.run(*commands, seconds=seconds)
        status = re.search(r"NT_STATUS_\w+", done.stdout)
        if not status:
            raise Failed("smbclient met no refusal")
        return status[0]

    def listing(self, *commands):
        """{name: (attributes, size)} of `ls` after the commands."""
        out = self(*commands, "ls")
        found = (LISTED.match(line) for line in out.splitlines())
        return {m[1]: (m[2], int(m[3])) for m in found if m and m[1] not in (".", "..")}

    def shares(self):
        """{name: type} of `smbclient -L`."""
        done = execute([need("smbclient", "smbclient"), "-L", "127.0.0.1", "-g", *self.common()], 60)
        if done.returncode != 0:
            raise Failed("smbclient -L failed")
        rows = (line.split("|") for line in done.stdout.splitlines() if "|" in line)
        return {row[1]: row[0] for row in rows}

    def rpc(self, command):
        """What rpcclient printed."""
        done = execute([need("rpcclient", "smbclient"), "127.0.0.1", *self.common(), "-c", command], 60)
        if done.returncode != 0 or "NT_STATUS_" in done.stdout or "WERR_" in done.stdout.replace("WERR_OK", ""):
            raise Failed(f"rpcclient -c {command!r} failed")
        return done.stdout


def execute(argv, seconds):
    """Run a peer; what it said is in the log of the test. Never waits for ever."""
    print("$ " + " ".join(argv), flush=True)
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=seconds + 10)
    except subprocess.TimeoutExpired:
        raise Failed(f"{argv[0]}: no end after {seconds + 10} s") from None
    print(done.stdout[-8000:], f"-> {done.returncode}", flush=True)
    return done
