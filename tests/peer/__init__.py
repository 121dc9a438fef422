"""Real clients, and one of our own that breaks the rules, against a private server."""
from peer import (acl, attack, attributes, bench, caching, capture, cfg, channels, compound, contend, copies, create, durable, files,
                  impacket_peer, info, insight, ipc, lifecycle, locks, logon, pieces, policy, scanners, secrets, status, streams,
                  together, tools, trail)


def tests(build):
    for module in (files, caching, durable, channels, create, acl, impacket_peer, info, attributes, streams, locks, copies,
                   compound, pieces, ipc, capture, policy, together, scanners, attack, lifecycle, cfg, status, logon, insight, trail,
                   secrets, tools, contend, bench):
        yield from module.tests(build)


def quick_tests(build):
    """For sanitized builds: every path, less data."""
    yield from files.quick_tests(build)
    for module in (caching, durable, channels, create, acl, impacket_peer, info, attributes, streams, locks, copies, compound,
                   pieces, ipc, policy, together, insight, trail):
        yield from module.tests(build)
    yield from attack.tests(build, quick=True)
    yield from contend.tests(build)
    yield from bench.tests(build)
    yield from cfg.quick_tests(build)
    yield from status.quick_tests(build)
    yield from (t for t in logon.tests(build) if t.name.rpartition(".")[2] in ("hanging-up", "cancel", "again"))
    yield from (t for t in lifecycle.tests(build) if t.name.rpartition(".")[2] in ("reload-shares", "reload-nested", "passwd", "as-root", "stop-under-load"))


def thread_tests(build):
    """For the thread sanitizer: several clients at once, and reload and stop beside them."""
    yield from (t for t in files.quick_tests(build) if "several" in t.name or "SMB3_11" in t.name)
    yield from (t for t in lifecycle.tests(build) if "reload" in t.name or "stop" in t.name)
    yield from contend.tests(build)
    yield from durable.tests(build)
    yield from (t for t in channels.tests(build) if "lost" in t.name or "while-in-use" in t.name)
    yield from together.tests(build)
    yield from (t for t in cfg.tests(build) if t.name.rpartition(".")[2] in ("shares", "listeners", "under-load"))
    yield from status.thread_tests(build)


def soak_tests(build, seconds):
    """For hours, if one likes."""
    yield from contend.tests(build, seconds)
    yield from cfg.soak_tests(build, seconds)
    yield from policy.soak_tests(build)
