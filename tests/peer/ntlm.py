"""NTLMv2 and its SPNEGO wrapping, the client's side, for tests/peer/raw.py.  [MS-NLMP] 3.1.5.1, 3.3.2; RFC 4178"""
import hashlib
import hmac
import os
import struct

FLAGS = 0xE2088235  # 56, key exchange, 128, version, target info, extended security, always sign, NTLM, seal, sign, Unicode
SPNEGO = bytes.fromhex("06062b0601050502")
NTLMSSP = bytes.fromhex("060a2b06010401823702020a")
AV_EOL, AV_FLAGS, AV_TIMESTAMP, AV_TARGET_NAME = 0, 6, 7, 9
VERSION = bytes.fromhex("0a00000000000000")[:7] + b"\x0f"


def der(tag, content):
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x80 + len(b := size.to_bytes((size.bit_length() + 7) // 8, "big"))]) + b
    return bytes([tag]) + length + content


MECHANISMS = der(0x30, NTLMSSP)


def first_token(blob):
    """NegTokenInit that offers NTLMSSP and nothing else."""
    inner = der(0xA0, MECHANISMS) + der(0xA2, der(0x04, blob))
    return der(0x60, SPNEGO + der(0xA0, der(0x30, inner)))


def next_token(blob, list_mic=None):
    inner = der(0xA2, der(0x04, blob))
    if list_mic:
        inner += der(0xA3, der(0x04, list_mic))
    return der(0xA1, der(0x30, inner))


def list_mic(exported, way="client-to-server"):
    """mechListMIC: an NTLM signature, the first of its direction.  [MS-NLMP] 3.4.4.2, 3.4.5"""
    from Cryptodome.Cipher import ARC4
    keys = [hashlib.md5(exported + f"session key to {way} {use} key magic constant\0".encode()).digest()
            for use in ("signing", "sealing")]
    checksum = mac(keys[0], bytes(4) + MECHANISMS)[:8]
    return struct.pack("<I", 1) + ARC4.new(keys[1]).encrypt(checksum) + bytes(4)


def negotiate_message():
    return b"NTLMSSP\0" + struct.pack("<II", 1, FLAGS) + bytes(16) + VERSION


def av_pairs(blob):
    pairs = []
    while True:
        kind, length = struct.unpack_from("<HH", blob)
        if kind == AV_EOL:
            return pairs
        pairs.append((kind, blob[4:4 + length]))
        blob = blob[4 + length:]


def nt_hash(password):
    from Cryptodome.Hash import MD4
    return MD4.new(password.encode("utf-16le")).digest()


def mac(key, data):
    return hmac.new(key, data, hashlib.md5).digest()


def authenticate_message(challenge, negotiate, user, password, domain="WORKGROUP"):
    """(AUTHENTICATE_MESSAGE with its MIC, exported session key) for what came inside the server's token."""
    from Cryptodome.Cipher import ARC4
    challenge = challenge[challenge.index(b"NTLMSSP\0"):]
    server_challenge = challenge[24:32]
    info_len, _, info_at = struct.unpack_from("<HHI", challenge, 40)
    challenge = challenge[:info_at + info_len]  # what follows belongs to SPNEGO
    pairs = av_pairs(challenge[info_at:info_at + info_len])
    stamp = dict(pairs).get(AV_TIMESTAMP, bytes(8))
    pairs = [p for p in pairs if p[0] != AV_FLAGS] + [(AV_FLAGS, struct.pack("<I", 2))]  # a MIC follows
    info = b"".join(struct.pack("<HH", k, len(v)) + v for k, v in pairs) + bytes(4)

    response_key = mac(nt_hash(password), (user.upper() + domain).encode("utf-16le"))
    temp = b"\1\1" + bytes(6) + stamp + os.urandom(8) + bytes(4) + info + bytes(4)
    proof = mac(response_key, server_challenge + temp)
    session_base_key = mac(response_key, proof)
    exported = os.urandom(16)

    fields = [bytes(24), proof + temp, domain.encode("utf-16le"), user.encode("utf-16le"),
              "PEER".encode("utf-16le"), ARC4.new(session_base_key).encrypt(exported)]
    at, table, payload = 64 + 8 + 16, b"", b""
    for field in fields:
        table += struct.pack("<HHI", len(field), len(field), at + len(payload))
        payload += field
    head = b"NTLMSSP\0" + struct.pack("<I", 3) + table + struct.pack("<I", FLAGS) + VERSION
    mic = mac(exported, negotiate + challenge + head + bytes(16) + payload)
    return head + mic + payload, exported
