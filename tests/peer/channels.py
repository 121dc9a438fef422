"""Sessions with several connections: how one is bound, by whom, and what happens to the rest when one is lost."""
import functools
import os
import struct

from harness.testing import Failed, Test

from peer import caching, ntlm, raw
from peer.lifecycle import eventually
from peer.raw import Disconnected, Raw
from peer.server import Server

LOGON_FAILURE, NOT_SUPPORTED, REQUEST_NOT_ACCEPTED = 0xC000006D, 0xC00000BB, 0xC00000D0
OUT_OF_SEQUENCE, INSUFFICIENT_RESOURCES, FILE_NOT_AVAILABLE = 0xC000042A, 0xC000009A, 0xC0000467
LOCK_NOT_GRANTED = 0xC0000055
FSCTL_QUERY_NETWORK_INTERFACE_INFO = 0x001401FC
CHANNELS_MAX = 32
REPLAY = 0x20000000
SIGNING, CIPHER = "AES-GMAC", "AES-128-GCM"


def check(got, status, what):
    if got.status != status:
        raise Failed(f"{what}: {got.status:#010x} where {status:#010x} was expected")
    return got


class Home:
    """A session with a file, on a connection of its own: what no failed binding may touch."""

    def __init__(self, server, **raw_arguments):
        self.client = Raw(server, **raw_arguments)
        self.tree = self.client.ready()
        self.file = raw.file_id_of(self.client.expect(raw.CREATE, raw.create_body("home"), "sign", tree=self.tree))
        self.client.expect(raw.WRITE, raw.write_body(self.file, b"untouched"), "sign", tree=self.tree)

    def read(self, client=None, how="sign"):
        got = (client or self.client).expect(raw.READ, raw.read_body(self.file, 9), how, tree=self.tree)
        if got.body[16:25] != b"untouched" or got.protection != how:
            raise Failed("the session does not read what it wrote, as it asked")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.socket.close()


def second(server, **raw_arguments):
    client = Raw(server, **raw_arguments)
    client.negotiate()
    return client


def channel(server, home, **raw_arguments):
    client = second(server, **raw_arguments)
    check(client.bind(home.client), raw.SUCCESS, "binding")
    return client


def both_ways(server, dialect, signing, cipher):
    """What one channel writes the other reads, signed and encrypted; LOGOFF over the second ends it on the first."""
    options = {"dialect": dialect, "signings": (signing,), "ciphers": (cipher,)}
    with Home(server, **options) as home, channel(server, home, **options) as two:
        for how in ("sign", "encrypt"):
            home.read(two, how)
            data = os.urandom(100)
            two.expect(raw.WRITE, raw.write_body(home.file, data, 100), how, tree=home.tree)
            got = home.client.expect(raw.READ, raw.read_body(home.file, 100, 100), how, tree=home.tree)
            if got.body[16:] != data:
                raise Failed("the first channel does not read what the second wrote")
        two.expect(raw.LOGOFF, raw.LOGOFF_BODY, "sign")
        got = home.client.call(raw.READ, raw.read_body(home.file, 9), "sign", tree=home.tree)
        if check(got, raw.USER_SESSION_DELETED, "READ after LOGOFF over the other channel").protection != "sign":
            raise Failed("that the session has ended was told unsigned")


def every_kind(build):
    with Server(build) as s:
        for dialect in ("3.0", "3.0.2"):
            both_ways(s, dialect, "AES-CMAC", "AES-128-CCM")
        for signing in raw.SIGNINGS:
            for cipher in raw.CIPHERS:
                both_ways(s, "3.1.1", signing, cipher)


def mixed_signing(build):
    """A channel signs in the algorithm of its own connection, as long as neither is AES-GMAC."""
    with Server(build, settings={"signing_algorithms": "AES-GMAC, AES-CMAC, HMAC-SHA256"}) as s:
        for here, there in (("AES-CMAC", "HMAC-SHA256"), ("HMAC-SHA256", "AES-CMAC")):
            with Home(s, signings=(here,)) as home, channel(s, home, signings=(there,)) as two:
                home.read(two)


def other_client_guid(build):
    """Not looked at, as by Windows."""
    with Server(build) as s, Home(s) as home, Raw(s) as two:
        two.guid = os.urandom(16)
        two.negotiate()
        check(two.bind(home.client), raw.SUCCESS, "binding with another ClientGuid")
        home.read(two)


# Connection, how to bind, and the answer; nothing of the session may change.
REFUSALS = {
    "wrong-key": ({}, {"key": bytes(16)}, raw.ACCESS_DENIED),
    "wrong-user": ({}, {"user": "bob"}, raw.ACCESS_DENIED),
    "wrong-password": ({}, {"password": "guess"}, LOGON_FAILURE),
    "unsigned": ({}, {"how": "plain"}, raw.INVALID_PARAMETER),
    "other-dialect": ({"dialect": "3.0.2"}, {}, OUT_OF_SEQUENCE),
    "older-dialect": ({"dialect": "2.1"}, {}, OUT_OF_SEQUENCE),
    "other-cipher": ({"ciphers": ("AES-256-GCM",)}, {}, raw.INVALID_PARAMETER),
    "no-cipher": ({"ciphers": ()}, {}, raw.INVALID_PARAMETER),
    "other-signing": ({"signings": ("AES-CMAC",)}, {}, OUT_OF_SEQUENCE),
}
# The same with a session that signs with AES-CMAC.
CMAC_REFUSALS = {
    "other-dialect": ({"dialect": "3.0.2"}, {}, raw.INVALID_PARAMETER),
    "older-dialect": ({"dialect": "2.1"}, {}, REQUEST_NOT_ACCEPTED),
    "gmac-connection": ({}, {}, NOT_SUPPORTED),
}


def refuse(server, home, name, connection, how, status):
    with second(server, **connection) as two:
        check(two.bind(home.client, **how), status, name)
        home.read()
        two.borrow(home.client)
        two.sign_key = home.client.home_key
        check(two.call(raw.ECHO, raw.ECHO_BODY, "sign"), raw.USER_SESSION_DELETED, f"{name}: ECHO over what was not bound")
    home.read()


def refusals(build):
    with Server(build) as s, Home(s) as home:
        for name, (connection, how, status) in REFUSALS.items():
            refuse(s, home, name, connection, how, status)
        with channel(s, home) as two:  # and it can still be bound
            home.read(two)


def cmac_refusals(build):
    with Server(build) as s, Home(s, signings=("AES-CMAC",)) as home:
        for name, (connection, how, status) in CMAC_REFUSALS.items():
            refuse(s, home, name, connection, how, status)


def refused_while_in_use(build):
    """A session under way elsewhere loses nothing to a binding that fails, nor does its re-authentication."""
    with Server(build) as s, Home(s) as home, second(s) as two:
        first = ntlm.negotiate_message()
        challenge = home.client.call(raw.SESSION_SETUP, home.client.session_setup_body(ntlm.first_token(first)), "sign")
        check(challenge, raw.MORE, "re-authentication")
        check(two.bind(home.client, password="guess"), LOGON_FAILURE, "binding")
        token, key = ntlm.authenticate_message(challenge.body, first, "alice", s.users["alice"])
        body = home.client.session_setup_body(ntlm.next_token(token, ntlm.list_mic(key)))
        check(home.client.call(raw.SESSION_SETUP, body, "sign"), raw.SUCCESS, "re-authentication, second step")
        home.read()


def unknown_sessions(build):
    with Server(build) as s, Home(s) as home, second(s) as two, second(s) as early:
        two.borrow(home.client)
        token = ntlm.first_token(ntlm.negotiate_message())
        for session, status in ((0, raw.INVALID_PARAMETER), (home.client.session ^ 1, raw.USER_SESSION_DELETED)):
            got = two.call(raw.SESSION_SETUP, two.session_setup_body(token, flags=1), "sign", session=session)
            check(got, status, f"binding session {session:#x}")
        challenge = early._setup_step(token, 1)
        got = two.call(raw.SESSION_SETUP, two.session_setup_body(token, flags=1), "sign", session=challenge.session)
        check(got, REQUEST_NOT_ACCEPTED, "binding a session that is being set up")
        got = home.client.call(raw.SESSION_SETUP, home.client.session_setup_body(token, flags=1), "sign")
        check(got, REQUEST_NOT_ACCEPTED, "binding a session to its own connection")
        home.read()


def half_open(build):
    """Before its last step a binding carries nothing, and it does not keep the session alive."""
    with Server(build) as s, Home(s) as home, second(s) as two, second(s) as sealed:
        for client in (two, sealed):
            client.borrow(home.client)
            client.bind_step(ntlm.first_token(ntlm.negotiate_message()))
            check(client.receive()[0], raw.MORE, "first step of a binding")
        check(two.call(raw.READ, raw.read_body(home.file, 9), "sign", tree=home.tree), raw.USER_SESSION_DELETED, "READ")
        check(two.call(raw.LOGOFF, raw.LOGOFF_BODY, "sign"), raw.USER_SESSION_DELETED, "LOGOFF")
        got = two.call(raw.SESSION_SETUP, two.session_setup_body(b"x"), "sign")
        check(got, raw.USER_SESSION_DELETED, "SESSION_SETUP without the flag")
        try:
            sealed.call(raw.READ, raw.read_body(home.file, 9), "encrypt", tree=home.tree)
            raise Failed("an encrypted request over a binding was answered")
        except Disconnected:
            pass
        home.read()
        home.client.socket.close()
        ended(s, home, two)


def ended(server, home, client):
    """The session is gone: a request that was never bound is told so, once the server has noticed."""
    token = ntlm.first_token(ntlm.negotiate_message())
    eventually(lambda: client.call(raw.SESSION_SETUP, client.session_setup_body(token, flags=1), "sign").status == raw.USER_SESSION_DELETED,
               "the end of a session without connections")


def is_bound(server, home):
    with second(server) as client:
        return client.bind(home.client).status == raw.SUCCESS


def bounded(build):
    """32 channels, half-open ones included, and room again when one is lost."""
    with Server(build) as s, Home(s) as home:
        token = ntlm.first_token(ntlm.negotiate_message())
        clients = [channel(s, home) for _ in range(CHANNELS_MAX // 2)]
        for _ in range(CHANNELS_MAX - 1 - len(clients)):
            client = second(s)
            client.borrow(home.client)
            client.bind_step(token)
            check(client.receive()[0], raw.MORE, "a half-open channel")
            clients.append(client)
        with second(s) as more:
            check(more.bind(home.client), INSUFFICIENT_RESOURCES, "one channel too many")
            home.read(clients[0])
            clients.pop().socket.close()
            eventually(lambda: is_bound(s, home), "room for a channel after one was lost")
        for client in clients:
            client.socket.close()
        home.read()


def lost(build):
    """The connection that a session began on is lost under load: its requests end, the others' do not; then the last is."""
    with Server(build) as s, Home(s) as home, channel(s, home) as two, Raw(s) as other:
        tree = other.ready()
        for n in range(20):
            for client in (home.client, two):
                client.send(raw.WRITE, raw.write_body(home.file, bytes([n]) * 60000, 9), "sign", tree=home.tree)
        home.client.socket.close()
        for _ in range(20):
            check(two.answer(), raw.SUCCESS, "WRITE over the channel that is left")
        home.read(two)
        lock = raw.lock_body(home.file, flags=0x12)
        check(two.call(raw.LOCK, lock, "sign", tree=home.tree), raw.SUCCESS, "LOCK")
        fid = raw.file_id_of(other.expect(raw.CREATE, raw.create_body("home"), "sign", tree=tree))
        check(other.call(raw.LOCK, raw.lock_body(fid), "sign", tree=tree), LOCK_NOT_GRANTED, "the lock of another")
        two.socket.close()
        eventually(lambda: other.call(raw.LOCK, raw.lock_body(fid), "sign", tree=tree).status == raw.SUCCESS,
                   "the end of the lock of a session with its last connection")


def waits_end_with_their_connection(build):
    """A lock that a lost connection waited for is not granted to it; CANCEL reaches requests of its own connection only."""
    with Server(build) as s, Home(s) as home, channel(s, home) as two, Raw(s) as other:
        tree = other.ready()
        fid = raw.file_id_of(other.expect(raw.CREATE, raw.create_body("home"), "sign", tree=tree))
        other.expect(raw.LOCK, raw.lock_body(fid, 1000), "sign", tree=tree)
        waiting = home.client.send(raw.LOCK, raw.lock_body(home.file, 1000, flags=0x02), "sign", tree=home.tree)
        check(home.client.receive()[0], raw.PENDING, "a lock that is taken")
        two.send_frame(two.sign(two.message(raw.CANCEL, raw.ECHO_BODY, message_id=waiting)))
        home.read(two)
        home.read()  # its next answer is not that of the lock
        home.client.socket.close()
        home.read(two)
        eventually(lambda: not any(x["waiting"] for x in s.status("locks", "--json")), "the end of what the lost connection waited for")
        other.expect(raw.LOCK, raw.lock_body(fid, 1000, flags=0x04), "sign", tree=tree)
        other.expect(raw.LOCK, raw.lock_body(fid, 1000), "sign", tree=tree)


def renewed_over_another(build):
    """Re-authentication works over any channel, and where it fails the session ends on all."""
    with Server(build) as s, Home(s) as home, channel(s, home) as two:
        for password, status in ((s.users["alice"], raw.SUCCESS), ("guess", LOGON_FAILURE)):
            first = ntlm.negotiate_message()
            challenge = two.call(raw.SESSION_SETUP, two.session_setup_body(ntlm.first_token(first)), "sign")
            check(challenge, raw.MORE, "re-authentication over the second channel")
            home.read()
            token, key = ntlm.authenticate_message(challenge.body, first, "alice", password)
            body = two.session_setup_body(ntlm.next_token(token, ntlm.list_mic(key)))
            check(two.call(raw.SESSION_SETUP, body, "sign"), status, "re-authentication, second step")
            if status == raw.SUCCESS:
                home.read()
                home.read(two)
        got = home.client.call(raw.READ, raw.read_body(home.file, 9), "sign", tree=home.tree)
        check(got, raw.USER_SESSION_DELETED, "READ over the first channel")


def breaks_over_what_is_left(build):
    """The connection of the CREATE is gone: the break comes over the other, and is acknowledged there."""
    with Server(build) as s, Home(s) as home, channel(s, home) as two, Raw(s) as other:
        tree = other.ready()
        body = caching.with_oplock(raw.create_body("f"), caching.BATCH)
        fid = caching.granted(home.client.expect(raw.CREATE, body, "sign", tree=home.tree), caching.BATCH)
        home.client.socket.close()
        home.read(two)
        eventually(lambda: len(s.status("connections", "--json")) == 2, "the end of the lost connection")
        other.send(raw.CREATE, caching.with_oplock(raw.create_body("f"), caching.BATCH), "sign", tree=tree)
        if caching.oplock_level(caching.next_break(two)) != caching.LEVEL_II:
            raise Failed("broken to another level than II")
        check(other.receive(caching.SECONDS)[0], raw.PENDING, "the second open")
        caching.acknowledge(two, home.tree, fid, caching.LEVEL_II, "sign")
        caching.granted(other.answer(caching.SECONDS), caching.LEVEL_II)


def one_answer_to_one_request(build):
    """A request seen on the wire and sent again elsewhere gets no second signature under its nonce."""
    with Server(build) as s, Home(s) as home:
        client = home.client
        seen = client.sign(client.message(raw.ECHO, raw.ECHO_BODY))
        client.send_frame(seen)
        check(client.receive()[0], raw.SUCCESS, "ECHO")
        with second(s) as thief:
            thief.call(raw.ECHO, raw.ECHO_BODY, credits=512)
            thief.borrow(client)
            thief.send_frame(seen)
            got = thief.receive()[0]
            if check(got, raw.USER_SESSION_DELETED, "a request sent again").protection != "plain":
                raise Failed("the answer is signed, under the nonce of another")
            got = thief.call(raw.ECHO, raw.ECHO_BODY, "sign")  # who has the key is told signed
            if check(got, raw.USER_SESSION_DELETED, "a request for a session elsewhere").protection != "sign":
                raise Failed("the answer is not signed")
        home.read()


def interfaces(build):
    """The listener's address, with a speed and what the configuration says of its queues; nothing to those who cannot bind."""
    with Server(build) as s, Home(s) as home:
        body = raw.ioctl_body(FSCTL_QUERY_NETWORK_INTERFACE_INFO, out_max=65536)
        got = home.client.expect(raw.IOCTL, body, "sign", tree=home.tree)
        at, length = struct.unpack_from("<II", got.body, 32)
        listed = got.raw[at:at + length]
        step, index, capability, _, speed, family, _, address = struct.unpack_from("<IIIIQHH4s", listed)
        if length != 152 or step or not index or capability or speed < 1000000 or (family, address) != (2, bytes([127, 0, 0, 1])):
            raise Failed(f"told of {listed.hex()}")
    for dialect, capabilities in (("2.1", 0), ("3.1.1", 0x77)):
        with Server(build) as s, Raw(s, dialect=dialect) as client:
            client.negotiate(capabilities=capabilities)
            if client.capabilities & 8:
                raise Failed("several channels announced to who did not ask")
            client.logon()
            tree = client.tree()
            check(client.call(raw.IOCTL, body, "sign", tree=tree), NOT_SUPPORTED, dialect)


def old_sequence(build):
    """What is older than the failure of a channel does not change the file any more."""
    with Server(build) as s, Home(s) as home, channel(s, home) as two:
        write = raw.write_body(home.file, b"untouched")
        for client, fields, status in ((two, {"sequence": 1}, raw.SUCCESS), (home.client, {"sequence": 0}, FILE_NOT_AVAILABLE),
                                       (home.client, {"sequence": 0, "flags": REPLAY}, FILE_NOT_AVAILABLE),
                                       (home.client, {"sequence": 1, "flags": REPLAY}, raw.SUCCESS)):
            check(client.call(raw.WRITE, write, "sign", tree=home.tree, **fields), status, f"WRITE {fields}")
        home.read()  # a READ may be late


def tests(build):
    for run in (every_kind, mixed_signing, other_client_guid, refusals, cmac_refusals, refused_while_in_use, unknown_sessions, half_open, bounded,
                lost, waits_end_with_their_connection, renewed_over_another, breaks_over_what_is_left, one_answer_to_one_request,
                interfaces, old_sequence):
        yield Test("channels." + run.__name__.replace("_", "-"), functools.partial(run, build))
