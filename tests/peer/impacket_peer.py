"""Impacket as a peer: an independent client that negotiates, signs and seals (CCM) in its own way.

Debian's 0.10 speaks 2.0.2, 2.1, 3.0 and 3.1.1, always signs on 3.1.1, and begins, left alone, with SMB1's
multi-protocol NEGOTIATE.
"""
import functools
import io
import os
import signal
import time

from harness.testing import Failed, Skip, Test

from peer.files import MIB, expect, pattern
from peer.server import Server

DIALECTS = {"2.0.2": 0x0202, "2.1": 0x0210, "3.0": 0x0300, "3.1.1": 0x0311}
WAYS = {"2.0.2": ("plain", "sign"), "2.1": ("plain", "sign"), "3.0": ("plain", "sign", "ccm"), "3.1.1": ("sign", "ccm")}
SHARES = {"share": {}, "sealed": {"encrypt_data": "true"}}


def impacket():
    try:
        from impacket import smb3
        return smb3
    except ImportError:
        raise Skip("impacket is not installed (Debian package python3-impacket)") from None


def connect(server, dialect, how):
    smb3 = impacket()
    c = smb3.SMB3("127.0.0.1", "127.0.0.1", sess_port=server.port, preferredDialect=DIALECTS[dialect])
    if c.getDialect() != DIALECTS[dialect]:
        raise Failed(f"negotiated {c.getDialect():#x}")
    c._Connection["RequireSigning"] = how != "plain"
    c._Connection["SupportsEncryption"] = how == "ccm"
    # 0.10 does this before a Kerberos logon and forgets it before an NTLM one: [MS-SMB2] 3.2.5.3
    c._Session["PreauthIntegrityHashValue"] = c._Connection["PreauthIntegrityHashValue"]
    c.login("alice", server.users["alice"], "WORKGROUP")
    return c


def use(c, share, folder, tag):
    """Put, get, list, rename, delete, folders, on one share."""
    data, back = pattern(3 * MIB + 17, tag), io.BytesIO()
    c.storeFile(share, "up.bin", io.BytesIO(data).read)
    with open(os.path.join(folder, "up.bin"), "rb") as f:
        expect(f.read() == data, True, "the file on disk is what was sent")
    c.retrieveFile(share, "up.bin", back.write)
    expect(back.getvalue() == data, True, "the file that came back is what was sent")
    c.mkdir(share, "Ordner ü")
    c.rename(share, "up.bin", "Ordner ü\\日本.bin")
    listed = {e.get_longname(): e.get_filesize() for e in c.listPath(share, "Ordner ü\\*")}
    expect(listed.get("日本.bin"), len(data), "size of the renamed file in its folder")
    c.remove(share, "Ordner ü\\日本.bin")
    c.rmdir(share, "Ordner ü")
    expect(os.listdir(folder), [], "what is left on disk")


def files(build, dialect, how):
    with Server(build, shares=SHARES) as s:
        share = "sealed" if how == "ccm" else "share"
        c = connect(s, dialect, how)
        use(c, share, s.folder(share), dialect)
        c.logoff()
        c.close_session()


def wrong_password(build):
    with Server(build) as s:
        for dialect in DIALECTS:
            c = impacket().SMB3("127.0.0.1", "127.0.0.1", sess_port=s.port, preferredDialect=DIALECTS[dialect])
            try:
                c.login("alice", "wrong", "WORKGROUP")
            except Exception as e:
                if "STATUS_LOGON_FAILURE" not in str(e):
                    raise
                continue
            raise Failed(f"{dialect}: a wrong password was accepted")


def anonymous_no_more(build):
    """A reload that forbids them ends the connections of the anonymous at their next request. [MS-SMB2] 3.3.5.2.9"""
    with Server(build, {"null_session_access": "true"}) as s:
        c = impacket().SMB3("127.0.0.1", "127.0.0.1", sess_port=s.port, preferredDialect=DIALECTS["2.1"])
        c.login("", "")
        expect(c.echo(), True, "an ECHO of the anonymous")
        s.settings["null_session_access"] = "false"
        s.write_conf()
        s.kill(signal.SIGHUP)
        for _ in range(100):
            try:
                c.echo()
            except Exception:  # impacket's own for a connection that was closed
                break
            time.sleep(0.1)
        else:
            raise Failed("they are served still")
        s.wait_text("disconnected: anonymous access is not allowed")


def multi_protocol(build):
    """SMB1's NEGOTIATE with `SMB 2.???` among its dialects leads to SMB2."""
    impacket()
    from impacket.smbconnection import SMBConnection
    with Server(build) as s:
        c = SMBConnection("127.0.0.1", "127.0.0.1", sess_port=s.port)
        if c.getDialect() < 0x0202:
            raise Failed(f"ended at {c.getDialect()!r}")
        c.login("alice", s.users["alice"])
        use(c.getSMBServer(), "share", s.folder(), "multi")


def pipe(server, name, interface, user="alice"):
    impacket()
    from impacket.dcerpc.v5 import transport
    t = transport.SMBTransport("127.0.0.1", dstport=server.port, filename=name, username=user,
                              password=server.users[user])
    dce = t.get_dce_rpc()
    dce.connect()
    dce.bind(interface)
    return dce


def refused(call):
    """What only administrators may see: ERROR_ACCESS_DENIED."""
    try:
        call()
    except Exception as e:
        if "access_denied" not in str(e).lower():
            raise
        return
    raise Failed("an ordinary user was answered")


def srvsvc(build):
    """Every level of share and server information; those with paths and descriptors are not for everybody."""
    impacket()
    from impacket.dcerpc.v5 import srvs
    with Server(build, {"server_name": "FILER-7"}, {"share": {"remark": "first"}, "two": {"access_based_enumeration": "true"}}) as s:
        dce = pipe(s, r"\srvsvc", srvs.MSRPC_UUID_SRVS)
        for level in (0, 1, 501):
            union = srvs.hNetrShareEnum(dce, level)["InfoStruct"]["ShareInfo"]
            rows = union[f"Level{level}"]["Buffer"]
            names = {row[next(k for k in row.fields if k.endswith("_netname"))].rstrip("\0") for row in rows}
            expect(names, {"share", "two", "IPC$"}, f"NetrShareEnum {level}")
        for level in (0, 1, 501, 1005):
            srvs.hNetrShareGetInfo(dce, "share\0", level)
        for share, flag in (("share", 0), ("two", 0x800)):  # SHI1005_FLAGS_ACCESS_BASED_DIRECTORY_ENUM
            info = srvs.hNetrShareGetInfo(dce, share + "\0", 1005)["InfoStruct"]["ShareInfo1005"]
            expect(info["shi1005_flags"] & 0x800, flag, f"flag of {share}")
        for level in (100, 101):
            info = srvs.hNetrServerGetInfo(dce, level)["InfoStruct"][f"ServerInfo{level}"]
            expect(info[f"sv{level}_name"].rstrip("\0"), "FILER-7", f"NetrServerGetInfo {level}")
        for level in (2, 502):
            refused(lambda: srvs.hNetrShareEnum(dce, level))
            refused(lambda: srvs.hNetrShareGetInfo(dce, "share\0", level))
        refused(lambda: srvs.hNetrServerGetInfo(dce, 102))
        try:
            srvs.hNetrShareEnum(dce, 77)
        except Exception:
            pass
        else:
            raise Failed("NetrShareEnum 77 succeeded")


def wkssvc(build):
    impacket()
    from impacket.dcerpc.v5 import wkst
    with Server(build, {"server_name": "FILER-7"}) as s:
        dce = pipe(s, r"\wkssvc", wkst.MSRPC_UUID_WKST)
        for level in (100, 101):
            info = wkst.hNetrWkstaGetInfo(dce, level)["WkstaInfo"][f"WkstaInfo{level}"]
            expect(info[f"wki{level}_computername"].rstrip("\0"), "FILER-7", f"NetrWkstaGetInfo {level}")
        refused(lambda: wkst.hNetrWkstaGetInfo(dce, 102))


def lsarpc(build):
    """Names and SIDs, by each generation of the calls that Windows' Security tab has been through."""
    impacket()
    from impacket.dcerpc.v5 import lsad, lsat
    from impacket.dcerpc.v5.dtypes import MAXIMUM_ALLOWED
    with Server(build, {"server_name": "FILER-7"}) as s:
        dce = pipe(s, r"\lsarpc", lsat.MSRPC_UUID_LSAT)
        policy = lsad.hLsarOpenPolicy2(dce, MAXIMUM_ALLOWED)["PolicyHandle"]
        for call in (lsat.hLsarLookupNames, lsat.hLsarLookupNames2, lsat.hLsarLookupNames3):
            got = call(dce, policy, ["root", "Administrators"])
            expect(got["MappedCount"], 2, call.__name__)
        sids = ["S-1-22-1-0", "S-1-22-2-0", "S-1-5-32-544", "S-1-1-0"]
        for call in (lsat.hLsarLookupSids, lsat.hLsarLookupSids2):
            names = call(dce, policy, sids)["TranslatedNames"]["Names"]
            expect([str(n["Name"]) for n in names], ["root", "root", "Administrators", "Everyone"], call.__name__)
        expect(str(lsat.hLsarGetUserName(dce)["UserName"]), "alice", "LsarGetUserName")
        domain = lsad.hLsarQueryInformationPolicy2(dce, policy, lsad.POLICY_INFORMATION_CLASS.PolicyAccountDomainInformation)
        expect(str(domain["PolicyInformation"]["PolicyAccountDomainInfo"]["DomainName"]), "FILER-7", "account domain")


def unknown_call(build):
    """A call that we do not have is a clean fault; the pipe answers the next one."""
    impacket()
    from impacket.dcerpc.v5 import srvs
    with Server(build) as s:
        dce = pipe(s, r"\srvsvc", srvs.MSRPC_UUID_SRVS)
        for opnum in (3, 57, 65535):
            dce.call(opnum, b"\0" * 32)
            try:
                dce.recv()
            except Exception as e:
                print(opnum, e)
            else:
                raise Failed(f"call {opnum} was answered")
        srvs.hNetrShareEnum(dce, 1)


def tests(build):
    for dialect, ways in WAYS.items():
        for how in ways:
            yield Test(f"impacket.files.{dialect}.{how}", functools.partial(files, build, dialect, how))
    for f in (wrong_password, anonymous_no_more, multi_protocol, srvsvc, wkssvc, lsarpc, unknown_call):
        yield Test(f"impacket.{f.__name__.replace('_', '-')}", functools.partial(f, build))
