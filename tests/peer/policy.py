"""The policy matrix over the wire: every combination of the parameters, dialects and protections.

tests/vectors/policy-matrix.txt says what each row means. A unit test holds the function that decides against the same
rows; here the whole server is.
"""
import functools
import itertools
import os
import struct

from harness.testing import TOP, Failed, Test

from peer import raw
from peer.raw import Disconnected, Dropped, Raw
from peer.server import Server

MATRIX = os.path.join(TOP, "tests", "vectors", "policy-matrix.txt")
DROP_SECONDS = 0.4
CLIENT = {"plain": "plain", "signed": "sign", "encrypted": "encrypt"}
ANSWER = {"plain": "plain", "sign": "signed", "encrypt": "enc"}
STATUS = {raw.SUCCESS: "OK", raw.ACCESS_DENIED: "ACC"}
OPEN_ROOT = raw.create_body("", access=0x81, options=1)


def rows():
    """{(R, G, S, U): [(dialect, client, SS, TC, OP)]}"""
    found = {}
    with open(MATRIX) as f:
        for line in f:
            cells = line.rstrip("\n").split("\t")
            if len(cells) >= 9 and cells[0] in "01":
                found.setdefault(tuple(cells[:4]), []).append(tuple(cells[4:9]))
    return found


def outcome(client, command, body, how, tree=0):
    """What one request meets, in the words of the matrix."""
    message_id = client.next_id
    try:
        got = client.call(command, body, how, tree=tree, seconds=DROP_SECONDS)
    except Disconnected:
        return "DISC"
    except Dropped:
        again = "encrypt" if client.session_flags & raw.SESSION_ENCRYPT else "sign"
        served = client.call(command, body, again, tree=tree, message_id=message_id)
        if served.status != raw.SUCCESS:
            raise Failed(f"after a drop the same message id, protected, met {served.status:#010x}") from None
        return "DROP"
    return f"{STATUS.get(got.status, hex(got.status))}/{ANSWER[got.protection]}"


def start(server, dialect, wanted):
    """A logged-on connection, and the matrix's word for how the logon went."""
    client = Raw(server, dialect, ciphers=("AES-128-GCM",))
    client.negotiate()
    if not client.seal_key:  # 2.x has none; the row sends a transform all the same
        client.seal_key, client.cipher = bytes(16), client.cipher or raw.CIPHERS["AES-128-GCM"]
    if wanted == "ACC":
        client.logon(status=raw.ACCESS_DENIED)
        return client, "ACC"
    client.logon()
    return client, "OK+ENC" if client.session_flags & raw.SESSION_ENCRYPT else "OK"


def tree_for(client, tc_met, dialect, how):
    """A tree to try a later request on: the row's own, or one connected as well as the dialect can."""
    if tc_met.startswith("OK"):
        how = CLIENT[how]
    else:
        how = "sign" if dialect.startswith("2") or not client.session_flags & raw.SESSION_ENCRYPT else "encrypt"
    return client.tree(how=how)


def check_row(server, row):
    dialect, how, ss, tc, op = row
    client, met = start(server, dialect, ss)
    with client:
        seen = [met]
        if met == "ACC":
            return (met, "-", "-") == (ss, tc, op), (met, "-", "-")
        seen.append(outcome(client, raw.TREE_CONNECT, client.tree_connect_body(), CLIENT[how]))
    if op == "-":
        return (ss, tc) == tuple(seen), (*seen, "-")
    client, _ = start(server, dialect, ss)
    with client:
        tree = tree_for(client, seen[1], dialect, how)
        seen.append(outcome(client, raw.CREATE, OPEN_ROOT, CLIENT[how], tree))
    return (ss, tc, op) == tuple(seen), tuple(seen)


def matrix(build, key):
    flag = {"0": "false", "1": "true"}
    settings = {"require_message_signing": flag[key[0]], "encrypt_data": flag[key[1]], "reject_unencrypted_access": flag[key[3]]}
    wrong, table = [], rows()[key]
    with Server(build, settings, {"share": {"encrypt_data": flag[key[2]]}}) as s:
        for row in table:
            ok, seen = check_row(s, row)
            if not ok:
                wrong.append(f"{row[0]} {row[1]}: {' '.join(seen)} where {' '.join(row[2:])} was expected")
        s.alive()
    print("\n".join(wrong))
    if wrong:
        raise Failed(f"{len(wrong)} of {len(table)} rows: {wrong[0]}")
    return f"{len(table)} rows"


def security_mode(build):
    """NEGOTIATE tells scanners the truth: signing is required, or implied by encryption that is."""
    for setting, want in (({}, 1), ({"require_message_signing": "true"}, 3), ({"reject_unencrypted_access": "true"}, 3),
                          ({"encrypt_data": "true"}, 1)):
        with Server(build, setting) as s, Raw(s) as client:
            client.negotiate()
            if client.server_mode != want:
                raise Failed(f"{setting}: SecurityMode {client.server_mode}, not {want}")


def share_overrides(build):
    """encrypt_data of a share wins over the global one, both ways; each tree says which."""
    shares = {"open": {"encrypt_data": "false"}, "sealed": {"encrypt_data": "true"}, "default": {}}
    for setting, default in (("false", False), ("true", True)):
        with Server(build, {"encrypt_data": setting}, shares) as s, Raw(s) as client:
            client.negotiate()
            client.logon()
            for name, want in (("open", False), ("sealed", True), ("default", default), ("IPC$", default)):
                client.tree(name)
                if bool(client.share_flags & raw.SHARE_ENCRYPT) != want:
                    raise Failed(f"global {setting}: share {name}: flags {client.share_flags:#x}")
            if client.session_flags & raw.SESSION_ENCRYPT:
                raise Failed("the session is announced as encrypted though one share is not")


def client_demand(build):
    """A client that asked for signing is held to it: its unsigned request is refused, not dropped."""
    with Server(build) as s:
        for dialect in raw.DIALECTS:
            with Raw(s, dialect) as client:
                client.negotiate(security_mode=3)
                client.logon(security_mode=3)
                tree = client.tree()
                got = client.call(raw.CREATE, OPEN_ROOT, "plain", tree=tree)
                if got.status != raw.ACCESS_DENIED:
                    raise Failed(f"{dialect}: unsigned request met {got.status:#010x}")
                client.expect(raw.CREATE, OPEN_ROOT, "sign", tree=tree)


def algorithms(build):
    """The server's order of preference decides, and what is not named is never used."""
    settings = {"encryption_ciphers": "AES-256-GCM, AES-128-CCM", "signing_algorithms": "AES-CMAC, HMAC-SHA256"}
    names = {v: k for k, v in raw.CIPHERS.items()}
    with Server(build, settings) as s:
        for offer, want in ((tuple(raw.CIPHERS), "AES-256-GCM"), (("AES-128-CCM", "AES-128-GCM"), "AES-128-CCM"),
                            (("AES-128-GCM",), None)):
            with Raw(s, ciphers=offer, signings=tuple(raw.SIGNINGS)) as client:
                client.ready()
                if names.get(client.cipher) != want or client.signing != raw.SIGNINGS["AES-CMAC"]:
                    raise Failed(f"offered {offer}: cipher {names.get(client.cipher)}, signing {client.signing}")


def rotations(names):
    names = tuple(names)
    return [names[n:] + names[:n] for n in range(len(names))]


def order(build):
    """The order of ciphers and of signing algorithms is followed, whatever order the client offers them in."""
    for ciphers, signings in zip(rotations(raw.CIPHERS), 2 * rotations(raw.SIGNINGS)):
        with Server(build, {"encryption_ciphers": ", ".join(ciphers), "signing_algorithms": ", ".join(signings)}) as s:
            for offer in (ciphers, tuple(reversed(ciphers)), ciphers[1:], ciphers[2:]):
                with Raw(s, ciphers=offer, signings=tuple(reversed(signings))) as client:
                    client.ready(how="encrypt")
                    want = next(c for c in ciphers if c in offer)
                    if client.cipher != raw.CIPHERS[want] or client.signing != raw.SIGNINGS[signings[0]]:
                        raise Failed(f"{ciphers}, {signings}: cipher {client.cipher}, signing {client.signing}")


def dialects(build):
    """`dialects` is the list: what is missing is not spoken."""
    with Server(build, {"dialects": "SMB2.1 SMB3.1.1"}) as s:
        for dialect in raw.DIALECTS:
            with Raw(s, dialect) as client:
                request = struct.pack("<HHHHI16s8sHH", 36, 1, 1, 0, 0, bytes(16), bytes(8), raw.DIALECTS[dialect], 0)
                if dialect in ("2.1", "3.1.1"):
                    client.ready()
                elif client.call(raw.NEGOTIATE, request).status != 0xC00000BB:
                    raise Failed(f"{dialect}: spoken though not listed")


def tests(build):
    for key in itertools.product("01", repeat=4):
        name = "".join(f"{letter}{bit}" for letter, bit in zip("RGSU", key))
        yield Test(f"policy.matrix.{name}", functools.partial(matrix, build, key), limit=120)
    for f in (security_mode, share_overrides, client_demand, algorithms, order, dialects):
        yield Test(f"policy.{f.__name__.replace('_', '-')}", functools.partial(f, build))
