"""The fixtures of the tests of contexts."""

from kit.contexts import around, clock, ctx

__all__ = ["around", "clock", "ctx"]
