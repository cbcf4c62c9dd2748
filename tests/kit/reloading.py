"""A stand-in for what reloads a server: it notes who asks, and answers when the test says so."""

from greenchat.protocol.reload_reports import ReloadReport


class StandIn:
    def __init__(self, server):
        """`server` is one of greenchat.testing."""
        self.asks = []
        self.answers = []
        self._server = server
        server.call(lambda: server.server.reload_asks.begin(self))

    def ask(self, by, answer, session_id=0, ref=None, choice=None):
        self.asks.append((by, session_id, ref, choice))
        self.answers.append(answer)

    def answer(self, **report):
        """Answer who has asked first."""
        tell = self.answers.pop(0)
        self._server.call(lambda: tell(ReloadReport(**report)))
