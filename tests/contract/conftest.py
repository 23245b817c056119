"""Fixtures of the contract suite: the running service, asked through /v1 for one resource after the other."""

import pytest
from harness.rest import Client, Table
from harness.stack import Stack
from harness.tables import RESOURCES


@pytest.fixture(scope="session")
def system_database(cluster):
    """The database that the session's service works on."""
    return cluster.copy_template()


@pytest.fixture(scope="session")
def stack(system_database):
    """The running service."""
    with Stack(system_database.url) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def no_worker_ends(stack):
    """What a test asks for may not cost a worker."""
    before = stack.workers()
    yield
    assert stack.workers() == before, stack.text()[-5000:]


@pytest.fixture
def http(stack):
    """http(method, target, body, headers) as the other suites have it: the standard library's client."""
    return stack.http


@pytest.fixture
def database(system_database, stack):
    """The service's database; a test that needs to know what is in it fills it first."""
    return system_database


@pytest.fixture(scope="session")
def client(stack):
    """client(method, target, body, headers, params); see harness.rest."""
    asking = Client(stack.port)
    yield asking
    asking.close()


@pytest.fixture(scope="module", params=RESOURCES, ids=str)
def resource(request):
    """Each resource of /v1 in turn."""
    return request.param


@pytest.fixture
def table(client, resource):
    """The resource as a client sees it."""
    return Table(client, resource)


@pytest.fixture(scope="module")
def rows(resource, system_database, stack):
    """The table has exactly these rows, for modules that only read; in the order of their keys."""
    made = sorted(resource.rows(60), key=lambda row: row[resource.key])
    resource.fill(system_database, made)
    return made
