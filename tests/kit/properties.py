"""What holds for whatever is tried: hypothesis, as the tests use it."""

from hypothesis import given, settings


def for_all(*strategies):
    """hypothesis' `given`, with the same examples in each run, on however busy a machine."""
    return lambda test: settings(derandomize=True, deadline=None, max_examples=150)(given(*strategies)(test))
