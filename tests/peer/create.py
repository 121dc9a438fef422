"""What CREATE makes of a name and of what was asked for, over the wire."""
import os

from harness.testing import Failed, Test

from peer import raw
from peer.files import expect
from peer.raw import Raw
from peer.server import Server

OPEN, CREATE, OVERWRITE_IF = 1, 2, 5
DIRECTORY_FILE, NON_DIRECTORY_FILE, DELETE_ON_CLOSE = 0x1, 0x40, 0x1000
READ, MAXIMUM_ALLOWED = 0x120089, 0x02000000
ACCESS_DENIED, INVALID_PARAMETER, NAME_INVALID = 0xC0000022, 0xC000000D, 0xC0000033
PATH_SYNTAX_BAD, IS_A_DIRECTORY, NOT_A_DIRECTORY = 0xC000003B, 0xC00000BA, 0xC0000103

# name, disposition, options, what is answered: [MS-FSA] 2.1.5.1 phases 1, 6, 7
KINDS = (
    ("dir", OPEN, 0, raw.SUCCESS),
    ("dir\\", OPEN, 0, raw.SUCCESS),
    ("dir\\", OPEN, DIRECTORY_FILE, raw.SUCCESS),
    ("dir\\", OPEN, NON_DIRECTORY_FILE, NAME_INVALID),
    ("dir", OPEN, NON_DIRECTORY_FILE, IS_A_DIRECTORY),
    ("dir::$DATA", OPEN, 0, IS_A_DIRECTORY),
    ("dir::$DATA", OPEN, DIRECTORY_FILE, NOT_A_DIRECTORY),
    ("dir::$INDEX_ALLOCATION", OPEN, 0, raw.SUCCESS),
    ("dir:$I30:$INDEX_ALLOCATION", OPEN, NON_DIRECTORY_FILE, raw.SUCCESS),
    ("dir::$INDEX_ALLOCATION", OVERWRITE_IF, 0, INVALID_PARAMETER),
    ("file", OPEN, 0, raw.SUCCESS),
    ("file\\", OPEN, 0, NAME_INVALID),
    ("file\\", OPEN, DIRECTORY_FILE, NOT_A_DIRECTORY),
    ("file::$DATA", OPEN, 0, raw.SUCCESS),
    ("file::$INDEX_ALLOCATION", OPEN, 0, NOT_A_DIRECTORY),
    ("new\\", CREATE, 0, NAME_INVALID),
    ("new\\", CREATE, DIRECTORY_FILE, raw.SUCCESS),
    ("newer::$INDEX_ALLOCATION", CREATE, 0, raw.SUCCESS),
    ("newest::$DATA", CREATE, 0, raw.SUCCESS),
    ("file:stream", CREATE, 0, raw.SUCCESS),
    ("dir\\..\\file", OPEN, 0, raw.SUCCESS),
    ("dir/../file", OPEN, 0, raw.SUCCESS),
    ("dir\\..", OPEN, DIRECTORY_FILE, raw.SUCCESS),
    ("dir\\..", OPEN, NON_DIRECTORY_FILE, IS_A_DIRECTORY),
    ("..\\file", OPEN, 0, PATH_SYNTAX_BAD),
    ("dir\\..\\..\\file", OPEN, 0, PATH_SYNTAX_BAD),
    ("dir\\\\file", OPEN, 0, NAME_INVALID),
    ("\\file", OPEN, 0, INVALID_PARAMETER),
)


def kinds(build):
    with Server(build) as s, Raw(s) as client:
        os.mkdir(f"{s.folder()}/dir", 0o777)
        s.put("file", b"content")
        tree = client.ready()
        for name, disposition, options, want in KINDS:
            got = client.call(raw.CREATE, raw.create_body(name, READ, disposition, options), "sign", tree=tree)
            expect(hex(got.status), hex(want), f"{name} {disposition} {options:#x}")
            if got.status == raw.SUCCESS:
                client.expect(raw.CLOSE, raw.close_body(raw.file_id_of(got)), "sign", tree=tree)
        expect([os.path.isdir(f"{s.folder()}/{n}") for n in ("new", "newer", "newest")], [True, True, False], "what was made")


def delete_on_close(build):
    """Nothing is removed through a share that does not let delete, whoever may on the file system."""
    with Server(build, shares={"ro": {"permissions": "everyone:read"}}) as s:
        s.put("file", b"content", "ro")
        with Raw(s) as client:
            tree = client.ready("ro")
            for access in (READ | 0x10000, READ, MAXIMUM_ALLOWED, MAXIMUM_ALLOWED | READ):
                body = raw.create_body("file", access, OPEN, DELETE_ON_CLOSE)
                got = client.call(raw.CREATE, body, "sign", tree=tree)
                if got.status == raw.SUCCESS:
                    client.expect(raw.CLOSE, raw.close_body(raw.file_id_of(got)), "sign", tree=tree)
                    raise Failed(f"access {access:#x} with delete on close was granted")
        if not os.path.exists(f"{s.folder('ro')}/file"):
            raise Failed("the file is gone")


def tests(build):
    yield Test("create.kinds", lambda: kinds(build))
    yield Test("create.delete-on-close", lambda: delete_on_close(build))
