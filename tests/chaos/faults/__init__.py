"""All faults, in the order of the table."""

from . import postgres, workers, standby, stream, service, waiting, room, clock, load  # noqa: F401, I001 - each registers its own
