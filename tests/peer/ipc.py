"""IPC$ and its pipes: what smbclient -L, rpcclient and Windows Explorer ask."""
import functools
import random
import re
import struct
import uuid

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


PIPE_EMPTY, PIPE_BROKEN, CANCELLED, CLOSED = 0xC00000D9, 0xC000014B, 0xC0000120, 0xC0000128
SRVSVC = uuid.UUID("4b324fc8-1670-01d3-1278-5a47bf6ee188").bytes_le + struct.pack("<HH", 3, 0)
NDR = uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860").bytes_le + struct.pack("<HH", 2, 0)
BIND_ACK, BIND_NAK = 12, 13


def bind_pdu(call):
    body = struct.pack("<HHIBBHHBB", 4280, 4280, 0, 1, 0, 0, 0, 1, 0) + SRVSVC + NDR
    return struct.pack("<BBBBIHHI", 5, 0, 11, 3, 0x10, 16 + len(body), 0, call) + body


def answers(r, count):
    """{message id: answer}, none of them interim."""
    found = {}
    while len(found) < count:
        for one in r.receive():
            if one.status != raw.PENDING:
                found[one.message_id] = one
    return found


def waits(r, what):
    expect(hex(r.receive()[0].status), hex(raw.PENDING), what)


def kind_of(got):
    expect(hex(got.status), hex(raw.SUCCESS), "READ")
    return got.body[16 + 2]  # PTYPE


def reads_wait(build):
    """A READ waits for what a later WRITE brings, the oldest first; CANCEL and the end of the pipe end it. [MS-SMB2] 3.3.5.12"""
    with Server(build) as s, Raw(s) as r:
        tree = r.ready("IPC$")
        f = raw.file_id_of(r.expect(raw.CREATE, raw.create_body("srvsvc"), "sign", tree=tree))
        reads = [r.send(raw.READ, raw.read_body(f, 4280), "sign", tree=tree) for _ in range(3)]
        for _ in reads:
            waits(r, "a READ of an empty pipe")
        write = r.send(raw.WRITE, raw.write_body(f, bind_pdu(1) + bind_pdu(2)), "sign", tree=tree)
        got = answers(r, 3)
        expect(set(got), {write, *reads[:2]}, "who was answered")
        expect([kind_of(got[mid]) for mid in reads[:2]], [BIND_ACK, BIND_NAK], "what the READs brought")
        r.send(raw.CANCEL, raw.ECHO_BODY, "sign", message_id=reads[2])
        expect(hex(answers(r, 1)[reads[2]].status), hex(CANCELLED), "a READ that was cancelled")
        r.compound([(raw.READ, raw.read_body(f, 4280)), (raw.WRITE, raw.write_body(f, bind_pdu(3)))], "sign", tree=tree)
        expect([hex(a.status) for a in r.receive()], [hex(PIPE_EMPTY), hex(raw.SUCCESS)], "a READ before what it would wait for")
        expect(kind_of(r.call(raw.READ, raw.read_body(f, 4280), "sign", tree=tree)), BIND_NAK, "an answer that waits for its READ")
        read = r.send(raw.READ, raw.read_body(f, 4280), "sign", tree=tree)
        waits(r, "one more")
        close = r.send(raw.CLOSE, raw.close_body(f), "sign", tree=tree)
        got = answers(r, 2)
        expect([hex(got[mid].status) for mid in (read, close)], [hex(PIPE_BROKEN), hex(raw.SUCCESS)], "READ and CLOSE")


def end_all(r, ids, seen):
    """Until each of ids has its answer; statuses by command into seen."""
    while ids:
        for one in r.receive():
            if one.status != raw.PENDING:
                seen.setdefault(one.command, set()).add(one.status)
                ids.discard(one.message_id)


def two_channels(build, rounds=300):
    """One pipe from two connections, READ, WRITE, CANCEL and CLOSE in any order: each request is answered, and rightly."""
    seed = random.randrange(2**32)
    print("seed", seed)
    rng, seen = random.Random(seed), {}
    with Server(build) as s, Raw(s) as home, Raw(s) as further:
        tree = home.ready("IPC$")
        further.negotiate()
        expect(hex(further.bind(home).status), hex(raw.SUCCESS), "binding")
        for _ in range(rounds):
            f = raw.file_id_of(home.expect(raw.CREATE, raw.create_body("srvsvc"), "sign", tree=tree))
            ids, reads = {home: set(), further: set()}, []
            for step in range(rng.randrange(2, 9)):
                r, what = rng.choice((home, further)), rng.choice(("read", "read", "write", "cancel"))
                if what == "read":
                    reads.append((r, r.send(raw.READ, raw.read_body(f, 4280), "sign", tree=tree)))
                    ids[r].add(reads[-1][1])
                elif what == "write":
                    ids[r].add(r.send(raw.WRITE, raw.write_body(f, bind_pdu(1) * rng.randrange(1, 4)), "sign", tree=tree))
                elif reads:
                    r, number = rng.choice(reads)
                    r.send(raw.CANCEL, raw.ECHO_BODY, "sign", message_id=number)
            r = rng.choice((home, further))
            ids[r].add(r.send(raw.CLOSE, raw.close_body(f), "sign", tree=tree))
            for r in (home, further):
                end_all(r, ids[r], seen)
    expect(seen[raw.READ] <= {raw.SUCCESS, PIPE_BROKEN, CANCELLED, CLOSED}, True, f"READ: {seen[raw.READ]}")
    expect(seen[raw.WRITE] <= {raw.SUCCESS, PIPE_BROKEN, CLOSED}, True, f"WRITE: {seen[raw.WRITE]}")
    expect(seen[raw.CLOSE], {raw.SUCCESS}, "CLOSE")


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
    for f in (server_info, share_enumeration, refusals, reads_wait, two_channels, lsa, disabled):
        yield Test(f"ipc.{f.__name__.replace('_', '-')}", functools.partial(f, build))
