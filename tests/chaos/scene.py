"""Where a fault is played: a PostgreSQL and a service that it may break, with a load on them."""

import time
import traceback
from contextlib import contextmanager

from harness import wait
from harness.postgres import Cluster
from harness.process import sanitized
from harness.stack import Stack

from .fault import LeftOut, Line
from .load import Load

FULL, SHORT = "full", "short"
ALLOWANCE = {FULL: 1, SHORT: 10}  # machines that run the tests are slower, and do other things beside
SANITIZED_ALLOWANCE = 3  # times that
EXAMPLES = 3


class Scene:
    """What a fault has at hand. `cluster` may be stopped, restarted and killed, but must run at the end; `form` is how
    long the fault is played. `load` and what it brings (`stack`, `database`) are there inside of a fault's load().
    """

    def __init__(self, cluster, form, line):
        self.cluster = cluster
        self.form = form
        self.line = line
        self.stack = self.database = None

    @contextmanager
    def service(self, cluster=None, url=None, options=None, prepare=None, **settings):
        """A service with these settings, on an empty database of its own: a Stack. `cluster` is another one than the
        scene's, `url(database)` another way to its database; `prepare(stack)` is called before it starts.
        """
        self.database = (cluster or self.cluster).copy_template()
        where = url(self.database) if url else self.database.url
        self.stack = Stack(where, **(options or {}), **settings)
        if prepare:
            prepare(self.stack)
        with self.stack:
            yield self.stack
            code, said = self.stack.stop(), self.stack.complaints()
            assert code == 0, f"the service ended with {code}: {said}"
            assert "Sanitizer" not in said and "runtime error" not in said, said

    @contextmanager
    def load(self, cluster=None, url=None, options=None, prepare=None, clients=28, mix=None, **settings):
        """The same under load: a Load, whose clients are at work inside the block. Afterwards they have ended, the
        tables were held against what they were told, and the service has stopped in order.
        """
        with self.service(cluster, url, options, prepare, **settings) as stack:
            load = Load(stack.port, self.database, clients, mix)
            try:
                with load:
                    yield load
            finally:
                self.line.sent, self.line.answered = load.sent, load.answered
            self.weigh(load)

    def weigh(self, load):
        """Write down what became of the load's requests and rows."""
        line, unlisted, findings = self.line, load.unlisted(), load.check()
        line.sent, line.answered, line.unlisted = load.sent, load.answered, len(unlisted)
        line.listed = len(load.failures()) - len(unlisted)
        for kind in ("acknowledged", "found", "lost", "doubled", "unsent"):
            setattr(line, kind, getattr(findings, kind))
        line.longest = load.longest()
        line.resent += load.resent
        assert not unlisted, f"{len(unlisted)} requests failed: {unlisted[:EXAMPLES]}\n{self.stack.complaints()}"
        assert not (findings.lost or findings.doubled or findings.unsent), findings.examples[:EXAMPLES]

    # --- what a fault says and asks ---

    def seen(self, text):
        """A few words for the table's last column."""
        self.line.seen.append(text)

    def within(self, seconds):
        """A bound of time, for this form: the tests also run on slow machines, and with sanitizers."""
        slack = ALLOWANCE[self.form] * (SANITIZED_ALLOWANCE if sanitized() else 1)
        return seconds * slack

    def deadline_ms(self, milliseconds):
        """A deadline for the service that a request doesn't miss by itself where everything is slower."""
        return milliseconds * (SANITIZED_ALLOWANCE if sanitized() else 1)

    def await_ready(self):
        """Seconds until /readyz says 200."""
        began = time.monotonic()
        wait.until(lambda: self.status("/readyz") == 200, "the service to be ready", pause=0.02)
        return time.monotonic() - began

    def status(self, path):
        """Of one GET on a connection of its own; None when there is no answer."""
        try:
            return self.stack.http("GET", path).status
        except OSError:
            return None


def play(fault, cluster, form):
    """The Line of one run of a fault; whatever goes wrong is its complaint."""
    line = Line(fault.name, fault.title)
    scene = Scene(cluster, form, line)
    began = time.monotonic()
    try:
        fault.play(scene, **getattr(fault, form))
    except LeftOut as reason:
        line.left_out = str(reason)
    except Exception as error:  # noqa: BLE001 - a fault that can't be played has not held
        line.complaint = str(error) if isinstance(error, AssertionError) else traceback.format_exc()
    finally:
        if cluster.process is None:  # the next one needs it
            cluster.start()
    line.seconds = time.monotonic() - began
    return line


@contextmanager
def clusters(form):
    """A PostgreSQL with a template, for all faults. In the short form it doesn't wait for the disk: processes are
    killed, not the machine, so what they have written is there.
    """
    with Cluster(**{SHORT: {"fsync": "off"}, FULL: {}}[form]) as cluster:
        cluster.make_template()
        yield cluster
