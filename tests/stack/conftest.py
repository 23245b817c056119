"""Fixtures of the suite on a container engine: it tests the images that PURSER_IMAGE and POSTGRES0_IMAGE name."""

import pytest
from harness.process import IMAGE
from harness.stack import Stack

FIGURES = pytest.StashKey()


@pytest.fixture(scope="session")
def container():
    """Stack, for tests of which the service must be a container."""
    assert IMAGE, "PURSER_IMAGE must name the image; tests/run stack sets it"
    return Stack


@pytest.fixture(scope="session")
def measured(pytestconfig):
    """measured(what, figure) puts a line into the table that a run ends with."""
    figures = pytestconfig.stash.setdefault(FIGURES, [])
    return lambda what, figure: figures.append((what, figure))


def pytest_terminal_summary(terminalreporter, config):
    for what, figure in config.stash.get(FIGURES, []):
        terminalreporter.write_line(f"measured: {what:<64} {figure}")
