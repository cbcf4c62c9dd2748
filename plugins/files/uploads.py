"""Files on their way in: who may send one, where to, and how far it has come."""

import hashlib
import secrets
import time
from collections.abc import Iterator
from typing import Any

from gevent.lock import Semaphore

from greenchat import Member, Place, Reject, Session

from .settings import MB, Settings
from .store import Used

# How long one has to begin, in seconds, once one was told where to: a page begins at once, and a person pastes a line.
BEGIN_SECONDS = 300.0

# How long it is known how one ended, in seconds: who has not heard it asks again.
ENDED_SECONDS = 900.0

# How many uploads of one person there may be at once, begun or not: a page sends what was pasted one after the other.
# And of all: each takes a greenlet and a part of a file in memory. Of those that have ended, so many are known.
MOST_EACH, MOST, MOST_ENDED = 20, 500, 2000

# How many of them are being sent at once, by one person and by all from one address: of those that a plugin may take at
# once (`STREAMS_AT_ONCE`) some are left to others, also where nothing comes by any of these.
SENDING_EACH, SENDING_ADDRESS = 20, 50

TOKEN_BYTES = 18


class Upload:
    """A file that somebody may send to a `place`, as the member that they are, of just so many bytes. `text` is said
    with it. `run` counts who sends it: the last one does, of those whose connection was lost perhaps, and so many
    are `sending`. Whoever has got all of it holds `saying` while it is said; `answer` is how it ended, if it did."""

    def __init__(
        self, session: Session, place: Place, name: str, kind: str, size: int, text: str, address: str
    ) -> None:
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        self.session = session
        self.member: Member = session.require_member()
        self.account = self.member.account_id
        self.place = place
        self.name = name
        self.kind = kind
        self.size = size
        self.text = text
        self.address = address
        self.until = time.monotonic() + BEGIN_SECONDS
        self.run = 0
        self.sending = 0
        self.saying = Semaphore(1)
        self.answer: Any = None

    def __repr__(self) -> str:
        return f"<Upload of {self.size} bytes>"

    @property
    def where(self) -> str:
        """The room, or the conversation behind an @, with which no room's name begins: for limits."""
        return self.place.name or f"@{self.place.conversation}"

    def require_same(self) -> None:
        """Raises `Reject` where its member is logged in otherwise by now than when it was asked for."""
        if self.member.account_id != self.account:
            raise Reject("You have logged in or out meanwhile. Ask for another place.", code="not_allowed")

    @property
    def origin(self) -> Session | None:
        """The session by which it is said, if that is still there."""
        return self.session if self.session in self.member.sessions else None

    @property
    def is_open(self) -> bool:
        return self.answer is None

    def begin(self) -> int:
        """Somebody begins to send it: which time it is."""
        self.run += 1
        self.sending += 1
        self.until = float("inf")
        return self.run

    def end(self, run: int) -> None:
        """This time has ended. Where it has no answer by now, it may be sent once more."""
        self.sending -= 1
        if self.run == run or not self.is_open:
            self.until = time.monotonic() + (BEGIN_SECONDS if self.is_open else ENDED_SECONDS)


class Uploads:
    """All of them, by their tokens."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._all: dict[str, Upload] = {}

    def add(self, upload: Upload, used: Used) -> None:
        """One more, where so much is there already. Raises `Reject`."""
        there = [*self._open()]
        if sum(other.member is upload.member for other in there) >= MOST_EACH:
            text = f"{MOST_EACH} files of yours are on their way. Wait until some are there."
            raise Reject(text, code="try_later")
        if len(there) >= MOST:
            raise Reject("Too many files are on their way. Try again in a minute.", code="try_later")
        self._require_room(upload, there, used)
        ended = [token for token, other in self._all.items() if not other.is_open]
        for token in ended[: len(ended) - MOST_ENDED + 1]:
            del self._all[token]
        self._all[upload.token] = upload

    def _require_room(self, upload: Upload, coming: list[Upload], used: Used) -> None:
        """Raises `Reject` where there is no room for it beside what is there, and is coming."""
        settings, account = self._settings, upload.account
        from_there = [one for one in coming if one.address == upload.address]
        here = [one for one in coming if one.where == upload.where]
        limits = [
            (settings.keep_bytes, used.in_all, coming, "on this server"),
            (settings.address_bytes, used.from_address, from_there, "from there"),
            (settings.room_bytes, used.in_place, here, "here"),
        ]
        if account:
            mine = [one for one in coming if one.account == account]
            limits.append((settings.account_bytes, used.by_account, mine, "of yours"))
        for most, there, others, where in limits:
            if there + sum(one.size for one in others) + upload.size > most:
                text = f"There are {most / MB:g} MB of files {where}, as much as there may be: delete some, or wait."
                raise Reject(text, code="full")

    def begin(self, upload: Upload) -> int:
        """Somebody begins to send it: which time it is. Raises `Reject` where they send as much as they may."""
        there = [one for one in self._all.values() if one.sending]
        mine = sum(one.sending for one in there if one.member is upload.member)
        if (
            mine >= SENDING_EACH
            or sum(one.sending for one in there if one.address == upload.address) >= SENDING_ADDRESS
        ):
            raise Reject("Too many files are being sent from there. Wait until some are here.", code="try_later")
        return upload.begin()

    def find(self, token: str) -> Upload:
        """Raises `Reject`."""
        self._sweep()
        found = self._all.get(token)
        if found is None:
            raise Reject("Nothing is to be sent here, or not any more. Ask for another place.", code="not_allowed")
        return found

    def _open(self) -> Iterator[Upload]:
        self._sweep()
        return (one for one in self._all.values() if one.is_open)

    def _sweep(self) -> None:
        now = time.monotonic()
        for token in [token for token, one in self._all.items() if one.until <= now and not one.sending]:
            del self._all[token]


def address_digest(secret: bytes, network: str) -> str:
    """What stands for an address where files are counted: nobody reads it out of that."""
    return hashlib.blake2b(network.encode(), key=secret, digest_size=8).hexdigest()
