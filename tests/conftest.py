"""Fixtures of every suite: one PostgreSQL for the session, a fresh database for each module."""

import signal

import pytest
from harness.postgres import Cluster
from harness.process import BINARY

signal.signal(signal.SIGTERM, signal.default_int_handler)  # who stops the tests doesn't leave behind what they started


@pytest.fixture(scope="session")
def binary():
    """The program under test."""
    assert BINARY.exists(), f"{BINARY} is not there: make first, or set BINARY"
    return BINARY


@pytest.fixture(scope="session")
def cluster(binary):
    """A running PostgreSQL with a migrated template."""
    with Cluster() as running:
        running.make_template()
        yield running


@pytest.fixture(scope="module")
def database(cluster):
    """A migrated, empty database of this module's own."""
    fresh = cluster.copy_template()
    yield fresh
    fresh.drop()
