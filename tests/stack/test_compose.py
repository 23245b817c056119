"""docker compose up, from a fresh clone to a service that answers, with Compose v1.29 and v2."""

import platform
import re

import pytest
import yaml
from harness import wait
from harness.compose import CONTAINED, INSTALLED, Images, Project, build_contained
from harness.engine import POSTGRES0, PURSER, Container, docker, kill
from harness.postgres0 import Postgres0
from harness.process import ROOT
from harness.samples import passenger

SAMPLE = (1316, 885)
CONFINED = ("purser", "migrate", "postgres0")


@pytest.fixture(scope="module")
def tag():
    with Images() as made:
        yield made


@pytest.fixture(scope="module", params=[INSTALLED, CONTAINED])
def which(request):
    """Either Compose."""
    if request.param == CONTAINED:
        build_contained()
    return request.param


@pytest.fixture(scope="module")
def project(tag, which):
    """A service that is up: nothing is set but the ports."""
    with Project(which, TAG=tag) as made:
        made.up()
        yield made


@pytest.fixture
def alone(tag):
    """A project of the test's own that is not up yet."""
    with Project(TAG=tag) as made:
        yield made


def test_one_compose_is_v1_29_and_the_other_is_v2(project):
    if project.which == INSTALLED and platform.freedesktop_os_release()["VERSION_ID"] != "12":
        pytest.skip("Debian 12 is the last one that has Compose v1.29")
    expected = {INSTALLED: r"1\.29\.\d+", CONTAINED: r"2\.\d+\..+"}[project.which]
    assert re.fullmatch(expected, project.compose("version", "--short").stdout.strip())


def test_up_gives_a_healthy_service_with_the_sample_data(project):
    assert project.rows() == SAMPLE
    for service in ("purser", "postgres0"):
        wait.until(lambda name=service: project.inspect(name)["State"]["Health"]["Status"] == "healthy",
                   f"{service}'s health")
    assert project.inspect("migrate")["State"]["ExitCode"] == 0


def test_no_password_is_known_to_anybody(project):
    """Each is random, and a worker sees its own alone."""
    worker = project.exec("purser", "cat", "/run/secrets/purser/worker/password").stdout
    owner = project.exec("postgres0", "cat", "/run/secrets/purser/owner/password").stdout
    assert re.fullmatch(r"[\w-]{32}\n", worker) and re.fullmatch(r"[\w-]{32}\n", owner) and worker != owner
    assert project.exec("purser", "ls", "/run/secrets/purser").stdout == "worker\n"
    for service in CONFINED:
        assert worker.strip() not in str(project.inspect(service)) and owner.strip() not in str(project.inspect(service))


def test_the_database_is_there_for_this_machine_alone(project):
    ports = project.inspect("postgres0")["NetworkSettings"]["Ports"]
    assert ports == {"5432/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(project.settings["POSTGRES0_PORT"])}]}


@pytest.mark.parametrize("service", CONFINED)
def test_every_container_is_confined(project, service):
    host = project.inspect(service)["HostConfig"]
    assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and "/tmp" in host["Tmpfs"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"] and not host["Privileged"]


def test_the_service_has_the_limits_of_the_employee_app(project):
    for service in ("purser", "migrate"):
        host = project.inspect(service)["HostConfig"]
        assert (host["NanoCpus"], host["Memory"]) == (500_000_000, 128 * 1024 * 1024)
        assert host["MemorySwap"] == host["Memory"]  # no swap besides
        assert host["Tmpfs"] == {"/tmp": "size=16m"}  # counts as memory; as much as a pod has


def test_down_and_up_again_keeps_the_data(project):
    """And the sample is not loaded a second time."""
    uuid = project.http("POST", "/postpassenger", passenger()).json[0]["uuid"]
    project.down()
    assert project.container("postgres0") == ""
    project.up()
    assert project.http("GET", f"/getpassenger/{uuid}").status == 200
    assert project.http("DELETE", f"/deletepassenger/{uuid}").status == 200
    assert project.rows() == SAMPLE


def test_up_again_changes_nothing(project):
    before = [project.inspect(service)["State"]["StartedAt"] for service in ("purser", "postgres0")]
    project.up()
    assert [project.inspect(service)["State"]["StartedAt"] for service in ("purser", "postgres0")] == before


@pytest.mark.parametrize("service", ["purser", "postgres0"])
def test_a_container_that_is_killed_comes_back(project, service):
    kill(project.inspect(service)["State"]["Pid"])
    wait.until(lambda: project.inspect(service)["RestartCount"] == 1 and project.inspect(service)["State"]["Running"],
               f"{service} to be started again")
    project.await_ready()
    assert project.rows() == SAMPLE


def test_a_stop_is_in_order(project):
    """The grace period is long enough for the service and for the database."""
    project.compose("stop")
    assert [project.inspect(service)["State"]["ExitCode"] for service in ("purser", "postgres0")] == [0, 0]
    project.up()


def test_the_grace_period_is_longer_than_the_longest_stop(project):
    """With what the settings are by default, and up to what the example says of them."""
    grace_s = project.inspect("purser")["Config"]["StopTimeout"]
    drain_ms = int(docker("run", "--rm", PURSER, "purser", "config", "PURSER_DRAIN_MS").stdout)
    assert grace_s > longest_stop_s(drain_ms)
    most_ms = int(re.search(r"Above (\d+), PURSER_DRAIN_MS needs", example()).group(1))
    assert grace_s == longest_stop_s(most_ms)


def longest_stop_s(drain_ms):
    """nginx, then the workers, as supervisord/start gives them time."""
    return 2 * (drain_ms / 1000 + 5)


def test_a_password_in_quotes_is_what_they_hold(tag, which):
    with Project(which, TAG=tag) as project:
        project.write_env(DB_PASSWORD="'a$b#c d'")
        project.compose("up", "-d", "postgres0")
        wait.until(lambda: project.login("purser_worker", "a$b#c d", "purser") == "purser_worker\n",
                   "the password to count")


def test_v1_29_alone_replaces_a_variable_in_quotes(tag, which):
    """And docker run takes the quotes for a part of the value, as the example says."""
    with Project(which, TAG=tag) as project:
        project.settings["OTHER"] = "another"
        project.write_env(DB_PASSWORD="'a${OTHER}'")
        config = yaml.safe_load(project.compose("config").stdout)
        found = config["services"]["postgres0"]["environment"]["DB_PASSWORD"].replace("$$", "$")
        assert found == {"1": "aanother", "2": "a${OTHER}"}[project.compose("version", "--short").stdout[0]]
        run = docker("run", "--rm", "--env-file", project.directory / ".env", PURSER, "printenv", "DB_PASSWORD")
        assert run.stdout == "'a${OTHER}'\n"


def test_the_employee_app_s_settings_and_a_new_password(alone):
    settings = {"DB_USERNAME": "dev", "DB_PASSWORD": "first", "DB_URL": "postgres0", "DB_NAME": "flask_db"}
    alone.write_env("employee.env", **settings)
    alone.options = ["--env-file", "employee.env"]
    alone.settings |= {"SAMPLE_DATA": "0", "PURSER_LOG_LEVEL": "debug"}
    alone.up()
    assert alone.rows() == (0, 0)
    assert alone.login("dev", "first", "flask_db") == "dev\n"
    assert alone.exec("purser", "purser", "config", "PURSER_LOG_LEVEL").stdout == "debug\n"
    uuid = alone.http("POST", "/postpassenger", passenger()).json[0]["uuid"]

    alone.write_env("employee.env", **settings | {"DB_PASSWORD": "second"})
    alone.up()
    assert alone.login("dev", "second", "flask_db") == "dev\n"
    assert "password authentication failed" in alone.login("dev", "first", "flask_db")
    assert alone.http("GET", f"/getpassenger/{uuid}").status == 200


def test_the_owner_in_postgres0_is_always_the_same(alone):
    alone.settings["DB_OWNER_USERNAME"] = "somebody"
    alone.compose("run", "--rm", "migrate")
    assert alone.sql("SELECT tableowner FROM pg_tables WHERE tablename = 'passengers'") == "purser_owner"


@pytest.fixture
def other_database(alone):
    """Another server in the project's network, where one user does everything; and an .env that names it."""
    with Postgres0(DB_PASSWORD="a", DB_OWNER_PASSWORD="b") as other:
        other.sql("CREATE ROLE purser_dev LOGIN PASSWORD 'dev''s own'")
        other.sql("CREATE DATABASE flask_db OWNER purser_dev")
        alone.write_env(DB_USERNAME="purser_dev", DB_PASSWORD="dev's own", DB_URL="database:5432", DB_NAME="flask_db")
        alone.compose("up", "-d", "postgres0")
        docker("network", "connect", "--alias", "database", f"{alone.name}_default", other.name)
        yield other
        docker("network", "disconnect", f"{alone.name}_default", other.name)


def test_another_database_is_migrated_and_served(alone, other_database):
    """It gets the sample data when that is asked for, and not by itself."""
    alone.up()
    assert alone.rows() == (0, 0)
    alone.settings["SAMPLE_DATA"] = "1"
    alone.compose("run", "--rm", "migrate")
    assert alone.rows() == SAMPLE
    assert other_database.sql("SELECT count(*) FROM passengers", "flask_db") == "1316"
    assert alone.sql("SELECT to_regclass('passengers') IS NULL") == "t"  # nobody was in postgres0


def test_docker_run_with_the_employee_app_s_env_file(alone, other_database):
    """Without Compose: the same four variables."""
    options = ["--network", f"{alone.name}_default", "--env-file", alone.directory / ".env"]
    docker("run", "--rm", *options, PURSER, "purser", "migrate")
    with Container(PURSER, *options) as service:
        wait.until(lambda: service.exec("purser", "probe", check=False).returncode == 0, "the service to be ready")
        assert other_database.sql("SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'purser_dev'") == "t"


def test_up_builds_what_is_not_there():
    """With a tag that no image has, the fresh clone is enough."""
    with Images() as unused:
        pass
    with Project(TAG=unused) as project:
        try:
            project.compose("build", timeout=900)
            project.up("--no-build")
            assert project.rows() == SAMPLE
        finally:
            project.down("-v")
            docker("rmi", f"purser:{unused}", f"postgres0:{unused}", check=False)


def variables_of_compose():
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    return set(re.findall(r"\$\{(\w+)", text)) | set(re.findall(r"^ +([A-Z]\w+):$", text, re.M))


def example():
    return (ROOT / ".env.example").read_text(encoding="utf-8")


def documented():
    return dict(re.findall(r"^#?([A-Z]\w+)=(.*)$", example(), re.M))


def test_the_example_has_every_variable_and_no_other():
    assert set(documented()) == variables_of_compose()


def test_the_example_s_defaults_are_those_of_compose():
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    defaults = re.findall(r"\$\{(\w+):-([^}]*)\}", text)
    assert defaults
    for name, value in defaults:
        assert documented()[name] == value, name


def test_every_setting_of_the_program_can_be_set_and_no_other():
    """But those of TLS: the port of the containers is for this machine, or a proxy on it."""
    printed = docker("run", "--rm", PURSER, "purser", "config").stdout
    settings = dict(re.findall(r"^(PURSER_\w+)=(.*)$", printed, re.M))
    ours = {name: value for name, value in documented().items() if name.startswith("PURSER_")}
    assert settings.keys() - {"PURSER_TLS_PORT", "PURSER_TLS_DIR"} == ours.keys()
    del ours["PURSER_WORKERS"], ours["PURSER_NGINX_PROCESSES"]  # depend on the machine
    del ours["PURSER_MAX_BULK_BYTES"]  # Compose has a smaller default, as it limits the memory
    assert ours.items() <= settings.items()


def test_the_example_as_it_is_says_what_happens_without_it(alone):
    """With every line taken in Compose makes the same of it, but that the service's settings are given."""
    alone.settings = {}
    plain = alone.compose("config").stdout
    lines = (alone.directory / ".env.example").read_text(encoding="utf-8").splitlines()
    (alone.directory / ".env").write_text("\n".join(re.sub(r"^#([A-Z]\w+=)", r"\1", line) for line in lines))
    filled = alone.compose("config").stdout
    assert filled != plain
    assert re.sub(r"\b(PURSER_\w+): .*", r"\1:", filled) == re.sub(r"\b(PURSER_\w+): .*", r"\1:", plain)


def test_the_two_images_agree_on_who_they_are():
    users = docker("image", "inspect", "-f", "{{.Config.User}}", PURSER, POSTGRES0).stdout
    assert users == "10001:10001\n10001:10001\n"
