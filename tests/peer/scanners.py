"""What a scanner and an analyser see of a server agrees with its configuration, in each of the eight settings."""
import functools
import itertools
import os
import re
import subprocess

from harness.testing import Failed, Skip, Test, need

from peer.capture import tshark
from peer.files import expect
from peer.relay import Relay
from peer.server import Server, scratch
from peer.smbclient import Smbclient

PARAMETERS = ("require_message_signing", "encrypt_data", "reject_unencrypted_access")
SETTINGS = list(itertools.product((False, True), repeat=3))
DIALECTS = ["202", "210", "300", "302", "311"]  # newer nmaps write 3:1:1
SIGNING_ENABLED, SIGNING_REQUIRED = 1, 2
SESSION_ENCRYPT, SHARE_ENCRYPT = 0x4, 0x8000


def settings_of(setting):
    return {name: "true" for name, on in zip(PARAMETERS, setting) if on}


def says_required(setting):
    """The SIGNING_REQUIRED bit: what is encrypted is authenticated, so that rejection implies it."""
    signing, _, rejected = setting
    return signing or rejected


def nmap(address):
    """nmap's scripts look at port 445 only."""
    argv = [need("nmap", "nmap"), "-n", "-Pn", "-sT", "-p445", "--script", "smb2-security-mode,smb-protocols", address]
    done = subprocess.run(argv, capture_output=True, text=True)
    print("$ " + " ".join(argv) + "\n" + done.stdout + done.stderr)
    if done.returncode != 0:
        raise Failed(f"nmap: exit status {done.returncode}")
    return done.stdout


def relay_on_445(server):
    """On a loopback address of the server's own, told from others by its port."""
    try:
        relay = Relay(server.port, (f"127.9.{server.port >> 8}.{server.port & 0xFF}", 445))
        relay.__enter__()
        return relay
    except PermissionError:
        raise Skip("port 445, where nmap looks, needs root") from None


def scanned(build):
    """Signing: required, or enabled but not required; protocols: ours, and no SMB1."""
    need("nmap", "nmap")
    for setting in SETTINGS:
        with Server(build, settings_of(setting)) as s:
            relay = relay_on_445(s)
            try:
                text = nmap(relay.at[0])
            finally:
                relay.__exit__()
            found = re.findall(r"Message signing (enabled and required|enabled but not required)", text)
            want = "enabled and required" if says_required(setting) else "enabled but not required"
            if not found or set(found) != {want}:
                raise Failed(f"{settings_of(setting)}: nmap says {found}, not {want}")
            listed = re.search(r"dialects:\s*(\n.*?\n\|_[^\n]*)", text, re.S)
            spoken = re.findall(r"\n\|[_ ]\s+([\d:]+)", listed[1] if listed else "")
            expect([d.replace(":", "") for d in spoken], DIALECTS, "dialects")
            if "NT LM 0.12" in text:
                raise Failed("nmap found SMB1")
    return f"{len(SETTINGS)} settings"


def seen_by_tshark(s, share, how):
    """(SecurityMode of NEGOTIATE, SessionFlags, ShareFlags) of one smbclient's session, as tshark reads the answers."""
    with Relay(s.port) as relay, scratch() as tmp:
        Smbclient(s, "SMB3_11", how, port=relay.port, share=share)("ls")
        relay.write_pcap(f"{tmp}/session.pcap")
        found = []
        for command, field in ((0, "smb2.sec_mode"), (1, "smb2.session_flags"), (3, "smb2.share_flags")):
            password = "ntlmssp.nt_password:" + s.users["alice"]
            rows = tshark(f"{tmp}/session.pcap", "-o", password, "-Y", f"smb2.cmd == {command} && smb2.flags.response == 1 && smb2.nt_status == 0",
                          "-T", "fields", "-e", field)
            found.append(int(rows[-1][0].split(",")[0], 0))
        return found


def analysed(build):
    """tshark reads the same from NEGOTIATE, SESSION_SETUP and TREE_CONNECT as was configured."""
    need("tshark", "tshark")
    for setting in SETTINGS:
        _, encrypted, rejected = setting
        with Server(build, settings_of(setting)) as s:
            how = "encrypt" if rejected else "sign"
            mode, session, share = seen_by_tshark(s, "share", how)
            expect(mode, SIGNING_ENABLED | (SIGNING_REQUIRED if says_required(setting) else 0), f"{settings_of(setting)}: SecurityMode")
            expect(bool(session & SESSION_ENCRYPT), encrypted or rejected, f"{settings_of(setting)}: the session's flag")
            expect(bool(share & SHARE_ENCRYPT), encrypted, f"{settings_of(setting)}: the share's flag")
    return f"{len(SETTINGS)} settings"


def tests(build):
    yield Test("scanners.nmap", functools.partial(scanned, build), limit=180)
    yield Test("scanners.tshark", functools.partial(analysed, build), limit=180)
