"""The database's image in a container, with a volume that outlives it."""

import uuid

from . import engine, wait

BACKUP = "/usr/lib/purser/schema/backup"


class Volume:
    """`with Volume() as volume:` is there inside the block. Used as a string it is its name.

    `place` is where it belongs in the image: whoever mounts it first gives it that directory's owner.
    """

    def __init__(self, place="/var/lib/purser"):
        self.place = place
        self.name = f"purser-test-{uuid.uuid4().hex[:12]}"

    def __enter__(self):
        engine.docker("volume", "create", self.name)
        return self

    def __exit__(self, *_):
        engine.docker("volume", "rm", "-f", self.name, check=False)

    def __str__(self):
        return self.name

    def sh(self, script, user="10001:10001", **settings):
        """Run a line of sh in the volume, in a container that is gone afterwards."""
        names = [word for name, value in settings.items() for word in ("-e", f"{name}={value}")]
        return engine.docker("run", "--rm", "--user", user, *names, "-v", f"{self.name}:{self.place}", "-w", self.place,
                             engine.POSTGRES0, "sh", "-euc", script).stdout


class Postgres0(engine.Container):
    """`with Postgres0(DB_PASSWORD="a", DB_OWNER_PASSWORD="b") as database:` is healthy inside the block.

    It runs as confined as in compose.yaml. `ready` False doesn't wait.
    """

    def __init__(self, *options, volume=None, ready=True, image=engine.POSTGRES0, **settings):
        confined = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        mount = ["-v", f"{volume}:/var/lib/purser"] if volume else []
        super().__init__(image, *confined, *mount, *options, env=settings)
        self.wait_ready = ready

    def __enter__(self):
        super().__enter__()
        if self.wait_ready:
            try:
                self.await_ready()
            except BaseException:
                self.__exit__()
                raise
        return self

    def await_ready(self):
        """The health check says the same, but every five seconds only."""
        wait.until(self.accepts, f"{self.name} to accept connections", pause=0.1)

    def accepts(self):
        assert self.state["Running"], f"{self.name} has ended:\n{self.logs()}"
        return self.exec(*self.inspect()["Config"]["Healthcheck"]["Test"][1:], check=False).returncode == 0

    def sql(self, text, database="purser"):
        """Run SQL as the administrator; the rows as psql -At prints them."""
        return self.exec("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", text).stdout.rstrip("\n")

    def login(self, user, password, text="SELECT current_user", database="purser"):
        """Run SQL by TCP as `user`; what psql did."""
        return engine.docker("exec", "-e", f"PGPASSWORD={password}", self.name, "psql", "-XAtq", "-h", "127.0.0.1", "-U", user,
                             "-d", database, "-c", text, check=False)

    def backup(self, *words, check=True, **settings):
        """schema/backup, in the container."""
        names = [word for name, value in settings.items() for word in ("-e", f"{name}={value}")]
        return engine.docker("exec", *names, self.name, BACKUP, *words, check=check)
