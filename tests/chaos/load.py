"""Many clients that read and write at once, and what came of it."""

import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager

from harness import wait

from .client import Client
from .ledger import Shared, check, passenger

MIX = {  # how often a client does what
    "create": 22, "read": 36, "change": 18, "count_up": 7, "find": 5, "page": 3, "delete": 5, "read_gone": 1,
    "create_taken": 1, "create_once": 2, "create_many": 0.5, "list_all": 0.2,
}  # fmt: skip
SHARED_ROWS = 4
END_S = 90.0  # a client has its answer by then


class Load:
    """`with Load(port, database) as load:` has its clients at work inside the block; check() holds the tables against
    what they were told. Half of the clients keep their connections, half make one for each request.
    """

    def __init__(self, port, database, clients=28, mix=None, name="load"):
        self.port = port
        self.database = database
        self.name = name
        self.mix = mix or MIX
        self.ended = threading.Event()
        self.may_leave = False  # clients may go when nobody listens any more
        self.allowances = []
        self.shared = []
        self.clients = [Client(self, number, kept=number % 2 == 0) for number in range(1, clients + 1)]
        self.began = None

    # --- while it runs ---

    def __enter__(self):
        sys.setswitchinterval(0.0005)  # a thread that has its answer isn't held up by the others
        for number in range(SHARED_ROWS):
            name = f"shared.{number}"
            body = {**passenger(0, 0, 0), "name": name, "fare": 0}
            reply = self.clients[0].ask("POST", "/v1/passengers", body, (201,))
            assert reply, self.failures()
            self.shared.append(Shared(reply.headers["location"].rpartition("/")[2], name))
        self.began = time.monotonic()
        for client in self.clients:
            client.start()
        self.await_more()
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """Each client has the answer that it waits for, and goes."""
        self.ended.set()
        self.join()

    def join(self):
        end = time.monotonic() + END_S
        for client in self.clients:
            client.join(max(0.1, end - time.monotonic()))
            assert not client.is_alive(), f"{client.name} still waits for its answer"

    @property
    def sent(self):
        return sum(client.tally.sent for client in self.clients)

    @property
    def answered(self):
        return sum(client.tally.answered for client in self.clients)

    @property
    def resent(self):
        """Requests that met a kept connection at its end."""
        return sum(client.connection.resent for client in self.clients)

    def await_more(self, count=300):
        """Return when so many more requests have been answered, whatever the answer was."""
        goal = self.answered + count
        wait.until(lambda: self.answered >= goal, "the load to go on")

    def failures(self):
        return [failure for client in self.clients for failure in client.tally.failures]

    # --- what may fail, and when ---

    @contextmanager
    def allowing(self, *kinds, calls=None):
        """Requests (or these calls alone) that are under way in this block may fail so: statuses, which must say when
        to come again, or "unheard", "cut", "silent", "wrong".
        """
        allowance = [time.monotonic(), float("inf"), kinds, calls]
        self.allowances.append(allowance)
        try:
            yield
        finally:
            allowance[1] = time.monotonic()

    def is_allowed(self, failure):
        if isinstance(failure.kind, int) and failure.kind >= 500 and failure.retry_after is None:
            return False
        return any(failure.kind in kinds and failure.ended >= since and failure.sent <= until
                   and (calls is None or failure.call in calls) for since, until, kinds, calls in self.allowances)

    def unlisted(self):
        return [failure for failure in self.failures() if not self.is_allowed(failure)]

    # --- how long it took ---

    def longest(self, since=0.0):
        """Seconds that the longest answer took of those that came after `since`."""
        slow = [ended - sent for client in self.clients for sent, ended, _ in client.tally.slow if ended >= since]
        return max(slow, default=self.percentile(1.0))

    def percentile(self, part):
        """Seconds within which so large a part of all answers came."""
        times = [sum(counts) for counts in zip(*(client.tally.times for client in self.clients))]
        left = part * sum(times)
        for ms, count in enumerate(times):
            left -= count
            if left <= 0:
                return (ms + 1) / 1000
        return len(times) / 1000

    def await_all_answered(self):
        """Return when every client has the answer to what it asks now."""
        now = time.monotonic()

        def is_answered(client):
            since = client.asking_since
            return since is None or since > now

        for client in self.clients:
            wait.until(lambda client=client: is_answered(client), f"{client.name} to be answered", timeout=END_S)

    def await_all_waiting(self, seconds=1.0):
        """Return when every client has waited so long for its answer."""
        def waits(client):
            since = client.asking_since
            return since is not None and time.monotonic() - since >= seconds

        wait.until(lambda: all(map(waits, self.clients)), "every client to wait for an answer")

    # --- afterwards ---

    def check(self):
        """The Findings in the tables, once all clients have gone."""
        return check(self.database, {client.number: client.book for client in self.clients}, self.shared)

    def kinds(self):
        """How many failed how."""
        return Counter(failure.kind for failure in self.failures())
