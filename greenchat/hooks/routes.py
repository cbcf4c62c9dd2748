"""Routes: what plugins answer over HTTP, on the chat's own port. Who speaks HTTP there, such as the plugin `web`, asks
here whose a path is, and what is to be answered.

Whatever a route does, somebody gets an answer, within its time, and no word of what went wrong: that is in the log,
under the plugin's name.
"""

import hmac
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, unquote

import gevent
import msgspec
from msgspec import Struct, field

from greenchat import values
from greenchat.errors import PluginError, Reject
from greenchat.hooks.decorators import METHODS
from greenchat.hooks.ending import Killed
from greenchat.hooks.meters import ROUTES, Meters, clock
from greenchat.hooks.streams import STREAM_SECONDS, STREAMS_AT_ONCE, Parts, guarded

Failed = Callable[[str, str, BaseException | None], None]

# How long a route may take to answer, in seconds: what browsers, and most who call a hook, wait for at most.
ROUTE_SECONDS = 30.0

# How many requests of one plugin are dealt with at once. One that waits for something slow must not gather greenlets
# without end; whoever is more than that is asked to come again.
ROUTES_AT_ONCE = 20

# Routes of one plugin: all of them are looked at for each request.
MOST = 1000

# The longest answer, in bytes: it is sent within seconds, and is in memory as long.
ANSWER_BYTES = 16 * 1024 * 1024

# ... and all of its headers: what browsers and proxies take.
HEADER_BYTES = 8 * 1024

# Where a token may stand, besides Authorization.
TOKEN_HEADERS = ("x-token", "x-gitlab-token")

# What becomes of a `Reject`, by its code; of all others, 400.
STATUS_OF = {"not_allowed": 403, "unknown_room": 404, "too_slow": 408, "too_long": 413, "try_later": 429, "full": 507}

FORM = "application/x-www-form-urlencoded"
TEXT = "text/plain; charset=utf-8"
NO_STORE = ("Cache-Control", "no-store")

# What a name, and a value, of a header may be made of: RFC 9110, 5.1 and 5.5.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

# What the server says itself of an answer, and a plugin cannot.
OURS = ("connection", "content-length", "date", "transfer-encoding", "upgrade")

_NAMED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


class HttpRequest(Struct, frozen=True, kw_only=True):
    """A request of HTTP: by which `method`, for which `path`, with its `query` by names (of several, the last), its
    `headers` by names in lower case, its `body`; from `address`, HOST:PORT. `names` is what stands in the path where
    the route has names. For a route that `streams`, the body comes as `stream` instead, part by part, to be read once:
    to ask for the next part waits, and raises `Reject` where the rest does not come."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    address: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    stream: Iterator[bytes] | None = None

    def __repr__(self) -> str:
        return f"HttpRequest({self.method}, {len(self.body)} bytes)"  # a path may have a secret in it, as the rest may

    @property
    def text(self) -> str:
        """The body as a text. Raises `Reject` where it is none."""
        try:
            return self.body.decode()
        except UnicodeDecodeError:
            raise Reject("The body is no text in UTF-8.", code="malformed") from None

    def json(self, kind: Any = Any) -> Any:
        """The body as JSON, of that `kind`, such as `dict[str, str]` or a `TypedDict`; of a form, its field `payload`,
        as many webhooks have it. Raises `Reject` where it is none."""
        is_form = self.headers.get("content-type", "").startswith(FORM)
        try:
            return msgspec.json.decode(self.form().get("payload", "") if is_form else self.body, type=kind)
        except msgspec.ValidationError as error:
            raise Reject(f"The body is not as it should be: {error}.", code="malformed") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Reject("The body is no JSON.", code="malformed") from None

    def require_token(self, token: str) -> None:
        """Raises `Reject` where whoever asks does not send this `token`: as `Authorization: Bearer TOKEN`, as
        `X-Token: TOKEN` (or GitLab's `X-Gitlab-Token`), or behind the path, as `?token=TOKEN`, for who can send no
        headers; or where they have not signed the body by it, as GitHub does. Nobody has one that is empty."""
        kind, _, bearer = self.headers.get("authorization", "").partition(" ")
        signed = self.headers.get("x-hub-signature-256", "")
        expected = f"sha256={hmac.digest(token.encode(), self.body, 'sha256').hex()}" if signed and token else token
        shown = signed or (bearer.strip() if kind.lower() == "bearer" else "")
        for name in TOKEN_HEADERS:
            shown = shown or self.headers.get(name, "")
        shown = shown or self.query.get("token", "")
        if not token or not hmac.compare_digest(shown.encode(), expected.encode()):
            raise Reject("This needs a token: send it as Authorization: Bearer TOKEN.", code="not_allowed")

    def form(self) -> dict[str, str]:
        """The body as what a form sends: of several values of a name, the last. Raises `Reject` where it is none."""
        return _pairs(self.text)


class HttpResponse(Struct, frozen=True):
    """An answer of HTTP. A text is sent as such, bytes as they are, a dict or a list as JSON, `Parts` one by one;
    `headers` may say otherwise by a Content-Type."""

    body: Any = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Route(Struct, frozen=True):
    """What is answered to requests by `method` for `path`, such as "/hooks/{name}": what `answer(request)` returns. One
    that `streams` gets the body part by part, however long it is, and may take STREAM_SECONDS."""

    method: str
    path: str
    answer: Callable[[HttpRequest], Any]
    streams: bool = False


class Sent(Struct, frozen=True):
    """An answer as it is sent."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes | Parts


class _Entry(Struct, frozen=True):
    plugin: str
    route: Route
    parts: tuple[str, ...]  # of the path


class Routes:
    """Those of one server. `failed(plugin, where, error)` is told what goes wrong in one, and `meters` count the calls.
    Who serves them says so, by `served`."""

    def __init__(self, failed: Failed, meters: Meters) -> None:
        self._failed = failed
        self._meters = meters
        self._entries: list[_Entry] = []
        self._running: Counter[str] = Counter()
        self.served = False

    @property
    def plugins(self) -> list[str]:
        """Who has some."""
        return list(dict.fromkeys(entry.plugin for entry in self._entries))

    def add(self, plugin: str, routes: Iterable[Route]) -> list[str]:
        """Add the routes of a plugin, but for those which others have; these are returned, as one writes them. Raises
        `PluginError` for what is no route, and then adds none."""
        if isinstance(routes, str) or not isinstance(routes, Iterable):
            raise PluginError(f"greenchat_routes returned {type(routes).__name__}; return a list of Route")
        found = [_Entry(plugin, route, _parts(route)) for route in islice(routes, MOST + 1)]
        if len(found) > MOST:
            raise PluginError(f"it has more than {MOST} routes; one with a name in its path, /hooks/{{name}}, is many")
        known = {_place(entry): entry.plugin for entry in self._entries}
        taken, mine = [], list[_Entry]()
        for entry in found:
            place = _place(entry)
            if known.get(place) == plugin:
                raise PluginError(f"it has two routes {entry.route.method} {entry.route.path}; leave one out")
            if place in known:
                taken.append(f"{entry.route.method} {entry.route.path}")
            else:
                known[place] = plugin
                mine.append(entry)
        self._entries += mine
        # What is written out goes before names: /hooks/all is not a hook called "all".
        self._entries.sort(key=lambda entry: [_NAMED.fullmatch(part) is not None for part in entry.parts])
        return taken

    def discard(self, plugin: str) -> None:
        """Drop the routes of a plugin."""
        self._entries = [entry for entry in self._entries if entry.plugin != plugin]

    def methods(self, path: str) -> list[str]:
        """By which methods `path`, as it was sent, may be asked for; none where it is nobody's."""
        found = [entry.route.method for entry, _ in self._matches(path)]
        return sorted({*found, "HEAD"} if "GET" in found else set(found))

    def streams(self, method: str, path: str) -> bool:
        """Whether the body of such a request is to come as a stream."""
        return any(entry.route.streams for entry, _ in self._matches(path) if entry.route.method == method)

    def answer(self, request: HttpRequest) -> Sent:
        """What is to be answered to `request`, whatever its route does: waits for it, for so long."""
        method = "GET" if request.method == "HEAD" else request.method
        for entry, names in self._matches(request.path):
            if entry.route.method == method:
                return self._run(entry, msgspec.structs.replace(request, names=names))
        return refusal(404, "There is no such page here.")

    def _matches(self, path: str) -> list[tuple[_Entry, dict[str, str]]]:
        try:
            parts = [unquote(part, errors="strict") for part in path.split("/")[1:]]
        except UnicodeDecodeError:
            return []
        found = ((entry, _match(entry.parts, parts)) for entry in self._entries)
        return [(entry, names) for entry, names in found if names is not None]

    def _run(self, entry: _Entry, request: HttpRequest) -> Sent:
        plugin, where = entry.plugin, f"the route {entry.route.method} {entry.route.path}"
        kind = f"{plugin}, streams" if entry.route.streams else plugin
        if self._running[kind] >= (STREAMS_AT_ONCE if entry.route.streams else ROUTES_AT_ONCE):
            return refusal(503, "Too much is asked of this at once. Try again in a moment.", ("Retry-After", "1"))
        answers: list[Sent] = []

        meter = self._meters.of(plugin, ROUTES)

        def run() -> None:
            began = clock()
            try:
                sent = _sent(entry.route.answer(request))
                if isinstance(sent.body, Parts):
                    body = guarded(sent.body, lambda error: self._failed(plugin, where, error))
                    sent = msgspec.structs.replace(sent, body=body)
                answers.append(sent)
            except Reject as verdict:
                status = STATUS_OF.get(verdict.code, 400)
                answers.append(refusal(status, verdict.text, *[("Retry-After", "1")] * (status == 429)))
            except Killed:
                pass
            except BaseException as error:
                self._failed(plugin, where, error)
            finally:
                meter.add(clock() - began)

        seconds = STREAM_SECONDS if entry.route.streams else ROUTE_SECONDS
        self._running[kind] += 1  # until it has really ended: one that does not let itself be ended counts on
        greenlet = gevent.spawn(run)
        greenlet.rawlink(lambda _: self._running.subtract((kind,)))
        try:
            greenlet.join(seconds)
            is_late = not greenlet.ready()
        finally:
            greenlet.kill(Killed, block=False)
        if answers:
            return answers[0]
        if is_late:
            self._failed(plugin, where, TimeoutError(f"it has not answered within {seconds:g} seconds"))
            return refusal(504, "This takes too long. Try again later.")
        return refusal(500, "Something went wrong here. Whoever runs this server finds it in the log.")


def refusal(status: int, text: str, *headers: tuple[str, str]) -> Sent:
    """An answer of ours, in a sentence or two."""
    return Sent(status, [("Content-Type", TEXT), NO_STORE, *headers], f"{text}\n".encode())


def query_of(target: str) -> dict[str, str]:
    """What stands behind the question mark of a request's target, by names."""
    return _pairs(target.partition("?")[2])


def _pairs(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=1000))
    except ValueError:
        raise Reject("That is no form, or one with more than 1000 fields.", code="malformed") from None


# --- paths ---


def _parts(route: object) -> tuple[str, ...]:
    """The parts of a route's path. Raises `PluginError` for what is no route."""
    if not isinstance(route, Route):
        raise PluginError(f"greenchat_routes returned {route!r}, which is no Route")
    if route.method not in METHODS:
        raise PluginError(f"a route is asked by one of {', '.join(METHODS)}, not by {route.method!r}")
    if not callable(route.answer):
        raise PluginError(f"the route {route.path!r} needs a function that answers")
    names_in(route.path)
    return tuple(route.path.split("/")[1:])


def names_in(path: str) -> list[str]:
    """The names in a path such as "/hooks/{name}". Raises `PluginError` for one that nothing could match."""
    if not isinstance(path, str) or not path.startswith("/"):
        raise PluginError(f"the path of a route begins with a slash, such as /hooks/{{name}}; {path!r} does not")
    if "?" in path or "#" in path or any(map(str.isspace, path)):
        raise PluginError(f"the path of a route is the path alone, without ? or #, and without blanks, unlike {path!r}")
    found: list[str] = []
    for part in path.split("/")[1:]:
        named = _NAMED.fullmatch(part)
        if named is not None:
            found.append(named[1])
        elif "{" in part or "}" in part:
            raise PluginError(f"a name takes a whole part of a path, as in /hooks/{{name}}, unlike {part!r} in {path}")
    if len(set(found)) < len(found):
        raise PluginError(f"a name is twice in {path}; give each one of its own")
    return found


def _place(entry: _Entry) -> tuple[str, ...]:
    """What two routes cannot both have."""
    return (entry.route.method, *("{}" if _NAMED.fullmatch(part) else part for part in entry.parts))


def _match(wanted: Sequence[str], given: Sequence[str]) -> dict[str, str] | None:
    """What stands in the names of a path; None where it is not this path."""
    if len(wanted) != len(given):
        return None
    names = {}
    for part, value in zip(wanted, given, strict=True):
        named = _NAMED.fullmatch(part)
        if named is None:
            if part != value:
                return None
        elif not value or value in (".", "..") or "/" in value or "\0" in value:
            return None  # a name is none of what goes elsewhere, where one makes the name of a file of it
        else:
            names[named[1]] = value
    return names


# --- answers ---


def _sent(answer: Any) -> Sent:
    """`answer`, what a route has returned, as it is sent. Raises `TypeError` and `ValueError`."""
    if answer is None:
        answer = HttpResponse(status=204)
    response = answer if isinstance(answer, HttpResponse) else HttpResponse(answer)
    kind, body = _body(response.body)
    if type(response.status) is not int or response.status not in _STATUSES:
        raise ValueError(f"{response.status!r} is no status of an answer")
    if response.status in (204, 304) and body:
        raise ValueError(f"an answer with the status {response.status} has no body")
    if isinstance(body, bytes) and len(body) > ANSWER_BYTES:
        raise ValueError(f"an answer is {ANSWER_BYTES} bytes long at most, and this one {len(body)}")
    headers = []
    for name, value in response.headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError("the headers of an answer are texts")
        name, value = values.text(name), values.text(value)
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ValueError(f"there cannot be a header {name!r} with that value")
        if name.lower() in OURS:
            raise ValueError(f"the server says the header {name} itself")
        headers.append((name, value.strip()))
    if sum(len(name) + len(value) for name, value in headers) > HEADER_BYTES:
        raise ValueError(f"the headers of an answer are {HEADER_BYTES} bytes long at most")
    given = {name.lower() for name, _ in headers}
    if body and "content-type" not in given:
        headers.append(("Content-Type", kind))
    if "cache-control" not in given:
        headers.append(NO_STORE)
    return Sent(response.status, headers, body)


_STATUSES = [status.value for status in HTTPStatus if status >= HTTPStatus.OK]


def _body(body: Any) -> tuple[str, bytes | Parts]:
    if isinstance(body, Parts):
        return "application/octet-stream", body
    if isinstance(body, str):
        return TEXT, values.text(body).encode()
    if isinstance(body, bytes):
        return "application/octet-stream", body if type(body) is bytes else bytes(memoryview(body))
    if isinstance(body, dict | list):
        return "application/json", msgspec.json.encode(body)
    raise TypeError(f"a route returned {type(body).__name__}; return a str, bytes, a dict, a list or an HttpResponse")
