"""A PostgreSQL with a synchronous standby behind it, for the loss of the first."""

import signal

from .postgres import PORT, Cluster, psql
from .process import children

NAME = "standby"


class Standby(Cluster):
    """A copy of a running cluster that follows it until it is promoted."""

    def __init__(self, primary, **settings):
        self.primary = primary
        super().__init__(**settings)

    def _make_data(self):
        primary = f"host={self.primary.directory} port={PORT} user=postgres application_name={NAME}"
        self._call("pg_basebackup", "--no-sync", "--checkpoint=fast", "--write-recovery-conf", "--pgdata", self.data,
                   "--dbname", primary)  # fmt: skip

    def promote(self):
        """Return when it takes writes."""
        self.sql("SELECT pg_promote()")


class Pair(Cluster):
    """A cluster, the primary, and its `standby`. A commit there is one here, too, before anybody hears of it.

    Its URLs name both; SQL goes to the one that takes writes. `settings` are those of both.
    """

    def __init__(self, **settings):
        self.standby = None
        self.lost = False
        self.of_both = settings
        super().__init__(synchronous_standby_names=NAME, synchronous_commit="on", **settings)

    def start(self):
        super().start()
        if self.standby is None:
            self.standby = Standby(self, **self.of_both)
            self.standby.start()

    def url(self, database="postgres", user="postgres"):
        return f"postgresql://{user}@/{database}?host={self.directory},{self.standby.directory}&port={PORT}"

    def sql(self, text, database="postgres", user="postgres"):
        return psql(f"{self.url(database, user)}&target_session_attrs=read-write", text)

    def lose_primary(self):
        """As when its machine is gone: all of its processes at once, none of which says good-bye."""
        self.signal_all(signal.SIGKILL)
        self.process.wait()
        self.process = None
        self.lost = True

    def destroy(self):
        try:
            if self.standby is not None:
                self.standby.destroy()
            if self.lost:
                super().start()  # gives back the shared memory that the killed one has left behind
        finally:
            super().destroy()
