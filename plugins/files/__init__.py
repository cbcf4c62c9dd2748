"""Files and pictures: who has asked where to sends one by HTTP PUT on the chat's port, and a message with it is said in
the room or conversation for which it was asked. PROTOCOL.md, "Files", says what goes over the wire.

What others have sent is never run: see `serving.py`. It is there as long as a message names it: see `keeping.py`.
"""

import secrets
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any
from urllib.parse import unquote

from msgspec import to_builtins
from msgspec.structs import replace

from greenchat import (
    Call,
    ChatServer,
    Command,
    Context,
    Database,
    DatabaseError,
    File,
    HttpRequest,
    HttpResponse,
    Meta,
    Reject,
    Rest,
    Room,
    Session,
    UploadPlace,
    hookimpl,
    host_of,
    http,
    network_of,
    typed_command,
)

from . import store
from .cli import files
from .keeping import Keeping
from .links import Links
from .names import clean_name, type_of
from .pictures import has_small
from .serving import Serving
from .settings import MB, Settings
from .store import FILE, MIGRATIONS, Kept, Used
from .taking import Taking
from .uploads import BEGIN_SECONDS, Upload, Uploads, address_digest

DATABASES = {FILE: MIGRATIONS}

# How often one person may ask where to send a file.
RATE = "60/1m"

SECRET_BYTES = 32


class FilesPlugin:
    def __init__(self, settings: Settings, ctx: Context) -> None:
        self._settings = settings
        self._ctx = ctx
        self._uploads = Uploads(settings)
        self._open: list[Database] = []

    @hookimpl
    def greenchat_startup(self, server: ChatServer) -> None:
        path = server.data_dir / FILE
        self._server = server
        self._secret = self._stored_secret()
        self._open = [Database(path, MIGRATIONS), Database(path, MIGRATIONS)]
        self._database, reader = self._open
        self._links = Links(self._base, self._secret, 3600 * self._settings.link_hours)
        self._taking = Taking(self._settings, self._ctx, self._database)
        self._serving = Serving(reader, self._links)
        self._keeping = Keeping(self._ctx, self._database, path)
        server.chat.files.link = self._link
        server.chat.files.gone = self._keeping.gone
        self._keeping.start()

    @hookimpl
    def greenchat_shutdown(self, server: ChatServer) -> None:
        for database in self._open:  # none, where the server ends while it begins
            database.close()

    @hookimpl
    def greenchat_cli(self, group: Any) -> None:
        group.add_command(files)

    def _stored_secret(self) -> bytes:
        kept = self._ctx.store
        if "secret" not in kept:
            kept["secret"] = secrets.token_hex(SECRET_BYTES)
        return bytes.fromhex(kept["secret"])

    # --- where it is ---

    def _base(self) -> str:
        """The address of this server, with a slash at its end."""
        if self._settings.address:
            return f"{self._settings.address.rstrip('/')}/"
        return self._server.url or "/"

    def _link(self, file: File) -> File:
        small = bool(file.width) and has_small(file.width, file.height)
        url = self._links.to(file.id, file.name)
        thumb = self._links.to(file.id, file.name, small=True) if small else ""
        return replace(file, url=url, thumb=thumb)

    # --- ask ---

    @hookimpl
    def greenchat_commands(self) -> Sequence[Command]:
        return [typed_command(self.upload, rate=RATE, may_run=self._may_upload)]

    def _may_upload(self, session: Session) -> bool:
        """Raises `Reject` where they may not."""
        if not (self._settings.guests or session.account_id):
            raise Reject(
                "Who is logged in may send files: /login, or /register to make this name yours.", code="not_logged_in"
            )
        return True

    def upload(
        self,
        call: Call,
        name: Annotated[str, Meta(max_length=1000, description="its name, with %20 for a blank")],
        size: Annotated[int, Meta(ge=1, description="its size in bytes")],
        type: Annotated[str, Meta(max_length=100, description="what it is, such as image/png")] = "",  # noqa: A002
        text: Annotated[Rest, Meta(description="what is said with it")] = "",
    ) -> UploadPlace:
        """Tell where to send a file, by HTTP PUT, that is said here once it has come.
        In a page, paste or drop it; greenchat connect does all of this by /upload PATH.
        Example: /upload cat.png 120000 image/png"""
        if size > self._settings.file_bytes:
            raise Reject(f"A file has {self._settings.file_bytes / MB:g} MB at most.", code="too_long")
        if not self._server.routes.served:
            raise Reject("This server takes no files: it does not speak HTTP.", code="not_allowed")
        to = call.asked.to
        place = self._ctx.chat.begun(call.member, to) if to else call.place
        name = clean_name(unquote(name))
        network = network_of(host_of(call.session.address))
        digest = address_digest(self._secret, network)
        upload = Upload(call.session, place, name, type_of(name, type), size, text, digest)
        self._uploads.add(upload, self._used(upload))
        put = f"{self._base()}upload/{upload.token}"
        line = f"Send it within {BEGIN_SECONDS / 60:g} minutes: curl -T FILE {put}"
        return UploadPlace(put=put, seconds=int(BEGIN_SECONDS), lines=[line])

    def _used(self, upload: Upload) -> Used:
        asked = partial(store.used, account=upload.account, address=upload.address, place=upload.where)
        try:
            return self._database.run(asked, writes=False)
        except DatabaseError as error:
            self._ctx.log.error("no file is taken: %s", error)
            raise Reject("Files cannot be kept at the moment. Try again later.", code="full") from error

    # --- send ---

    @http("PUT", "/upload/{token}", streams=True)
    def take(self, request: HttpRequest, token: str) -> HttpResponse:
        """All of a file, after which a message with it is said."""
        upload = self._uploads.find(token)
        if upload.answer is not None:
            return HttpResponse(upload.answer)  # who has not heard it the first time asks once more
        length = request.headers.get("content-length", "")
        if length and length != str(upload.size):
            raise Reject(f"This is to be a file of {upload.size} bytes, as was said.", code="malformed")
        upload.require_same()
        run = self._uploads.begin(upload)
        try:
            kept = self._taking.take(upload, run, request)
            with upload.saying:
                if upload.answer is None:
                    upload.answer = self._say(upload, kept)
                else:  # who has sent it before was only not heard of any more
                    self._database.start(partial(store.delete, ids=[kept.id]))
        finally:
            upload.end(run)
        return HttpResponse(upload.answer, status=201)

    def _say(self, upload: Upload, kept: Kept) -> dict[str, Any]:
        """Say a message with the file, where it was sent to; there, or nowhere. Raises `Reject`."""
        chat, place = self._ctx.chat, upload.place
        file = File(kept.id, kept.name, kept.type, kept.size, kept.width, kept.height)
        try:
            upload.require_same()
            said = chat.say_with(upload.member, upload.text, [file], place, upload.origin)
        except BaseException:
            self._database.start(partial(store.delete, ids=[kept.id]))
            raise
        (named,) = said.files or [file]
        if named.name != kept.name:  # a check has made another of it
            self._database.start(partial(store.rename, number=kept.id, name=named.name))
        if isinstance(place, Room):
            place.flush()
        answer = {"seq": said.seq, "id": said.id, "room": said.room, "conversation": said.conversation}
        try:  # what is acknowledged is kept
            self._keeping.named([kept.id])
        except (DatabaseError, Reject):
            answer["not_stored"] = True
        return {**answer, "file": to_builtins(named)}

    # --- read ---

    @http("GET", "/files/{number}/{name}")
    def read(self, request: HttpRequest, number: str) -> HttpResponse:
        """A file, for who has an address of it that holds."""
        return self._serving.answer(request, number)


greenchat_plugin = FilesPlugin
