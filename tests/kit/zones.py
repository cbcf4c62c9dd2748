"""The zone of this machine, as a test wants it."""

import time

import pytest


def _in_zone(monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def utc(monkeypatch):
    yield from _in_zone(monkeypatch, "UTC")


@pytest.fixture
def berlin(monkeypatch):
    """Its summer time begins on the last Sunday in March, and ends on that in October, at 1:00 UTC."""
    yield from _in_zone(monkeypatch, "Europe/Berlin")
