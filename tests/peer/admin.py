"""The Shared Folders console's calls of srvsvc: who is there, what is open, and ending it. By rpcclient, net and impacket."""
import functools
import re

from harness.testing import Failed, Test, need

from peer import raw
from peer.files import expect
from peer.impacket_peer import impacket, pipe, refused
from peer.raw import Raw
from peer.scanners import relay_on_445
from peer.server import Server
from peer.smbclient import Smbclient, execute

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
        s.cfg("reload")
        srvs.hNetrSessionEnum(dce, "\0", "\0", 10)
        s.write_privileges("alice: SeDebugPrivilege\n")
        said = s.cfg("reload", want=1)
        if not re.search(r"privileges:1:8: expected SeBackupPrivilege, .*found \"SeDebugPrivilege\"", said):
            raise Failed("the place of the error is not told")
        srvs.hNetrSessionEnum(dce, "\0", "\0", 10)
        s.write_privileges("")
        s.cfg("reload")
        refused(lambda: srvs.hNetrSessionEnum(dce, "\0", "\0", 10))


def tests(build):
    for f in (lists, resumed, close_file, net_files, end_session, own_session, others, granted_by_reload):
        yield Test(f"admin.{f.__name__.replace('_', '-')}", functools.partial(f, build))
