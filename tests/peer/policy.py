"""The policy matrix over the wire: every combination of the parameters, dialects and protections.

tests/vectors/policy-matrix.txt says what each row means. A unit test holds the function that decides against the same
rows; here tests/policy plays them against the whole server.
"""
import functools
import itertools
import os
import re
import struct

from harness.testing import TOP, Failed, Test, command

from peer import ntlm, raw
from peer.raw import Dropped, Raw
from peer.server import SANITIZER_OPTIONS, Server, steady
from peer.smbclient import Smbclient

MATRIX = os.path.join(TOP, "tests", "vectors", "policy-matrix.txt")
ROWS = 240
SAMPLE = 11  # of the bits of a handshake, one in so many; tests/run soak takes all
OPEN_ROOT = raw.create_body("", access=0x81, options=1)
PARAMETERS = {"r": "require_message_signing", "g": "encrypt_data", "u": "reject_unencrypted_access"}
SHARES = {"open": "false", "sealed": "true"}


def servers():
    """(parameters that are true, shares): few servers on which every row can be played.

    A share that is exempt from a global encrypt_data changes what the others mean, so these do not share a server;
    but where the session is encrypted as a whole, or nothing is global, both do.
    """
    for on in itertools.chain.from_iterable(itertools.combinations("rgu", n) for n in range(4)):
        alone = "g" in on and "u" not in on
        yield from ((on, shares) for shares in (("open",), ("sealed",)) if alone)
        if not alone:
            yield on, ("open", "sealed")


def play(build, part, on, shares, *more, settings=None, whole=False):
    """What the program said, as a whole or in the end: tests/policy against a server with these parameters and shares."""
    settings = {**{PARAMETERS[letter]: "true" for letter in on}, **(settings or {})}
    with Server(build, settings, {name: {"encrypt_data": SHARES[name], "permissions": "everyone:full,anonymous:full"} for name in shares}) as s:
        folders = itertools.chain.from_iterable((f"--{name}", s.folder(name)) for name in shares)
        said = command(*steady(build), os.path.join(build, "tests", "policy", "policy"), part, "--port", str(s.port), "--password",
                       s.users["alice"], "--other-password", s.users["bob"], *(f"-{letter}" for letter in on), *folders, *more, env={**os.environ, **SANITIZER_OPTIONS})
        s.alive()
    lines = said.splitlines()
    return lines if whole else lines[-1]


def matrix(build):
    """All rows, on all servers; those that follow from them for clients without a cipher, guests and the anonymous."""
    strangers = {"allow_guest": "true", "null_session_access": "true"}
    said = [play(build, "matrix", on, shares, "--matrix", MATRIX, settings=strangers) for on, shares in servers()]
    rows, others, keyless, _ = (sum(int(n) for n in column) for column in zip(*(re.findall(r"\d+", line) for line in said)))
    if rows != ROWS:
        raise Failed(f"{rows} rows of {ROWS}")
    return f"{rows} rows on {len(said)} servers, {others} without a cipher, {keyless} of guests and the anonymous"


def events(build):
    """Bent messages under each of the eight settings: answered, dropped or the end, and never done."""
    at_once = {"auth_delay_ms": "0"}  # some are wrong passwords, whose delay is logon.py's matter
    said = [play(build, "events", on, shares, settings=at_once) for on, shares in servers() if shares[0] == "open"]
    return f"{sum(int(re.search('[0-9]+', line)[0]) for line in said)} messages on {len(said)} servers"


def tampered(build, step):
    """Handshakes of which somebody on the path changed a bit: no file where the dialect has a proof. Every step-th bit."""
    at_once = {"auth_delay_ms": "0"}  # most of them fail
    said = play(build, "tamper", "", ("open",), "--step", str(step), settings=at_once, whole=True)
    return "; ".join(said)


def matrix_can_fail(build):
    """A server that demands less than the program was told is found out."""
    with Server(build, {}, {"open": {}}) as s:
        try:
            command(os.path.join(build, "tests", "policy", "policy"), "matrix", "-r", "--port", str(s.port), "--password", s.users["alice"],
                    "--open", s.folder("open"), "--matrix", MATRIX)
        except Failed:
            return
    raise Failed("the rows of require_message_signing passed on a server without it")


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


def cannot_encrypt(build):
    """A client of 2.x is served a share with encrypt_data, whatever the others are, until reject_unencrypted_access."""
    shares = {"open": {"encrypt_data": "false"}, "sealed": {"encrypt_data": "true"}}
    for insists in (False, True):
        settings = {"encrypt_data": "true", "reject_unencrypted_access": str(insists).lower()}
        with Server(build, settings, shares) as s:
            for dialect in ("SMB2_02", "SMB2_10"):
                client = Smbclient(s, dialect, share="sealed")
                if not insists:
                    client("ls")
                elif client.refused("ls") != "NT_STATUS_ACCESS_DENIED":
                    raise Failed(f"{dialect} was not refused")
            Smbclient(s, "SMB3_11", share="sealed")("ls")


def pipes(build):
    """Named pipes obey as files do."""
    for setting, plain, answer in (("require_message_signing", None, "sign"), ("reject_unencrypted_access", raw.ACCESS_DENIED, "encrypt"),
                                   ("encrypt_data", raw.SUCCESS, "encrypt")):
        with Server(build, {setting: "true"}) as s, Raw(s) as c:
            c.negotiate()
            c.logon()
            tree = c.tree("IPC$", how="encrypt" if answer == "encrypt" else "sign")
            try:
                got = c.call(raw.CREATE, raw.create_body("srvsvc", disposition=1), "plain", tree=tree, seconds=0.3)
                met, how = got.status, got.protection
            except Dropped:
                c.next_id -= 1
                met, how = None, answer
            if (met, how) != (plain, answer):
                raise Failed(f"{setting}: a plain open of a pipe met {met}, {how}")
            got = c.expect(raw.CREATE, raw.create_body("srvsvc", disposition=1), answer, tree=tree)
            c.expect(raw.CLOSE, raw.close_body(raw.file_id_of(got)), answer, tree=tree)


def refusal_log(build):
    """Who was refused can be found: address, command, user, dialect, what was missing, and because of what."""
    for setting, missing in (("require_message_signing", "not signed"), ("reject_unencrypted_access", "not encrypted")):
        with Server(build, {setting: "true"}) as s, Raw(s) as c:
            c.negotiate()
            c.logon()
            c.send(raw.TREE_CONNECT, c.tree_connect_body())
            s.wait_text(rf'127\.0\.0\.1:{c.socket.getsockname()[1]}: TREE_CONNECT refused to user "alice", dialect 3\.1\.1: '
                        rf"the message is {missing}; parameter {setting}\n")


def keys_in_log(build):
    """At the highest level the log holds no key, hash or password, however written."""
    with Server(build, {"log_level": "5"}) as s:
        secrets = {s.users["alice"].encode(), ntlm.nt_hash(s.users["alice"])}
        for dialect in raw.DIALECTS:
            with Raw(s, dialect) as c:
                c.ready()
                secrets |= {c.sign_key, c.seal_key, c.open_key} - {None}
        if s.stop() != 0:
            raise Failed("the server did not stop")
        with open(s.log, "rb") as f:
            text = f.read()
        if b"alice" not in text:
            raise Failed("the log does not even name the user, so it showed nothing")
        for secret in secrets:
            if any(w.lower() in text.lower() for w in (secret, secret.hex().encode(), secret[::-1].hex().encode())):
                raise Failed(f"in the log: {secret.hex()}")
        return f"{len(secrets)} secrets"


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
    yield Test("policy.matrix", functools.partial(matrix, build), limit=300)
    yield Test("policy.tampered", functools.partial(tampered, build, SAMPLE), limit=120)
    yield Test("policy.events", functools.partial(events, build), limit=300)
    for f in (matrix_can_fail, security_mode, share_overrides, cannot_encrypt, pipes, refusal_log, keys_in_log, client_demand, algorithms, order, dialects):
        yield Test(f"policy.{f.__name__.replace('_', '-')}", functools.partial(f, build))


def soak_tests(build):
    yield Test("policy.tampered", functools.partial(tampered, build, 1), limit=3600)
