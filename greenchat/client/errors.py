"""What a client raises."""

from greenchat.errors import GreenchatError


class ClientError(GreenchatError):
    """The root of what a client raises: its text is one sentence or two, fit for a user's eyes."""


class UnreachableError(ClientError):
    """There is no greenchat server at that address, or none that answers. Nothing was sent."""


class TurnedAwayError(ClientError):
    """The server refused the connection itself: it is full, say, or bans this address. The text is the server's."""


class RefusedError(ClientError):
    """The server refused a request: `code` is for programs (PROTOCOL.md lists them), the text is the server's."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class DisconnectedError(ClientError):
    """The connection has ended. What was not acknowledged is in `Client.pending`."""


class NoAnswerError(ClientError):
    """The server owes an answer, and has been silent for too long."""


class CursorError(ClientError):
    """The file of a `Cursor` has something else in it."""
