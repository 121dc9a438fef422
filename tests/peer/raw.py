"""A small SMB2 client of our own that does what no well-behaved client does: it chooses the protection of each message,
sends what it is told however wrong, and checks every signature and tag that comes back.  [MS-SMB2] 2.2, 3.1.4
"""
import dataclasses
import hashlib
import hmac
import os
import socket
import struct

from harness.testing import Failed, Skip

from peer import ntlm

try:
    from Cryptodome.Cipher import AES
    from Cryptodome.Hash import CMAC
except ImportError:
    AES = CMAC = None

DIALECTS = {"2.0.2": 0x0202, "2.1": 0x0210, "3.0": 0x0300, "3.0.2": 0x0302, "3.1.1": 0x0311}
CIPHERS = {"AES-128-CCM": 1, "AES-128-GCM": 2, "AES-256-CCM": 3, "AES-256-GCM": 4}
SIGNINGS = {"HMAC-SHA256": 0, "AES-CMAC": 1, "AES-GMAC": 2}
(NEGOTIATE, SESSION_SETUP, LOGOFF, TREE_CONNECT, TREE_DISCONNECT, CREATE, CLOSE, FLUSH, READ, WRITE, LOCK, IOCTL, CANCEL,
 ECHO, QUERY_DIRECTORY, CHANGE_NOTIFY, QUERY_INFO, SET_INFO, OPLOCK_BREAK) = range(19)
SIGNED, RELATED, ASYNC = 0x8, 0x4, 0x2
SUCCESS, PENDING, MORE = 0, 0x103, 0xC0000016
ACCESS_DENIED, LOGON_FAILURE, INVALID_PARAMETER = 0xC0000022, 0xC000006D, 0xC000000D
USER_SESSION_DELETED = 0xC0000203
SESSION_ENCRYPT, SHARE_ENCRYPT = 0x4, 0x8000
HEADER_LEN = 64
NO_ID = b"\xff" * 16  # the previous element's file, in a related compound


class Dropped(Exception):
    """No answer in time; the connection is still there."""


class Disconnected(Exception):
    """The server closed the connection."""


@dataclasses.dataclass
class Answer:
    status: int
    command: int
    flags: int
    credits: int
    tree: int
    session: int
    message_id: int
    protection: str
    body: bytes  # from the StructureSize on
    raw: bytes


def header(command, message_id, tree=0, session=0, flags=0, charge=1, credits=64, next_command=0, sequence=0):
    return struct.pack("<4sHHIHHIIQIIQ16s", b"\xfeSMB", 64, charge, sequence, command, credits, flags, next_command, message_id,
                       0xFEFF, tree, session, bytes(16))


def kdf(key, label, context, bits=128):
    """SP800-108 in counter mode with HMAC-SHA256.  [MS-SMB2] 3.1.4.2"""
    block = struct.pack(">I", 1) + label + b"\0" + context + struct.pack(">I", bits)
    return hmac.new(key, block, hashlib.sha256).digest()[:bits // 8]


class Raw:
    """One connection. negotiate(), logon(), tree(), then call()."""

    def __init__(self, server, dialect="3.1.1", ciphers=("AES-128-GCM",), signings=("AES-GMAC",), port=None, seconds=10):
        if AES is None:
            raise Skip("python3-pycryptodome is not installed (Debian package python3-impacket brings it)")
        self.server, self.dialect, self.revision = server, dialect, DIALECTS[dialect]
        self.ciphers, self.signings = ciphers, signings
        self.socket = socket.create_connection(("127.0.0.1", port or server.port), seconds)
        self.seconds, self.next_id, self.session, self.credits = seconds, 0, 0, 1
        self.preauth, self.cipher, self.signing = bytes(64), 0, None
        self.sign_key = self.seal_key = self.open_key = None
        self.session_flags = self.share_flags = 0
        self.nonce, self.guid = 0, b"tsmb-peer-client"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # ---- frames

    def send_frame(self, message):
        self.socket.sendall(struct.pack(">I", len(message)) + message)

    def _take(self, length):
        data = b""
        while len(data) < length:
            try:
                more = self.socket.recv(length - len(data))
            except socket.timeout:
                raise Dropped() from None
            except ConnectionError:
                raise Disconnected() from None
            if not more:
                raise Disconnected()
            data += more
        return data

    def receive_frame(self, seconds=None):
        self.socket.settimeout(seconds or self.seconds)
        return self._take(int.from_bytes(self._take(4)[1:], "big"))

    # ---- protection

    def mac(self, message, from_server=False):
        """Signature of a message whose signature field counts as zero."""
        message = message[:48] + bytes(16) + message[64:]
        if self.revision < 0x300 or self.signing == SIGNINGS["HMAC-SHA256"]:
            return hmac.new(self.sign_key, message, hashlib.sha256).digest()[:16]
        if self.signing == SIGNINGS["AES-GMAC"]:
            cancel = 2 if struct.unpack_from("<H", message, 12)[0] == CANCEL else 0
            nonce = message[24:32] + struct.pack("<I", (1 if from_server else 0) | cancel)
            aead = AES.new(self.sign_key, AES.MODE_GCM, nonce)
            aead.update(message)
            return aead.digest()
        cmac = CMAC.new(self.sign_key, ciphermod=AES)
        cmac.update(message)
        return cmac.digest()

    def sign(self, message):
        message = message[:16] + struct.pack("<I", struct.unpack_from("<I", message, 16)[0] | SIGNED) + message[20:]
        return message[:48] + self.mac(message) + message[64:]

    def aead(self, key, nonce):
        gcm = self.cipher in (CIPHERS["AES-128-GCM"], CIPHERS["AES-256-GCM"])
        return AES.new(key, AES.MODE_GCM if gcm else AES.MODE_CCM, nonce[:12 if gcm else 11], mac_len=16)

    def seal(self, message, session=None):
        self.nonce += 1
        head = (struct.pack("<Q", self.nonce) + bytes(8) + struct.pack("<IHH", len(message), 0, 1)
                + struct.pack("<Q", self.session if session is None else session))
        aead = self.aead(self.seal_key, head[:16])
        aead.update(head)
        body, tag = aead.encrypt_and_digest(message)
        return b"\xfdSMB" + tag + head + body

    def unseal(self, frame):
        aead = self.aead(self.open_key, frame[20:36])
        aead.update(frame[20:52])
        try:
            return aead.decrypt_and_verify(frame[52:], frame[4:20])
        except ValueError:
            raise Failed("an answer's tag is wrong") from None

    # ---- messages

    def message(self, command, body, tree=0, flags=0, charge=1, credits=64, session=None, message_id=None, next_command=0,
                sequence=0):
        if message_id is None:
            message_id = self.next_id
            self.next_id += charge
        return header(command, message_id, tree, self.session if session is None else session, flags,
                      charge if self.revision > 0x202 else 0, credits, next_command, sequence) + body

    def protect(self, message, how):
        return {"plain": lambda m: m, "sign": self.sign, "encrypt": self.seal}[how](message)

    def send(self, command, body, how="plain", **fields):
        message = self.message(command, body, **fields)
        self.send_frame(self.protect(message, how))
        return struct.unpack_from("<Q", message, 24)[0]

    def compound(self, elements, how="plain", flags=0, **fields):
        """Send [(command, body), ...] as one frame; flags: of all but the first."""
        out = b""
        for n, (command, body) in enumerate(elements):
            last = n == len(elements) - 1
            body = body if last else body + bytes(-len(body) % 8)
            message = self.message(command, body, flags=flags if n else 0, next_command=0 if last else HEADER_LEN + len(body), **fields)
            out += self.sign(message) if how == "sign" else message
        self.send_frame(self.seal(out) if how == "encrypt" else out)

    def parse(self, message, how):
        (magic, size, _, status, command, credits, flags, _, message_id, _, tree, session,
         signature) = struct.unpack_from("<4sHHIHHIIQIIQ16s", message)
        if magic != b"\xfeSMB" or size != 64:
            raise Failed(f"not an SMB2 header: {message[:64].hex()}")
        if how == "plain" and flags & SIGNED:
            if self.sign_key is None:
                raise Failed(f"command {command}: signed before there is a key")
            if not hmac.compare_digest(signature, self.mac(message, from_server=True)):
                raise Failed(f"command {command}: the answer's signature is wrong")
            how = "sign"
        if flags & ASYNC:
            tree = 0
        self.credits += credits
        return Answer(status, command, flags, credits, tree, session, message_id, how, message[64:], message)

    def receive(self, seconds=None):
        """The elements of the next frame."""
        frame, how = self.receive_frame(seconds), "plain"
        if frame[:4] == b"\xfdSMB":
            if self.open_key is None:
                raise Failed("encrypted before there is a key")
            frame, how = self.unseal(frame), "encrypt"
        found = []
        while True:
            step = struct.unpack_from("<I", frame, 20)[0]
            found.append(self.parse(frame[:step] if step else frame, how))
            if not step:
                return found
            frame = frame[step:]

    def answer(self, seconds=None):
        """The next answer that is not an interim one."""
        while True:
            one = self.receive(seconds)[0]
            if one.status != PENDING:
                return one

    def call(self, command, body, how="plain", seconds=None, **fields):
        self.send(command, body, how, **fields)
        return self.answer(seconds)

    def expect(self, command, body, how="plain", status=SUCCESS, **fields):
        got = self.call(command, body, how, **fields)
        if got.status != status:
            raise Failed(f"command {command}: status {got.status:#010x} where {status:#010x} was expected")
        return got

    # ---- the way to a tree

    def negotiate(self, capabilities=0x7F, security_mode=1):
        head = struct.pack("<HHHHI16s", 36, 1, security_mode, 0, capabilities if self.revision >= 0x300 else 0, self.guid)
        if self.revision == 0x311:
            contexts = self._contexts()
            body = head + struct.pack("<IHHH", 64 + 36 + 4, len(contexts), 0, 0x311) + bytes(2) + pack_contexts(contexts)
        else:
            body = head + bytes(8) + struct.pack("<H", self.revision)
        request = self.message(NEGOTIATE, body, charge=1, credits=1)
        self._hash(request)
        self.send_frame(request)
        got = self.receive()[0]
        self._hash(got.raw)
        if got.status != SUCCESS:
            raise Failed(f"NEGOTIATE: {got.status:#010x}")
        self._negotiated(got)
        return got

    def _contexts(self):
        listed = [(1, struct.pack("<HHH", 1, 32, 1) + os.urandom(32))]
        if self.ciphers:
            listed.append((2, struct.pack(f"<H{len(self.ciphers)}H", len(self.ciphers), *(CIPHERS[c] for c in self.ciphers))))
        if self.signings:
            listed.append((8, struct.pack(f"<H{len(self.signings)}H", len(self.signings), *(SIGNINGS[s] for s in self.signings))))
        return listed

    def _negotiated(self, got):
        self.server_mode, revision, count = struct.unpack_from("<HHH", got.body, 2)
        self.capabilities, self.trans_max, self.read_max, self.write_max = struct.unpack_from("<IIII", got.body, 24)
        if revision != self.revision:
            raise Failed(f"NEGOTIATE chose {revision:#x}")
        self.signing = SIGNINGS["AES-CMAC"] if revision >= 0x300 else SIGNINGS["HMAC-SHA256"]
        if revision in (0x300, 0x302) and self.capabilities & 0x40:
            self.cipher = CIPHERS["AES-128-CCM"]
        if revision == 0x311:
            at = struct.unpack_from("<I", got.body, 60)[0] - 64
            for kind, data in unpack_contexts(got.body[at:], count):
                if kind == 2:
                    self.cipher = struct.unpack_from("<H", data, 2)[0]
                if kind == 8:
                    self.signing = struct.unpack_from("<H", data, 2)[0]

    def _hash(self, message):
        self.preauth = hashlib.sha512(self.preauth + message).digest()

    def session_setup_body(self, token, security_mode=1, flags=0, previous=0):
        return struct.pack("<HBBIIHHQ", 25, flags, security_mode, 0, 0, 64 + 24, len(token), previous) + token

    def logon(self, user="alice", password=None, security_mode=1, status=SUCCESS, mic=True, previous=0):
        """SESSION_SETUP to the end; the last answer, its signature checked. mic: send and check mechListMIC."""
        password = self.server.users.get(user, "") if password is None else password
        first = ntlm.negotiate_message()
        challenge = self._setup_step(ntlm.first_token(first), security_mode)
        if challenge.status == status != SUCCESS:  # refused before it could prove anything
            return challenge
        if challenge.status != MORE:
            raise Failed(f"first SESSION_SETUP: {challenge.status:#010x}")
        self.session = challenge.session
        token, key = ntlm.authenticate_message(challenge.body, first, user, password)
        token = ntlm.next_token(token, ntlm.list_mic(key) if mic else None)
        request = self.message(SESSION_SETUP, self.session_setup_body(token, security_mode, previous=previous))
        self._hash(request)
        self._derive(key)
        self.send_frame(request)
        final = self.receive()[0]
        if final.status != status:
            raise Failed(f"SESSION_SETUP: {final.status:#010x} where {status:#010x} was expected")
        if status == SUCCESS and final.protection != "sign":
            raise Failed("the final SESSION_SETUP answer is not signed")
        if status == SUCCESS and mic and ntlm.list_mic(key, "server-to-client") not in final.body:
            raise Failed("the final SESSION_SETUP answer has no right mechListMIC")
        self.session_flags = struct.unpack_from("<H", final.body, 2)[0] if status == SUCCESS else 0
        return final

    def begin_logon(self):
        """Half of a new logon: the answer to its first SESSION_SETUP."""
        token = ntlm.first_token(ntlm.negotiate_message())
        return self.call(SESSION_SETUP, self.session_setup_body(token), session=0)

    def send_logon(self, user, password, how="plain"):
        """A logon whose end is not waited for, on the session there is or a new one."""
        first = ntlm.negotiate_message()
        challenge = self.call(SESSION_SETUP, self.session_setup_body(ntlm.first_token(first)), how)
        if challenge.status != MORE:
            raise Failed(f"first SESSION_SETUP: {challenge.status:#010x}")
        self.session = challenge.session
        token, key = ntlm.authenticate_message(challenge.body, first, user, password)
        self.send(SESSION_SETUP, self.session_setup_body(ntlm.next_token(token, ntlm.list_mic(key))), how)

    def _setup_step(self, token, security_mode):
        request = self.message(SESSION_SETUP, self.session_setup_body(token, security_mode))
        self._hash(request)
        self.send_frame(request)
        got = self.receive()[0]
        self._hash(got.raw)
        return got

    # ---- one more channel of a session of another connection

    def borrow(self, of):
        """The session and its keys, as whoever binds needs them; nothing is sent."""
        self.session, self.session_flags = of.session, of.session_flags
        self.seal_key, self.open_key, self.nonce = of.seal_key, of.open_key, os.urandom(1)[0] + 1 << 40
        self.sign_key, self.of_connection = of.home_key, (self.revision, self.signing)
        self.revision, self.signing = of.home

    def bind_step(self, token, how="sign", flags=1):
        """One request; it is signed with the session's key, in the session's algorithm."""
        request = self.protect(self.message(SESSION_SETUP, self.session_setup_body(token, flags=flags)), how)
        self._hash(request)
        self.send_frame(request)

    def bind(self, of, user="alice", password=None, how="sign", key=None):
        """SESSION_SETUP with the binding flag, to its end; the last answer. key: instead of the session's."""
        password = self.server.users.get(user, "") if password is None else password
        self.borrow(of)
        self.sign_key = key or self.sign_key
        first = ntlm.negotiate_message()
        self.bind_step(ntlm.first_token(first), how)
        got = self.receive()[0]
        if got.status != MORE:
            return got
        if got.protection != "sign":
            raise Failed("the challenge of a binding is not signed")
        self._hash(got.raw)
        token, key = ntlm.authenticate_message(got.body, first, user, password)
        self.bind_step(ntlm.next_token(token, ntlm.list_mic(key)))
        frame = self.receive_frame()
        if struct.unpack_from("<I", frame, 8)[0] != SUCCESS:
            return self.parse(frame, "plain")
        self.revision, self.signing = self.of_connection
        self._derive(key, channel=True)
        got = self.parse(frame, "plain")
        if got.protection != "sign":
            raise Failed("the end of a binding is not signed")
        return got

    def _derive(self, key, channel=False):
        bits = 256 if self.cipher in (CIPHERS["AES-256-CCM"], CIPHERS["AES-256-GCM"]) else 128
        if self.revision < 0x300:
            self.sign_key = key
        elif self.revision == 0x311:
            self.sign_key = kdf(key, b"SMBSigningKey\0", self.preauth)
        else:
            self.sign_key = kdf(key, b"SMB2AESCMAC\0", b"SmbSign\0")
        if channel:
            return
        self.session_key = key
        self.home_key, self.home = self.sign_key, (self.revision, self.signing)
        if self.revision == 0x311:
            self.seal_key = kdf(key, b"SMBC2SCipherKey\0", self.preauth, bits)
            self.open_key = kdf(key, b"SMBS2CCipherKey\0", self.preauth, bits)
        elif self.revision >= 0x300:
            self.seal_key = kdf(key, b"SMB2AESCCM\0", b"ServerIn \0")
            self.open_key = kdf(key, b"SMB2AESCCM\0", b"ServerOut\0")

    def tree_connect_body(self, share="share"):
        path = f"\\\\127.0.0.1\\{share}".encode("utf-16le")
        return struct.pack("<HHHH", 9, 0, 64 + 8, len(path)) + path

    def tree(self, share="share", how="sign"):
        got = self.expect(TREE_CONNECT, self.tree_connect_body(share), how)
        self.share_flags = struct.unpack_from("<I", got.body, 4)[0]
        return got.tree

    def ready(self, share="share", how="sign", **logon):
        """Everything up to a tree; its id."""
        self.negotiate()
        self.logon(**logon)
        return self.tree(share, how)


def pack_contexts(contexts):
    out = b""
    for kind, data in contexts:
        out += bytes(-len(out) % 8) + struct.pack("<HHI", kind, len(data), 0) + data
    return out


def unpack_contexts(data, count):
    at = 0
    for _ in range(count):
        at += -at % 8
        kind, length, _ = struct.unpack_from("<HHI", data, at)
        yield kind, data[at + 8:at + 8 + length]
        at += 8 + length


# ---- bodies of requests, right ones; tests bend them

def create_body(name, access=0x0012019F, disposition=3, options=0, sharing=7, contexts=b""):
    encoded = name.encode("utf-16le")
    at = 64 + 56
    name_part = encoded + bytes(-len(encoded) % 8) if contexts else encoded
    context_at = at + len(name_part) if contexts else 0
    return struct.pack("<HBBIQQIIIIIHHII", 57, 0, 0, 2, 0, 0, access, 0x80, sharing, disposition, options, at, len(encoded),
                       context_at, len(contexts)) + (name_part + contexts or b"\0")


def close_body(file_id):
    return struct.pack("<HHI", 24, 0, 0) + file_id


def read_body(file_id, length, offset=0):
    return struct.pack("<HBBIQ16sIIIHH", 49, 0x50, 0, length, offset, file_id, 0, 0, 0, 0, 0) + b"\0"


def write_body(file_id, data, offset=0):
    return struct.pack("<HHIQ16sIIHHI", 49, 64 + 48, len(data), offset, file_id, 0, 0, 0, 0, 0) + data


def query_directory_body(file_id, pattern="*", info=37):
    encoded = pattern.encode("utf-16le")
    return struct.pack("<HBBI16sHHI", 33, info, 0, 0, file_id, 64 + 32, len(encoded), 65536) + encoded


def query_info_body(file_id, kind=1, info=18):
    return struct.pack("<HBBIHHIII16s", 41, kind, info, 4096, 0, 0, 0, 0, 0, file_id) + b"\0"


def set_info_body(file_id, data, kind=1, info=20):
    return struct.pack("<HBBIHHI16s", 33, kind, info, len(data), 64 + 32, 0, 0, file_id) + data


def flush_body(file_id):
    return struct.pack("<HHI", 24, 0, 0) + file_id


def lock_body(file_id, offset=0, length=10, flags=0x12):
    return struct.pack("<HHI16sQQII", 48, 1, 0, file_id, offset, length, flags, 0)


def ioctl_body(code, file_id=NO_ID, data=b"", out_max=1024):
    return struct.pack("<HHI16sIIIIIIII", 57, 0, code, file_id, 64 + 56, len(data), 0, 64 + 56, 0, out_max, 1, 0) + data


def notify_body(file_id, tree=0, out_max=4096, mask=0x17):
    return struct.pack("<HHI16sII", 32, tree, out_max, file_id, mask, 0)


ECHO_BODY = LOGOFF_BODY = TREE_DISCONNECT_BODY = struct.pack("<HH", 4, 0)


def file_id_of(create_answer):
    return create_answer.body[64:80]
