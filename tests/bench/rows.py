"""The rows of `make bench`: what is done, and what is to be reached."""
import dataclasses

GIB = "s/GiB"  # the unit of a figure: CPU seconds of the server a GiB ...
OP = "us"  # ... or microseconds an operation
ENTRY = "us/entry"

READ = ("--work", "read", "--size", "1M", "--depth", "8")
WRITE = ("--work", "write", "--size", "1M", "--depth", "8")
RANDOM = ("--work", "randread", "--size", "4K", "--depth", "32")
GCM = ("--protect", "seal", "--cipher", "aes-128-gcm")
GMAC = ("--protect", "sign", "--signing", "gmac")
CMAC = ("--protect", "sign", "--signing", "cmac", "--dialect", "3.0.2")
LIST_ENTRIES = 10000


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    title: str
    load: tuple  # words for tsmb-bench
    unit: str
    bare: float = None  # goal: at most so many times the CPU of the bare pipeline ...
    smbd: float = None  # ... and of Samba's best
    moves: bool = True  # payload: Samba's sendfile and aio matter
    has_bare: bool = False
    signs: bool = False
    reconnects: bool = False  # so the processes that served are gone when it is over

    @property
    def file(self):
        """What the bare pipeline serves."""
        return "bench-own0" if "write" in self.load else "bench-read"


ROWS = (
    Row("read-gcm", "1 MiB reads, AES-128-GCM", READ + GCM, GIB, 1.2, 0.65, has_bare=True),
    Row("write-gcm", "1 MiB writes, AES-128-GCM", WRITE + GCM, GIB, 1.2, 0.4, has_bare=True),
    Row("read-cmac", "1 MiB reads, AES-CMAC, one connection", READ + CMAC, GIB, 1.2, 0.6, has_bare=True, signs=True),
    Row("read-cmac-4", "1 MiB reads, AES-CMAC, 4 connections, client verifies 1 in 64",
        READ + CMAC + ("--connections", "4", "--verify", "64"), GIB, None, 0.3, signs=True),
    Row("read-gmac", "1 MiB reads, AES-GMAC", READ + GMAC, GIB, 1.2, 0.65, has_bare=True, signs=True),
    Row("read-plain", "1 MiB reads, plain", READ, GIB, 1.3, 0.6, has_bare=True),
    Row("random-plain", "4 KiB random reads, plain, 32 in flight", RANDOM, OP, 2, 0.2, has_bare=True),
    Row("random-gcm", "4 KiB random reads, AES-128-GCM, 32 in flight", RANDOM + GCM, OP, 2, 0.2, has_bare=True),
    Row("create", "create and close", ("--work", "create"), OP, None, 0.2, moves=False),
    Row("create-8", "create and close, 8 in flight", ("--work", "create", "--depth", "8"), OP, None, 0.2, moves=False),
    Row("query", "query-info", ("--work", "query"), OP, None, 0.25, moves=False),
    Row("query-8", "query-info, 8 in flight", ("--work", "query", "--depth", "8"), OP, None, 0.25, moves=False),
    Row("list", "listing of 10,000 entries", ("--work", "list", "--entries", str(LIST_ENTRIES)), ENTRY, None, 0.33, moves=False),
    Row("relogon", "logon, tree connect, logoff", ("--work", "relogon"), OP, None, 0.05, moves=False),
    Row("logon", "the same, on a new connection each time", ("--work", "logon"), OP, None, 0.05, moves=False,
        reconnects=True),
)
IDLE = "idle"  # the row of memory, which is measured by itself
IDLE_GOAL_KIB, IDLE_PASSES_KIB = 16, 32

# Operations whose system calls are counted; how often in the shorter and the longer run, whose difference counts.
TRACED = (("create", "create and close", 100, 600), ("query", "query-info", 100, 1100), ("list", "listing of 1,000 entries", 1, 5))
TRACED_ENTRIES = 1000
