"""What is known beforehand of how long tests take, so that nothing is left over when all else is done.

A wrong number here costs time and nothing else.
"""
import dataclasses
import fnmatch

# What takes long is begun first: seconds, alone on two cores.
LONG = {
    "fresh-copy-as-ordinary-user": 100,
    "*attack.logon-deadline": 45,
    "*metrics.drip": 31,
    "*metrics.refusals": 20,
    "static": 20,
    "*secrets.core-file": 15,
    "*sim.explore": 20,
    "*explore": 20,
}

# For time-outs, or the answer to a wrong password: they leave the processors to others.
WAITING = (
    "*attack.logon-deadline", "*metrics.drip", "*metrics.refusals", "*.wrong-password*", "*lifecycle.passwd*", "*trail.levels",
    "*trail.sensitive", "*trail.stalled", "*durable.timeout", "*logon.parallel-queues", "*logon.hanging-up",
)


def known(test):
    """The test, with what is known of it."""
    seconds = max((s for pattern, s in LONG.items() if fnmatch.fnmatchcase(test.name, pattern)), default=0)
    waits = any(fnmatch.fnmatchcase(test.name, pattern) for pattern in WAITING)
    return dataclasses.replace(test, seconds=seconds, waits=waits)
