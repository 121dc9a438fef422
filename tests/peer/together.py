"""Signed requests that reach the server in one piece: it verifies them together, and judges each by itself."""
import functools
import struct

from harness.testing import Failed, Test

from peer import raw
from peer.files import expect
from peer.raw import Dropped, Raw
from peer.server import Server

MANY = 150  # more than are verified in one go
CLIENTS = {"2.1": {}, "3.0.2": {}, "3.1.1": {"signings": ("AES-CMAC",)}}  # HMAC-SHA256, AES-CMAC, AES-CMAC
REQUIRED = {"require_message_signing": "true"}
SESSION_DELETED = 0xC0000203


def at_once(client, messages):
    client.socket.sendall(b"".join(struct.pack(">I", len(m)) + m for m in messages))


def echoes(client, count):
    return [client.sign(client.message(raw.ECHO, raw.ECHO_BODY)) for _ in range(count)]


def bent(message, bit):
    """One bit of the signature is another."""
    at = 48 + bit // 8
    return message[:at] + bytes([message[at] ^ 1 << bit % 8]) + message[at + 1:]


def id_of(message):
    return struct.unpack_from("<Q", message, 24)[0]


def ready(server, dialect):
    """A connection with credits for MANY requests."""
    client = Raw(server, dialect, **CLIENTS[dialect])
    client.ready()
    client.expect(raw.ECHO, raw.ECHO_BODY, "sign", credits=MANY + 64)
    return client


def all_right(build, dialect):
    """Each is answered, signed, in order."""
    with Server(build, REQUIRED) as s, ready(s, dialect) as c:
        for count in (1, 2, 3, 17, 64, 65, MANY):
            sent = echoes(c, count)
            at_once(c, sent)
            for m in sent:
                got = c.answer()
                expect((got.status, got.protection, got.message_id), (raw.SUCCESS, "sign", id_of(m)), f"one of {count}")


def one_wrong(build, dialect):
    """Where signing is demanded a wrong one leaves no trace, wherever it stands, and its id is still to be had."""
    with Server(build, REQUIRED) as s, ready(s, dialect) as c:
        for at in range(0, 20, 3):
            sent = echoes(c, 20)
            at_once(c, [bent(m, at * 6) if n == at else m for n, m in enumerate(sent)])
            answered = [c.answer().message_id for _ in range(19)]
            expect(answered, [id_of(m) for n, m in enumerate(sent) if n != at], f"all but number {at}")
            try:
                raise Failed(f"a wrong signature was answered with {c.receive(0.1)[0].status:#x}")
            except Dropped:
                pass
            c.send_frame(sent[at])
            expect(c.answer().message_id, id_of(sent[at]), "the same, rightly signed")


def one_refused(build, dialect):
    """Where signing is not demanded it is refused; neither its neighbours nor those of other connections are."""
    with Server(build) as s, ready(s, dialect) as c, ready(s, dialect) as other:
        sent, others = echoes(c, MANY), echoes(other, MANY)
        at_once(c, [bent(m, n % 128) if n % 7 == 3 else m for n, m in enumerate(sent)])
        at_once(other, others)
        for n in range(MANY):
            expect(c.answer().status, raw.ACCESS_DENIED if n % 7 == 3 else raw.SUCCESS, f"number {n}")
            expect(other.answer().status, raw.SUCCESS, f"the other's number {n}")


def swapped_keys(build, dialect):
    """What is rightly signed for one session is wrong for another of the same connection, in the same piece."""
    with Server(build) as s, ready(s, dialect) as c, ready(s, dialect) as other:
        mine = c.message(raw.ECHO, raw.ECHO_BODY)
        at_once(c, [other.sign(mine), *echoes(c, 5)])
        expect([c.answer().status for _ in range(6)], [raw.ACCESS_DENIED] + 5 * [raw.SUCCESS], "signed by the other first")


def logoff_amid(build, dialect):
    """The signature was right and the key is still there, but the session ended before."""
    with Server(build, REQUIRED) as s, ready(s, dialect) as c:
        tree = c.tree()
        file_id = raw.file_id_of(c.expect(raw.CREATE, raw.create_body("file"), "sign", tree=tree))
        late = {raw.LOGOFF: raw.LOGOFF_BODY, raw.WRITE: raw.write_body(file_id, b"too late"), raw.ECHO: raw.ECHO_BODY}
        at_once(c, echoes(c, 3) + [c.sign(c.message(command, body, tree=tree)) for command, body in late.items()])
        expect([c.answer().status for _ in range(3)], 3 * [raw.SUCCESS], "before")
        got = {a.command: a.status for a in (c.answer() for _ in late)}  # LOGOFF waits until the file is closed
        expect(got, {raw.LOGOFF: raw.SUCCESS, raw.WRITE: SESSION_DELETED, raw.ECHO: SESSION_DELETED}, "LOGOFF and after it")
        with open(f"{s.folder('share')}/file", "rb") as f:
            expect(f.read(), b"", "the file")


def mixed(build, dialect):
    """Signed, encrypted and bare ones in one piece keep their order."""
    other = "encrypt" if dialect[0] == "3" else "plain"
    kinds = ("sign", other, "sign", "sign", "plain", "sign", other, "plain", "sign")
    with Server(build) as s, ready(s, dialect) as c:
        sent = [c.message(raw.ECHO, raw.ECHO_BODY) for _ in kinds]
        at_once(c, [c.protect(m, how) for m, how in zip(sent, kinds)])
        for m, how in zip(sent, kinds):
            got = c.answer()
            expect((got.status, got.message_id, got.protection), (raw.SUCCESS, id_of(m), how), how)


def echoed(client, data):
    """What is stored comes back, signed and encrypted."""
    tree = client.ready()
    data = data.encode() * 3000
    file_id = raw.file_id_of(client.expect(raw.CREATE, raw.create_body("file"), "encrypt", tree=tree))
    for how, other in (("sign", "encrypt"), ("encrypt", "sign")):
        client.expect(raw.WRITE, raw.write_body(file_id, data), how, tree=tree)
        got = client.expect(raw.READ, raw.read_body(file_id, 65536), other, tree=tree)
        expect((got.protection, got.body[16:]), (other, data), f"written by {how}, read by {other}")


def each_way(build):
    """The same answers, however they are computed; what this machine cannot do, or nobody can, keeps the server from starting."""
    ways = []
    for name in ("openssl", "ipsec-mb", "aes-ni", "vaes", "sha-ni", "nonsense"):
        try:
            with Server(build, REQUIRED, before=("env", f"TSMB_CRYPTO={name}")) as s:
                for dialect in CLIENTS:
                    with ready(s, dialect) as c:
                        sent = echoes(c, 40)
                        at_once(c, sent)
                        expect([c.answer().message_id for _ in sent], [id_of(m) for m in sent], f"{name}, {dialect}")
                for cipher in ("AES-128-GCM", "AES-256-GCM", "AES-128-CCM"):
                    with Raw(s, ciphers=(cipher,), signings=("AES-GMAC",)) as c:
                        echoed(c, name + cipher)
                ways.append(name)
        except Failed as e:
            if "TSMB_CRYPTO in the environment names what is not there" not in str(e):
                raise
    if "openssl" not in ways or "nonsense" in ways:
        raise Failed(f"the server started with {ways}")
    return " ".join(ways)


def tests(build):
    yield Test("together.each-way", functools.partial(each_way, build))
    for dialect in CLIENTS:
        for f in (all_right, one_wrong, one_refused, swapped_keys, logoff_amid, mixed):
            yield Test(f"together.{f.__name__.replace('_', '-')}.{dialect}", functools.partial(f, build, dialect))
