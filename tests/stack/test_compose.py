"""docker compose up, from a fresh clone to a service that answers, with Compose v1.29 and v2."""

import re

import pytest
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
def project(tag, request):
    """A service that is up, for either Compose: nothing is set but the ports."""
    if request.param == CONTAINED:
        build_contained()
    with Project(request.param, TAG=tag) as made:
        made.up()
        yield made


@pytest.fixture
def alone(tag):
    """A project of the test's own that is not up yet."""
    with Project(TAG=tag) as made:
        yield made


def test_the_contained_compose_is_version_2(project):
    if project.which == CONTAINED:
        assert project.compose("version", "--short").stdout.startswith("2.")


def test_up_gives_a_healthy_service_with_the_sample_data(project):
    assert project.rows() == SAMPLE
    for service in ("purser", "postgres0"):
        wait.until(lambda name=service: project.inspect(name)["State"]["Health"]["Status"] == "healthy", f"{service}'s health")
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
    alone.up()
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


def documented():
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    return dict(re.findall(r"^#?([A-Z]\w+)=(.*)$", text, re.M))


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
    assert ours.items() <= settings.items()


def test_the_example_as_it_is_says_what_happens_without_it(alone):
    """With every line taken in Compose makes the same of it, but that the service's settings are given."""
    alone.settings = {}
    plain = alone.compose("config").stdout
    lines = (alone.directory / ".env.example").read_text(encoding="utf-8").splitlines()
    (alone.directory / ".env").write_text("\n".join(re.sub(r"^#([A-Z]\w+=)", r"\1", line) for line in lines))
    assert re.sub(r"\b(PURSER_\w+): .*", r"\1: null", alone.compose("config").stdout) == plain


def test_the_two_images_agree_on_who_they_are():
    users = docker("image", "inspect", "-f", "{{.Config.User}}", PURSER, POSTGRES0).stdout
    assert users == "10001:10001\n10001:10001\n"
