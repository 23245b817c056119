"""All faults, in the order of the table."""

from . import postgres, workers, service, environment, load, overload, slow, long  # noqa: F401, I001 - each registers its own
