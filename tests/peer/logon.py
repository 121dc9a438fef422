"""Logons that fail: how long their answers wait, and what they cannot hold up."""
import functools
import select
import time

from harness.testing import Failed, Test

from peer import raw
from peer.lifecycle import eventually
from peer.raw import Raw
from peer.server import Server

DELAY_MS = 2000
DELAY = DELAY_MS / 1000
SETTINGS = {"auth_delay_ms": str(DELAY_MS)}
LONG = {"auth_delay_ms": "20000"}  # for those whose answers nobody waits for
QUICK = DELAY / 2


def timed(what):
    start = time.monotonic()
    what()
    return time.monotonic() - start


def fails(server, user="alice", password="wrong"):
    with Raw(server) as client:
        client.negotiate()
        client.logon(user, password, status=raw.LOGON_FAILURE)


def works(server, user="alice"):
    with Raw(server) as client:
        client.negotiate()
        client.logon(user)


def start_failing(server, user="alice", password="wrong"):
    """A connection whose wrong password is on its way."""
    client = Raw(server)
    client.negotiate()
    client.send_logon(user, password)
    return client


def within(seconds, low, high, what):
    print(f"{what}: {seconds:.3f} s")
    if not low <= seconds < high:
        raise Failed(f"{what} took {seconds:.3f} s, not {low:.3f} to {high:.3f}")


def unanswered(clients, what):
    """What came before did not wait as long as these do, which began earlier."""
    if select.select([c.socket for c in clients], [], [], 0)[0]:
        raise Failed(f"{what} was overtaken by a failure that waits")


def hang_up(clients):
    for client in clients:
        client.socket.close()


def wrong_waits(build):
    """A wrong password and an unknown user wait alike, a right password never does."""
    with Server(build, SETTINGS) as s:
        within(timed(lambda: fails(s)), DELAY, 2 * DELAY, "a wrong password")
        within(timed(lambda: fails(s, "nobody-at-all")), DELAY, 2 * DELAY, "an unknown user")
    with Server(build, LONG) as s:
        clients = [start_failing(s, "bob")]
        works(s)
        unanswered(clients, "a right password")
        clients.append(start_failing(s))
        works(s)
        unanswered(clients, "a right password after a wrong one")
        hang_up(clients)


def parallel_queues(build):
    """Wrong passwords in parallel are answered one each delay; meanwhile others, and the right password, are served."""
    def begin():
        return [start_failing(s, "alice" if n % 2 else "ALICE@elsewhere") for n in range(4)]

    with Server(build, LONG) as s:
        clients = begin()
        works(s, "bob")
        unanswered(clients, "another user")
        works(s)
        unanswered(clients, "the right password")
        hang_up(clients)
    with Server(build, SETTINGS) as s:
        start = time.monotonic()
        clients = begin()
        within(timed(lambda: fails(s, "bob")), DELAY, 2 * DELAY, "another user's failure")
        for n, client in enumerate(clients, 1):
            if client.answer().status != raw.LOGON_FAILURE:
                raise Failed("a wrong password was not refused")
            if time.monotonic() - start < n * DELAY:
                raise Failed(f"failure {n} was answered after {time.monotonic() - start:.3f} s")
        hang_up(clients)


def hanging_up(build):
    """Who hangs up while his answer waits has that failure counted all the same, and leaves nothing behind."""
    with Server(build, SETTINGS) as s:
        start = time.monotonic()
        hang_up([start_failing(s) for _ in range(3)])
        eventually(lambda: s.status("stats", "--json")["refused"]["credentials"] == 3, "three failures")
        fails(s)
        within(time.monotonic() - start, 4 * DELAY, 5 * DELAY, "the failure after three abandoned ones")
        start_failing(s)  # still waiting when the server stops


def cancel(build):
    """Neither CANCEL nor another SESSION_SETUP brings the answer forward."""
    with Server(build, SETTINGS) as s, Raw(s) as client:
        client.negotiate()
        start = time.monotonic()
        client.send_logon("alice", "wrong")
        client.send(raw.CANCEL, raw.ECHO_BODY, message_id=client.next_id - 1)
        client.send(raw.SESSION_SETUP, client.session_setup_body(b"NTLMSSP\0"))
        busy = client.answer()
        if busy.status != 0xC00000D0:  # REQUEST_NOT_ACCEPTED
            raise Failed(f"a SESSION_SETUP beside the one that waits: {busy.status:#010x}")
        got = client.answer()
        within(time.monotonic() - start, DELAY, 2 * DELAY, "a cancelled failure")
        if got.status != raw.LOGON_FAILURE:
            raise Failed(f"status {got.status:#010x}")


def again(build):
    """The second logon on a session waits, too; other requests of the session go on."""
    with Server(build, SETTINGS) as s, Raw(s) as client:
        tree = client.ready()
        start = time.monotonic()
        client.send_logon("alice", "wrong", how="sign")
        client.expect(raw.CREATE, raw.create_body("", access=0x81, options=1), "sign", tree=tree)  # answered before
        if client.answer().status != raw.LOGON_FAILURE:
            raise Failed("the wrong password was not refused")
        within(time.monotonic() - start, DELAY, 2 * DELAY, "the second logon")


def binding(build):
    """A wrong password in a binding waits like any other; the session it was about goes on."""
    with Server(build, SETTINGS) as s, Raw(s) as home, Raw(s) as two:
        tree = home.ready()
        two.negotiate()
        start = time.monotonic()
        got = two.bind(home, password="wrong")
        within(time.monotonic() - start, DELAY, 2 * DELAY, "a wrong password in a binding")
        if got.status != raw.LOGON_FAILURE:
            raise Failed(f"status {got.status:#010x}")
        home.expect(raw.CREATE, raw.create_body("", access=0x81, options=1), "sign", tree=tree)
        with Raw(s) as three:
            three.negotiate()
            within(timed(lambda: three.bind(home)), 0, QUICK, "the right one")


def workers_free(build):
    """Failures that wait hold no thread: with more of them than threads the server answers all the same."""
    with Server(build, LONG) as s:
        clients = [start_failing(s, f"user{n}") for n in range(60)]
        for _ in range(5):
            works(s)
        unanswered(clients, "a right password beside 60 failures")
        hang_up(clients)


def off(build):
    with Server(build, {"auth_delay_ms": "0"}) as s:
        for _ in range(5):
            within(timed(lambda: fails(s)), 0, QUICK, "a wrong password without a delay")


def may_begin(server):
    with Raw(server) as client:
        client.negotiate()
        return client.begin_logon().status == raw.MORE


def half_open(build):
    """One address has a bounded number of logons under way; when they end there is room again."""
    with Server(build) as s:
        clients, refused = [], None
        for _ in range(20):
            client = Raw(s)
            client.negotiate()
            clients.append(client)
            for _ in range(16):
                got = client.begin_logon()
                if got.status != raw.MORE:
                    refused = got.status
                    break
            if refused:
                break
        if refused != 0xC000009A:  # INSUFFICIENT_RESOURCES
            raise Failed(f"more than 256 logons under way from one address: {refused}")
        hang_up(clients)
        eventually(lambda: may_begin(s), "room for a logon")
        works(s)


def tests(build):
    for f in (wrong_waits, parallel_queues, hanging_up, cancel, again, binding, workers_free, off, half_open):
        yield Test(f"logon.{f.__name__.replace('_', '-')}", functools.partial(f, build), limit=60)
