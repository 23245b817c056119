"""All faults, in the order of the table."""

from . import postgres, standby, workers, stream, service, waiting, room, clock  # noqa: F401, I001 - each registers its own
from . import load, overload, slow, long  # noqa: F401, I001 - what only many, slow or large clients do
