"""What an administrator is told: refusals, whom a stricter setting would shut out, guests, the summary at the end."""
import functools
import re
import struct

from harness.testing import Failed, Test

from peer import raw
from peer.raw import Raw
from peer.server import Server

SUMMARY = r"refused since the start: (.*)"


def lines(server, pattern):
    return [line for line in server.text().splitlines() if re.search(pattern, line)]


def one_line(server, pattern):
    server.wait_text(pattern)
    found = lines(server, pattern)
    if len(found) != 1:
        raise Failed(f"{len(found)} lines for {pattern!r}: {found}")
    return found[0]


def refused_logon(server, status, dialect="3.1.1", user="alice", password=None, **how):
    with Raw(server, dialect, **how) as client:
        client.negotiate()
        client.logon(user, password, status=status)


def summary_of(server):
    server.stop()
    return server.wait_text(SUMMARY)[1]


def refusals(build):
    """Each refusal: who, from where, by which dialect, what was missing, which parameter; counted by reason."""
    with Server(build, {"reject_unencrypted_access": "true", "auth_delay_ms": "0"}) as s:
        refused_logon(s, raw.ACCESS_DENIED, "2.1")
        line = one_line(s, "SESSION_SETUP refused.*cannot encrypt")
        for part in ("127.0.0.1:", "dialect 2.1", "parameter reject_unencrypted_access"):
            if part not in line:
                raise Failed(f"no {part!r} in {line!r}")
        with Raw(s) as client:
            client.negotiate()
            client.logon()
            got = client.call(raw.TREE_CONNECT, client.tree_connect_body(), "sign")
            if got.status != raw.ACCESS_DENIED:
                raise Failed(f"status {got.status:#010x}")
        line = one_line(s, "TREE_CONNECT refused")
        if 'user "alice"' not in line or "dialect 3.1.1" not in line or "is not encrypted" not in line:
            raise Failed(line)
        refused_logon(s, raw.LOGON_FAILURE, password="wrong")
        refused_logon(s, raw.LOGON_FAILURE, user="who-is\nthis")
        line = one_line(s, "who-is")
        if r"who-is\x0Athis" not in line and r"who-is\x0athis" not in line:
            raise Failed(f"text of a peer is not escaped: {line!r}")
        told = summary_of(s)
        for part in ("cannot encrypt: 1", "not encrypted: 1", "unknown user, wrong password or no Unix account: 2"):
            if part not in told:
                raise Failed(f"no {part!r} in {told!r}")


def other_refusals(build):
    """Dialects, mechanisms and anonymous clients name their parameters, too."""
    with Server(build, {"ntlm": "false", "dialects": "SMB3.1.1"}) as s:
        s.wait_text("nobody gets in")
        refused_logon(s, 0xC00000BB)
        one_line(s, r"SESSION_SETUP refused.*parameter ntlm.*STATUS_NOT_SUPPORTED")
        with Raw(s, "2.1") as client:
            request = struct.pack("<HHHHI16s8sHH", 36, 1, 1, 0, 0, bytes(16), bytes(8), 0x210, 0)
            client.call(raw.NEGOTIATE, request)
        one_line(s, r"NEGOTIATE refused.*parameter dialects")


def guests(build):
    """A guest who is let in, or refused, is explained once, with what helps."""
    guest = {"allow_guest": "true"}
    with Server(build, guest) as s:
        for _ in range(3):
            with Raw(s, "3.0") as client:
                client.negotiate()
                guest_logon(client, raw.SUCCESS)
        if "tsmb-passwd -a" not in one_line(s, "Windows 11 24H2"):
            raise Failed("no remedy for a guest")
    with Server(build, {**guest, "require_message_signing": "true"}) as s:
        with Raw(s, "3.0") as client:
            client.negotiate()
            guest_logon(client, raw.ACCESS_DENIED)
        line = one_line(s, "SESSION_SETUP refused")
        if 'user "stranger"' not in line or "tsmb-passwd -a" not in line or "require_message_signing" not in line:
            raise Failed(line)


def guest_logon(client, status):
    client.send_logon("stranger", "whatever")
    got = client.answer()
    if got.status != status:
        raise Failed(f"a guest met {got.status:#010x}")


def audit(build):
    """security_audit serves as configured, and tells once whom a stricter setting would shut out."""
    settings = {"security_audit": "true", "allow_guest": "true"}
    with Server(build, settings) as s:
        for _ in range(3):
            with Raw(s, "2.1") as client:
                client.ready()
        for _ in range(2):
            with Raw(s, "3.1.1") as client:
                client.ready()
        with Raw(s, "3.0") as client:
            client.negotiate()
            guest_logon(client, raw.SUCCESS)
        alice, stranger = 'audit: .*user "alice".*', 'audit: .*user "stranger".*'
        one_line(s, alice + "dialect 2.1.*reject_unencrypted_access = true.*cannot encrypt")
        one_line(s, alice + "by dialects without")
        one_line(s, alice + "by ntlm = false")
        one_line(s, stranger + "require_message_signing = true.*cannot sign")
        one_line(s, stranger + "reject_unencrypted_access = true")
        if lines(s, alice + "(require_message_signing|dialect 3.1.1.*reject_unencrypted)"):
            raise Failed("the audit names a client that a stricter setting would serve")
        s.stop()
        told = s.wait_text("audit: logons that would have been shut out: (.*)")[1]
        for part in ("require_message_signing = true: 1", "reject_unencrypted_access = true: 4", "ntlm = false: 6", "SMB2.1: 3"):
            if part not in told:
                raise Failed(f"no {part!r} in {told!r}")


def audit_off(build):
    with Server(build) as s:
        with Raw(s, "2.1") as client:
            client.ready()
        if lines(s, "audit"):
            raise Failed("an audit nobody asked for")
        if summary_of(s) != "nothing":
            raise Failed("something was refused")


def tests(build):
    for f in (refusals, other_refusals, guests, audit, audit_off):
        yield Test(f"insight.{f.__name__.replace('_', '-')}", functools.partial(f, build), limit=60)
