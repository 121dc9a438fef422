"""Whatever changes something leaves an event of the audit log, at the level that tsmb.conf(5) names, and not below it."""
import functools
import os
import re
import struct

from harness.testing import TOP, Test

from peer import raw
from peer.acl import DACL, EVERYONE, sd
from peer.admin import FULL, ace, add_share, descriptor, server, set_descriptor
from peer.copies import COPY, COPY_WRITE, chunks, key_of
from peer.extents import DUPLICATE, DUPLICATE_EX, SET_COMPRESSION, SET_SPARSE
from peer.files import expect
from peer.impacket_peer import impacket, pipe
from peer.info import Client, basic_data, full_ea, rename_data
from peer.quotas import GONE, INDEX, NONE, accounts, change, user
from peer.raw import Raw
from peer.reparse import DELETE as DELETE_REPARSE
from peer.reparse import SET as SET_REPARSE
from peer.reparse import LX_FIFO, SYMLINK, buffer, link
from peer.server import Server
from peer.trail import Log, share

DELETE = 0x10000
ALL = 0x001F01FF
OPEN, NEW, OVERWRITE = 1, 2, 4
ITSELF = 0x00200000
ZERO_DATA, TRIM = 0x980C8, 0x98208
LEVELS = range(5)


def documented():
    """{event: {level}} of the manual page; None: any."""
    with open(os.path.join(TOP, "doc", "tsmb.conf.5.scd.in"), encoding="utf-8") as f:
        page = f.read()
    table = page[page.index("[[ *event*"):]
    rows = re.findall(r"^\|  (\S.*)\n:  .*(?:\n   .*)*\n:  (\d|any)$", table[:table.index("\n\n")], re.M)
    found = {}
    for names, level in rows:
        for name in names.split(", "):
            found.setdefault(name, set()).add(None if level == "any" else int(level))
    return found


# ---- what a client changes in files

def control(code, data=b"", before=None, options=0):
    """What comes of it, as file systems differ, is for other tests: the open is told of in any case."""
    def act(c, name):
        if before:
            before(c, name)
        f = c.open(name, options=options)
        c.raw.call(raw.IOCTL, raw.ioctl_body(code, f, data(c, name) if callable(data) else data), "sign", tree=c.id)
        c.close(f)
    return act


def setting(info, data, kind=1, additional=0, access=ALL):
    def act(c, name):
        f = c.open(name, access)
        c.set(f, info, data(name) if callable(data) else data, kind=kind, additional=additional)
        c.close(f)
    return act


def change_reparse(c, name):
    f = c.open(name, options=ITSELF, disposition=OPEN)
    c.call(raw.IOCTL, raw.ioctl_body(SET_REPARSE, f, buffer(LX_FIFO)))
    c.close(f)


def copying(c, name):
    return chunks(key_of(c, c.open(name + "-source")), (0, 0, 4))


def duplicating(c, name):
    return c.open(name + "-source") + struct.pack("<QQQ", 0, 0, 4096)


def writing(c, name):
    f = c.open(name)
    c.write(f, b"bytes")
    c.close(f)


def stream_renamed(c, name):
    f = c.open(name + ":one")
    c.set(f, 10, rename_data(":two"))
    c.close(f)


# what it is called in the code: (level, event, what it does to a file that is there)
FSCTLS = {
    "SET_COMPRESSION": (3, "open", control(SET_COMPRESSION, struct.pack("<H", 1))),
    "SET_SPARSE": (3, "open", control(SET_SPARSE)),
    "SET_ZERO_DATA": (3, "open", control(ZERO_DATA, struct.pack("<QQ", 0, 4))),
    "FILE_LEVEL_TRIM": (3, "open", control(TRIM, struct.pack("<IIQQ", 0, 1, 0, 4))),
    "DUPLICATE_EXTENTS_TO_FILE": (3, "open", control(DUPLICATE, duplicating)),
    "DUPLICATE_EXTENTS_TO_FILE_EX": (3, "open", control(DUPLICATE_EX, lambda c, n: struct.pack("<Q", 48) + duplicating(c, n) + bytes(8))),
    "SRV_COPYCHUNK": (3, "open", control(COPY, copying)),
    "SRV_COPYCHUNK_WRITE": (3, "open", control(COPY_WRITE, copying)),
    "SET_REPARSE_POINT": (2, "reparse_change", change_reparse),
    "DELETE_REPARSE_POINT": (2, "reparse_change", control(DELETE_REPARSE, buffer(LX_FIFO), change_reparse, ITSELF)),
}
# what shows something, or changes nothing but the open or the connection
LOOKS = {"VALIDATE_NEGOTIATE_INFO", "QUERY_NETWORK_INTERFACE_INFO", "CREATE_OR_GET_OBJECT_ID", "GET_OBJECT_ID", "GET_COMPRESSION",
         "QUERY_ALLOCATED_RANGES", "GET_REPARSE_POINT", "SRV_REQUEST_RESUME_KEY", "PIPE_TRANSCEIVE", "PIPE_WAIT", "DFS_GET_REFERRALS",
         "DFS_GET_REFERRALS_EX"}
CLASSES = {
    "FileAllocationInformation": (3, "open", setting(19, struct.pack("<Q", 0))),
    "FileBasicInformation": (3, "open", setting(4, basic_data(attributes=1), access=0x100)),
    "FileDispositionInformation": (2, "delete", setting(13, b"\1", access=DELETE)),
    "FileDispositionInformationEx": (2, "delete", setting(64, struct.pack("<I", 1), access=DELETE)),
    "FileEndOfFileInformation": (3, "open", setting(20, struct.pack("<Q", 1))),
    "FileFullEaInformation": (3, "open", setting(15, full_ea(b"NAME", b"value"), access=0x10)),
    "FileLinkInformation": (2, "link", setting(11, lambda name: rename_data(name + "-link"))),
    "FileRenameInformation": (2, "rename", setting(10, lambda name: rename_data(name + "-moved"))),
}
STAY = {"FileModeInformation", "FilePipeInformation", "FilePositionInformation", "FileValidDataLengthInformation"}
OTHERS = {
    "create": (2, "create", lambda c, name: c.close(c.open(name + "-new", disposition=NEW))),
    "a stream": (2, "create", lambda c, name: c.close(c.open(name + ":stream", disposition=NEW))),
    "a stream's name": (2, "rename", stream_renamed),
    "overwrite": (2, "overwrite", lambda c, name: c.close(c.open(name, disposition=OVERWRITE))),
    "delete on close": (2, "delete", lambda c, name: c.close(c.open(name, DELETE, OPEN, 0x1040))),
    "a descriptor": (2, "security_change", setting(0, sd([(EVERYONE, 0x1F01FF)]), 3, DACL)),
    "WRITE": (3, "open", writing),
}


def rows_of(source, table):
    """The names in a table of the code."""
    with open(os.path.join(TOP, "src", "cmd", source), encoding="utf-8") as f:
        text = f.read()
    text = text[text.index(f"}} {table}[] = {{"):]
    return set(re.findall(r"^\t\{(?:FSCTL_)?(\w+),", text[:text.index("\n};")], re.M))


def complete(_):
    """There is no command that could change something and is in no table of this file."""
    expect(rows_of("ioctl.c", "controls"), set(FSCTLS) | LOOKS, "FSCTLs")
    expect(rows_of("set_info.c", "classes"), set(CLASSES) | STAY, "classes of SET_INFO")
    levels = documented()
    expect({e: l for e, l in levels.items() if None not in l}["open"], {3, 4}, "the manual's table of events")
    for level, event, _ in (FSCTLS | CLASSES | OTHERS).values():
        expect(level in levels[event], True, f"{event} at level {level} in tsmb.conf(5)")


def files(build):
    """Each operation on a file of its own, at each level: so much, and not more, stands in the log of it."""
    table = FSCTLS | CLASSES | OTHERS
    for level in LEVELS:
        with Log() as log, Server(build, log.settings(), share(level)) as s, Client(s) as c:
            for n, (_, _, act) in enumerate(table.values()):
                for suffix in ("", "-source"):
                    s.put(f"f{n}{suffix}", b"text")
                act(c, f"f{n}")
            s.stop()
            seen = log.events()
            for n, (what, (least, event, _)) in enumerate(table.items()):
                own = [e for e in seen if re.match(rf"f{n}\b", e.get("path", ""))]
                got = any(e["event"] == event and (event != "open" or changes(e)) for e in own)
                expect(got, level >= least, f"{what} at level {level}")
                expect(all(e["user"] == "alice" for e in own), True, f"who did it: {own}")


def changes(event):
    return any("write" in a for a in event["access"])


def reparse_points(build):
    """What is said of them: set or removed, by its tag; nothing of what was refused."""
    with Log() as log, Server(build, log.settings(), share(2)) as s, Client(s) as c:
        d = c.open("d", disposition=NEW, options=1 | ITSELF)
        c.call(raw.IOCTL, raw.ioctl_body(SET_REPARSE, d, link("elsewhere")))
        c.call(raw.IOCTL, raw.ioctl_body(SET_REPARSE, d, buffer(0x80000024)), 0xC0000277)
        c.call(raw.IOCTL, raw.ioctl_body(DELETE_REPARSE, d, buffer(SYMLINK)))
        s.stop()
        keys = ("path", "type", "tag", "reason", "result")
        want = [("d", "directory", "0xA000000C", None, "STATUS_SUCCESS"), ("d", "directory", "0xA000000C", "removed", "STATUS_SUCCESS")]
        expect([tuple(e.get(k) for k in keys) for e in log.events("reparse_change")], want, "the events")


# ---- what administrators change

def quotas(build):
    """Whose quota, and what it is now; at level 2."""
    for level in (1, 2):
        with Log() as log:
            one, two, s = accounts(build, "{0}:1:2:3 {1}:4:0:0")
            s.settings.update(log.settings())
            s.shares["share"]["audit_level"] = str(level)
            with s, Client(s, user="root") as c:
                q = c.open(INDEX, 0x100016, OPEN, 0)
                change(c, q, (user(one), 4096, 8192), (user(two), NONE, GONE))
                change(c, q, (user(0xFFFFFFFF), 1, 1), (b"", 1, 1), status=0xC000000D)
                s.stop()
                got = [(e["user"], e["of"], e.get("warning"), e.get("limit")) for e in log.events("quota_change")]
                want = [("root", f"S-1-22-1-{one}", 4096, 8192), ("root", f"S-1-22-1-{two}", None, None)]
                expect(got, want if level >= min(documented()["quota_change"]) else [], f"level {level}")


def bob_with_a_file(s):
    r = Raw(s)
    tree = r.ready("share", user="bob")
    expect(r.call(raw.CREATE, raw.create_body("held", disposition=3), "sign", tree=tree).status, raw.SUCCESS, "CREATE")
    return r


def from_afar(build):
    """Each call of srvsvc that changes something, on a share of level 0; and nothing of what was refused to bob."""
    impacket()
    from impacket.dcerpc.v5 import srvs
    expect((documented()["ended"], documented()["config_change"]), ({None}, {None}), "the levels")
    with Log() as log, server(build, settings=log.settings(), shares={"share": {}, "spare": {}}) as s, bob_with_a_file(s):
        for who in ("bob", "alice"):
            dce = pipe(s, r"\srvsvc", srvs.MSRPC_UUID_SRVS, who)
            number = next(f["id"] for f in s.status("files", "--json") if f["path"] == "held")
            for call in (lambda: add_share(dce, "Neu", s.folder("spare")),
                         lambda: set_descriptor(dce, "Neu", descriptor(ace(0, FULL, 5, 7))),
                         lambda: srvs.hNetrShareDel(dce, "Neu\0"), lambda: srvs.hNetrFileClose(dce, number & 0xFFFFFFFF),
                         lambda: srvs.hNetrSessionDel(dce, "\0", "bob\0")):
                try:
                    refused = call() == 5
                except Exception as e:
                    refused = "ACCESS_DENIED" in str(e).upper()
                    if not refused:
                        raise
                expect(refused, who == "bob", f"a call of {who}")
        s.stop()
        changed = [(e["user"], e["share"], e.get("reason") or e["parameter"]) for e in log.events("config_change")]
        expect(sorted({c for c in changed if c[2] != "permissions"}), [("alice", "Neu", "security_descriptor"), ("alice", "Neu", "share added"),
                                                                     ("alice", "Neu", "share removed")], "changes of shares")
        found = [(e["by"], e["user"], e["ended"], e["of"], e["of_client"], e.get("share"), e.get("path")) for e in log.events("ended")]
        bobs = ("bob", "127.0.0.1")
        expect(found[0], ("srvsvc", "alice", "file", *bobs, "share", "held"), "the file")
        expect(set(found[1:]), {("srvsvc", "alice", "session", *bobs, None, None)}, "sessions")
        session = next(e["session"] for e in log.events("create") + log.events("logon") if e["user"] == "bob")
        expect(session in [e["id"] for e in log.events("ended")], True, "the id is that of the session's other events")


def by_hand(build):
    """What tsmb-status ends, with the uid of who typed it; with names hidden, too."""
    me = f"uid {os.getuid()}"
    for more, of in (("", "bob"), (",sensitive_data=strip", None)):
        with Log() as log, server(build, settings=log.settings(more)) as s:
            with bob_with_a_file(s):
                s.status("close-file", str(s.status("files", "--json")[0]["id"]))
                s.status("close-session", str(s.status("sessions", "--json")[0]["id"]))
                s.status("close-session", "77", want=1)
            with bob_with_a_file(s):
                s.status("disconnect", str(s.status("connections", "--json")[-1]["id"]))
            s.stop()
            client = "127.0.0.1" if of else None
            found = [(e["by"], e.get("user"), e["ended"], e.get("of"), e.get("of_client")) for e in log.events("ended")]
            expect(found, [(me, None, "file", of, client), (me, None, "session", of, client), (me, None, "connection", None, client)],
                   "what was ended")


def tests(build):
    for f in (complete, files, reparse_points, quotas, from_afar, by_hand):
        yield Test(f"events.{f.__name__.replace('_', '-')}", functools.partial(f, build), limit=120)
