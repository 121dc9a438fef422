"""Real clients, and one of our own that breaks the rules, against a private server."""
import importlib

# In the order in which they run.
MODULES = (
    "files",
    "caching",
    "durable",
    "channels",
    "create",
    "acl",
    "enumeration",
    "events",
    "impacket_peer",
    "rclone",
    "info",
    "names",
    "attributes",
    "streams",
    "locks",
    "copies",
    "sparse",
    "extents",
    "reparse",
    "quotas",
    "compound",
    "notify",
    "pieces",
    "mapped",
    "ipc",
    "admin",
    "capture",
    "policy",
    "together",
    "scanners",
    "attack",
    "hostile",
    "lifecycle",
    "cfg",
    "status",
    "metrics",
    "logon",
    "insight",
    "trail",
    "secrets",
    "service",
    "tools",
    "contend",
    "intruder",
    "bench",
)

# Sanitized builds leave these out, or run a part of them.
TOO_LONG = ("files", "rclone", "capture", "scanners", "attack", "lifecycle", "cfg", "status", "metrics", "logon", "secrets", "tools")
SOME = {
    "logon": ("hanging-up", "cancel", "again"),
    "lifecycle": ("reload-shares", "reload-nested", "passwd", "as-root", "stop-under-load"),
}


def module(name):
    return importlib.import_module("peer." + name)


def tests(build):
    for name in MODULES:
        yield from module(name).tests(build)


def quick_tests(build):
    """For sanitized builds: every path, less data."""
    for name in MODULES:
        if name not in TOO_LONG:
            yield from module(name).tests(build)
    yield from module("attack").tests(build, quick=True)
    for name in ("files", "cfg", "status", "metrics"):
        yield from module(name).quick_tests(build)
    for name, some in SOME.items():
        yield from (t for t in module(name).tests(build) if t.name.rpartition(".")[2] in some)


def thread_tests(build):
    """For the thread sanitizer: several clients at once, and reload and stop beside them."""
    yield from (t for t in module("files").quick_tests(build) if "several" in t.name or "SMB3_11" in t.name)
    yield from (t for t in module("lifecycle").tests(build) if "reload" in t.name or "stop" in t.name)
    yield from module("contend").tests(build)
    yield from module("intruder").tests(build)
    yield from module("notify").tests(build)
    yield from module("durable").tests(build)
    yield from (t for t in module("channels").tests(build) if "lost" in t.name or "while-in-use" in t.name)
    yield from module("together").tests(build)
    yield from (t for t in module("cfg").tests(build) if t.name.rpartition(".")[2] in ("shares", "listeners", "under-load"))
    yield from module("status").thread_tests(build)
    yield from module("metrics").thread_tests(build)


def soak_tests(build, seconds):
    """For hours, if one likes."""
    yield from module("contend").tests(build, seconds)
    yield from module("intruder").soak_tests(build, seconds)
    yield from module("cfg").soak_tests(build, seconds)
    yield from module("policy").soak_tests(build)
