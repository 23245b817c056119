"""The container goes without a good-bye, or stands still, and comes back."""

import pytest
from harness import wait, web
from harness.engine import PURSER, Container, docker
from harness.stack import free_port
from harness.traffic import Traffic


@pytest.fixture
def table(database):
    database.empty()
    return database


class Service(Container):
    """One that outlives its end, to be started again."""

    def __init__(self, database):
        self.port = free_port()
        place = database.cluster.directory
        env = {"DATABASE_URL": database.url, "PURSER_PORT": self.port}
        super().__init__(PURSER, "--network=host", "--read-only", "--tmpfs=/tmp", f"--volume={place}:{place}", env=env)

    def await_ready(self):
        wait.until(self._is_ready, "the service to be ready")

    def _is_ready(self):
        try:
            return web.fetch(self.port, "GET", "/readyz", timeout=5).status == 200
        except OSError:
            return False


@pytest.fixture
def service(table):
    with Service(table) as running:
        running.await_ready()
        yield running


def test_killed_under_load(service, table):
    """As when the machine loses power: what was acknowledged is there once, and the same container starts again."""
    with Traffic(service.port) as traffic:
        docker("kill", service.name)
    stored = table.lines("SELECT name FROM passengers")
    assert len(set(stored)) == len(stored)
    assert {name for name, said in traffic.outcomes().items() if said == "good"} <= set(stored)
    docker("start", service.name)
    service.await_ready()
    with Traffic(service.port, prefix="Again") as traffic:
        service.stop()
    assert "good" in traffic.outcomes().values()


def test_standing_still_under_load(service, table):
    """docker pause: requests wait meanwhile, none is lost or carried out twice."""
    with Traffic(service.port) as traffic:
        docker("pause", service.name)
        waiting = traffic.await_all_waiting()
        docker("unpause", service.name)
        traffic.await_more()
        service.stop()
    traffic.check(table)
    assert {traffic.outcomes()[name] for name in waiting} == {"good"}
