"""A network of its own for this process and what it starts: a loopback on which nothing is paced.

BBR paces output over the loopback, too, by a timer for each piece, which costs more than all the rest of a large read and
makes the same comparison another one from machine to machine. A namespace has a default of its own.
"""
import ctypes
import fcntl
import os
import socket
import struct

from harness.testing import Failed

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
CONGESTION = "/proc/sys/net/ipv4/tcp_congestion_control"
UNPACED = "reno"  # the one that any namespace may have


def enter():
    """As root, before anything is started. What a document says of it."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise Failed(f"no network namespace: {os.strerror(ctypes.get_errno())}")
    with socket.socket() as s:
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    with open(CONGESTION, "w") as f:
        f.write(UNPACED)
    return {"network": f"the loopback of a namespace of its own, congestion control {UNPACED}"}
