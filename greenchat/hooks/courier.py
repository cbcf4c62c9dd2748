"""`ctx.courier`: what a plugin posts to another server, in its order, and keeps until that has taken it.

Who takes it knows by its signature whose it is: as https://www.standardwebhooks.com has it, which has libraries in many
languages to check it by.
"""

import base64
import hmac
import secrets
from collections import deque
from collections.abc import Callable, Collection

import msgspec

from greenchat.errors import PluginError
from greenchat.hooks.clock import Clock
from greenchat.hooks.fetching import Http, HttpError
from greenchat.hooks.own_log import Log
from greenchat.hooks.tasks import Tasks
from greenchat.storage.plugin_store import Space, Store, as_json

# What waits for one server: past that the oldest goes.
MOST = 10_000
MOST_BYTES = 16 * 1024 * 1024

# ... and for all servers of one plugin, with what each text takes besides itself, about: past that the oldest goes
# where the most waits. A quarter of its store is left for what else it keeps.
ALL_BYTES = 48 * 1024 * 1024
ENTRY_BYTES = 300

# From one try to the next, in seconds: twice as long each time. A restart over there is hardly noticed, and who is away
# for a weekend is not asked all the time.
FIRST_WAIT, LONGEST_WAIT = 1.0, 3600.0
DOUBLINGS = 12

# For how long it is tried, in seconds: a weekend, and the Monday after it.
PATIENCE = 3 * 86_400

# Answers of 4xx that say that it may go better another time; the others, that it never will.
LATER = (408, 409, 423, 425, 429)

# How secrets of Standard Webhooks begin that are not the text itself.
ENCODED = "whsec_"


class Courier:
    """Takes what is posted to a URL. Whatever was not taken over there, since nobody was there, or with an answer that
    says so, is tried again, for three days. It may arrive twice, with the same `webhook-id`."""

    def __init__(
        self,
        url: str,
        secret: str,
        kept: Space,
        everyone: "Collection[Courier]",
        http: Http,
        tasks: Tasks,
        clock: Clock,
        log: Log,
    ) -> None:
        """`everyone` are all of its plugin's, itself included by the time that it is given something."""
        self._url = url
        self._key = _key_of(secret)
        self._kept = kept
        self._everyone = everyone
        self._http = http
        self._tasks = tasks
        self._clock = clock
        self._log = log
        self._waiting = deque(sorted(kept, key=int))
        self._bytes = sum(_size(kept[key][2]) for key in kept)
        self._number = int(self._waiting[-1]) if self._waiting else 0
        self._tries = self._dropped = 0
        self.is_asking = False  # in a thread; what is cut short is asked again
        self._has_warned = self._is_busy = False  # what waits to be tried again is at work, too

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def bytes(self) -> int:
        """What waits takes so many, about."""
        return self._bytes + ENTRY_BYTES * len(self)

    def post(self, data: object) -> None:
        """Have `data` posted as JSON: an event, or whatever JSON has. It is kept when this returns, which waits for
        nothing; of more than 10,000, or 16 MiB, the oldest is dropped, and so it is of more than 48 MiB in all of its
        plugin's."""
        text = msgspec.json.encode(as_json(data)).decode()
        size = _size(text)
        while len(self) >= MOST or (self._waiting and self._bytes + size > MOST_BYTES):
            self._drop_oldest()
        while sum(one.bytes for one in self._everyone) + ENTRY_BYTES + size > ALL_BYTES:
            max(self._everyone, key=lambda one: one.bytes)._drop_oldest()
        self._number += 1
        key = str(self._number)
        self._kept[key] = [f"msg_{secrets.token_hex(16)}", self._clock.now().timestamp(), text]
        self._waiting.append(key)
        self._bytes += size
        self.begin()

    def begin(self) -> None:
        """Go on with what waits."""
        if self._waiting and not self._is_busy:
            self._is_busy = not self._tasks.spawn(self._work).done

    def _work(self) -> None:
        self._is_busy, wait = True, 0.0
        try:
            while self._waiting and not wait:
                wait = self._send(self._waiting[0])
        finally:
            self._is_busy = bool(wait)
        if wait:
            self._tasks.later(wait, self._work)

    def _send(self, key: str) -> float:
        """Try it once; for how many seconds to wait then."""
        item, since, text = self._kept[key]
        if self._clock.now().timestamp() - since >= PATIENCE:
            self._dropped += 1
            self._drop(key)
            return 0.0
        may_go_better = True
        self.is_asking = True
        try:
            status = self._http.post(self._url, data=text, headers=self._headers(item, text)).status
            why = "" if 200 <= status < 300 else f"the answer was {status}"
            may_go_better = not 400 <= status < 500 or status in LATER
        except HttpError as error:
            why = str(error)
        finally:
            self.is_asking = False
        if why:
            self._warn(f"{why}; {'it is tried again' if may_go_better else 'what was posted is dropped'}")
            if may_go_better:
                self._tries += 1
                return min(FIRST_WAIT * 2.0 ** min(self._tries - 1, DOUBLINGS), LONGEST_WAIT)
        elif self._has_warned or self._dropped:
            self._log.warning("what is posted is taken again; %d had to be dropped", self._dropped)
            self._has_warned, self._dropped = False, 0
        self._tries = 0
        self._dropped += bool(why)
        self._drop(key)
        return 0.0

    def _warn(self, text: str) -> None:
        """Once, until it goes well again: who is away for days must not fill the log."""
        if not self._has_warned:
            self._log.warning("what is posted is not taken: %s", text)
        self._has_warned = True

    def _drop_oldest(self) -> None:
        self._drop(self._waiting[0])
        self._dropped += 1

    def _drop(self, key: str) -> None:
        if self._waiting and self._waiting[0] == key:  # else it was dropped meanwhile
            self._waiting.popleft()
            self._bytes -= _size(self._kept[key][2])
            del self._kept[key]

    def _headers(self, item: str, text: str) -> dict[str, str]:
        at = str(int(self._clock.now().timestamp()))
        headers = {"content-type": "application/json", "webhook-id": item, "webhook-timestamp": at}
        if self._key:
            signed = hmac.digest(self._key, f"{item}.{at}.{text}".encode(), "sha256")
            headers["webhook-signature"] = f"v1,{base64.b64encode(signed).decode()}"
        return headers


class Couriers:
    """Those of one plugin. What they keep is in its `store`; `require(right)` raises where it may not have any."""

    def __init__(
        self, store: Store, http: Http, tasks: Tasks, clock: Clock, log: Log, require: Callable[[str], None]
    ) -> None:
        self._store = store
        self._rest = (http, tasks, clock, log)
        self._require = require
        self._all: dict[str, Courier] = {}
        self._has_started = False

    @property
    def asking(self) -> int:
        """How many ask at this moment, in threads."""
        return sum(courier.is_asking for courier in self._all.values())

    def start(self) -> None:
        """The plugin has started: what waits is posted."""
        self._has_started = True
        for courier in self._all.values():
            courier.begin()

    def add(self, name: str, url: str, secret: str = "") -> Courier:
        """One that posts to `url`, signed by the `secret`, if there is one. By its `name` it finds what an earlier
        start has left: to be called at each start, in `greenchat_plugin` or later. Needs the right "http"."""
        self._require("http")
        if not isinstance(name, str) or name in self._all:
            raise PluginError(f"a courier has a name of its own, unlike {name!r}: keep what ctx.courier has returned")
        kept = self._store.own(f"courier:{name}")
        self._all[name] = courier = Courier(url, secret, kept, self._all.values(), *self._rest)
        if self._has_started:
            courier.begin()
        return courier


def _size(text: str) -> int:
    """How many bytes it takes in a store."""
    return len(msgspec.json.encode(text))


def _key_of(secret: str) -> bytes:
    """What is signed with. Raises `PluginError`."""
    if not secret.startswith(ENCODED):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(ENCODED), validate=True)
    except ValueError:
        raise PluginError(f"a secret that begins with {ENCODED} goes on in base64") from None
