"""IPC$ and its pipes: what smbclient -L, rpcclient and Windows Explorer ask."""
import functools
import re

from harness.testing import Failed, Test

from peer import raw
from peer.files import expect
from peer.raw import Raw
from peer.server import Server
from peer.smbclient import DIALECTS, Smbclient

SHARES = {"share": {"remark": "The first one"}, "Docs": {"remark": "Ünïcode remark"}, "sealed": {"encrypt_data": "true"}}


def share_list(build, dialect):
    with Server(build, shares=SHARES) as s:
        for how in DIALECTS[dialect]:
            got = Smbclient(s, dialect, how).shares()
            expect(got, {"share": "Disk", "Docs": "Disk", "sealed": "Disk", "IPC$": "IPC"}, f"smbclient -L, {how}")


def server_info(build):
    with Server(build, {"server_name": "FILER-7", "server_comment": "Third floor"}) as s:
        out = Smbclient(s).rpc("srvinfo")
        if "Third floor" not in out or not re.search(r"platform_id\s*:\s*500", out):
            raise Failed("srvinfo does not tell comment and platform")


def share_enumeration(build):
    """rpcclient's two calls; what shows paths is for administrators (tests/peer/impacket_peer.py has every level)."""
    with Server(build, shares=SHARES) as s:
        client = Smbclient(s)
        for command, special in (("netshareenum 1", set()), ("netshareenumall 1", {"IPC$"})):  # "sticky" ones, and all
            found = re.findall(r"netname: (\S+)", client.rpc(command))
            expect(set(found), {*SHARES} | special, command)
        out = client.rpc("netsharegetinfo Docs 1")
        if "Docs" not in out or "Ünïcode remark" not in out:
            raise Failed("netsharegetinfo Docs 1")
        for command in ("netshareenumall 502", "netsharegetinfo Docs 2"):
            expect_refusal(client, command)


def expect_refusal(client, command):
    try:
        client.rpc(command)
    except Failed:
        return
    raise Failed(f"{command} succeeded")


def refusals(build):
    """What is not there is refused in the words of the protocol, and the pipe lives on."""
    with Server(build, shares=SHARES) as s:
        client = Smbclient(s)
        for command in ("netsharegetinfo nothing-such 2", "netsharedel share"):
            expect_refusal(client, command)
        client.rpc("srvinfo")
        with Raw(s) as r:
            tree = r.ready("IPC$")
            got = r.call(raw.CREATE, raw.create_body("no-such-pipe"), "sign", tree=tree)
            expect(got.status, 0xC0000034, "open of an unknown pipe")
            got = r.call(raw.CREATE, raw.create_body("..\\share\\x"), "sign", tree=tree)
            if got.status == raw.SUCCESS:
                raise Failed("a path led out of IPC$")


def lsa(build):
    with Server(build) as s:
        client = Smbclient(s)
        out = client.rpc("lsaquery")
        if "WORKGROUP" not in out.upper() and "S-1-5-21" not in out:
            raise Failed("lsaquery names no domain")
        out = client.rpc("lookupnames nobody")  # an account that every machine has
        if "S-1-22-1-" not in out:
            raise Failed("a Unix account has no SID")


def disabled(build):
    with Server(build, {"enable_ipc": "false"}) as s:
        expect(Smbclient(s, share="IPC$").refused("ls"), "NT_STATUS_BAD_NETWORK_NAME", "IPC$ when disabled")
        Smbclient(s)("ls")


def tests(build):
    for dialect in DIALECTS:
        yield Test(f"ipc.share-list.{dialect}", functools.partial(share_list, build, dialect))
    for f in (server_info, share_enumeration, refusals, lsa, disabled):
        yield Test(f"ipc.{f.__name__.replace('_', '-')}", functools.partial(f, build))
