"""What calls for somebody who looks elsewhere: the terminal's bell, and notifications of the desktop."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from greenchat.codecs.wording import beginning
from greenchat.connect.model.chats import Alert, Chats
from greenchat.connect.model.markup import parse, plain
from greenchat.connect.settings import Settings
from greenchat.protocol.text import printable

# One notification at most in so many seconds, whoever calls however often: the next one tells how many there were.
PAUSE_SECONDS = 3.0

# So much of a message is told, in characters: what a desktop shows of it.
TOLD = 160

BELL = "\a"

Kind = Literal["", "9", "777"]


def kind_of(environ: Mapping[str, str]) -> Kind:
    """By which OSC the terminal takes notifications: 777 has a title; those that are not known take 9, or nothing. A
    console has no desktop, and GNU Screen hands nothing on."""
    term, program = environ.get("TERM", ""), environ.get("TERM_PROGRAM", "").lower()
    if term in ("", "dumb", "linux") or "STY" in environ:
        return ""
    if (
        "VTE_VERSION" in environ
        or program == "ghostty"
        or term.startswith(("rxvt", "foot", "xterm-ghostty", "contour"))
    ):
        return "777"
    return "9"


def notification(title: str, text: str, environ: Mapping[str, str]) -> str:
    """What is written to the terminal for it. Nothing in it ends or parts what the terminal is told."""
    kind = kind_of(environ)
    title, text = (printable(part, TOLD).replace(";", ",") for part in (title, text))
    told = {"": "", "9": f"\x1b]9;{title}: {text}{BELL}", "777": f"\x1b]777;notify;{title};{text}{BELL}"}[kind]
    if told and "TMUX" in environ:  # which hands it on where `allow-passthrough` is on
        told = "\x1bPtmux;" + told.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return told


class Alerting:
    """`write` writes to the terminal. `settings` are as they are now."""

    def __init__(
        self,
        chats: Chats,
        settings: Callable[[], Settings],
        write: Callable[[str], None],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._chats = chats
        self._settings = settings
        self._write = write
        self._environ = environ
        self._last: Alert | None = None
        self._held = 0
        self._not_before = 0.0

    def tell(self, alerts: Sequence[Alert], now: float, *, looked_at: bool) -> None:
        """These have come. Whoever looks at the window sees them there."""
        if alerts and self._settings().bell:
            self._write(BELL)
        if looked_at or not self._settings().notify:
            self._last, self._held = None, 0
        elif alerts:
            self._last = alerts[-1]
            self._held += len(alerts)
        self.tick(now)

    def tick(self, now: float) -> None:
        """`now` is in seconds."""
        if self._last is None or now < self._not_before:
            return
        alert, more = self._last, self._held - 1
        self._last, self._held, self._not_before = None, 0, now + PAUSE_SECONDS
        message, place = alert.message, self._chats.places.get(alert.place)
        title = message.sender
        if place is not None and not place.is_direct:
            title = f"{message.sender} in {place.sign}{place.title}"
        text = beginning(plain(parse(message.text)))
        self._write(notification(title, f"{text} (and {more} more)" if more else text, self._environ))
