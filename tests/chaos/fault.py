"""A fault: a function that breaks something under load, and what is written down of it.

    @fault("PostgreSQL restarted (fast)", full={"times": 10}, short={"times": 2})
    def postgres_restarted(scene, times):
        with scene.load() as load:
            …

`full` is what it is called with by `make chaos`, `short` by the tests. It raises AssertionError where clients see what
they should not; requests that fail unlisted, and rows that are lost, doubled or unsent, are found without its doing. It
calls leave_out() where this machine can't do what it wants.
"""

from dataclasses import dataclass, field

FAULTS = {}  # by name, in the order in which they are run


@dataclass(frozen=True)
class Fault:
    """One line of the table."""

    name: str
    title: str
    play: object
    full: dict
    short: dict


def fault(title, full=None, short=None):
    """Makes the function a fault; its name is the function's."""
    def register(play):
        assert play.__name__ not in FAULTS, f"there are two faults called {play.__name__}"
        FAULTS[play.__name__] = Fault(play.__name__, title, play, full or {}, short or {})
        return play

    return register


class LeftOut(Exception):
    """The fault can't be played here."""


def leave_out(reason):
    """Play no more of the fault; None is no reason."""
    if reason:
        raise LeftOut(reason)


@dataclass
class Line:
    """What was seen in one run of a fault. None: it doesn't say."""

    name: str
    title: str
    seconds: float = 0.0
    complaint: str = ""  # why it did not hold
    left_out: str = ""  # why it was not played
    sent: int = None
    answered: int = None
    listed: int = None  # failed, as the fault allows
    unlisted: int = None
    acknowledged: int = None
    found: int = None
    lost: int = None
    doubled: int = None
    unsent: int = None
    longest: float = None
    resent: int = 0  # by the client: their kept connection was closed as they came
    seen: list = field(default_factory=list)

    @property
    def held(self):
        return not self.complaint and not self.left_out
