"""tsmb-cfg and the control socket: what an administrator types takes effect at once, over the wire, and stands in the file."""
import functools
import json
import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from harness.testing import TOP, Failed, Skip, Test

from peer import raw
from peer.files import expect
from peer.lifecycle import connects, eventually, opened
from peer.raw import Disconnected, Dropped, Raw
from peer.server import NOBODY, Server, free_port, scratch
from peer.status import on_terminal

FOLDER = (raw.CREATE, raw.create_body("", access=0x81, options=1))  # harmless, and answered
TREE_GONE = 0xC00000C9  # STATUS_NETWORK_NAME_DELETED
WRONG_FILES = os.path.join(TOP, "tests", "vectors", "conf-wrong.txt")


def file_of(s):
    with open(s.conf) as f:
        return f.read()


def typed(s, line, path, want=0):
    """A command of the documentation as it stands there, but for the path of the share."""
    words = shlex.split(line)
    if words[:2] != ["sudo", "tsmb-cfg"]:
        raise Failed(f"not a command: {line}")
    return s.cfg(*(w.replace("/export/share", path) for w in words[2:]), want=want)


# ---- each command, and what clients see of it

def as_typed(build):
    """The documentation's commands as they stand: the share is there, and encrypted, for a client that was connected before."""
    with Server(build) as s, Raw(s) as client:
        client.ready()
        path = s.folder()
        typed(s, "sudo tsmb-cfg share add -n MyShare -p /export/share -e true", path)
        tree = client.tree("MyShare")
        expect(client.share_flags & raw.SHARE_ENCRYPT, raw.SHARE_ENCRYPT, "the share's flag")
        expect(client.call(*FOLDER, "sign", tree=tree).protection, "encrypt", "an answer on it")
        s.cfg("share", "update", "-n", "MyShare", "-e", "false")
        expect(client.call(*FOLDER, "sign", tree=tree).protection, "encrypt", "an answer to who was told so")
        again = client.tree("MyShare")
        expect(client.call(*FOLDER, "sign", tree=again).protection, "sign", "an answer to who connects now")
        typed(s, "sudo tsmb-cfg share update -n MyShare -e true", path)
        expect(client.call(*FOLDER, "sign", tree=again).protection, "encrypt", "an answer on a tree from before")
        expect(re.findall(r"netname = MyShare\npath = .*\nencrypt_data = (\w+)\n", file_of(s)), ["true"], "the file")


EXAMPLES = {  # of the documentation, as they stand there; ". . ." is what else is in the section
    "signing": "[global]\n. . .\nrequire_message_signing = true\n. . .\n[/global]\n",
    "encryption": "[global]\n. . .\nencrypt_data = true\n. . .\n[/global]\n",
    "rejection": "[global]\n. . .\nreject_unencrypted_access = true\n. . .\n[/global]\n",
    "share on": "[global]\n. . .\nencrypt_data = false\n. . .\n[/global]\n\n"
                "[share]\nnetname = MyShare\npath = /export/share\nencrypt_data = true\n[/share]\n",
    "share off": "[global]\n. . .\nencrypt_data = true\n. . .\n[/global]\n\n"
                 "[share]\nnetname = MyShare\npath = /export/share\nencrypt_data = false\n[/share]\n",
}


def take_over(s, example):
    """The server's file becomes that example, with what a private server needs; the server is told by SIGHUP."""
    s.settings, shares, folder = {}, s.shares, s.folder("MyShare")
    s.shares = {}
    s.write_conf()
    needed = re.search(r"\[global\]\n(.*)\[/global\]", file_of(s), re.S)[1]
    s.shares = shares
    text = EXAMPLES[example].replace(". . .\n", needed, 1).replace(". . .\n", "").replace("/export/share", folder)
    if "[share]" not in text:
        text += f"\n[share]\nnetname = MyShare\npath = {folder}\n[/share]\n"
    with open(s.conf, "w") as f:
        f.write(text)
    before = s.text().count("reload: ")
    s.kill(signal.SIGHUP)
    eventually(lambda: s.text().count("reload: ") > before, f"the reload to {example}")


def examples(build):
    """The documentation's examples of the file: each acts on the next request of a client that was connected before."""
    for example in EXAMPLES:
        with Server(build, shares={"MyShare": {}}) as s, Raw(s) as client:
            tree = client.ready("MyShare")
            folder = (raw.CREATE, raw.create_body("", access=0x81, options=1))
            expect(client.call(*folder, "plain", tree=tree).protection, "plain", "before")
            take_over(s, example)
            if example == "signing":
                try:
                    client.call(*folder, "plain", tree=tree, seconds=0.3)
                    raise Failed("an unsigned request was answered")
                except Dropped:
                    client.expect(*folder, "sign", tree=tree, message_id=client.next_id - 1)
            elif example == "rejection":
                client.expect(*folder, "encrypt", tree=tree)
                client.expect(*folder, "sign", tree=tree, status=raw.ACCESS_DENIED)
            else:
                want = "plain" if example == "share off" else "encrypt"
                expect(client.call(*folder, "plain", tree=tree).protection, want, f"{example}: who was there")
                again = client.tree("MyShare")
                expect(bool(client.share_flags & raw.SHARE_ENCRYPT), example == "share on" or example == "encryption", f"{example}: the flag")
                expect(client.call(*folder, "plain", tree=again).protection, want, f"{example}: who connects now")


def globals_(build):
    """Each of the three parameters acts on the next request of a client that was connected before."""
    with Server(build) as s, Raw(s) as client, Raw(s, "2.1") as old:
        tree, old_tree = client.ready(), old.ready(how="plain")
        expect(client.call(*FOLDER, "plain", tree=tree).protection, "plain", "mirrored")
        said = s.cfg("global", "update", "--encrypt-data", "true")
        expect("encrypt_data: false -> true" in said, True, said)
        expect(client.call(*FOLDER, "plain", tree=tree).protection, "encrypt", "encrypt_data")
        said = s.cfg("global", "update", "--require-signing", "true")
        expect("2 sessions were set up under looser demands" in said, True, said)
        try:
            old.call(*FOLDER, "plain", tree=old_tree, seconds=0.3)
            raise Failed("an unsigned request was answered")
        except Dropped:
            old.expect(*FOLDER, "sign", tree=old_tree, message_id=old.next_id - 1)
        client.expect(*FOLDER, "sign", tree=tree)
        s.cfg("global", "update", "--reject-unencrypted-access", "true")
        client.expect(*FOLDER, "encrypt", tree=tree)
        old.expect(*FOLDER, "sign", tree=old_tree, status=raw.ACCESS_DENIED)
        for name in ("encrypt_data", "require_message_signing", "reject_unencrypted_access"):
            expect(f"\n{name} = true\n" in file_of(s), True, f"{name} in the file")
        shown = json.loads(s.cfg("global", "show", "--json"))
        expect([shown[n] for n in ("encrypt_data", "require_message_signing", "reject_unencrypted_access")], [True] * 3, "shown")


def shares(build):
    """What goes takes its trees along and nothing else; permissions count for who is connected."""
    with Server(build) as s, Raw(s) as other, Raw(s) as client:
        before = file_of(s)
        mine = other.ready()
        handle = opened(other, mine, "kept")
        client.ready()
        s.cfg("share", "add", "--netname", "Second one", "--path", s.folder(), "-P", "everyone:full", "--security", "posix",
              "--remark", "for a while")
        tree = client.tree("second ONE")
        client.expect(raw.CREATE, raw.create_body("new"), "sign", tree=tree)
        s.cfg("share", "update", "-n", "SECOND one", "-P", "everyone:read")
        client.expect(raw.CREATE, raw.create_body("newer"), "sign", tree=tree, status=raw.ACCESS_DENIED)
        client.expect(raw.CREATE, raw.create_body("new", access=0x120089, disposition=1), "sign", tree=tree)
        s.cfg("share", "update", "-n", "Second one", "-P", "everyone:full, alice:no")
        expect(client.call(*FOLDER, "sign", tree=tree).status, TREE_GONE, "who is not let in any more")
        expect(connects(client, "Second one"), False, "nor connects anew")
        s.cfg("share", "update", "-n", "Second one", "--unset", "permissions")
        tree = client.tree("Second one")
        s.cfg("share", "del", "-n", "Second one")
        expect(client.call(*FOLDER, "sign", tree=tree).status, TREE_GONE, "the tree of a share that is gone")
        expect(connects(client, "Second one"), False, "the share that is gone")
        other.expect(raw.WRITE, raw.write_body(handle, b"still mine"), "sign", tree=mine)
        expect(file_of(s), before, "the file after all that")


def listeners(build):
    """Listeners come and go while clients stay; one that cannot be had changes nothing."""
    with Server(build) as s, Raw(s) as client, socket.socket() as taken:
        tree, port = client.ready(), free_port()
        before = file_of(s)
        s.cfg("global", "add", "listen", f"ANY,127.0.0.1,IPv4,{port},DIRECT_TCP")
        with Raw(s, port=port) as there:
            there.ready()
            s.cfg("global", "del", "listen", f"ANY, 127.0.0.1, IPv4, {port}")
            there.expect(*FOLDER, "sign", tree=there.tree())
        try:
            socket.create_connection(("127.0.0.1", port), 2)
            raise Failed("a listener that was deleted still accepts")
        except ConnectionRefusedError:
            pass
        expect(file_of(s), before, "the file after both")
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        said = s.cfg("global", "add", "listen", f"ANY,127.0.0.1,IPv4,{busy},DIRECT_TCP", want=1)
        expect(f"listen: cannot listen on 127.0.0.1 port {busy}: Address already in use" in said, True, said)
        said = s.cfg("global", "add", "listen", f"none-such0,127.0.0.1,IPv4,{port},DIRECT_TCP", want=1)
        expect(f"127.0.0.1 port {port} of none-such0: No such device" in said, True, said)
        s.cfg("global", "update", "--listen", f"ANY,127.0.0.1,IPv4,{busy},DIRECT_TCP", want=1)  # in place of the one there is
        s.alive()
        said = s.cfg("global", "del", "listen", f"ANY,127.0.0.1,IPv4,{s.port},DIRECT_TCP", want=1)
        expect("the last one stays" in said, True, said)
        expect(file_of(s), before, "the file after what was refused")
        s.alive()
        client.expect(*FOLDER, "sign", tree=tree)


def limits_and_log(build):
    """Limits, memory and the log change at once; what waits for a restart says so."""
    with Server(build) as s, Raw(s) as client:
        client.ready()
        s.cfg("global", "update", "--sessions-max", "1")
        with Raw(s) as second:
            second.negotiate()
            got = second.begin_logon()
            expect(got.status in (raw.MORE, raw.SUCCESS), False, f"a second session: {got.status:#x}")
        s.cfg("global", "update", "--unset", "sessions-max", "--memory-max", "64MiB")
        with Raw(s) as second:
            second.ready()
        expect("sessions_max" in file_of(s), False, "what was unset stands in the file")
        s.cfg("global", "update", "--log-destination", "file", "--log-params", f"path={s.top}/run/other.log")
        s.cfg("global", "update", "--server-comment", "seen there")
        with open(f"{s.top}/run/other.log") as f:
            expect("server_comment: nothing -> seen there" in f.read(), True, "the new log")
        os.rename(f"{s.top}/run/other.log", f"{s.top}/run/other.log.1")  # as logrotate does
        s.cfg("reload")
        with open(f"{s.top}/run/other.log") as f:
            expect("reload: nothing has changed" in f.read(), True, "the log behind a rotation")
        said = s.cfg("global", "update", "--log-params", "path=/nonexistent/x", want=1)
        expect("/nonexistent/x" in said, True, said)
        expect("nonexistent" in file_of(s), False, "a log that cannot be opened stands in the file")
        s.cfg("global", "update", "--log-destination", "console")
        said = s.cfg("global", "update", "--vfs-data-threads", "3")
        expect("vfs_data_threads: auto -> 3 (needs a restart)" in said, True, said)


def reloads(build):
    """`tsmb-cfg reload` takes a file over that was edited by hand, and says what SIGHUP says in the log."""
    with Server(build) as s, Raw(s) as client:
        tree = client.ready()
        s.settings["require_message_signing"] = "true"
        s.settings["server_comment"] = "by hand"
        s.write_conf()
        answer = json.loads(s.cfg("reload", "--json"))
        expect((answer["running"], answer["written"], answer["sessions_held"]), (True, False, 1), "the answer")
        for change in answer["changes"]:
            s.wait_text(re.escape("reload: " + change["text"]))
        expect([c["name"] for c in answer["changes"]], ["require_message_signing", "server_comment"], "what has changed")
        s.settings["encrypt_data"] = "perhaps"
        s.write_conf()
        broken = file_of(s)
        for words in (("reload",), ("share", "del", "-n", "share"), ("global", "update", "--sessions-max", "3")):
            expect("encrypt_data: expected true or false" in s.cfg(*words, want=1), True, f"{words} on a broken file")
        expect(file_of(s), broken, "a broken file")
        client.expect(*FOLDER, "sign", tree=tree)


def descriptors(build):
    """Shares beyond the limit of descriptors are refused with the remedy; those there are stay, and the file is as it was."""
    first = {f"share{n}": {} for n in range(70)}
    with Server(build, shares={"share": {}, **first}, before=("prlimit", "--nofile=400:400")) as s, Raw(s) as client:
        tree = client.ready()
        s.wait_text("with 400 descriptors there may be 25 open files, of open_files_max 1048576, and 17 connections")
        folder, said, n = s.folder(), "", 0
        for n in range(40):
            before = file_of(s)
            os.mkdir(f"{folder}/{n}")
            done = subprocess.run([os.path.join(build, "tsmb-cfg"), "-c", s.conf, "share", "add", "-n", f"more{n}", "-p", f"{folder}/{n}"],
                                  capture_output=True, text=True, timeout=20)
            if done.returncode:
                said = done.stderr
                break
        want = rf"tsmb-cfg: no descriptors are left: {72 + n} shares take up to {4 * (72 + n)} of 400, .*; LimitNOFILE=.*\n"
        expect((n > 5, bool(re.fullmatch(want, said))), (True, True), f"after {n}: {said}")
        expect(file_of(s), before, "the file")
        client.expect(*FOLDER, "sign", tree=tree)
        expect([connects(client, name) for name in ("share69", f"more{n - 1}", f"more{n}")], [True, True, False], "the first, the last, the next")


def alone(build):
    """Without a server the file is changed and the tool says so; -c stands anywhere; a symbolic link stays one."""
    with Server(build) as s:
        s.stop()
        text = file_of(s).replace("[global]", "# mine\n[global]\n\t#encrypt_data = false").replace("\n", "\r\n")
        with open(s.conf, "w", newline="") as f:
            f.write(text)
        os.rename(s.conf, f"{s.top}/real.conf")
        os.symlink("real.conf", s.conf)
        os.chmod(f"{s.top}/real.conf", 0o640)
        for words in (["-c", s.conf, "global", "update", "--encrypt-data=true"], ["share", "-c", s.conf, "add", "-nNew", "-p", "/srv"],
                      ["share", "update", "--config", s.conf, "-n", "new", "-etrue"]):
            done = subprocess.run([os.path.join(build, "tsmb-cfg"), *words], capture_output=True, text=True, timeout=20)
            expect((done.returncode, "no server runs with it: only the file was changed" in done.stdout), (0, True), done.stderr)
        with open(f"{s.top}/real.conf", newline="") as f:
            got = f.read()
        want = text.replace("#encrypt_data = false\r\n", "#encrypt_data = false\r\n\tencrypt_data = true\r\n")
        want += "\r\n[share]\r\nnetname = New\r\npath = /srv\r\nencrypt_data = true\r\n[/share]\r\n"
        expect(got, want, "the file")
        st = os.stat(f"{s.top}/real.conf")
        expect((os.path.islink(s.conf), st.st_mode & 0o777, st.st_uid), (True, 0o640, s.owner()), "link, mode and owner")
        expect("no server runs" in s.cfg("reload", want=1), True, "reload without a server")
        other = f"{s.top}/other.conf"
        with open(other, "w") as f:
            f.write(f"[global]\nrunstate_dir = {s.top}/run\n[/global]\n")
        os.unlink(s.conf)
        s.write_conf()
        s._start()
        done = subprocess.run([os.path.join(build, "tsmb-cfg"), "-c", other, "global", "update", "--encrypt-data", "true"],
                              capture_output=True, text=True, timeout=20)
        expect((done.returncode, "serves" in done.stderr, "only the file" in done.stdout), (0, True, True), "the server of another file")
        expect(json.loads(s.cfg("global", "show", "--json"))["encrypt_data"], False, "the server of another file")


def refusals(build):
    """What is refused says why, with status 1, and changes neither; what is mistyped has status 2."""
    refused = {
        "global update --require-signing yes": 'require_message_signing: expected true or false, found "yes"',
        "global update --sessions-max many": "sessions_max: expected",
        "global update --encryption-ciphers ROT13": "ROT13",
        "global update --audit-hope true": None,
        "global update --server-comment 'a\nb'": "expected one line of text",
        "global update --log-destination file": "file needs a line log_params",
        "global update --vss true": "vss: known, but this version does not act on it yet",
        "global add listen nonsense": "listen: expected",
        "global add listens x": "listens: unknown parameter of [global]; the nearest known name is listen",
        "global del listen ANY,127.0.0.1,IPv4,1,DIRECT_TCP": "there is no ANY,127.0.0.1,IPv4,1,DIRECT_TCP",
        "global add domain X": "domain: has one value",
        "share add -n x -p relative": "path: expected an absolute path",
        "share add -n SHARE -p /srv": 'there is a share "SHARE" already',
        "share add -n a/b -p /srv": "netname: expected",
        "share add -n x -p /srv --ca true": "ca: known",
        "share add -n x -p /srv -P everyone:maybe": "maybe",
        "share update -n nobody -e true": 'there is no "nobody"',
        "share del -n nobody": 'there is no "nobody"',
        "share show -n nobody": "there is no such share",
        "share add -n x": None, "share add -p /srv": None, "share update -n share": None, "share update -e true": None,
        "share del -n share -e true": None, "share del": None, "share": None, "": None, "nonsense": None,
        "global update": None, "global update --encrypt-data": None, "global update -e true": None, "global add listen": None,
        "global show extra": None, "global update --encrypt-data true --encrypt-data false": None,
        "global update --unset nonsense": None, "share list --json=yes": None, "share add -n x -p /srv -e true -e true": None,
    }
    mistyped = {
        "--bogus share list": "there is no option --bogus",
        "global update --require-singing true": "there is no option --require-singing; the nearest is --require-signing",
        "global update -z": "there is no option -z",
        "share": "share: expected add, update, del, list or show",
        "global": "global: expected update, show, add or del",
        "share delete -n share": 'share: expected add, update, del, list or show, found "delete"',
        "nonsense share": 'there is no command "nonsense"',
        "share del share": 'unexpected argument "share": the name of a share goes with -n',
        "share update -n share --netname other": "--netname: expected once, as it says which share; shares keep their names",
    }
    with Server(build) as s:
        before = file_of(s)
        for line, why in refused.items():
            said = s.cfg(*shlex.split(line), want=1 if why else 2)
            if (why or "see tsmb-cfg --help") not in said:
                raise Failed(f"{line}: {said}")
        for line, why in mistyped.items():
            said = s.cfg(*shlex.split(line), want=2)
            expect(said.strip(), f"tsmb-cfg: {why}; see tsmb-cfg --help", line)
        not_utf8 = subprocess.run([os.path.join(build, "tsmb-cfg"), "-c", s.conf, "global", "update", "--server-comment", b"\xe9t\xe9"],
                                  capture_output=True, text=True)
        expect((not_utf8.returncode, not_utf8.stderr), (2, "tsmb-cfg: --server-comment: expected UTF-8; see tsmb-cfg --help\n"), "no UTF-8")
        expect(file_of(s), before, "the file")
        expect("reload: " in s.text().replace("reload: nothing", ""), False, "something was reloaded")


def help_texts(build):
    """Every command explains itself, and names every option it has."""
    tool = os.path.join(build, "tsmb-cfg")
    top = subprocess.run([tool, "--help"], capture_output=True, text=True, check=True).stdout
    commands = re.findall(r"^  ([a-z]+(?: [a-z]+)?)$", top, re.M)
    expect(len(commands) >= 11, True, f"commands: {commands}")
    for command in commands:
        done = subprocess.run([tool, *command.split(), "--help"], capture_output=True, text=True)
        expect((done.returncode, done.stdout.startswith(f"usage: tsmb-cfg {command}")), (0, True), command)
    update = subprocess.run([tool, "global", "update", "-h"], capture_output=True, text=True).stdout
    shown = subprocess.run([tool, "share", "add", "-h"], capture_output=True, text=True).stdout
    for flag in ("--require-signing", "--encrypt-data", "--reject-unencrypted-access", "--sessions-max", "--log-destination"):
        expect(flag + " VALUE" in update, True, flag)
    for flag in ("-n, --netname", "-p, --path", "-e, --encrypt-data", "-P, --permissions", "--map-acls", "--remark"):
        expect(flag in shown, True, flag)
    for group in ("share", "global"):
        done = subprocess.run([tool, group, "--help"], capture_output=True, text=True, check=True)
        expect(re.findall(r"^  ([a-z]+ [a-z]+)$", done.stdout, re.M), [c for c in commands if c.startswith(group)], f"help of {group}")
    with scratch() as tmp:
        with open(f"{tmp}/c", "w") as f:
            f.write("[global]\n[/global]\n[share]\nnetname = x\npath = /srv\n[/share]\n")
        for group, text in (("global", update), ("share", shown)):
            done = subprocess.run([tool, "-c", f"{tmp}/c", group, "show", "--json", *(["-n", "x"] if group == "share" else [])],
                                  capture_output=True, text=True, check=True)
            missing = [name for name in json.loads(done.stdout) if f"\n          {name}: " not in text]
            expect(missing, [], f"parameters of [{group}] without an option")
    if max(len(line) for line in (top + update + shown).splitlines()) > 100:
        raise Failed("a line of the help is longer than 100 columns")


def shown(build):
    """The list is whole where a program reads it, and fits a terminal; what counts is shown, and harmless."""
    tool, long, evil = os.path.join(build, "tsmb-cfg"), "n" * 80, "a\u009b31m\u202eb"
    with scratch() as tmp:
        with open(f"{tmp}/c", "w") as f:
            f.write(f"[global]\nserver_comment = {evil}\nrunstate_dir = {tmp}\n[/global]\n[share]\nnetname = {long}\npath = /{long}\n[/share]\n"
                    "[share]\nnetname = b\npath = /srv\nsecurity_descriptor = D:(A;;FA;;;BA)\n[/share]\n")
        listed = subprocess.run([tool, "-c", f"{tmp}/c", "share", "list"], capture_output=True, text=True, check=True).stdout.splitlines()
        expect(listed[1].split(), [long, f"/{long}", "no", "everyone:read"], "the first share")
        expect(listed[2].split(), ["b", "/srv", "no", "D:(A;;FA;;;BA)"], "one with a descriptor")
        told = json.loads(subprocess.run([tool, "-c", f"{tmp}/c", "share", "list", "--json"], capture_output=True, text=True, check=True).stdout)
        expect([(x["permissions"], x["security_descriptor"]) for x in told], [("everyone:read", None), (None, "D:(A;;FA;;;BA)")], "who may what")
        expect({line.index(word) for line, word in zip(listed[1:], (" no", " no"))}, {listed[0].index("ENCRYPTED") - 1}, "columns in line")
        narrow = on_terminal([tool, "-c", f"{tmp}/c", "share", "list"], lambda got: got.count(b"\n") == 3, size=(24, 72)).decode().splitlines()
        expect((max(map(len, narrow)), "~" in narrow[1]), (72, True), f"72 columns: {narrow}")
        comment = subprocess.run([tool, "-c", f"{tmp}/c", "global", "show"], capture_output=True, text=True, check=True).stdout
        expect("a\\xC2\\x9B31m\\xE2\\x80\\xAEb\n" in comment and evil not in comment, True, f"the comment: {comment}")


def completion(build):
    """What the shell offers."""
    if shutil.which("zsh"):
        subprocess.run(["zsh", "-n", os.path.join(build, "packaging", "completion", "_tsmb-cfg")], check=True)
    script = os.path.join(build, "packaging", "completion", "tsmb-cfg")
    cases = {"": "share global check reload", "sh": "share", "share ": "add update del list show", "share add --enc": "--encrypt-data",
             "share add -e ": "true false", "-c /x share up": "update", "global update --log-dest": "--log-destination",
             "global update --log-destination f": "file", "share del --": "--netname --config --json --help"}
    for line, want in cases.items():
        words = ["tsmb-cfg", *line.split(" ")]
        text = (f"source {shlex.quote(script)}; COMP_WORDS=({' '.join(shlex.quote(w) for w in words)}); COMP_CWORD={len(words) - 1}; "
                "_tsmb_cfg; echo ${COMPREPLY[@]}")
        done = subprocess.run(["bash", "-c", text], capture_output=True, text=True)
        expect(([w for w in done.stdout.split() if w in want.split() or line], done.stderr), (want.split(), ""), f"completion of {line!r}")


# ---- wrong files

def wrong_cases():
    """(what it is about, text, what must be said): blocks of the file, `== title`, text, `-- ` before each message."""
    with open(WRONG_FILES) as f:
        blocks = re.split(r"^== ", f.read(), flags=re.M)[1:]
    for block in blocks:
        title, _, rest = block.partition("\n")
        messages = re.findall(r"^-- (.*)$", rest, re.M)
        yield title, re.sub(r"^-- .*\n", "", rest, flags=re.M), messages


def wrong_files(build):
    """`tsmb-cfg check` finds in each file of the list just what the list says."""
    count = 0
    with scratch() as tmp:
        for title, text, messages in wrong_cases():
            with open(f"{tmp}/tsmb.conf", "w") as f:
                f.write(text.encode().decode("unicode_escape") if "\\" in text else text)
            done = subprocess.run([os.path.join(build, "tsmb-cfg"), "check", "-c", "tsmb.conf"], cwd=tmp, capture_output=True, text=True,
                                  timeout=20)
            said = [line for line in done.stderr.splitlines() if ": warning: " not in line]
            expect((done.returncode, said), (1, messages), title)
            count += 1
    return f"{count} files"


# ---- two administrators, and the death of one

def two_at_once(build):
    """Changes of several administrators at once are all there in the end, in the server and in the file."""
    with Server(build) as s:
        def add(first):
            for n in range(first, first + 8):
                s.cfg("share", "add", "-n", f"s{n}", "-p", s.folder(), "-e", "true")
                s.cfg("global", "update", "--server-comment", f"by {n}")

        threads = [threading.Thread(target=add, args=(100 * n,)) for n in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        want = sorted(f"s{100 * n + k}" for n in range(3) for k in range(8))
        expect(sorted(re.findall(r"^netname = (s\d+)$", file_of(s), re.M)), want, "shares in the file")
        shown = json.loads(s.cfg("share", "list", "--json"))
        expect(sorted(x["netname"] for x in shown if x["netname"] != "share"), want, "shares of the server")
        s.stop()
        threads = [threading.Thread(target=lambda n=n: s.cfg("share", "del", "-n", n)) for n in want[:10]]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        expect(sorted(re.findall(r"^netname = (s\d+)$", file_of(s), re.M)), want[10:], "the file alone")


class Killing:
    """What a file may be, whoever dies when: the one before or the one after."""

    def __init__(self, s, rng):
        self.s, self.rng = s, rng
        s.cfg("global", "update", "--server-comment", "0")
        self.base = file_of(s)

    def variant(self, n):
        return self.base.replace("server_comment = 0", f"server_comment = {n}")

    def tool(self, n):
        return subprocess.Popen([os.path.join(self.s.build, "tsmb-cfg"), "-c", self.s.conf, "global", "update", "--server-comment", str(n)],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def judge(self, *allowed):
        """The number the file has."""
        text = file_of(self.s)
        for n in allowed:
            if text == self.variant(n):
                return n
        raise Failed(f"neither the old nor the new file ({allowed}):\n{text}")


def kill_tool(s, killing, rounds):
    """tsmb-cfg dies at any moment."""
    last = killing.judge(*range(rounds))
    for n in range(1, rounds):
        p = killing.tool(n)
        time.sleep(killing.rng.random() * 0.02)
        p.kill()
        p.wait()
        if s.process.poll() is None:
            s.cfg("global", "show")  # the server is done with it
            expect(json.loads(s.cfg("global", "show", "--json"))["server_comment"] in (str(last), str(n)), True, "the server's")
        last = killing.judge(last, n)


def kill_both(build, seconds=4):
    """kill -9 of tsmb-cfg, with and without a server, and of the server: the file is the old or the new one."""
    rng, deadline = random.Random(), time.monotonic() + seconds
    with Server(build) as s:
        killing = Killing(s, rng)
        kill_tool(s, killing, 15)
        count = 0
        while time.monotonic() < deadline or count < 5:
            last, n = killing.judge(*range(1000)), 100 + count % 900
            p = killing.tool(n)
            time.sleep(rng.random() * 0.02)
            s.process.kill()
            s.process.wait()
            p.wait()
            killing.judge(last, n)
            s._launch()
            if not s._wait_ready():
                raise Failed(f"no start after kill -9:\n{s.text()}")
            count += 1
        s.stop()
        kill_tool(s, Killing(s, rng), 15)
        leftovers = [f for f in os.listdir(s.top) if f.endswith(".new")]
        s.cfg("global", "update", "--server-comment", "last")
        expect([f for f in os.listdir(s.top) if f.endswith(".new")], [], f"after {leftovers}")
    return f"server killed {count} times"


# ---- under load

class Load:
    """A client that opens, writes, reads back and closes all the time; nothing of it may fail."""

    def __init__(self, s, n):
        self.s, self.n, self.count, self.fault, self.stop = s, n, 0, None, False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            with Raw(self.s, seconds=30) as client:
                how = ("sign", "encrypt")[self.n % 2]
                tree = client.ready(how=how)
                while not self.stop:
                    got = client.expect(raw.CREATE, raw.create_body(f"file{self.n}"), how, tree=tree)
                    handle, data = raw.file_id_of(got), os.urandom(4000)
                    client.expect(raw.WRITE, raw.write_body(handle, data), how, tree=tree)
                    got = client.expect(raw.READ, raw.read_body(handle, len(data)), how, tree=tree)
                    expect(got.body[16:16 + len(data)] == data, True, "what was written is read back")
                    client.expect(raw.CLOSE, raw.close_body(handle), how, tree=tree)
                    self.count += 1
        except (Failed, Dropped, Disconnected, OSError) as e:
            self.fault = f"client {self.n}: {type(e).__name__} {e}"


class Reader:
    """Reads the file all the time: it is never anything but whole, and differs only where it should."""

    def __init__(self, s):
        self.s, self.count, self.fault, self.stop = s, 0, None, False
        self.base = self.strip(file_of(s))
        self.thread = threading.Thread(target=self.run)

    @staticmethod
    def strip(text):
        text = re.sub(r"\n\[share\]\nnetname = extra\npath = .*\n(encrypt_data = \w+\n)?\[/share\]\n", "", text)
        return re.sub(r"^(server_comment|sessions_max|encrypt_data|listen) = .*\n", "", text, flags=re.M)

    def run(self):
        while not self.stop:
            text = file_of(self.s)
            if self.strip(text) != self.base:
                self.fault = f"the file as read in between:\n{text}"
                return
            self.count += 1


def changes(s, n):
    """The n-th of a row of changes: each kind comes round."""
    port = s.spare_port
    return [("share", "add", "-n", "extra", "-p", s.folder()),
            ("global", "update", "--server-comment", f"change {n}"),
            ("share", "update", "-n", "extra", "-e", ("true", "false")[n % 4 // 2]),
            ("global", "update", "--sessions-max", str(1000 + n)),
            ("global", "add", "listen", f"ANY,127.0.0.1,IPv4,{port},DIRECT_TCP"),
            ("global", "update", "--encrypt-data", "true"),
            ("global", "del", "listen", f"ANY,127.0.0.1,IPv4,{port},DIRECT_TCP"),
            ("share", "del", "-n", "extra"),
            ("global", "update", "--unset", "encrypt-data"),
            ("global", "update", "--unset", "sessions_max")][n % 10]


def under_load(build, total, clients):
    """Changes in a row while clients work: nobody is disconnected, nothing fails, the file is right at every instant."""
    with Server(build) as s:
        s.spare_port = free_port()
        before = file_of(s)
        with Raw(s) as first:  # skipped here, where the clients cannot be had
            first.ready()
        loads, reader = [Load(s, n) for n in range(clients)], Reader(s)
        for x in (*loads, reader):
            x.thread.start()
        try:
            eventually(lambda: all(x.count or x.fault for x in loads), "every client works", 60)
            for n in range(total):
                s.cfg(*changes(s, n))
                if any(x.fault for x in (*loads, reader)):
                    break
        finally:
            for x in (*loads, reader):
                x.stop = True
            for x in (*loads, reader):
                x.thread.join()
        faults = [x.fault for x in (*loads, reader) if x.fault]
        if faults:
            raise Failed("\n".join(faults))
        expect(re.sub(r"server_comment = .*\n", "", file_of(s)), before, "the file in the end")
        return f"{total} changes, {sum(x.count for x in loads)} rounds of clients, the file read {reader.count} times"


# ---- the control socket

def ask(s, data, seconds=5):
    """What comes back for some bytes; the connection is then closed."""
    with socket.socket(socket.AF_UNIX) as c:
        c.settimeout(seconds)
        c.connect(f"{s.top}/run/control")
        try:
            c.sendall(data)
            c.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        got = b""
        while True:
            try:
                more = c.recv(65536)
            except ConnectionResetError:
                return got
            if not more:
                return got
            got += more


def request(call, **args):
    return json.dumps({"version": 1, "call": call, "args": args}).encode() + b"\n"


HOSTILE = [
    b"\n", b"\0\n", b"{}\n", b"[]\n", b"nonsense\n", b"\xff\xfe\n", b'{"version": 1}\n', b'{"version": 99, "call": "config.show"}\n',
    b"[" * 100000 + b"\n", b'{"version": 1, "call": "' + b"x" * 900000 + b'"}\n', b"x" * ((1 << 20) + 100),
    request("config.nothing"), request("config.set"), request("config.set", set=[]), request("config.set", set={}),
    request("config.set", set={"encrypt_data": 1}), request("config.set", set={"encrypt_data": "maybe"}),
    request("config.set", set={"encrypt_data": {}}), request("config.set", set={"encrypt_data": ["true"]}),
    request("config.set", set={"sessions_max": 1 << 62}), request("config.set", set={"sessions_max": -1}),
    request("config.set", set={"sessions_max": 1.5}), request("config.set", set={"no_such": "x"}), request("config.set", set={"": ""}),
    request("config.set", set={"server_comment": "a\n[/global]\n[share]"}), request("config.set", set={"server_comment": "x" * 100000}),
    request("config.set", set={"listen": "x"}), request("config.set", set={"listen": [{}]}), request("config.set", set={"listen": ["x"] * 1000}),
    request("config.set", set={"path": "/etc"}), request("config.set", set={"vss": "true"}),
    request("config.add"), request("config.add", name="listen"), request("config.add", name=7, value="x"), request("config.del", name="listen", value={}),
    request("config.share-add"), request("config.share-add", set={"path": "/srv"}), request("config.share-add", set={"netname": 7, "path": "/srv"}),
    request("config.share-add", set={"netname": "x\n[/share]", "path": "/srv"}), request("config.share-add", set={"netname": "x"}),
    request("config.share-update", share="x"), request("config.share-update", share=["share"], set={"remark": "x"}),
    request("config.share-update", share="share"), request("config.share-del"), request("config.share-del", share="x" * 100000),
]


def hostile(build):
    """Whatever is said on the socket: an error each, nothing changes, and clients are served meanwhile."""
    with Server(build) as s, Raw(s) as client:
        tree, before = client.ready(), file_of(s)
        shown = s.cfg("global", "show")
        for data in HOSTILE:
            for line in ask(s, data).splitlines():
                answer = json.loads(line)
                if "error" not in answer or not answer["error"]["text"]:
                    raise Failed(f"{data[:200]!r}: {answer}")
        idle = [socket.socket(socket.AF_UNIX) for _ in range(10)]
        for c in idle:
            c.connect(f"{s.top}/run/control")
            c.sendall(b'{"version": 1, "call": "config.show"')
        deaf = socket.socket(socket.AF_UNIX)
        deaf.connect(f"{s.top}/run/control")
        deaf.setblocking(False)
        try:
            while True:
                deaf.send(request("config.show") * 100)
        except BlockingIOError:
            pass
        client.expect(*FOLDER, "sign", tree=tree)
        expect((s.cfg("global", "show"), file_of(s)), (shown, before), "configuration and file")
        for c in (deaf, *idle):
            c.close()
    return f"{len(HOSTILE)} kinds of bytes"


ASK_AS = """
import socket, sys
c = socket.socket(socket.AF_UNIX)
c.connect(sys.argv[1])
try:
    c.sendall(sys.argv[2].encode())
except BrokenPipeError:
    pass  # it may have been turned away by now
print(c.recv(9999).decode())
"""


def another_user(build):
    """Neither the mode of the socket nor anything else lets another account in: its credentials are looked at."""
    if os.getuid() != 0:
        raise Skip("needs root, to become another user")
    with Server(build) as s:
        path = f"{s.top}/run/control"
        expect((os.stat(path).st_mode & 0o777, os.stat(path).st_uid), (0o600, s.owner()), "mode and owner of the socket")
        os.chmod(f"{s.top}/run", 0o755)
        os.chmod(path, 0o666)
        argv = [sys.executable, "-c", ASK_AS, path, request("config.file").decode()]
        other = str(NOBODY - 1)
        done = subprocess.run(["setpriv", f"--reuid={other}", f"--regid={other}", "--clear-groups", "--", *argv], capture_output=True, text=True, timeout=20)
        expect('"refused"' in done.stdout and "only root" in done.stdout, True, f"{done.stdout}{done.stderr}")
        s.wait_text(f"control socket: uid {other} turned away")
        done = subprocess.run(["setpriv", f"--reuid={s.owner()}", "--clear-groups", "--", *argv], capture_output=True, text=True, timeout=20)
        expect('"result"' in done.stdout, True, f"the server's own account: {done.stdout}{done.stderr}")


def second_server(build):
    """A second server with the same runstate_dir does not start, and the first one keeps its socket."""
    with Server(build) as s:
        text = re.sub(r"listen = .*", f"listen = ANY,127.0.0.1,IPv4,{free_port()},DIRECT_TCP", file_of(s))
        with open(f"{s.top}/second.conf", "w") as f:
            f.write(text)
        done = subprocess.run(s._as_account(os.path.join(s.programs, "tsmb-server"), "-c", f"{s.top}/second.conf"), capture_output=True, text=True,
                              timeout=20)
        expect((done.returncode, "another server lives there" in done.stderr), (1, True), done.stderr)
        s.cfg("global", "update", "--server-comment", "first")
        s.kill(signal.SIGKILL)
        s.process.wait()
        s._launch()
        expect(s._wait_ready(), True, "a start over the socket of a dead server")
        s.cfg("global", "update", "--server-comment", "again")


QUICK = (as_typed, examples, globals_, shares, listeners, limits_and_log, reloads, hostile)
OTHERS = (descriptors, alone, refusals, help_texts, shown, completion, wrong_files, two_at_once, kill_both, another_user, second_server)


def test_of(f, build, limit=90):
    return Test(f"cfg.{f.__name__.strip('_').replace('_', '-')}", functools.partial(f, build), limit)


def quick_tests(build):
    yield from (test_of(f, build) for f in QUICK)


def tests(build):
    yield from (test_of(f, build) for f in (*QUICK, *OTHERS))
    yield Test("cfg.under-load", functools.partial(under_load, build, 50, 5), limit=120)


def soak_tests(build, seconds):
    """1000 changes take about a minute; beyond, as many more as there is time."""
    yield Test("cfg.under-load", functools.partial(under_load, build, max(1000, 10 * seconds), 20), limit=20 * seconds + 1200)
    yield Test("cfg.kill-both", functools.partial(kill_both, build, seconds), limit=seconds + 300)
