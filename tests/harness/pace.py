"""What is known beforehand of how long tests take, so that nothing is left over when all else is done.

A wrong number here costs time and nothing else.
"""
import dataclasses
import fnmatch

# What takes long is begun first: about how many seconds on two cores with other tests beside it.
LONG = {
    "fresh-copy-as-ordinary-user": 120,
    "*sim.explore": 90,
    "*sim.faults": 50,
    "*attack.logon-deadline": 45,
    "*metrics.drip": 31,
    "static": 30,
    "*sim.crowd": 30,
    "explore": 25,
    "*metrics.refusals": 20,
    "*metrics.screens": 20,
    "*policy.events": 20,
}

# For time-outs, or the answer to a wrong password: they leave the processors to others.
WAITING = (
    "*attack.logon-deadline", "*metrics.drip", "*metrics.refusals", "*.wrong-password*", "*lifecycle.passwd*", "*trail.levels",
    "*trail.sensitive", "*trail.stalled", "*durable.timeout", "*logon.wrong-waits", "*logon.parallel-queues", "*logon.hanging-up", "*bench.refusals",
    "smb2.replay.replay6",
)


def known(test):
    """The test, with what is known of it."""
    seconds = max((s for pattern, s in LONG.items() if fnmatch.fnmatchcase(test.name, pattern)), default=0)
    waits = any(fnmatch.fnmatchcase(test.name, pattern) for pattern in WAITING)
    return dataclasses.replace(test, seconds=seconds, waits=waits)
