"""Fixtures of the system suite: nginx, workers and PostgreSQL, started once for the tests that leave them whole."""

import pytest
from harness.stack import Stack


@pytest.fixture(scope="session")
def system_database(cluster):
    """The database that the session's service works on."""
    return cluster.copy_template()


@pytest.fixture(scope="session")
def stack(system_database):
    """The running service."""
    with Stack(system_database.url) as running:
        yield running


@pytest.fixture(scope="module")
def no_worker_ends(stack):
    """What a client sends may not cost a worker."""
    before = stack.workers()
    yield
    assert stack.workers() == before, stack.text()[-5000:]


@pytest.fixture
def http(stack):
    """http(method, target, body) sends a request to the running service."""
    return stack.http


@pytest.fixture
def database(system_database, stack):
    """The service's database; a test that needs to know what is in it empties it first."""
    return system_database
