"""Serves the web client, and lets it in: files over HTTP, and the chat as a WebSocket at /chat, on the chat's own port;
and what other plugins answer there.

A WebSocket is a session like any other, of the codec "web". PROTOCOL.md, "WebSockets", says what goes over it.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import gevent
from gevent.ssl import SSLSocket
from msgspec import field

import greenchat
from greenchat import (
    HTTP_BEGINNINGS,
    ChatServer,
    ConfigError,
    HttpRequest,
    Meta,
    Reject,
    Session,
    hookimpl,
    printable,
    query_of,
)
from greenchat import Request as ChatRequest

from .branding import BrandedFiles
from .http import Bodies, HttpConnection, Refusal, Request, Response, Upgrade
from .origin import OriginPolicy
from .static import Files
from .websocket import Failed, WebSocketCodec, shake_hands

log = logging.getLogger("greenchat.web")

ALLOWED = ("GET", "HEAD")  # other methods are answered with these

CHAT = "chat"  # the path of the WebSocket, below the prefix


class Settings(greenchat.Settings, frozen=True):
    """The web client."""

    chat_port: Annotated[
        bool, Meta(description="Serve it wherever the chat listens; false is only at the addresses of listen.")
    ] = True
    listen: Annotated[
        list[str],
        Meta(description="Addresses for the web client alone: HOST:PORT, [IPv6]:PORT, unix:/path; for a proxy, say."),
    ] = field(default_factory=list)
    prefix: Annotated[
        str,
        Meta(
            pattern=r"^(/[\w.~-]+)*/?$",
            description="The path under which a proxy asks for it, such as /talk; empty where it is the root.",
        ),
    ] = ""
    hosts: Annotated[
        list[str],
        Meta(
            description="Names of this server, in which * stands for anything. Known without: addresses, localhost, "
            "this machine's name, names without a dot or in .local, and all for which there is a TLS certificate."
        ),
    ] = field(default_factory=list)
    origins: Annotated[
        list[str],
        Meta(
            description="Pages that may connect besides our own, as SCHEME://HOST[:PORT]; * is any page anywhere, in "
            "the browser of anybody who can reach this server."
        ),
    ] = field(default_factory=list)
    trusted_proxies: Annotated[
        list[str],
        Meta(
            description="Addresses or networks (10.0.0.0/8) of proxies whose X-Forwarded-For and X-Forwarded-Proto are "
            "believed; unix is whoever comes by a Unix socket. Clients count by the addresses that those tell."
        ),
    ] = field(default_factory=list)


class Web:
    """`addresses` are those of its own that it listens on, with real ports, once the server has started."""

    _files: BrandedFiles
    _server: ChatServer

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._prefix = f"{settings.prefix.rstrip('/')}/"
        self._origin_policy = OriginPolicy(settings.hosts, settings.origins, settings.trusted_proxies)
        self._codec = WebSocketCodec()
        self._bodies = Bodies()
        self.addresses: list[str] = []

    @hookimpl
    def greenchat_startup(self, server: ChatServer) -> None:
        self._server = server
        self._files = BrandedFiles(Files(Path(__file__).parent / "static"), server)
        server.trust_proxies(self._origin_policy.is_proxy)
        server.carries(self._codec)
        if self._settings.chat_port:
            server.page = self._prefix
        server.routes.served = True
        for address in self._settings.listen:
            try:
                self.addresses.append(server.listen_also(address, self._serve))
            except ConfigError:
                raise ConfigError(
                    f"plugins.web.listen: {address} is no address. Write HOST:PORT, [IPv6]:PORT or unix:/path."
                ) from None

    @hookimpl
    def greenchat_claim(self, first_bytes: bytes) -> Callable[[Any, str], None] | None:
        return self._serve if self._settings.chat_port and first_bytes.startswith(HTTP_BEGINNINGS) else None

    # --- a connection ---

    def _serve(self, sock: Any, address: str) -> None:
        """Serve one connection: some requests over HTTP; or one, and then the chat."""
        try:
            upgrade, taken = self._converse(sock, address)
        except Exception:  # nobody outside shall be able to have the plugin switched off for it
            log.exception("unexpected error; the connection of %s is closed", address, extra={"address": address})
            return
        if upgrade is not None:
            self._server.serve_session(sock, upgrade.client, self._codec, taken)

    def _converse(self, sock: Any, address: str) -> tuple[Upgrade | None, bytes]:
        """Speak HTTP to the end; or until it is the chat, of which some bytes may have come already."""
        connection = HttpConnection(sock, self._server.idle, self._bodies)
        try:
            goes_on = True
            while goes_on:
                last = False
                try:
                    request = connection.read()
                    if request is None:
                        break
                    answer = self._answer(connection, request, address, secure=isinstance(sock, SSLSocket))
                except Refusal as refusal:
                    answer, last = refusal.response, refusal.fatal
                if isinstance(answer, Upgrade):
                    return answer, connection.upgrade(answer)
                goes_on = connection.answer(answer, last=last)
                gevent.sleep(0)  # many requests at once must not hold the others up
            connection.linger()
        except OSError:
            pass  # gone, or too slow: either way there is nobody to tell
        return None, b""

    def _answer(
        self, connection: HttpConnection, request: Request, address: str, *, secure: bool
    ) -> Response | Upgrade:
        """What a request gets that came from `address`, over TLS (`secure`) or not. Raises `Refusal`."""
        authority, path = request.place()
        if authority:  # old programs, which are no browsers, may leave it out
            self._origin_policy.check_host(authority, secure=secure or self._origin_policy.is_secure(address, request))
        name = path.removeprefix(self._prefix) if path.startswith(self._prefix) else path
        if name != CHAT and name not in self._files:  # the page comes first: no plugin takes it away
            answer = self._of_plugins(connection, request, path, address, authority)
            if answer is not None:
                return answer
        connection.refuse_body()
        _require_method(request, ALLOWED)
        if f"{path}/" == self._prefix:
            raise Refusal(308, f"The page is at {self._prefix}.", [("Location", self._prefix)])
        if name != CHAT:
            return self._files.answer(name, request)
        self._origin_policy.check_origin(request.value("origin"), authority)
        head = shake_hands(request)
        client = self._origin_policy.client(address, request)
        if client != address:
            try:
                self._server.count_for(client)
            except Reject as verdict:
                raise Refusal(503, verdict.text, fatal=True) from None
        return Upgrade(head, client)

    def _of_plugins(
        self, connection: HttpConnection, request: Request, path: str, address: str, authority: str
    ) -> Response | None:
        """What a plugin answers; None where none has this path. Raises `Refusal`."""
        routes = self._server.routes
        path = f"/{path.removeprefix(self._prefix)}" if path.startswith(self._prefix) else path
        methods = routes.methods(path)
        if not methods:
            return None
        _require_method(request, methods)
        if request.method not in ALLOWED:  # a page elsewhere may have anybody's browser send that
            self._origin_policy.check_origin(request.value("origin"), authority)
        try:
            query = query_of(request.target)
        except Reject as verdict:
            raise Refusal(400, verdict.text) from None
        names = {name.decode("latin-1") for name, _ in request.headers}
        streams = routes.streams(request.method, path)
        sent = routes.answer(
            HttpRequest(
                method=request.method,
                path=path,
                query=query,
                headers={name: request.value(name) for name in names},
                body=b"" if streams else connection.body(),
                stream=connection.stream() if streams else None,
                address=self._origin_policy.client(address, request),
            )
        )
        response = Response(sent.status, sent.headers, sent.body, is_held=isinstance(sent.body, bytes))
        if response.is_held:
            connection.require_room(response.length)
        return response

    # --- a session ---

    @hookimpl
    def greenchat_request(self, session: Session, frame: ChatRequest) -> bool:
        if type(frame) is not Failed:
            return False
        session.close("cannot be understood")
        self._server.refused(session.id, session.name, Reject(frame.text, frame.code))
        return True


def _require_method(request: Request, allowed: Sequence[str]) -> None:
    if request.method not in allowed:
        raise Refusal(405, f"There is nothing to {printable(request.method)} here.", [("Allow", ", ".join(allowed))])


def greenchat_plugin(settings: Settings) -> Web | None:
    return Web(settings) if settings.chat_port or settings.listen else None
