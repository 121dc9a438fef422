"""Messages that no client sends: cut, bent, repeated, out of turn. Each meets its documented end, and the server lives."""
import functools
import os
import socket
import struct
import time

from harness.testing import Failed, Test

from peer import raw
from peer.files import expect, pattern, write
from peer.lifecycle import eventually
from peer.raw import Disconnected, Dropped, Raw
from peer.relay import Relay, TO_SERVER
from peer.server import Server, scratch
from peer.smbclient import DIALECTS, Smbclient

CLOSE_SECONDS = 10
HEADER_LEN = 64
TRANSFORM_LEN = 52


def recorded(server, dialect, tmp):
    """What smbclient sends in a session with a bit of everything."""
    write(f"{tmp}/small", b"some text")
    with Relay(server.port) as relay:
        Smbclient(server, dialect, port=relay.port)(f"put {tmp}/small a", "ls", f"get a {tmp}/b", "rename a c", "del c", "mkdir d", "rmdir d")
        return relay.stream(TO_SERVER)


def send_cut(server, data):
    """Send, say no more, read until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), CLOSE_SECONDS) as s:
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
        except socket.timeout:
            raise Failed(f"after {len(data)} bytes and the end of the stream the connection stayed open") from None
        except OSError:
            pass  # the server need not have read to the end


def cut_stream(build, dialect, step=1):
    """Each truncation of a recorded session's bytes: the server closes, and serves the next client."""
    with Server(build) as s, scratch() as tmp:
        stream = recorded(s, dialect, tmp)
        for length in range(0, len(stream), step):
            send_cut(s, stream[:length])
        s.alive()
        Smbclient(s, dialect)("ls")
        return f"{len(range(0, len(stream), step))} cuts"


def requests(client, tree, file_id, folder_id):
    """{name: (command, body)}: one right request of each kind, on the ids given."""
    return {
        "tree_connect": (raw.TREE_CONNECT, client.tree_connect_body()),
        "create": (raw.CREATE, raw.create_body("another", disposition=1, contexts=create_context())),
        "close": (raw.CLOSE, raw.close_body(bytes(16))),
        "flush": (raw.FLUSH, raw.flush_body(file_id)),
        "read": (raw.READ, raw.read_body(file_id, 10)),
        "write": (raw.WRITE, raw.write_body(file_id, b"data to be written")),
        "lock": (raw.LOCK, raw.lock_body(file_id)),
        "ioctl": (raw.IOCTL, raw.ioctl_body(0x00060194, data=b"\4\0\\\0a\0\0\0")),
        "echo": (raw.ECHO, raw.ECHO_BODY),
        "query_directory": (raw.QUERY_DIRECTORY, raw.query_directory_body(folder_id, "*.txt")),
        "change_notify": (raw.CHANGE_NOTIFY, raw.notify_body(bytes(16))),
        "query_info": (raw.QUERY_INFO, raw.query_info_body(file_id)),
        "set_info": (raw.SET_INFO, raw.set_info_body(file_id, struct.pack("<Q", 5))),
    }


def create_context(name=b"MxAc", data=bytes(8)):
    return struct.pack("<IHHHHI", 0, 16, 4, 0, 24, len(data)) + name + bytes(4) + data


def connected(server, dialect, how, security_mode=1):
    """(client, tree, file, folder): a session to send bad requests on."""
    client = Raw(server, dialect)
    client.negotiate(security_mode=security_mode)
    client.logon(security_mode=security_mode)
    tree = client.tree(how="encrypt" if how == "encrypt" else "sign")
    file_id = raw.file_id_of(client.expect(raw.CREATE, raw.create_body("file"), how, tree=tree))
    folder_id = raw.file_id_of(client.expect(raw.CREATE, raw.create_body("", access=0x81, options=1), how, tree=tree))
    return client, tree, file_id, folder_id


def send_protected(client, message, how):
    """Protect what is long enough to be protected; send the rest as it is."""
    if how == "sign" and len(message) < HEADER_LEN:
        how = "plain"
    client.send_frame(client.protect(message, how))


def cut_messages(build, dialect, how):
    """Each truncation of each request, rightly framed and protected, in a living session.

    What is shorter than the header ends the connection; what lost a part of its body is answered with an error.
    """
    cuts, accepted = 0, []
    with Server(build) as s:
        client, *ids = connected(s, dialect, how)
        names = list(requests(client, *ids))
        if (dialect, how) == ("3.1.1", "plain"):
            names.remove("tree_connect")  # unprotected it ends the connection, whole or cut
        for name in names:
            length = len(requests(client, *ids)[name][1])
            for kept in range(HEADER_LEN + length - 1, -1, -1):
                command, body = requests(client, *ids)[name]
                message = client.message(command, body, tree=ids[0])
                send_protected(client, message[:kept], how)
                try:
                    got = client.answer(CLOSE_SECONDS)
                except Disconnected:
                    if kept >= HEADER_LEN + 2:
                        accepted.append(f"{name} cut to {kept}: disconnected")
                    client.socket.close()
                    client, *ids = connected(s, dialect, how)
                else:
                    if got.status == raw.SUCCESS and length - (kept - HEADER_LEN) > spare(name):
                        accepted.append(f"{name} cut to {kept}: succeeded")
                cuts += 1
            client.expect(raw.ECHO, raw.ECHO_BODY, how)
        client.socket.close()
        s.alive()
    print("\n".join(accepted))
    if accepted:
        raise Failed(f"{len(accepted)} of {cuts}: {accepted[0]}")
    return f"{cuts} cuts"


def spare(name):
    """Bytes at the end of our own request that carry nothing: the one byte of an empty buffer."""
    return {"read": 1, "query_info": 1}.get(name, 0)


def bit_flips(build, dialect):
    """Every bit of a signed message and of a sealed one: nothing gets through to a client that demanded signing."""
    counts = []
    with Server(build) as s:
        path = s.put("file", b"untouched")
        for how in ("sign", "encrypt") if dialect.startswith("3") else ("sign",):
            client, tree, file_id, _ = connected(s, dialect, how, security_mode=3)
            length = len(client.protect(client.message(raw.WRITE, raw.write_body(file_id, b"forged"), message_id=0), how))
            counts.append(length * 8)
            for bit in range(length * 8):
                body = raw.write_body(file_id, b"forged")
                message = bytearray(client.protect(client.message(raw.WRITE, body, tree=tree), how))
                message[bit // 8] ^= 1 << bit % 8
                client.send_frame(bytes(message))
                if not refused(client):
                    raise Failed(f"{how}: accepted with bit {bit} flipped")
                if not alive(client, how):
                    client.socket.close()
                    client, tree, file_id, _ = connected(s, dialect, how, security_mode=3)
            client.socket.close()
        with open(path, "rb") as f:
            expect(f.read(), b"untouched", "the file")
        s.alive()
    return f"{counts} bits"


def alive(client, how):
    try:
        return client.call(raw.ECHO, raw.ECHO_BODY, how, seconds=CLOSE_SECONDS).status == raw.SUCCESS
    except (Disconnected, ConnectionError):
        return False


def refused(client):
    """The bent message met an error or the end of the connection."""
    try:
        return client.answer(CLOSE_SECONDS).status != raw.SUCCESS
    except Disconnected:
        return True


def meets(what, action):
    """The action ends so: with what it returns, or, what being None, with the connection."""
    try:
        got = action()
    except Disconnected:
        got = "DISC"
    except Dropped:
        got = "DROP"
    expect(got, "DISC" if what is None else what, "outcome")


def out_of_turn(build):
    """Rules that depend on no parameter ([MS-SMB2] 3.3.5.2, 3.3.5.3, 3.3.5.4)."""
    with Server(build) as s:
        with Raw(s) as c:
            meets(None, lambda: c.call(raw.ECHO, raw.ECHO_BODY))  # before NEGOTIATE
        with Raw(s) as c:
            c.negotiate()
            meets(None, c.negotiate)  # a second one
        with Raw(s, "2.1") as c:
            body = struct.pack("<HHHHI16s8sHH", 36, 1, 1, 0, 0, bytes(16), bytes(8), 0x210, 0)
            meets(raw.INVALID_PARAMETER, lambda: c.call(raw.NEGOTIATE, body, flags=raw.SIGNED).status)
        with Raw(s) as c:
            tree = c.ready()
            meets(None, lambda: c.call(raw.ECHO, raw.ECHO_BODY, "sign", message_id=1))  # an id that was used
        with Raw(s) as c:
            c.ready()
            meets(None, lambda: c.call(raw.ECHO, raw.ECHO_BODY, "sign", message_id=1 << 40))  # and one far ahead
        with Raw(s) as c:
            tree = c.ready()
            meets(0xC00000C9, lambda: c.call(raw.CREATE, raw.create_body("x"), "sign", tree=tree + 77).status)
        with Raw(s, "2.1") as c:
            c.ready()
            meets(raw.USER_SESSION_DELETED,
                  lambda: c.call(raw.TREE_CONNECT, c.tree_connect_body(), session=1234567).status)
        s.alive()


def transforms(build):
    """0xFD where it cannot be, or wrong: the connection ends."""
    with Server(build) as s:
        with Raw(s, "2.1") as c:
            c.ready()
            c.seal_key, c.cipher = bytes(16), raw.CIPHERS["AES-128-CCM"]
            meets(None, lambda: c.call(raw.ECHO, raw.ECHO_BODY, "encrypt"))
        for change in ("tag", "size", "session", "nested", "inner session", "flags"):
            with Raw(s) as c:
                c.ready()
                message = c.message(raw.ECHO, raw.ECHO_BODY, session=c.session ^ 1 if change == "inner session" else None)
                frame = c.seal(message)
                if change == "nested":
                    frame = c.seal(frame)
                elif change == "session":
                    frame = c.seal(message, session=c.session ^ 1)
                elif change != "inner session":
                    at = {"tag": 4, "size": 36, "flags": 42}[change]
                    frame = frame[:at] + bytes([frame[at] ^ 3]) + frame[at + 1:]
                c.send_frame(frame)
                meets(None, lambda: c.answer(CLOSE_SECONDS))
        s.alive()


def validate_negotiate(build):
    """FSCTL_VALIDATE_NEGOTIATE_INFO: the truth is confirmed, signed; a lie ends the connection; so does 3.1.1's."""
    def info(c, dialect, mode=1):
        return raw.ioctl_body(0x00140204, data=struct.pack("<I16sHHH", 0x7F, b"tsmb-peer-client", mode, 1, dialect))
    with Server(build) as s:
        for dialect in ("3.0", "3.0.2"):
            with Raw(s, dialect) as c:
                tree = c.ready()
                got = c.expect(raw.IOCTL, info(c, c.revision), "sign", tree=tree)
                expect(struct.unpack_from("<I16sHH", got.body, 48)[3], c.revision, "dialect confirmed")
                expect(got.protection, "sign", "its protection")
            for lie in ((0x202, 1), (c.revision, 3)):
                with Raw(s, dialect) as c:
                    tree = c.ready()
                    meets(None, lambda: c.call(raw.IOCTL, info(c, *lie), "sign", tree=tree))
        with Raw(s) as c:
            tree = c.ready()
            meets(None, lambda: c.call(raw.IOCTL, info(c, 0x311), "sign", tree=tree))


def validate_negotiate_cut(build):
    """FSCTL_VALIDATE_NEGOTIATE_INFO whose dialects are none, or more than there are, or cut anywhere: never confirmed."""
    head = struct.pack("<I16sH", 0x7F, b"tsmb-peer-client", 1)
    whole = head + struct.pack("<HH", 1, 0x302)
    met = set()
    with Server(build) as s:
        for data in (head + struct.pack("<H", 0), head + struct.pack("<HH", 0, 0x302), head + struct.pack("<HH", 2, 0x302),
                     head + struct.pack("<HH", 65535, 0x302), *(whole[:n] for n in range(len(whole)))):
            with Raw(s, "3.0.2") as c:
                tree = c.ready()
                try:
                    status = c.call(raw.IOCTL, raw.ioctl_body(0x00140204, data=data), "sign", tree=tree).status
                except Disconnected:
                    status = None
                if status == raw.SUCCESS:
                    raise Failed(f"confirmed: {data.hex()}")
                met.add(status)
        with Raw(s, "3.0.2") as c:
            c.expect(raw.IOCTL, raw.ioctl_body(0x00140204, data=whole), "sign", tree=c.ready())
    return "met " + ", ".join(sorted("the end" if m is None else f"{m:#x}" for m in met))


def large_before_logon(build):
    """More than 64 KiB before a session is valid ends the connection at once, whatever length is promised."""
    with Server(build) as s:
        for length in (65 * 1024, 1 << 20, 0xFFFFFF):
            with Raw(s) as c:
                c.socket.sendall(struct.pack(">I", length))
                meets(None, lambda: c.receive(CLOSE_SECONDS))
        for first in (0x81, 0x85, 0xFF):  # NetBIOS session request, keep-alive, nonsense
            with Raw(s) as c:
                c.socket.sendall(bytes([first, 0, 0, 4]) + b"abcd")
                meets(None, lambda: c.receive(CLOSE_SECONDS))
        s.alive()


def logon_deadline(build):
    """A connection that does not log on is closed after 45 s; one that has stays."""
    with Server(build) as s:
        with Raw(s) as idle, Raw(s) as half, Raw(s) as good:
            half.negotiate()
            good.ready()
            for c in (idle, half):
                meets(None, lambda: c.receive(60))
            good.expect(raw.ECHO, raw.ECHO_BODY, "sign")


def is_let_in(server):
    try:
        with Raw(server) as c:
            c.ready()
    except (Disconnected, ConnectionError):
        return False
    return True


def connections_max(build):
    """One more than allowed is refused; those there are untouched, and a place that is left is free again."""
    with Server(build, {"connections_max": "3"}) as s:
        held = [Raw(s) for _ in range(3)]
        for c in held:
            c.ready()
        with Raw(s) as c:
            meets(None, c.negotiate)
        for c in held:
            c.expect(raw.ECHO, raw.ECHO_BODY, "sign")
        held.pop().socket.close()
        eventually(lambda: is_let_in(s), "the place of a connection that left is given out again")
        for c in held:
            c.socket.close()


def long_compound(build):
    """READs whose answers together exceed one message: those that do not fit fail, and nothing else does."""
    with Server(build) as s:
        os.truncate(s.put("file", b""), 8 << 20)
        for dialect, how in (("2.1", "plain"), ("3.1.1", "sign"), ("3.1.1", "encrypt")):
            with Raw(s, dialect) as c:
                tree = c.ready(how="encrypt" if how == "encrypt" else "sign")
                file_id = raw.file_id_of(c.expect(raw.CREATE, raw.create_body("file"), how, tree=tree, credits=1000))
                charge = -(-c.read_max // 65536)
                c.compound([(raw.READ, raw.read_body(file_id, c.read_max))] * 3 + [(raw.ECHO, raw.ECHO_BODY)], how, tree=tree, charge=charge)
                expect([a.status for a in c.receive()], [raw.SUCCESS, 0xC000009A, 0xC000009A, raw.SUCCESS], "answers")
                c.expect(raw.ECHO, raw.ECHO_BODY, how)


def resident(server):
    """Bytes of memory that the server has in use."""
    with open(f"/proc/{server.process.pid}/statm") as f:
        return int(f.read().split()[1]) * 4096


def not_reading(build, reads=300, length=1 << 20):
    """A client that asks for much and reads nothing: it costs little memory, nobody else notices, and it can go on."""
    with Server(build) as s:
        s.put("file", pattern(length, "data"))
        for dialect, how in (("2.1", "plain"), ("3.1.1", "encrypt")):
            with Raw(s, dialect) as c:
                tree = c.ready(how="encrypt" if how == "encrypt" else "sign")
                file_id = raw.file_id_of(c.expect(raw.CREATE, raw.create_body("file"), how, tree=tree, credits=8000))
                before = resident(s)
                for _ in range(reads):
                    c.send(raw.READ, raw.read_body(file_id, length), how, tree=tree, charge=16, credits=0)
                time.sleep(1)
                grown = resident(s) - before
                if grown > 80 << 20:
                    raise Failed(f"{dialect}: {grown >> 20} MiB for one client that does not read")
                Smbclient(s)("ls")
                for _ in range(reads):
                    expect(c.receive()[0].status, raw.SUCCESS, "READ")
                c.expect(raw.ECHO, raw.ECHO_BODY, how)


def waiting_max(build, bound=512, each=16):
    """A connection has so many requests waiting for something, and no more; one that ends makes room for the next."""
    with Server(build) as s, Raw(s) as c:
        tree = c.ready()
        waiting = []
        for n in range(bound + 1):
            if n % each == 0:
                folder = raw.file_id_of(c.expect(raw.CREATE, raw.create_body("", access=0x81, options=1), "sign", tree=tree))
            waiting.append(c.send(raw.CHANGE_NOTIFY, raw.notify_body(folder), "sign", tree=tree))
            expect(c.receive()[0].status, raw.PENDING if n < bound else 0xC000009A, f"CHANGE_NOTIFY {n}")
        c.send(raw.CANCEL, raw.ECHO_BODY, "sign", message_id=waiting[0])
        expect(c.answer().status, 0xC0000120, "the one that was cancelled")
        c.send(raw.CHANGE_NOTIFY, raw.notify_body(folder), "sign", tree=tree)
        expect(c.receive()[0].status, raw.PENDING, "one more in its place")


def tests(build, quick=False):
    for dialect in DIALECTS:
        yield Test(f"attack.cut-stream.{dialect}", functools.partial(cut_stream, build, dialect, 7 if quick else 1), limit=180)
    for dialect in raw.DIALECTS:
        for how in ("plain", "sign", "encrypt") if dialect[0] == "3" else ("plain", "sign"):
            if not quick or how == "encrypt" or dialect == "2.1":
                yield Test(f"attack.cut-messages.{dialect}.{how}", functools.partial(cut_messages, build, dialect, how), limit=240)
        if not quick or dialect == "3.1.1":
            yield Test(f"attack.bit-flips.{dialect}", functools.partial(bit_flips, build, dialect), limit=240)
    for f in (out_of_turn, transforms, validate_negotiate, validate_negotiate_cut, large_before_logon, connections_max, long_compound, not_reading,
              waiting_max):
        yield Test(f"attack.{f.__name__.replace('_', '-')}", functools.partial(f, build))
    if not quick:
        yield Test("attack.logon-deadline", functools.partial(logon_deadline, build), limit=90)
