"""Tells who knocks with another protocol, in that protocol, that this is a chat, and how to join it.

Without it, a browser or a mail server that has been sent to the wrong port would wait, or show a riddle. Called last,
so that a plugin that really speaks one of these protocols comes first: HTTP is answered here only where the web client
is off, or not on the chat's own port.
"""

import logging
import socket
import time
from collections.abc import Callable
from typing import Any

from greenchat import HTTP_BEGINNINGS, hookimpl

log = logging.getLogger("greenchat.signpost")

# How long the other side may take to read the answer and to stop talking. A network hiccup fits in; an open connection
# that leads nowhere is not kept for longer.
SECONDS = 3.0

# What is read and dropped at once while waiting for the end.
READ_BYTES = 64 * 1024

Answer = Callable[[int], bytes]  # the port that was knocked at -> what is sent


def how_to_join(port: int) -> str:
    return f"Join with: greenchat connect HOST {port}, or: nc HOST {port}, then JOIN|yourname"


def http(port: int) -> bytes:
    text = f"This is a greenchat chat server. It does not speak HTTP.\n{how_to_join(port)}\n"
    head = (
        "HTTP/1.1 400 Bad Request",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(text)}",
        "Cache-Control: no-store",
        "Connection: close",
    )
    return "\r\n".join([*head, "", text]).encode("ascii")


def http_head(port: int) -> bytes:
    """The same without its text (RFC 9110, 9.3.2)."""
    return http(port).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def tls(port: int) -> bytes:
    """A fatal alert, handshake_failure (RFC 8446, 6.2): the only words that TLS has before there is a key."""
    return b"\x15\x03\x03\x00\x02\x02\x28"


def ssh(port: int) -> bytes:
    """A line before the version (RFC 4253, 4.2), which never comes."""
    return f"This is a greenchat chat server, no SSH. {how_to_join(port)}\r\n".encode()


def smtp(port: int) -> bytes:
    """554 instead of a greeting: no SMTP service here (RFC 5321, 3.1)."""
    return f"554 This is a greenchat chat server, no mail server. {how_to_join(port)}\r\n".encode()


# In capitals, as programs send them: people on netcat type anything. None begins like a frame of greenchat.
KNOCKS: list[tuple[str, tuple[bytes, ...], Answer]] = [
    ("HTTP", (b"HEAD ",), http_head),
    ("HTTP", HTTP_BEGINNINGS, http),
    ("TLS", (b"\x16\x03",), tls),
    ("SSH", (b"SSH-",), ssh),
    ("SMTP", (b"EHLO ", b"HELO "), smtp),
]


@hookimpl(trylast=True)
def greenchat_claim(first_bytes: bytes) -> Callable[[Any, str], None] | None:
    for protocol, beginnings, answer in KNOCKS:
        if first_bytes.startswith(beginnings):
            return lambda sock, address: show_the_way(sock, address, protocol, answer)
    return None


def show_the_way(sock: Any, address: str, protocol: str, answer: Answer) -> None:
    """Send the answer, and wait until the other side has read it: closing with unread bytes would take it back."""
    log.info("%s knocked with %s and was shown the way", address, protocol, extra={"address": address})
    deadline = time.monotonic() + SECONDS
    try:
        sock.settimeout(SECONDS)
        sock.sendall(answer(sock.getsockname()[1]))
        sock.shutdown(socket.SHUT_WR)
        while (left := deadline - time.monotonic()) > 0:
            sock.settimeout(left)
            if not sock.recv(READ_BYTES):
                return
    except OSError:
        pass  # gone, or too slow: either way there is nobody to tell
