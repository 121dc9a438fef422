"""The Shared Folders console's calls of srvsvc: who is there, what is open, and ending it. By rpcclient, net and impacket."""
import functools
import re
import struct

from harness.testing import Failed, Test, need

from peer import raw
from peer.files import expect
from peer.impacket_peer import impacket, pipe, refused
from peer.lifecycle import two_accounts
from peer.raw import Raw
from peer.scanners import relay_on_445
from peer.server import Server
from peer.smbclient import Smbclient, execute
from peer.trail import Log

OPERATOR = "alice: SeDiskOperatorPrivilege\n"


def server(build, **more):
    """alice administers, bob does not."""
    return Server(build, privileges=OPERATOR, **more)


class Net:
    """with Net(server) as net: net("share", "list") is Samba's `net rpc share list`, which knows port 445 only."""

    def __init__(self, server, user="alice"):
        self.server, self.user = server, user

    def __enter__(self):
        self.relay = relay_on_445(self.server)
        return self

    def __exit__(self, *_):
        self.relay.__exit__()

    def __call__(self, *words, want=0):
        done = execute([need("net", "samba-common-bin"), "rpc", *words, "-S", self.relay.at[0], "-s", "/dev/null", "-U",
                        f"{self.user}%{self.server.users[self.user]}"], 60)
        if (done.returncode == 0) != (want == 0):
            raise Failed(f"net rpc {' '.join(words)}: exit status {done.returncode}")
        return done.stdout


def failed(call):
    """The Win32 error that a call of impacket's met."""
    from impacket.dcerpc.v5.rpcrt import DCERPCException
    try:
        call()
    except DCERPCException as e:
        return e.get_error_code()
    raise Failed("a call succeeded that should not")


def held_open(s, r, name="held.txt"):
    """bob has a file open, with a lock."""
    tree = r.ready("share", user="bob")
    got = r.call(raw.CREATE, raw.create_body(name, disposition=3), "sign", tree=tree)
    expect(got.status, raw.SUCCESS, "CREATE")
    return tree, raw.file_id_of(got)


def lists(build):
    """Every level of every list, by impacket."""
    impacket()
    from impacket.dcerpc.v5 import srvs
    with server(build) as s, Raw(s) as r:
        held_open(s, r)
        dce = pipe(s, r"\srvsvc", srvs.MSRPC_UUID_SRVS)
        for level in (0, 1, 2, 10, 502):
            union = srvs.hNetrSessionEnum(dce, "\0", "\0", level)["InfoStruct"]["SessionInfo"]
            rows = union[f"Level{level}"]["Buffer"]
            expect({row[f"sesi{level}_cname"].rstrip("\0") for row in rows}, {"127.0.0.1"}, f"clients of NetrSessionEnum {level}")
            if level:
                users = {row[f"sesi{level}_username"].rstrip("\0") for row in rows}
                expect(users, {"alice", "bob"}, f"users of NetrSessionEnum {level}")
        rows = srvs.hNetrSessionEnum(dce, "\\\\127.0.0.1\0", "bob\0", 502)["InfoStruct"]["SessionInfo"]["Level502"]["Buffer"]
        expect([(row["sesi502_num_opens"], row["sesi502_username"]) for row in rows], [(1, "bob\0")], "bob's sessions")
        for level in (0, 1):
            rows = srvs.hNetrConnectionEnum(dce, "share\0", level)["InfoStruct"]["ConnectInfo"][f"Level{level}"]["Buffer"]
            expect(len(rows), 1, f"NetrConnectionEnum {level}")
        row = srvs.hNetrConnectionEnum(dce, "\\\\127.0.0.1\0", 1)["InfoStruct"]["ConnectInfo"]["Level1"]["Buffer"]
        found = {(x["coni1_netname"].rstrip("\0"), x["coni1_username"].rstrip("\0"), x["coni1_num_opens"]) for x in row}
        expect(found, {("share", "bob", 1), ("IPC$", "alice", 1)}, "connections of the client")
        for level in (2, 3):
            rows = srvs.hNetrFileEnum(dce, "\0", "\0", level)["InfoStruct"]["FileInfo"][f"Level{level}"]["Buffer"]
            expect(len(rows), 1, f"NetrFileEnum {level}")
        path = "C:" + s.folder().replace("/", "\\") + "\\held.txt"
        expect(rows[0]["fi3_path_name"].rstrip("\0"), path, "path of the open file")
        expect(rows[0]["fi3_username"].rstrip("\0"), "bob", "who opened it")
        for base, count in ((path[:-3], 1), ("C:\\elsewhere", 0)):
            rows = srvs.hNetrFileEnum(dce, base + "\0", "\0", 3)["InfoStruct"]["FileInfo"]["Level3"]["Buffer"]
            expect(len(rows or []), count, f"NetrFileEnum below {base}")
        number = srvs.hNetrFileEnum(dce, "\0", "\0", 2)["InfoStruct"]["FileInfo"]["Level2"]["Buffer"][0]["fi2_id"]
        expect(srvs.hNetrFileGetInfo(dce, number, 3)["InfoStruct"]["FileInfo3"]["fi3_path_name"].rstrip("\0"), path,
               "NetrFileGetInfo")


def resumed(build):
    """A list that does not fit is told in rounds."""
    impacket()
    from impacket.dcerpc.v5 import srvs
    with server(build) as s, Raw(s) as r:
        tree, _ = held_open(s, r, "f0")
        for i in range(1, 40):
            got = r.call(raw.CREATE, raw.create_body(f"f{i}", disposition=3), "sign", tree=tree)
            expect(got.status, raw.SUCCESS, "CREATE")
        dce = pipe(s, r"\srvsvc", srvs.MSRPC_UUID_SRVS)
        seen, resume, rounds = set(), 0, 0
        while True:
            request = srvs.NetrFileEnum()
            request["ServerName"] = request["BasePath"] = request["UserName"] = srvs.NULL
            request["InfoStruct"]["Level"] = request["InfoStruct"]["FileInfo"]["tag"] = 2
            request["InfoStruct"]["FileInfo"]["Level2"]["Buffer"] = srvs.NULL
            request["PreferedMaximumLength"] = 28
            request["ResumeHandle"] = resume
            try:
                answer = dce.request(request)
            except srvs.DCERPCSessionError as e:
                answer = e.get_packet()
                expect(e.get_error_code(), 0xEA, "the error of a part")
            seen |= {x["fi2_id"] for x in answer["InfoStruct"]["FileInfo"]["Level2"]["Buffer"]}
            resume, rounds = answer["ResumeHandle"], rounds + 1
            if answer["ErrorCode"] == 0:
                break
        expect((len(seen), rounds), (40, 6), "files and rounds")


def close_file(build):
    """A file that the administrator closes is closed for its client, and only that."""
    impacket()
    from impacket.dcerpc.v5 import srvs
    with server(build) as s, Raw(s) as r:
        tree, fid = held_open(s, r)
        other = raw.file_id_of(r.call(raw.CREATE, raw.create_body("other", disposition=3), "sign", tree=tree))
        dce = pipe(s, r"\srvsvc", srvs.MSRPC_UUID_SRVS)
        rows = srvs.hNetrFileEnum(dce, "\0", "\0", 3)["InfoStruct"]["FileInfo"]["Level3"]["Buffer"]
        number = next(x["fi3_id"] for x in rows if x["fi3_path_name"].rstrip("\0").endswith("held.txt"))
        srvs.hNetrFileClose(dce, number)
        expect(r.call(raw.FLUSH, raw.flush_body(fid), "sign", tree=tree).status, 0xC0000128, "FLUSH of the closed file")
        expect(r.call(raw.FLUSH, raw.flush_body(other), "sign", tree=tree).status, raw.SUCCESS, "FLUSH of the other")
        expect(failed(lambda: srvs.hNetrFileClose(dce, number)), 2314, "closing what is closed")
        s.wait_text('"alice" from 127.0.0.1:[0-9]+ closes file')


def net_files(build):
    """What Samba's administrators type."""
    with server(build) as s, Raw(s) as r, Net(s) as net:
        tree, fid = held_open(s, r)
        listed = net("file")
        found = re.search(r"^(\d+)\s.*held\.txt", listed, re.M)
        if not found:
            raise Failed("net rpc file does not list what is open")
        net("file", "close", found[1])
        expect(r.call(raw.FLUSH, raw.flush_body(fid), "sign", tree=tree).status, 0xC0000128, "FLUSH of the closed file")


def own_session(build):
    """An administrator who ends the session he is in, and its pipe, hurts himself only."""
    impacket()
    from impacket.dcerpc.v5 import srvs
    with server(build) as s, Raw(s) as r:
        tree, fid = held_open(s, r)
        dce = pipe(s, r"\srvsvc", srvs.MSRPC_UUID_SRVS)
        try:
            srvs.hNetrSessionDel(dce, "\\\\127.0.0.1\0", "alice\0")
        except Exception as e:  # whatever impacket makes of an answer that does not come
            print(e)
        s.wait_text('"alice" from 127.0.0.1:[0-9]+ ends session')
        expect(r.call(raw.FLUSH, raw.flush_body(fid), "sign", tree=tree).status, raw.SUCCESS, "FLUSH in another session")


def end_session(build):
    impacket()
    from impacket.dcerpc.v5 import srvs
    with server(build) as s, Raw(s) as r:
        tree, fid = held_open(s, r)
        client = Smbclient(s)
        if "Received 2 entries" not in client.rpc("netsessenum") or "held.txt" not in client.rpc("netfileenum"):
            raise Failed("rpcclient does not see the session or its file")
        dce = pipe(s, r"\srvsvc", srvs.MSRPC_UUID_SRVS)
        for who, error in (("\\\\192.0.2.7\0", 2312), ("127.0.0.1\0", 2312), ("\0", 87)):
            expect(failed(lambda: srvs.hNetrSessionDel(dce, who, "\0")), error, f"NetrSessionDel {who!r}")
        srvs.hNetrSessionDel(dce, "\\\\127.0.0.1\0", "bob\0")
        got = r.call(raw.FLUSH, raw.flush_body(fid), "sign", tree=tree)
        expect(got.status, 0xC0000203, "FLUSH in the session that was ended")


def windows_path(path):
    return "C:" + path.replace("/", "\\")


def add_share(dce, name, path, remark="", descriptor=b""):
    from impacket.dcerpc.v5 import srvs
    request = srvs.NetrShareAdd()
    request["ServerName"], request["Level"], request["ParmErr"] = srvs.NULL, 502, 0
    request["InfoStruct"]["tag"] = 502
    info = request["InfoStruct"]["ShareInfo502"]
    for field, value in (("netname", name + "\0"), ("type", 0), ("remark", remark + "\0"), ("permissions", 0),
                         ("max_uses", 0xFFFFFFFF), ("current_uses", 0), ("path", path + "\0"), ("passwd", srvs.NULL)):
        info["shi502_" + field] = value
    info["shi502_reserved"] = len(descriptor)
    info["shi502_security_descriptor"] = list(descriptor) or srvs.NULL
    return dce.request(request)


def set_descriptor(dce, name, descriptor):
    """NetrShareSetInfo 1501, which impacket marshals wrongly."""
    text = (name + "\0").encode("utf-16le")
    count = len(text) // 2
    stub = struct.pack("<IIII", 0, count, 0, count) + text + b"\0" * (-len(text) % 4)
    stub += struct.pack("<IIIIII", 1501, 1501, 1, len(descriptor), 2, len(descriptor)) + descriptor
    stub += b"\0" * (-len(stub) % 4) + struct.pack("<II", 3, 0)
    dce.call(17, stub)
    return struct.unpack("<I", dce.recv()[-4:])[0]


def descriptor(*aces):
    """Self-relative, with a DACL of these."""
    body = b"".join(aces)
    return struct.pack("<BBHIIII", 1, 0, 0x8004, 0, 0, 0, 20) + struct.pack("<BBHHH", 2, 0, 8 + len(body), len(aces), 0) + body


def ace(kind, mask, authority, *subs):
    sid = struct.pack(f"<BB6s{len(subs)}I", 1, len(subs), authority.to_bytes(6, "big"), *subs)
    return struct.pack("<BBHI", kind, 0, 8 + len(sid), mask) + sid


FULL = 0x1F01FF


def shares(build):
    """A share is made, described, closed to somebody and removed from afar; each counts at once and is in the file."""
    impacket()
    from impacket.dcerpc.v5 import srvs
    with server(build, shares={"share": {}, "spare": {}}) as s:
        folder = s.folder("spare")
        dce = pipe(s, r"\srvsvc", srvs.MSRPC_UUID_SRVS)
        add_share(dce, "Neu", windows_path(folder), "made from afar")
        Smbclient(s, share="neu", user="bob")("ls")
        with open(s.conf) as f:
            text = f.read()
        if not re.search(rf"netname = Neu\npath = {folder}\nremark = made from afar", text):
            raise Failed(f"the new share is not in the file:\n{text}")
        info = srvs.hNetrShareGetInfo(dce, "neu\0", 502)["InfoStruct"]["ShareInfo502"]
        expect((info["shi502_path"], info["shi502_remark"]), (windows_path(folder) + "\0", "made from afar\0"), "share 502")
        expect(b"".join(info["shi502_security_descriptor"]), descriptor(ace(0, 0x1200A9, 1, 0)), "its descriptor")
        expect(set_descriptor(dce, "neu", descriptor(ace(0, FULL, 5, 7))), 0, "NetrShareSetInfo 1501")
        expect(Smbclient(s, share="neu", user="bob").refused("ls"), "NT_STATUS_ACCESS_DENIED", "a share for the anonymous only")
        s.cfg("check")
        if not re.search(r"security_descriptor.*D:\(A;;FA;;;AN\)", s.cfg("share", "show", "-n", "neu")):
            raise Failed("tsmb-cfg does not show the descriptor")
        s.cfg("share", "update", "-n", "neu", "-P", "everyone:full")
        if "security_descriptor" in open(s.conf).read():
            raise Failed("permissions were set, and the descriptor is still there")
        Smbclient(s, share="neu", user="bob")("ls")
        s.cfg("share", "update", "-n", "neu", "--security-descriptor", "D:(A;;FA;;;WD)")
        info = srvs.hNetrShareGetInfo(dce, "neu\0", 502)["InfoStruct"]["ShareInfo502"]
        expect(b"".join(info["shi502_security_descriptor"]), descriptor(ace(0, FULL, 1, 0)), "the descriptor of tsmb-cfg")
        with Raw(s) as r:
            tree = r.ready("neu", user="bob")
            srvs.hNetrShareDel(dce, "neu\0")
            got = r.call(raw.CREATE, raw.create_body("x", disposition=2), "sign", tree=tree)
            expect(got.status, 0xC00000C9, "CREATE on the share that is gone")
        expect(Smbclient(s, share="neu").refused("ls"), "NT_STATUS_BAD_NETWORK_NAME", "a share that is gone")
        if "Neu" in open(s.conf).read():
            raise Failed("the share is still in the file")


def shares_refused(build):
    """What cannot be done changes nothing, and says why."""
    impacket()
    from impacket.dcerpc.v5 import srvs
    with server(build, shares={"share": {}, "spare": {}}) as s:
        dce = pipe(s, r"\srvsvc", srvs.MSRPC_UUID_SRVS)
        before = open(s.conf).read()
        there = windows_path(s.folder())
        for name, path, error in (("SHARE", there, 2118), ("neu", there + "\\none", 2116), ("neu", "D:\\x", 87),
                                  ("a/b", there, 87), ("x" * 81, there, 87), ("neu\nevil", there, 87)):
            expect(failed(lambda: add_share(dce, name, path)), error, f"NetrShareAdd {name!r} {path}")
        expect(failed(lambda: srvs.hNetrShareDel(dce, "IPC$\0")), 50, "NetrShareDel IPC$")
        expect(failed(lambda: srvs.hNetrShareDel(dce, "none\0")), 2310, "NetrShareDel of none")
        expect(set_descriptor(dce, "share", descriptor()[:12]), 87, "a descriptor cut short")
        expect(open(s.conf).read(), before, "the file")
        dce = pipe(s, r"\srvsvc", srvs.MSRPC_UUID_SRVS, user="bob")
        refused(lambda: add_share(dce, "neu", there))
        refused(lambda: srvs.hNetrShareDel(dce, "share\0"))
        expect(set_descriptor(dce, "share", descriptor(ace(0, FULL, 1, 0))), 5, "NetrShareSetInfo by nobody in particular")
        refused(lambda: srvs.hNetrServerStatisticsGet(dce, "LanmanServer\0", 0, 0))
        expect(open(s.conf).read(), before, "the file")


def permissions_described(build):
    """Permissions as a client sees them: what it writes back lets nobody in who was kept out."""
    impacket()
    from impacket.dcerpc.v5 import srvs
    one, two = two_accounts()
    with Server(build, users={"alice": "Pass-1", "bob": "Pass-2"}, unix={"alice": "root", "bob": two.pw_name}, as_root=True,
                shares={"share": {"permissions": "everyone:change, bob:no, alice:full, ghost:read, @root:read, anonymous:full"},
                        "shut": {"permissions": "everyone:full, ghost:no"}}) as s:
        dce = pipe(s, r"\srvsvc", srvs.MSRPC_UUID_SRVS)  # alice is uid 0, and so an administrator
        info = srvs.hNetrShareGetInfo(dce, "share\0", 502)["InfoStruct"]["ShareInfo502"]
        want = descriptor(ace(1, FULL, 22, 1, two.pw_uid), ace(0, 0x1301BF, 1, 0), ace(0, FULL, 22, 1, 0),
                          ace(0, 0x1200A9, 22, 2, 0), ace(0, FULL, 5, 7))
        expect(b"".join(info["shi502_security_descriptor"]), want, "permissions of share")
        info = srvs.hNetrShareGetInfo(dce, "shut\0", 502)["InfoStruct"]["ShareInfo502"]
        expect(b"".join(info["shi502_security_descriptor"]), descriptor(ace(1, FULL, 1, 0), ace(0, FULL, 1, 0)),
               "permissions that shut somebody out who is not there")
        expect(Smbclient(s, user="bob").refused("ls"), "NT_STATUS_ACCESS_DENIED", "bob before")
        expect(set_descriptor(dce, "share", want), 0, "the same written back")
        expect("security_descriptor" in open(s.conf).read(), False, "what is the same stays as it is written")
        more = descriptor(ace(1, FULL, 22, 1, two.pw_uid), ace(0, FULL, 1, 0))
        expect(set_descriptor(dce, "share", more), 0, "NetrShareSetInfo 1501")
        expect(Smbclient(s, user="bob").refused("ls"), "NT_STATUS_ACCESS_DENIED", "bob afterwards")
        Smbclient(s)("ls")


def net_shares(build):
    with server(build, shares={"share": {}, "spare": {}}) as s, Net(s) as net:
        net("share", "add", f"neu={s.folder('spare')}", "-C", "by net")
        s.cfg("global", "update", "--access-based-share-enumeration", "true")
        s.cfg("share", "update", "-n", "spare", "-P", "bob:full")  # the administrator sees it all the same
        if not re.search(r"^spare$", net("share", "list"), re.M):
            raise Failed("the administrator does not see a share that does not let her in")
        if not re.search(r"^neu$", net("share", "list"), re.M):
            raise Failed("net rpc share list does not name the new share")
        Smbclient(s, share="neu")("ls")
        net("share", "delete", "neu")
        expect(Smbclient(s, share="neu").refused("ls"), "NT_STATUS_BAD_NETWORK_NAME", "a share that is gone")
        client = Smbclient(s)
        client.rpc(f"netshareadd {s.folder('spare')} mine")
        client.rpc("netsharesetinfo mine comment")
        if "comment" not in client.rpc("netsharegetinfo mine 502") or "mine" not in client.rpc("netshareenumall 502"):
            raise Failed("rpcclient does not see what it changed")
        if "security_descriptor" in open(s.conf).read():
            raise Failed("a comment was changed, and the permissions with it")
        client.rpc("netsharesetdfsflags mine 34816")  # SHI1005_FLAGS_ENCRYPT_DATA, .._ACCESS_BASED_DIRECTORY_ENUM
        for name in ("encrypt_data", "access_based_enumeration"):
            if not re.search(name + r"\s.*true", s.cfg("share", "show", "-n", "mine")):
                raise Failed(f"{name} is not set")
        client.rpc("netsharedel mine")
    with server(build) as s, Net(s, "bob") as net:
        net("share", "add", f"neu={s.folder()}", want=255)
        net("share", "delete", "share", want=255)


def recorded(build):
    """The audit log says who changed it; his name as sensitive_data wants it."""
    impacket()
    from impacket.dcerpc.v5 import srvs
    for more, user in (("", "alice"), (",sensitive_data=strip", None)):
        with Log() as log, server(build, settings=log.settings(more), shares={"share": {}, "spare": {}}) as s:
            dce = pipe(s, r"\srvsvc", srvs.MSRPC_UUID_SRVS)
            add_share(dce, "Neu", windows_path(s.folder("spare")))
            found = log.wait("config_change")
            expect([(e["share"], e["by"], e.get("user")) for e in found], [("Neu", "srvsvc", user)], "what is recorded")


def others(build):
    """Who is no administrator is told nothing, and ends nothing."""
    impacket()
    from impacket.dcerpc.v5 import srvs
    with Server(build, privileges="bob: SeBackupPrivilege, SeRestorePrivilege\n") as s, Raw(s) as r:
        tree, fid = held_open(s, r)
        dce = pipe(s, r"\srvsvc", srvs.MSRPC_UUID_SRVS)
        refused(lambda: srvs.hNetrSessionEnum(dce, "\0", "\0", 10))
        refused(lambda: srvs.hNetrConnectionEnum(dce, "share\0", 1))
        refused(lambda: srvs.hNetrFileEnum(dce, "\0", "\0", 3))
        refused(lambda: srvs.hNetrFileGetInfo(dce, 1, 3))
        refused(lambda: srvs.hNetrFileClose(dce, 1))
        refused(lambda: srvs.hNetrSessionDel(dce, "\\\\127.0.0.1\0", "bob\0"))
        expect(r.call(raw.FLUSH, raw.flush_body(fid), "sign", tree=tree).status, raw.SUCCESS, "FLUSH: the file is still open")


def granted_by_reload(build):
    """The file of privileges counts from the reload on, both ways; one with an error changes nothing."""
    impacket()
    from impacket.dcerpc.v5 import srvs
    with Server(build, privileges="# nobody yet\n") as s:
        dce = pipe(s, r"\srvsvc", srvs.MSRPC_UUID_SRVS)
        refused(lambda: srvs.hNetrSessionEnum(dce, "\0", "\0", 10))
        s.write_privileges(OPERATOR)
        if "privilegedb: nothing -> alice: SeDiskOperatorPrivilege" not in s.cfg("reload"):
            raise Failed("the change is not told")
        srvs.hNetrSessionEnum(dce, "\0", "\0", 10)
        s.write_privileges("alice: SeDebugPrivilege\n")
        said = s.cfg("reload", want=1)
        if not re.search(r"privileges:1:8: expected SeBackupPrivilege, .*found \"SeDebugPrivilege\"", said):
            raise Failed("the place of the error is not told")
        s.cfg("check", want=1)
        srvs.hNetrSessionEnum(dce, "\0", "\0", 10)
        s.write_privileges("")
        s.cfg("reload")
        refused(lambda: srvs.hNetrSessionEnum(dce, "\0", "\0", 10))


def tests(build):
    for f in (lists, resumed, close_file, net_files, end_session, own_session, shares, shares_refused, permissions_described, net_shares, recorded, others, granted_by_reload):
        yield Test(f"admin.{f.__name__.replace('_', '-')}", functools.partial(f, build))
