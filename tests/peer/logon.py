"""Logons that fail: how long their answers wait, and what they cannot hold up."""
import functools
import time

from harness.testing import Failed, Test

from peer import raw
from peer.raw import Raw
from peer.server import Server

DELAY_MS = 800
DELAY = DELAY_MS / 1000
SETTINGS = {"auth_delay_ms": str(DELAY_MS)}
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


def wrong_waits(build):
    """A wrong password and an unknown user wait alike, a right password never does."""
    with Server(build, SETTINGS) as s:
        within(timed(lambda: works(s)), 0, QUICK, "a right password")
        within(timed(lambda: fails(s)), DELAY, 2 * DELAY, "a wrong password")
        within(timed(lambda: fails(s, "nobody-at-all")), DELAY, 2 * DELAY, "an unknown user")
        within(timed(lambda: works(s)), 0, QUICK, "a right password after wrong ones")


def parallel_queues(build):
    """Wrong passwords in parallel are answered one each delay; meanwhile others, and the right password, are served."""
    count = 4
    with Server(build, SETTINGS) as s:
        start = time.monotonic()
        clients = [start_failing(s, "alice" if n % 2 else "ALICE@elsewhere") for n in range(count)]
        within(timed(lambda: works(s, "bob")), 0, QUICK, "another user")
        within(timed(lambda: works(s)), 0, QUICK, "the right password")
        within(timed(lambda: fails(s, "bob")), DELAY, 2 * DELAY, "another user's failure")
        for n, client in enumerate(clients, 1):
            if client.answer().status != raw.LOGON_FAILURE:
                raise Failed("a wrong password was not refused")
            if time.monotonic() - start < n * DELAY:
                raise Failed(f"failure {n} was answered after {time.monotonic() - start:.3f} s")
            client.socket.close()


def hanging_up(build):
    """Who hangs up while his answer waits has that failure counted all the same, and leaves nothing behind."""
    with Server(build, SETTINGS) as s:
        for _ in range(3):
            start_failing(s).socket.close()
        time.sleep(0.2)
        within(timed(lambda: fails(s)), 3 * DELAY - 0.2, 5 * DELAY, "the failure after three abandoned ones")
        start_failing(s)  # still waiting when the server stops


def cancel(build):
    """Neither CANCEL nor another SESSION_SETUP brings the answer forward."""
    with Server(build, SETTINGS) as s, start_failing(s) as client:
        start = time.monotonic()
        client.send(raw.CANCEL, raw.ECHO_BODY, message_id=client.next_id - 1)
        client.send(raw.SESSION_SETUP, client.session_setup_body(b"NTLMSSP\0"))
        busy = client.answer()
        if busy.status != 0xC00000D0:  # REQUEST_NOT_ACCEPTED
            raise Failed(f"a SESSION_SETUP beside the one that waits: {busy.status:#010x}")
        got = client.answer()
        within(time.monotonic() - start, DELAY - 0.1, 2 * DELAY, "a cancelled failure")
        if got.status != raw.LOGON_FAILURE:
            raise Failed(f"status {got.status:#010x}")


def again(build):
    """The second logon on a session waits, too; other requests of the session go on."""
    with Server(build, SETTINGS) as s, Raw(s) as client:
        tree = client.ready()
        start = time.monotonic()
        client.send_logon("alice", "wrong", how="sign")
        client.expect(raw.CREATE, raw.create_body("", access=0x81, options=1), "sign", tree=tree)
        within(time.monotonic() - start, 0, QUICK, "a request meanwhile")
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
    """Failures that wait hold no thread: with more of them than threads the server answers at once."""
    with Server(build, {**SETTINGS, "auth_delay_ms": "20000"}) as s:
        clients = [start_failing(s, f"user{n}") for n in range(60)]
        for _ in range(5):
            within(timed(lambda: works(s)), 0, 0.5, "a right password beside 60 failures")
        for client in clients:
            client.socket.close()


def off(build):
    with Server(build, {"auth_delay_ms": "0"}) as s:
        for _ in range(5):
            within(timed(lambda: fails(s)), 0, QUICK, "a wrong password without a delay")


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
        for client in clients:
            client.socket.close()
        time.sleep(0.3)
        works(s)


def tests(build):
    for f in (wrong_waits, parallel_queues, hanging_up, cancel, again, binding, workers_free, off, half_open):
        yield Test(f"logon.{f.__name__.replace('_', '-')}", functools.partial(f, build), limit=60)
