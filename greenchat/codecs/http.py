"""HTTP, as far as a chat has to know it: how it begins, and how it is refused. Nothing of it may be taken for frames.

A web page may have the browser of anybody who reads it send requests to any server, with nearly any method, target and
body: a body of frames would speak in the chat for them.
"""

import re

from greenchat.codecs.advice import BY_BROWSER
from greenchat.protocol.replies import Error

# How requests of HTTP begin, with each of its methods: RFC 9110, 9.3, and RFC 5789. None begins like a frame of ours.
HTTP_BEGINNINGS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT ", b"TRACE ")

# How the first line of any other request ends. A method may be any word, `JOIN|x` too (RFC 9110, 5.6.2 and 9.1).
_HTTP_END = re.compile(rb"[ \t]HTTP/\d+(\.\d+)?[ \t\r]*\Z", re.IGNORECASE)
# What is kept of an unfinished line, to see how it ends: the version, and some blanks.
_END_BYTES = 32

BLANKS = b" \t\r\n"


class FirstLine:
    """Looks whether the first line of a stream that is not empty is a request of HTTP, however long it is. `end` is
    what it keeps of a line that has not ended."""

    __slots__ = ("end",)

    def __init__(self, end: bytes = b"") -> None:
        self.end = end

    def feed(self, data: bytes) -> bool | None:
        """Whether it is one; None until all of it has come."""
        line, end, _ = (self.end + data if self.end else data.lstrip(BLANKS)).partition(b"\n")
        if end:
            return _HTTP_END.search(line[-_END_BYTES:]) is not None
        self.end = line[-_END_BYTES:]
        return None


class HttpRefusals:
    """How who speaks HTTP is turned away: see `greenchat.codecs.Refusals`."""

    advice = BY_BROWSER

    def refusal(self, error: Error) -> bytes:
        return http_refusal("503 Service Unavailable", error.text)


def http_refusal(status: str, text: str) -> bytes:
    """The answer to a request of HTTP on a connection that is closed then. `status` is such as "400 Bad Request"."""
    body = f"{text}\n".encode()
    head = (
        f"HTTP/1.1 {status}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "X-Content-Type-Options: nosniff",
        "Cache-Control: no-store",
        "Connection: close",
    )
    return "\r\n".join([*head, "", ""]).encode("ascii") + body
