"""The audit log: who did what, exactly; for whom it is written, what is hidden, and what becomes of it when the disk is full."""
import functools
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from harness.testing import Failed, Test

from peer import raw
from peer.acl import DACL, EVERYONE, sd
from peer.cfg import ask, request
from peer.files import expect
from peer.info import ACCESS_DENIED, ALL, Client, rename_data
from peer.lifecycle import eventually
from peer.raw import Raw
from peer.server import NOBODY, Server, preload
from peer.smbclient import Smbclient

RENAME, LINK = 10, 11
DELETE = 0x10000
LOGON_FAILURE, ACCOUNT_DISABLED = 0xC000006D, 0xC0000072


class Log:
    """A directory for the files, and what stands in them."""

    def __init__(self, name="audit"):
        self.top = tempfile.mkdtemp(prefix="tsmb-audit-")
        os.chown(self.top, NOBODY if os.getuid() == 0 else -1, -1)
        self.path = os.path.join(self.top, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.top, ignore_errors=True)

    def settings(self, more="", **globals_):
        return {"audit_enable": "true", "audit_params": f"path={self.path}{more}", **globals_}

    def files(self):
        return sorted(glob.glob(self.path + ".????-??-??"))

    def text(self):
        return "".join(open(path, encoding="utf-8").read() for path in self.files())

    def events(self, *kinds):
        lines = self.text().split("\n")
        if lines.pop() != "":
            raise Failed(f"the last line is not whole: {lines}")
        events = [json.loads(line) for line in lines]
        return [e for e in events if not kinds or e["event"] in kinds]

    def wait(self, kind, count=1):
        eventually(lambda: self.text().count(f'"event":"{kind}"') >= count, f"{count} events {kind}")
        return self.events(kind)


def brief(events, *more):
    """What can be told beforehand of each: event, share, path, where to, and `more`."""
    return [tuple(e.get(k) for k in ("event", "share", "path", "to", *more) if k in e) for e in events]


def share(level):
    return {"share": {"audit_level": str(level)}}


def put(name):
    with open(name, "w") as f:
        f.write("content")
    return name


# ---- what is written

def smbclient(build):
    """smbclient's work, event for event, at level 2: who connects and leaves, and each change, once."""
    with Log() as log:
        with Server(build, log.settings(",cn=nas 1"), share(2)) as s:
            local = put(f"{log.top}/local")
            Smbclient(s, "SMB3_11", "encrypt")(f"put {local} a", "rename a b", "mkdir d", f"put {local} b", "ls", "get b /dev/null",
                                               "rmdir d", "del b")
            expect(Smbclient(s, password="wrong").refused("ls"), "NT_STATUS_LOGON_FAILURE", "a wrong password")
            expect(Smbclient(s, share="nothing").refused("ls"), "NT_STATUS_BAD_NETWORK_NAME", "no such share")
            s.stop()
            alice = ("logon",), ("logoff",)
            want = [("start",), alice[0], ("tree_connect", "share"), ("create", "share", "a"), ("rename", "share", "a", "b"),
                    ("create", "share", "d"), ("overwrite", "share", "b"), ("delete", "share", "d"), ("delete", "share", "b"),
                    ("tree_disconnect", "share"), alice[1], ("logon_refused",), alice[0], ("tree_connect_refused", "nothing"), alice[1],
                    ("stop",)]
            expect(brief(log.events()), want, "the events")
            for e in log.events():
                expect(e["cn"], "nas 1", "cn")
                expect(bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", e["time"])), True, e["time"])
                if e["event"] not in ("start", "stop"):
                    expect((e["user"], e["client"], e["port"] > 0, e["session"] > 0, e["dialect"]),
                           ("alice", "127.0.0.1", True, True, "3.1.1"), e["event"])
                failed = {"logon_refused": "STATUS_LOGON_FAILURE", "tree_connect_refused": "STATUS_BAD_NETWORK_NAME"}
                expect(e["result"], failed.get(e["event"], "STATUS_SUCCESS"), e["event"])
            kinds = [e["type"] for e in log.events("create", "rename", "overwrite", "delete")]
            expect(kinds, ["file", "file", "directory", "file", "directory", "file"], "types")
            expect([e["user_kind"] for e in log.events("logon")], ["named"] * 2, "kind of user")


def changes(build):
    """Links, streams, owners and permissions, deletion by a handle, and what is renamed over something else."""
    with Log() as log:
        with Server(build, log.settings(), share(2)) as s, Client(s) as c:
            f = c.open("f")
            c.set(f, LINK, rename_data("linked"))
            c.set(f, 0, sd([(EVERYONE, 0x1F01FF)]), kind=3, additional=DACL)
            stream = c.open("f:more")
            c.set(stream, RENAME, rename_data(":other"))
            g = c.open("g", disposition=2, options=0x1040, access=ALL | DELETE)  # delete on close
            c.close(stream, g, c.open("victim"))
            c.set(f, LINK, rename_data("victim", replace=True))
            c.call(raw.CREATE, raw.create_body("f:other", DELETE, 1, 0x1040))
            c.set(f, RENAME, rename_data("linked2"))
            c.close(f)
            c.folder("dir")
            c.open("dir\\ä\N{EURO SIGN}\"x".replace('"', ""))
            c.raw.call(raw.LOGOFF, raw.LOGOFF_BODY, "sign")  # the handles with it
            s.stop()
            want = [("create", "share", "f"), ("link", "share", "f", "linked"), ("security_change", "share", "f"),
                    ("create", "share", "f:more"), ("rename", "share", "f:more", "f:other"), ("create", "share", "g"),
                    ("create", "share", "victim"), ("link", "share", "f", "victim"), ("delete", "share", "g"), ("rename", "share", "f", "linked2"), ("create", "share", "dir"),
                    ("create", "share", "dir\\ä€x"), ("delete", "share", "linked2:other")]
            got = brief(log.events(*{w[0] for w in want}))
            expect(sorted(got), sorted(want), "the events")
            expect(got[:7], want[:7], "the first ones, in order")
            expect([e.get("reason") for e in log.events("link", "rename")], [None, None, "in place of another", None], "what was replaced")
            expect(log.events("security_change")[0]["changed"], ["permissions"], "what was changed")


def removed_by_another(build):
    """Who asked for a deletion has deleted, whoever closes last."""
    with Log() as log:
        with Server(build, log.settings(), share(2)) as s, Client(s) as c, Client(s, user="bob") as other:
            for name, options in (("f", 0x40), ("g", 0x1040)):
                f = c.open(name, ALL | DELETE, options=options)
                g = other.open(name, 0x80)
                if options == 0x40:
                    c.set(f, 13, b"\1")
                c.close(f)
                other.close(g)
            c.close(c.open("h", ALL | DELETE, options=0x1040))
            s.stop()
            expect([(e["path"], e["user"]) for e in log.events("delete")], [(name, "alice") for name in "fgh"], "who deleted what")


def levels(build):
    """Each level adds its events to those of the one before."""
    adds = ([], ["tree_connect", "tree_disconnect"], ["create", "delete"], ["open_refused", "open write"], ["open read"])
    for level in range(5):
        with Log() as log, Server(build, log.settings(), share(level)) as s, Client(s) as c:
            os.chown(s.put("denied", b""), 0 if s.drops else -1, -1)
            os.chmod(s.folder() + "/denied", 0o400 if s.drops else 0)
            c.close(c.open("a", disposition=2), c.open("a", access=0x80, disposition=1), c.open("a", access=0x2, disposition=1))
            c.open("denied", access=0x2, disposition=1, status=ACCESS_DENIED)
            c.close(c.open("a", access=DELETE, disposition=1, options=0x1040))
            c.raw.call(raw.TREE_DISCONNECT, raw.TREE_DISCONNECT_BODY, "sign", tree=c.id)
            s.stop()
            got = [e["event"] + (" read" if e.get("access") == ["read_attributes"] else " write") * (e["event"] == "open")
                   for e in log.events() if "share" in e]
            want = sum(adds[:level + 1], [])
            expect(sorted(set(got)), sorted(want), f"level {level}")
            expect(log.events("logon")[0]["user"], "alice", "who logged on")


def refusals(build):
    """Refused messages, logons and shares, each with its reason and the parameter that is responsible."""
    with Log() as log:
        settings = log.settings(require_message_signing="true", auth_delay_ms="0")
        with Server(build, settings, {"share": {"permissions": "bob:full"}}) as s:
            s.passwd("-d", "bob")
            with Raw(s) as client:
                client.negotiate()
                client.logon("bob", s.users["bob"], status=ACCOUNT_DISABLED)
            with Raw(s) as client:
                client.negotiate()
                client.logon('no\n"body', "x", status=LOGON_FAILURE)
            with Raw(s) as client:
                client.negotiate()
                client.logon()
                got = client.call(raw.TREE_CONNECT, client.tree_connect_body(), "sign")
                expect(got.status, ACCESS_DENIED, "a share that is bob's")
                dropped = client.send(raw.ECHO, raw.ECHO_BODY)
                client.expect(raw.ECHO, raw.ECHO_BODY, "sign", message_id=dropped)  # in order: by now it was
            s.stop()
            got = [(e["event"], e.get("user"), e["result"], e.get("command"), e.get("reason"), e.get("parameter"))
                   for e in log.events() if "refused" in e["event"]]
            want = [("logon_refused", "bob", "STATUS_ACCOUNT_DISABLED", "SESSION_SETUP", "the user is disabled", None),
                    ("logon_refused", 'no\n"body', "STATUS_LOGON_FAILURE", "SESSION_SETUP", "unknown user, wrong password or no Unix account", None),
                    ("tree_connect_refused", "alice", "STATUS_ACCESS_DENIED", None, "no permission on the share", None),
                    ("refused", "alice", "dropped", "ECHO", log.events("refused")[0]["reason"], "require_message_signing")]
            expect(got, want, "what was refused")
            expect("sign" in want[3][4], True, want[3][4])


# ---- the running server

def live(build):
    """On, elsewhere, another level, off: each by tsmb-cfg, for a client that was connected before; and who it was."""
    me = f"uid {os.getuid()}"
    with Log("one") as log, Log("two") as other, Server(build) as s, Client(s) as c:
        def turn(*words):
            s.cfg("global", "update", *words)

        c.close(c.open("before"))
        turn("--audit-enable", "true", "--audit-params", f"path={log.path}")
        c.close(c.open("silent"))
        s.cfg("share", "update", "-n", "share", "--audit-level", "2")
        c.close(c.open("heard"))
        turn("--audit-params", f"path={other.path}")
        c.close(c.open("elsewhere"))
        s.cfg("share", "update", "-n", "share", "--audit-level", "0")
        c.close(c.open("quiet"))
        turn("--server-comment", "hello")
        s.settings["server_comment"] = "by hand"
        s.settings.update(other.settings())
        s.write_conf()
        s.kill(signal.SIGHUP)
        other.wait("config_change", 4)
        turn("--audit-enable", "false")
        c.close(c.open("after"))
        s.cfg("share", "add", "-n", "unheard", "-p", s.folder())
        s.stop()
        params = f"path={other.path},days=0,sensitive_data=allow"
        first = log.events("config_change", "create", "overwrite")
        keys = ("by", "parameter", "to")
        expect(brief(first, *keys)[1:], [
            ("config_change", params_of(log), me, "audit_params", params_of(log)),
            ("config_change", "share", "2", me, "audit_level", "2"), ("create", "share", "heard"),
            ("config_change", params, me, "audit_params", params)], "the first log")
        second = brief(other.events(), *keys)
        expect(second, [
            ("config_change", params, me, "audit_params", params), ("create", "share", "elsewhere"),
            ("config_change", "share", "0", me, "audit_level", "0"), ("config_change", "hello", me, "server_comment", "hello"),
            ("config_change", "by hand", "SIGHUP", "server_comment", "by hand"),
            ("config_change", "false", me, "audit_enable", "false")], "the second log")


def params_of(log):
    return f"path={log.path},days=0,sensitive_data=allow"


def refused_places(build):
    """Where it cannot be written a server does not start, and a running one changes nothing."""
    with Log() as log, Server(build, log.settings()) as s:
        before = open(s.conf).read()
        said = s.cfg("global", "update", "--audit-params", "path=/nonexistent/audit", want=1)
        expect("audit_params: /nonexistent/audit: No such file" in said, True, said)
        day = os.path.basename(log.files()[0]).rpartition(".")[2]
        put(f"{log.top}/open.{day}")
        os.chmod(f"{log.top}/open.{day}", 0o666)
        said = s.cfg("global", "update", "--audit-params", f"path={log.top}/open", want=1)
        expect("Operation not permitted" in said, True, said)
        said = s.cfg("global", "update", "--audit-params", "days=3", want=1)
        expect("true needs a line audit_params = path=..." in said, True, said)
        expect(open(s.conf).read(), before, "the file")
        with Client(s) as c:
            c.close(c.open("still"))
        expect(s.stop(), 0, "its end")
        expect(brief(log.events("start", "logon", "stop")), [("start",), ("logon",), ("stop",)], "the log")
        s.settings["audit_params"] = "path=/nonexistent/audit"
        s.write_conf()
        done = subprocess.run(s._as_account(os.path.join(s.programs, "tsmb-server"), "-c", s.conf), capture_output=True, text=True,
                              timeout=20)
        expect((done.returncode, "/nonexistent/audit: No such file" in done.stderr), (1, True), done.stderr)


def owner(build):
    """uid, gid and the mode of the files; files that are too old go."""
    with Log() as log:
        put(f"{log.path}.2001-02-03")
        put(f"{log.path}.2001-02-03.gz")
        with Server(build, log.settings(",days=30,uid=1,gid=4"), as_root=True):
            st = os.stat(log.files()[-1])
            expect((st.st_uid, st.st_gid, st.st_mode & 0o7777), (1, 4, 0o640), "owner, group and mode")
            expect(len(log.files()), 1, f"files {log.files()}")
            expect(os.path.exists(f"{log.path}.2001-02-03.gz"), True, "what is no day's file")


# ---- what is hidden

def sensitive(build):
    """strip says nothing of names; hash the same of the same name, after a restart, too; neither any name itself."""
    seen = {}
    for how in ("allow", "strip", "hash", "hash"):
        with Log() as log, Server(build, log.settings(f",sensitive_data={how}"), share(4)) as s:
            if "key" in seen:
                shutil.copy(seen["key"], f"{s.top}/run/audit.key")
                os.chown(f"{s.top}/run/audit.key", s.owner(), -1)
                s.stop()
                os.unlink(log.files()[0])
                s._start()
            with Client(s) as c:
                c.close(c.open("secret-name"))
                c.open("secret-name", disposition=2, status=0xC0000035)
            Smbclient(s, user="alice", password="wrong").refused("ls")
            s.cfg("global", "update", "--server-comment", "secret-value")
            s.stop()
            text = log.text()
            for word in ("alice", "127.0.0.1", "secret-name", "secret-value", '"port"'):
                expect(word in text, how == "allow", f"{word} with {how}")
            created = log.events("create")[0]
            if how == "strip":
                expect([k for k in ("user", "client", "path") if k in created], [], "what is left")
            if how == "hash":
                logons = log.events("logon", "logon_refused")
                expect(len({e["user"] for e in (*logons, created)}), 1, "the same user")
                expect(seen.setdefault("hashes", (created["user"], created["client"], created["path"])),
                       (created["user"], created["client"], created["path"]), "the same after a restart")
                if "key" not in seen:
                    seen["key"] = f"{tempfile.mkdtemp(prefix='tsmb-key-')}/key"
                    st = os.stat(f"{s.top}/run/audit.key")
                    expect(st.st_mode & 0o7777, 0o600, "mode of the key")
                    shutil.copy(f"{s.top}/run/audit.key", seen["key"])
    shutil.rmtree(os.path.dirname(seen["key"]))


# ---- when it cannot be written

def make_room(s):
    subprocess.run(s._as_account("prlimit", f"--pid={s.process.pid}", "--fsize=unlimited:unlimited"), check=True)


def full_disk(build):
    """A full disk stops nobody: what cannot be written waits, and comes when there is room again."""
    room = 64 << 10
    with Log() as log, Server(build, log.settings(), share(2), before=("prlimit", f"--fsize={room}:unlimited")) as s, Client(s) as c:
        for i in range(600):
            c.close(c.open(f"file-{i:04}"))
        s.wait_text(r"audit log: .*File too large; tried again every second")
        expect(os.path.getsize(log.files()[0]), room, "as much as there was room for")
        c.close(c.open("and on"))
        make_room(s)
        s.wait_text(r"audit log: .* is written again")
        s.stop()
        want = [f"file-{i:04}" for i in range(600)] + ["and on"]
        expect([e["path"] for e in log.events("create")], want, "all that was made")
        expect(log.events("events_lost"), [], "lost events")


def lost(build):
    """What does not fit into the queue is counted: in the server's log, and in the file once it can be written."""
    with Log() as log, Server(build, log.settings(), share(2), before=("prlimit", "--fsize=4096:unlimited")) as s, Client(s) as c:
        folder = "\\".join(["x" * 200] * 10)
        made = 0
        for i in range(1, 11):
            c.close(c.folder(folder[:201 * i - 1]))
        while "events are lost" not in s.text():
            for _ in range(100):
                c.close(c.open(folder + "\\f", disposition=5))  # overwritten each time
            made += 100
            if made > 8000:
                raise Failed("nothing was lost")
        c.close(c.open("after all"))
        make_room(s)
        s.wait_text(r"written again; \d+ events have been lost")
        c.close(c.open("heard again"))
        counted = json.loads(ask(s, request("status.stats")))["result"]["audit_log"]
        shown = s.status("stats")
        s.stop()
        told = sum(e["count"] for e in log.events("events_lost"))
        got = [e["path"] for e in log.events("create", "overwrite")]
        expect(told + len(got), made + 12, "told and lost together")
        expect((counted["lost"], counted["noted"] > len(got)), (told, True), "the server's own counts")
        expect(f"events lost to the audit log  {told}\n" in shown, True, "a line of tsmb-status")
        expect(("heard again" in got, told > 0), (True, True), f"{told} were lost")


def stalled(build):
    """A disk on which write() never returns holds nobody up, not even the end of the server."""
    with Log() as log:
        stall = f"{log.top}/stall"
        with Server(build, log.settings(), share(2), before=("env", preload(build, "stall"), f"TSMB_TEST_STALL={stall}")) as s:
            with Client(s) as c:
                c.close(c.open("before"))
                log.wait("create")
                put(stall)
                began = time.monotonic()
                for i in range(100):
                    c.close(c.open(f"file-{i}"))
                expect(time.monotonic() - began < 20, True, "held up")
                expect(len(log.events("create")), 1, "what was written")
                os.unlink(stall)
                log.wait("create", 101)
                put(stall)
                c.close(c.open("never told"))
            expect(s.stop(), 0, "its end")
            s.wait_text("audit log: the disk hangs")


def tests(build):
    for f in (smbclient, changes, removed_by_another, levels, refusals, live, refused_places, owner, sensitive, full_disk, lost, stalled):
        yield Test(f"trail.{f.__name__.replace('_', '-')}", functools.partial(f, build), limit=120)
