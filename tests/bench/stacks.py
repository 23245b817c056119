"""The services that are compared: how each is started on a port of its own, and which processes it consists of."""

import http.client
import os
import shutil
import socket
import subprocess
import time

import postgrest
from settings import HERE, ROOT

PYTHON = "/usr/bin/python3"  # Debian's: the one that has Debian's Flask
START_S = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stack:
    """A service on a port. `roots` are the processes whose trees make it up."""

    title = ""
    ready_path = "/passengerlist"

    def __init__(self, directory, url):
        self.directory = directory / type(self).__name__.lower()
        self.url = url
        self.port = free_port()
        self.processes = []

    def spawn(self, command, user=None, **environment):
        log = open(self.directory / "log", "ab")
        with log:
            process = subprocess.Popen(command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env={**os.environ, "DATABASE_URL": self.url, **environment}, user=user)
        self.processes.append(process)

    def start(self):
        self.directory.mkdir()
        self.launch()
        self.wait_until_ready()

    def launch(self):
        raise NotImplementedError

    def wait_until_ready(self):
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", self.ready_path)
                if connection.getresponse().status == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            time.sleep(0.05)
        raise SystemExit(f"bench: {self.title} did not start; its log says:\n{self.log()}")

    def log(self):
        return (self.directory / "log").read_text(encoding="utf-8", errors="replace")[-3000:]

    def roots(self):
        return [process.pid for process in self.processes]

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Purser(Stack):
    title = "purser behind nginx"

    def make(self, target):
        variables = [f"PORT={self.port}", f"RUN_DIR={self.directory}", f"DATABASE_URL={self.url}"]
        done = subprocess.run(["make", "--no-print-directory", "-C", ROOT, target, *variables],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"bench: make {target} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")

    def launch(self):
        self.make("up")

    def roots(self):
        return [int((self.directory / "run" / "supervisord.pid").read_text(encoding="ascii"))]

    def log(self):
        return "make up said that it is ready"

    def stop(self):
        if self.directory.exists():
            self.make("down")


class Flask(Stack):
    title = "Flask, gunicorn -w 4, behind nginx"
    module = "app"

    def launch(self):
        gunicorn_socket = self.directory / "gunicorn.socket"
        self.spawn(["/usr/bin/gunicorn", "--chdir", HERE / "flask", "-c", HERE / "flask" / "gunicorn.conf.py"],
                   SOCKET=str(gunicorn_socket), MODULE=self.module, PYTHONDONTWRITEBYTECODE="1")
        text = (HERE / "flask" / "nginx.conf.in").read_text(encoding="utf-8")
        for name, value in {"DIR": self.directory, "SOCKET": gunicorn_socket, "PORT": self.port}.items():
            text = text.replace(f"@{name}@", str(value))
        configuration = self.directory / "nginx.conf"
        configuration.write_text(text, encoding="utf-8")
        nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        self.spawn([nginx, "-p", self.directory, "-e", "stderr", "-c", configuration])


class Tuned(Flask):
    title = "the same, statements prepared by hand"
    module = "tuned"


class Go(Stack):
    title = "Go net/http and pgx, no nginx"

    def launch(self):
        program = ROOT / "build" / "bench-go"
        program.parent.mkdir(exist_ok=True)
        done = subprocess.run(["go", "build", "-o", program, "."], cwd=HERE / "go", capture_output=True, text=True,
                              check=False, env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"})
        if done.returncode != 0:
            raise SystemExit(f"bench: the Go peer could not be built:\n{done.stderr}")
        self.spawn([program], LISTEN=f"127.0.0.1:{self.port}")


class Postgrest(Stack):
    """The tables as they are: who asks names the columns as Purser does."""

    title = "PostgREST, no nginx"
    ready_path = "/passengers?limit=1"
    pool = 16

    def launch(self):
        own = self.directory / "postgrest"  # where PostgreSQL's user may run it too, who has fewer rights than root
        shutil.copyfile(postgrest.program(), own)
        own.chmod(0o755)
        self.spawn([own], user="postgres" if os.geteuid() == 0 else None, PGRST_DB_URI=self.url,
                   PGRST_DB_ANON_ROLE="postgres", PGRST_DB_POOL=str(self.pool),
                   PGRST_SERVER_HOST="127.0.0.1", PGRST_SERVER_PORT=str(self.port))


SERVICES = {"purser": Purser, "flask": Flask, "tuned": Tuned, "go": Go, "postgrest": Postgrest}
SEEDS = ("purser", "flask", "tuned", "go", "pgbench")  # who is asked for what the replaced applications did
API = ("purser", "postgrest", "pgbench")  # who is asked for what only /v1 does
TITLES = {**{name: stack.title for name, stack in SERVICES.items()}, "pgbench": "pgbench -M prepared (the ceiling)"}
