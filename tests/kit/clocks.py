"""A clock that is moved by hand."""

from datetime import UTC, datetime, timedelta

import gevent


class Alarm:
    def __init__(self, due, function):
        self.due, self.function = due, function

    def cancel(self):
        self.function = None


class HandClock:
    """It stands still but for `advance`."""

    def __init__(self, now=datetime(2026, 3, 1, 12, 0, tzinfo=UTC)):
        self.passed = 0.0
        self._began = now
        self._alarms = []

    def now(self):
        return self._began + timedelta(seconds=self.passed)

    def monotonic(self):
        return self.passed

    def call_later(self, seconds, function):
        alarm = Alarm(self.passed + max(0.0, seconds), function)
        self._alarms.append(alarm)
        return alarm

    def advance(self, seconds=0.0):
        """Let so many seconds pass; what has become due, has been done when this returns."""
        until = self.passed + seconds
        while True:
            self._alarms = [alarm for alarm in self._alarms if alarm.function is not None]
            due = min((alarm for alarm in self._alarms if alarm.due <= until), key=lambda one: one.due, default=None)
            if due is None:
                break
            self.passed = max(self.passed, due.due)
            self._alarms.remove(due)
            due.function()
            gevent.sleep()
        self.passed = until
        gevent.sleep()
