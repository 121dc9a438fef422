"""A recording relay between a client and the server, and the pcap file that tshark reads.

It sits where an attacker would, needs no privilege, and may be told to stop after a number of the client's bytes.
"""
import socket
import struct
import threading
import time

CHUNK = 1 << 16
SEGMENT_MAX = 60000  # fits an IPv4 packet
TO_SERVER, TO_CLIENT = 0, 1


class Relay:
    """with Relay(port) as r: clients connect to r.port; r.streams holds what passed."""

    def __init__(self, server_port, at=("127.0.0.1", 0)):
        self.server_port, self.at = server_port, at
        self.records = []  # (time, connection, direction, bytes) in order of arrival
        self.lock = threading.Lock()
        self.connections = 0

    def __enter__(self):
        self.listener = socket.create_server(self.at)
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        for s in self.sockets:
            s.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.server_port))
            self.sockets += [client, server]
            number = self.connections
            self.connections += 1
            threading.Thread(target=self._pump, args=(client, server, number, TO_SERVER), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, number, TO_CLIENT), daemon=True).start()

    def _pump(self, source, sink, number, direction):
        try:
            while data := source.recv(CHUNK):
                with self.lock:
                    self.records.append((time.time(), number, direction, data))
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stream(self, direction, connection=0):
        with self.lock:
            return b"".join(d for _, c, way, d in self.records if (c, way) == (connection, direction))

    def everything(self):
        """All bytes of all connections, by connection and direction."""
        return [self.stream(way, c) for c in range(self.connections) for way in (TO_SERVER, TO_CLIENT)]

    def write_pcap(self, path):
        """Ethernet, IPv4 and TCP headers made up around what passed; the server is port 445."""
        with open(path, "wb") as f:
            f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 1))
            sequence = {}
            for when, connection, direction, data in self.records:
                for start in range(0, len(data), SEGMENT_MAX):
                    write_segment(f, when, connection, direction, data[start:start + SEGMENT_MAX], sequence)


def write_segment(f, when, connection, direction, data, sequence):
    ports = (50000 + connection, 445)
    addresses = (b"\x7f\0\0\2", b"\x7f\0\0\1")
    mine, theirs = sequence.get((connection, direction), 1), sequence.get((connection, 1 - direction), 1)
    tcp = struct.pack(">HHIIBBHHH", ports[direction], ports[1 - direction], mine, theirs, 5 << 4, 0x18, 65535, 0, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp) + len(data), 0, 0x4000, 64, 6, 0, addresses[direction],
                     addresses[1 - direction])
    frame = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + tcp + data
    seconds, fraction = divmod(when, 1)
    f.write(struct.pack("<IIII", int(seconds), int(fraction * 1e6), len(frame), len(frame)) + frame)
    sequence[(connection, direction)] = (mine + len(data)) & 0xFFFFFFFF


def frames(stream):
    """The messages of one direction: what Direct TCP's 4-byte headers frame. A cut last one is left out."""
    found = []
    while len(stream) >= 4:
        length = int.from_bytes(stream[1:4], "big")
        if len(stream) < 4 + length:
            break
        found.append(stream[4:4 + length])
        stream = stream[4 + length:]
    return found


def protection(message):
    """How one message travels: plain, sign or encrypt."""
    if message[:4] == b"\xfdSMB":
        return "encrypt"
    if message[:4] == b"\xffSMB":
        return "plain"
    return "sign" if struct.unpack_from("<I", message, 16)[0] & 0x8 else "plain"


def command(message):
    """SMB2 command of a message in the clear."""
    return struct.unpack_from("<H", message, 12)[0]


def message_id(message):
    return struct.unpack_from("<Q", message, 24)[0]
