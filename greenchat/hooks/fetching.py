"""`ctx.http`: asking other servers, in threads, so that the chat does not wait for them.

It is urllib3 that does so; it is imported by the first request, in its thread.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import gevent
import msgspec
from msgspec import Struct

from greenchat.errors import GreenchatError
from greenchat.version import __version__

# How long a request may take in all, in seconds, unless the plugin says otherwise; and at most.
TIMEOUT_SECONDS = 10.0
LONGEST_SECONDS = 300.0

# What an answer may have, in bytes, unless the plugin says otherwise: it is in memory.
MOST_BYTES = 4 * 1024 * 1024

# How much of it is read at once.
CHUNK_BYTES = 64 * 1024

# Redirections that are followed.
REDIRECTS = 5


class HttpError(GreenchatError):
    """Another server has not answered, or not in time, or too much. An answer of any status is none of these."""


class HttpAnswer(Struct, frozen=True):
    """What another server has answered; the names of its `headers` are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body, which is taken for UTF-8."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """What the body holds. Raises `HttpError`."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise HttpError(f"the answer is no JSON: {error}") from None


class Http:
    """That of one plugin. `in_thread(function)` calls a function in a thread; `require()` raises where the plugin may
    not use it."""

    def __init__(self, in_thread: Callable[[Callable[[], HttpAnswer]], HttpAnswer], require: Callable[[], None]):
        self._in_thread = in_thread
        self._require = require
        self._lock = threading.Lock()
        self._pool: Any = None

    def get(self, url: str, **more: Any) -> HttpAnswer:
        return self.request("GET", url, **more)

    def post(self, url: str, **more: Any) -> HttpAnswer:
        return self.request("POST", url, **more)

    def request(
        self,
        method: str,
        url: str,
        *,
        json: object = None,
        data: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT_SECONDS,
        most_bytes: int = MOST_BYTES,
    ) -> HttpAnswer:
        """Ask, and wait for the answer. Raises `HttpError`, whose text never has more of the URL than its host: the
        rest may be a secret."""
        self._require()
        found = {"user-agent": f"greenchat/{__version__}", **{key.lower(): one for key, one in (headers or {}).items()}}
        body = data.encode() if isinstance(data, str) else data
        if json is not None:
            body = msgspec.json.encode(json)
            found.setdefault("content-type", "application/json")
        seconds = min(timeout, LONGEST_SECONDS)
        until = time.monotonic() + seconds
        # The thread looks at the time itself, but for what trickles: that is not waited for any longer.
        with gevent.Timeout(seconds + 1, HttpError("there was no answer in time")):
            return self._in_thread(lambda: self._ask(method, url, body, found, until, most_bytes))

    def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.clear()

    # --- in a thread ---

    def _ask(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], until: float, most_bytes: int
    ) -> HttpAnswer:
        import urllib3

        with self._lock:
            if self._pool is None:
                self._pool = urllib3.PoolManager(num_pools=10, maxsize=4)
            pool = self._pool
        try:
            where = urllib3.util.parse_url(url)
        except urllib3.exceptions.HTTPError:
            raise HttpError("the URL is none") from None
        if where.scheme not in ("http", "https") or not where.host:
            raise HttpError("the URL is none that begins with http:// or https:// and has a host")
        host = where.host
        left = until - time.monotonic()
        if left <= 0:  # it has waited for its turn that long
            raise HttpError(f"{host} was not asked in time")
        try:
            answer = pool.request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(total=left),
                retries=urllib3.Retry(total=REDIRECTS, connect=0, read=0, status=0, other=0, redirect=REDIRECTS),
                preload_content=False,
            )
            try:
                return HttpAnswer(
                    answer.status,
                    {name.lower(): value for name, value in answer.headers.items()},
                    _read(answer, host, until, most_bytes),
                )
            except BaseException:
                answer.close()  # what is left of it must not be taken for the next answer
                raise
            finally:
                answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise HttpError(f"{host} has not answered: {_kind(error)}") from None
        except OSError as error:
            raise HttpError(f"{host} has not answered: {error.strerror or type(error).__name__}") from None


def _read(answer: Any, host: str, until: float, most_bytes: int) -> bytes:
    found = bytearray()
    while chunk := answer.read1(CHUNK_BYTES, decode_content=True):
        found += chunk
        if len(found) > most_bytes:
            raise HttpError(f"{host} has answered more than {most_bytes} bytes")
        if time.monotonic() > until:
            raise HttpError(f"{host} has not answered in time")
    return bytes(found)


def _kind(error: BaseException) -> str:
    """What has happened, without the URL, which urllib3's own texts have."""
    cause: Any = error
    while isinstance(getattr(cause, "reason", None), BaseException):
        cause = cause.reason
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in type(cause).__name__).strip()
