"""The image of purser by itself: what is in it, how it starts, fails and stops; its PostgreSQL is this machine's."""

import json
import os
import re
import socket
import subprocess
import threading

import pytest
from harness import wait, web
from harness.certificate import Certificate
from harness.elf import assert_hardened
from harness.engine import POSTGRES0, PURSER, Container, docker, kill
from harness.process import ROOT, run
from harness.samples import passenger
from harness.stack import free_port

LABEL = "org.opencontainers.image"
TMPFS = "--tmpfs=/tmp:size=2m"  # the least that holds the service and one of the largest bodies
BODY_BYTES = 1048576
OFTEN = ["--health-interval=1s", "--health-retries=2"]


class Service(Container):
    """A container on the machine's own network, with nothing to write to but a small tmpfs."""

    def __init__(self, database_url, *options, user="10001:10001", env=None, command=()):
        self.port = free_port()
        settings = {"PURSER_PORT": self.port, "PURSER_WORKERS": 2, "DATABASE_URL": database_url, **(env or {})}
        sockets = [f"--volume={place}:{place}" for place in re.findall(r"host=(/[^&]+)", str(database_url))]
        super().__init__(PURSER, "--network=host", "--read-only", TMPFS, f"--user={user}", *sockets, *options,
                         env=settings, command=command)

    def http(self, method, target, body=None, **options):
        return web.fetch(self.port, method, target, body, **options)

    def answers(self, path="/readyz"):
        try:
            return self.http("GET", path).status == 200
        except OSError:
            return False

    def await_ready(self, path="/readyz"):
        wait.until(lambda: self.answers(path), f"{path} of {self.name}")
        return self

    def processes(self):
        """The host's process ids of everything in the container, with their command lines."""
        lines = docker("top", self.name, "-eo", "pid,args").stdout.splitlines()[1:]
        return {int(pid): command for pid, command in (line.split(None, 1) for line in lines)}

    def find(self, command):
        """The first process with such a command line."""
        return wait.until(
            lambda: next((pid for pid, text in self.processes().items() if text.startswith(command)), None), command
        )

    def output(self):
        """Standard output alone, as lines."""
        return docker("logs", self.name).stdout.splitlines()


@pytest.fixture(scope="module")
def service(database):
    """A running service that the tests leave as it is."""
    with Service(database.url, *OFTEN) as running:
        yield running.await_ready()


@pytest.fixture(scope="module")
def image():
    return json.loads(docker("image", "inspect", PURSER).stdout)[0]


def revision_of(image):
    """The commit that the image names. One of another commit, as `make pull` brings it, was tested with that."""
    made_of = image["Config"]["Labels"][f"{LABEL}.revision"]
    if made_of != git("rev-parse", "HEAD").decode().strip():
        pytest.skip(f"the image is of the commit {made_of}, not of HEAD")
    return made_of


@pytest.fixture
def revision(image):
    return revision_of(image)


@pytest.fixture
def clone(revision, tmp_path):
    """A clone of the commit that the image was made of."""
    directory = tmp_path / "clone"
    git("clone", "--quiet", "--no-checkout", ROOT, directory)
    git("-C", directory, "checkout", "--quiet", revision)
    return directory


@pytest.fixture
def make_image(clone):
    """A function that runs the clone's `install/image build`; returns what it said, and the image's name."""
    tag = f"weighed-{os.getpid()}"

    def make():
        env = {**os.environ, "IMAGE": "purser", "TAG": tag}
        return run([clone / "install" / "image", "build"], check=False, timeout=300, env=env), f"purser:{tag}"

    yield make
    docker("rmi", f"purser:{tag}", check=False)


# --- what is in it ---


def test_process_1_is_supervisord(service):
    command = service.exec("cat", "/proc/1/cmdline").stdout.split("\0")
    assert command[0] == "/usr/bin/python3" and command[2] == "/usr/lib/purser/supervisord/supervisord.py"


def test_no_compiler_and_no_tools_of_a_build(service):
    for name in ("gcc", "cc", "c++", "clang", "as", "ld", "make", "git", "curl", "wget", "psql"):
        assert service.exec("which", name, check=False).returncode == 1, name


def test_only_purser_is_added_to_the_packages(service):
    """No sources and no tests."""
    files = service.exec("find", "/usr/lib/purser", "/usr/share/purser", "-type", "f").stdout.split()
    assert sorted(files) == [
        "/usr/lib/purser/nginx/docs.conf.in", "/usr/lib/purser/nginx/nginx.conf.in",
        "/usr/lib/purser/nginx/problems.conf.in",
        "/usr/lib/purser/nginx/tls-check.conf.in", "/usr/lib/purser/nginx/tls.conf.in", "/usr/lib/purser/schema/fill",
        "/usr/lib/purser/supervisord/purser.conf", "/usr/lib/purser/supervisord/start",
        "/usr/lib/purser/supervisord/supervisord.conf", "/usr/lib/purser/supervisord/supervisord.py",
        *(f"/usr/lib/purser/www/{name}" for name in (
            "docs/LICENSE", "docs/NOTICE", "docs/favicon-32x32.png", "docs/index.html", "docs/index.html.gz",
            "docs/page.css", "docs/page.css.gz", "docs/start.js", "docs/start.js.gz", "docs/swagger-ui-bundle.js",
            "docs/swagger-ui-bundle.js.LICENSE.txt", "docs/swagger-ui-bundle.js.gz", "docs/swagger-ui.css",
            "docs/swagger-ui.css.gz", "openapi.json", "openapi.json.gz", "openapi.yaml", "openapi.yaml.gz",
        )),
        "/usr/share/purser/sample/employees.csv", "/usr/share/purser/sample/passengers.csv",
    ]  # fmt: skip


def test_the_program_is_hard_to_abuse(tmp_path):
    container = docker("create", PURSER).stdout.strip()
    try:
        docker("cp", f"{container}:/usr/bin/purser", tmp_path / "purser")
    finally:
        docker("rm", container)
    assert_hardened(tmp_path / "purser")


def test_the_user_is_a_number(image):
    assert image["Config"]["User"] == "10001:10001"
    assert not image["Config"].get("Entrypoint")
    assert image["Config"]["ExposedPorts"] == {"8080/tcp": {}}


def test_the_labels(image, revision):
    labels = image["Config"]["Labels"]
    version = labels[f"{LABEL}.version"]
    assert re.fullmatch("[0-9a-f]{40}", revision)
    assert docker("run", "--rm", PURSER, "purser", "version").stdout == f"purser {version} ({revision})\n"
    time = git("log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", revision)
    assert labels[f"{LABEL}.created"] == time.decode().strip()
    assert labels[f"{LABEL}.title"] == "purser" and labels[f"{LABEL}.licenses"] == "MIT"
    assert version == git("show", f"{revision}:VERSION").decode().strip()
    assert labels[f"{LABEL}.description"] and labels[f"{LABEL}.source"]


def test_no_architecture_in_the_dockerfiles():
    for file in (ROOT / "Dockerfile", ROOT / "schema" / "Dockerfile"):
        assert not re.search(r"amd64|x86.64|arm64|aarch64", file.read_text(encoding="utf-8"), re.I), file


def git(*words):
    command = ["git", "-c", "safe.directory=*", "-C", ROOT, *words]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, env={**os.environ, "TZ": "UTC"}).stdout


@pytest.fixture
def build_anew():
    """build_anew(revision, name, dockerfile) builds that commit, with nothing kept of earlier builds; its name."""
    tags = []

    def build(revision, name, dockerfile):
        epoch = git("log", "-1", "--format=%ct", revision).decode().strip()
        tags.append(f"{name.partition(':')[0]}:again-{os.getpid()}-{len(tags)}")
        settings = ["--build-arg", f"REVISION={revision}", "--build-arg", f"SOURCE_DATE_EPOCH={epoch}"]
        command = ["docker", "build", "--no-cache", "-q", "-t", tags[-1], "-f", dockerfile, *settings, "-"]
        subprocess.run(command, input=git("archive", revision), capture_output=True, check=True)
        return tags[-1]

    yield build
    docker("rmi", *tags, check=False)


@pytest.mark.parametrize(("name", "dockerfile"), [(PURSER, "Dockerfile"), (POSTGRES0, "schema/Dockerfile")])
def test_a_second_build_gives_the_same_layers(build_anew, name, dockerfile):
    """Of the commit that the image names."""
    revision = revision_of(json.loads(docker("image", "inspect", name).stdout)[0])
    again = build_anew(revision, name, dockerfile)
    if packages(again) != packages(name):  # Debian has newer ones by now
        name = build_anew(revision, name, dockerfile)
    assert packages(again) == packages(name)
    layers = [docker("image", "inspect", "-f", "{{json .RootFS.Layers}}", each).stdout for each in (name, again)]
    assert layers[0] == layers[1]


def test_make_image_takes_the_commit_and_weighs_it(image, clone, make_image):
    """A changed file and a new one stay out, and that is said."""
    (clone / "supervisord" / "start").write_text("changed")
    (clone / "nginx" / "new.conf.in").write_text("new")
    done, name = make_image()
    assert done.returncode == 0, done.stderr
    assert "changes that are not committed; they are not in the image." in done.stderr
    made = json.loads(docker("image", "inspect", name).stdout)[0]
    assert made["RootFS"]["Layers"] == image["RootFS"]["Layers"]
    limits = re.findall(r"^  .* at most +(\d+ \w+) +good$", done.stdout, re.M)
    assert limits == ["140 MB", "55 MB", "32 MiB"], done.stdout
    assert made["Size"] <= 140e6


def test_make_image_refuses_one_that_is_over_its_limits(clone, make_image):
    script = clone / "install" / "image"
    script.write_text(re.sub(r"^(SIZE_MB|COMPRESSED_MB|IDLE_MIB)=[0-9]+", r"\1=1", script.read_text(), flags=re.M))
    done, name = make_image()
    assert done.returncode == 1
    over = re.findall(r"^  (\S.*?)  .* at most +1 Mi?B +too much$", done.stdout, re.M)
    assert over == ["size", "compressed", "memory, idle, two workers"], done.stdout
    assert done.stderr.splitlines()[-1] == f"install/image: {name} is over its limits."


def packages(name):
    return docker("run", "--rm", name, "dpkg-query", "-W").stdout


# --- how it starts ---


@pytest.mark.parametrize("user", ["10001:10001", "1000730000:0", "65534:65534"])
def test_any_user_will_do(database, user):
    with Service(database.url, user=user) as service:
        service.await_ready()
        assert service.http("POST", "/postpassenger", passenger()).status == 200
        assert {os.stat(f"/proc/{pid}").st_uid for pid in service.processes()} == {int(user.partition(":")[0])}
        assert service.stop() == 0


def test_the_largest_body_fits_in_the_tmpfs(service):
    body = json.dumps(passenger(name="x" * (BODY_BYTES - 1000)))
    web.assert_problem(service.http("POST", "/postpassenger", body), 422, "invalid-fields", ["/name"])
    web.assert_problem(service.http("POST", "/postpassenger", body + " " * BODY_BYTES), 413, "body-too-large")


def test_nothing_may_be_gained(database):
    """Without any capability, and without ways to get one."""
    with Service(database.url, "--cap-drop=ALL", "--security-opt=no-new-privileges") as service:
        service.await_ready()


def test_healthy_with_a_database(service):
    service.await_health("healthy")


def test_unhealthy_without_one():
    with Service("postgresql://nobody@127.0.0.1:1/none", *OFTEN, "--health-start-period=1s") as service:
        service.await_health("unhealthy")
        said = service.state["Health"]["Log"][-1]["Output"]
        assert re.fullmatch(r"purser: /readyz has the status 503: .*database.*\n", said, re.I), said
        assert service.answers("/healthz")


def test_commands_of_the_program(cluster):
    """There is no entry point in their way."""
    command = ["--rm", "-v", f"{cluster.directory}:{cluster.directory}", "-e"]
    cluster.sql("CREATE DATABASE by_the_image OWNER purser_owner")
    url = f"DATABASE_URL={cluster.url('by_the_image', 'purser_owner')}"
    assert "applied" in docker("run", *command, url, PURSER, "purser", "migrate").stdout
    filled = docker("run", *command, url, "-e", "SAMPLE_DATA=1", PURSER, "/usr/lib/purser/schema/fill")
    assert filled.returncode == 0
    assert int(cluster.sql("SELECT count(*) FROM passengers", "by_the_image")) > 800


def test_tls(database):
    port = free_port()
    with Certificate() as certificate:
        mount = f"--volume={certificate.directory}:/run/secrets/purser/tls:ro"
        with Service(database.url, mount, env={"PURSER_TLS_PORT": port}) as service:
            service.await_ready()
            assert certificate.is_served(port)
            certificate.renew()
            assert certificate.is_served(port)


# --- how it fails ---


def test_killed_programs_come_back(database):
    with Service(database.url) as service:
        service.await_ready()
        for command in ("purser serve", "nginx: master"):
            pid = service.find(command)
            kill(pid)
            wait.until(lambda: pid not in service.processes() and service.find(command), f"another {command}")
            service.await_ready()
        assert service.state["Running"] and service.inspect()["RestartCount"] == 0


@pytest.mark.parametrize(("settings", "sentence"), [
    ({"PURSER_PORT": "http"}, 'purser: PURSER_PORT is "http": it must be a whole number from 1 to 65535'),
    ({"PURSER_TYPO": 1}, "purser: PURSER_TYPO is not a setting; these are: "),
    ({"DATABASE_URL_FILE": "/nowhere"}, "purser: DATABASE_URL and DATABASE_URL_FILE are both set"),
    ({"PURSER_TLS_PORT": 8443},
     "supervisord/start: PURSER_TLS_PORT is 8443, but /run/secrets/purser/tls/tls.crt can't be read."),
])  # fmt: skip
def test_a_wrong_setting_ends_it_with_a_sentence(settings, sentence):
    with Service("host=/nowhere", env=settings) as service:
        assert service.await_end() == 2
        assert service.logs().splitlines()[-1].startswith(sentence), service.logs()


def test_a_port_that_is_taken_ends_it_with_the_reason(database):
    service = Service(database.url)
    with socket.create_server(("", service.port)), service:
        assert service.await_end() == 1
        last = json.loads(service.logs().splitlines()[-1])
    assert (last["level"], last["program"]) == ("error", "supervisord")
    assert last["msg"].startswith("stopped: nginx can't be kept running, after 4 tries: exit status 1: "), last


def test_no_room_for_its_files_ends_it(database):
    """A read-only container without a tmpfs."""
    with Container(PURSER, "--read-only", env={"DATABASE_URL": database.url}) as service:
        assert service.await_end() != 0
        assert "Read-only file system" in service.logs().splitlines()[-1]


# --- how it stops ---


def test_stopped_with_a_request_in_flight(cluster):
    """New connections are refused at once, the request is answered, the exit code is 0."""
    database = cluster.copy_template()
    answers = []
    with Service(database.url) as service:
        service.await_ready()
        client = threading.Thread(target=lambda: answers.append(service.http("POST", "/postpassenger", passenger())))
        with database.locked("passengers"):
            client.start()
            database.await_waiting()
            docker("kill", "--signal=TERM", service.name)
            wait.until(lambda: refuses(service.port), "nginx to take no new connections", timeout=2)
            assert service.state["Running"] and not answers
        assert service.await_end() == 0
        client.join(wait.PATIENCE_S)
        web.assert_json(answers[0], 200)
    assert database.lines("SELECT count(*) FROM passengers") == ["1"]
    database.drop()


def refuses(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_standard_output_is_json_lines(service):
    service.http("GET", '/nowhere"\\')
    wait.until(lambda: any("/nowhere" in line for line in service.output()), "the log")
    for line in service.output():
        assert {"ts", "level", "program", "msg"} <= json.loads(line).keys(), line


def test_the_memory_of_an_idle_service(service):
    """With its connections to the database; the engine's own figure."""
    said = docker("stats", "--no-stream", "--format={{.MemUsage}}", service.name).stdout
    number, unit = re.match(r"([\d.]+)(\w+)", said).groups()
    assert unit == "MiB" and float(number) <= 32, said
