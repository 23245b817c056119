"""Every fault, played for a short while: what its clients see, and what is in the tables afterwards."""

import pytest
from chaos import faults  # noqa: F401 - registers them
from chaos.fault import FAULTS
from chaos.scene import SHORT, clusters, play


@pytest.fixture(scope="module")
def own_cluster(binary):
    """A PostgreSQL that may be broken."""
    with clusters(SHORT) as cluster:
        yield cluster


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_fault(own_cluster, fault):
    line = play(fault, own_cluster, SHORT)
    if line.left_out:
        pytest.skip(line.left_out)
    assert line.held, line.complaint
