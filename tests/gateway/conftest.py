"""Fixtures of the gateway suite: one worker for each module, without nginx."""

import resource

import pytest
from harness.worker import Worker


@pytest.fixture(scope="session", autouse=True)
def many_descriptors():
    """Room for a thousand connections here, and in the workers, which inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))


@pytest.fixture(scope="module")
def running(request, database):
    """This module's worker, started with the module's SETTINGS, if it has any."""
    with Worker(database.url, **getattr(request.module, "SETTINGS", {})) as worker:
        yield worker


@pytest.fixture
def worker(running):
    """The worker; whatever the test did to it, it must still answer afterwards, as the same process."""
    if running.process.poll() is not None:
        running.start()  # an earlier test has killed it, and was told so
    yield running
    running.assert_alive()
    assert running.request("GET", "/hello").status == 201
    running.assert_alive()
