"""Several requests in one message: what a related one is related to.  [MS-SMB2] 3.3.5.2.7"""
import functools
import struct

from harness.testing import Test

from peer import raw
from peer.files import expect
from peer.info import READ, Client
from peer.server import Server

INVALID_PARAMETER, ACCESS_DENIED, NOT_FOUND, INTERNAL_ERROR = 0xC000000D, 0xC0000022, 0xC0000034, 0xC00000E5
GET_OBJECT_ID, CREATE_OR_GET_OBJECT_ID, UNKNOWN_CONTROL = 0x9009C, 0x900C0, 0x900FC
OPEN = 1


def statuses(c, elements, **fields):
    """One frame, and what came of each element, whether answered together or not."""
    c.raw.compound(elements, "sign", tree=c.id, **fields)
    found = []
    while len(found) < len(elements):
        found += c.raw.receive()
    return [a.status for a in found]


def first_is_related(build):
    """Then all that are related fail, and nothing is done."""
    with Server(build) as s, Client(s) as c:
        f = c.open("f")
        message = [(raw.CLOSE, raw.close_body(f)), (raw.FLUSH, raw.flush_body(f))]
        c.raw.send(raw.CLOSE, raw.close_body(f), "sign", tree=c.id, flags=raw.RELATED)
        expect(c.raw.answer().status, INVALID_PARAMETER, "alone")
        expect(statuses(c, message, flags=raw.RELATED)[1], 0xC0000128, "related to a CLOSE")


def failure_is_passed_on(build):
    """A control that nobody knows fails as the CREATE before it did."""
    with Server(build) as s, Client(s) as c:
        for access, name, want in ((READ, "missing", NOT_FOUND), (0, "f", ACCESS_DENIED)):
            got = statuses(c, [(raw.CREATE, raw.create_body(name, access, OPEN)), (raw.IOCTL, raw.ioctl_body(UNKNOWN_CONTROL)),
                               (raw.CLOSE, raw.close_body(raw.NO_ID))], flags=raw.RELATED)
            expect(got, [want] * 3, f"{name}")


def notify_in_the_middle(build):
    """It would keep what is behind it waiting, the CLOSE that ends it too; as the last it waits."""
    with Server(build) as s, Client(s) as c:
        opens = (raw.CREATE, raw.create_body("", READ, OPEN))
        notify = (raw.CHANGE_NOTIFY, raw.notify_body(raw.NO_ID))
        got = statuses(c, [opens, notify, (raw.CLOSE, raw.close_body(raw.NO_ID))], flags=raw.RELATED)
        expect(got[:2], [raw.SUCCESS, INTERNAL_ERROR], "in the middle")
        expect(statuses(c, [opens, notify], flags=raw.RELATED), [raw.SUCCESS, raw.PENDING], "as the last")


def object_id(build):
    """Every file has one, its own, and the same each time. [MS-FSA] 2.1.5.10.1, 2.1.5.10.13"""
    with Server(build) as s, Client(s) as c:
        ids = []
        for name in ("f", "f", "g"):
            f = c.open(name)
            for code in (GET_OBJECT_ID, CREATE_OR_GET_OBJECT_ID):
                got = c.call(raw.IOCTL, raw.ioctl_body(code, f))
                at, length = struct.unpack_from("<II", got.body, 32)
                expect((at, length), (64 + 48, 64), "output")
                ids.append(got.body[48:48 + 64])
            c.call(raw.IOCTL, raw.ioctl_body(GET_OBJECT_ID, f, out_max=63), INVALID_PARAMETER)
        expect([i == ids[0] for i in ids], [True] * 4 + [False] * 2, "ids of f, f, g")


def tests(build):
    for f in (first_is_related, failure_is_passed_on, notify_in_the_middle, object_id):
        yield Test(f"compound.{f.__name__.replace('_', '-')}", functools.partial(f, build))
