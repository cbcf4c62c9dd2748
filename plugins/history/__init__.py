"""Keeps what is said in history.sqlite3 in the data directory: the last of it is told to who comes in, all of it can be
read and searched, and an acknowledged message is on disk.
"""

import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import gevent
from msgspec.structs import replace

import greenchat
from greenchat import (
    SEARCH_HELP,
    Alteration,
    Call,
    ChatServer,
    Command,
    Context,
    Database,
    DatabaseError,
    History,
    Joined,
    Left,
    ListMentions,
    Messages,
    Meta,
    NumberedPage,
    Past,
    Reject,
    Renamed,
    Request,
    Rest,
    Room,
    Search,
    SearchResults,
    Session,
    UsedKey,
    hookimpl,
    open_to_read,
    transaction,
    typed_command,
)

from . import store
from .concerns import Concerns
from .finder import Finder
from .indexer import Indexer
from .pages import Pages, Reader
from .refusals import off
from .replays import Replays
from .tidy import Tidy
from .writer import MessageWriter, Release

if TYPE_CHECKING:
    import click

# What /history tells who does not say how much.
LINES = 20

# How long it may take until it is on the disk who has left a room that is to be forgotten, in seconds.
FORGET_SECONDS = 5.0


# The files of the data directory that it keeps: their migrations are tried before a reload.
DATABASES = {store.FILE: store.MIGRATIONS}


class Settings(greenchat.Settings, frozen=True):
    """What was said, kept for who comes later. What a room may keep private is up to who may come into it."""

    durability: Annotated[
        Literal["commit", "relaxed"],
        Meta(
            description='When a JSON client\'s message is acknowledged. "commit": once it is on the disk, whatever '
            'happens then. "relaxed": once the system has it, which a power cut may take back; it is a bit faster.'
        ),
    ] = "commit"
    replay: Annotated[int, Meta(ge=0, description="How many of the last messages are told to who comes in.")] = 20
    events: Annotated[bool, Meta(description="Whether it is kept as well who came, went, and took another name.")] = (
        False
    )
    keep_days: Annotated[float, Meta(ge=0, description="Remove messages that are older; 0 keeps them.")] = 0
    keep_messages: Annotated[int, Meta(ge=0, description="How many to keep of each room; 0 keeps all.")] = 0
    keep_bytes: Annotated[
        int,
        Meta(
            ge=0,
            description="How much of the disk it may take, in bytes; past it the oldest messages go, of the largest "
            "rooms first, and operators are warned before. 10 GiB are some 60 million lines; without a bound one "
            "address fills a disk of that size in half an hour. 0 takes all there is.",
        ),
    ] = 10 * 1024**3
    commit_seconds: Annotated[
        float, Meta(ge=0, description="How long a message may wait to be written, if nobody waits for that.")
    ] = 0.5
    waiting_messages: Annotated[
        int,
        Meta(
            ge=1,
            description="How many may wait for a database that cannot be used, or is too slow: past it the oldest are "
            "dropped. Of usual length, a million take about 100 MB.",
        ),
    ] = 1_000_000
    page_messages: Annotated[int, Meta(ge=1, description="How many messages one may ask for at once.")] = 200
    search_seconds: Annotated[
        float,
        Meta(
            ge=0,
            description="After so long a search is given up, as others wait for it; 0: never. All but beginnings that "
            "thousands of words have (sta*) take some milliseconds.",
        ),
    ] = 1.0
    busy_seconds: Annotated[
        float, Meta(gt=0, description="How long another program may lock the database before history is off.")
    ] = 5.0


class Plugin:
    """The hooks, and what they are about: `message_writer` for what comes, `pages` for who reads."""

    stays_on = True  # whatever fails: without it, what nobody keeps would be acknowledged

    def __init__(self, settings: Settings, ctx: Context) -> None:
        self._settings = settings
        self._state = ctx.carry_state()
        self._started = False

    @hookimpl
    def greenchat_startup(self, server: ChatServer) -> None:
        settings = self._settings
        file, seconds = server.data_dir / store.FILE, settings.busy_seconds
        synchronous = "FULL" if settings.durability == "commit" else "NORMAL"
        self._server = server
        self._writer = Database(file, store.MIGRATIONS, synchronous=synchronous, busy_seconds=seconds)
        self._message_writer = MessageWriter(
            server, self._writer, self, settings.commit_seconds, settings.waiting_messages
        )
        another = partial(Database, file, store.MIGRATIONS, busy_seconds=seconds)
        self._pages = Pages(
            server, self._message_writer, Reader(another), settings.page_messages, moves=settings.events
        )
        server.chat.files.sources["history"] = self._pages.named_files
        self._indexer = Indexer(server, self._writer)
        self._finder = Finder(
            server,
            self._message_writer,
            self._indexer,
            self._pages,
            Reader(another),
            settings.page_messages,
            search_seconds=settings.search_seconds,
        )
        self._concerns = Concerns(server, self._finder, self._pages)
        self._replays = Replays(server, self._message_writer, self._pages, settings.replay)
        self._tidy = Tidy(
            self._writer,
            self._indexer,
            self._replays,
            self._tell_operators,
            keep_days=settings.keep_days,
            keep_messages=settings.keep_messages,
            keep_bytes=settings.keep_bytes,
        )
        self._tidy.notice = self._state.pop("notice", "")
        self._started = True
        server.set_hook_enabled(self, "greenchat_event", bool(settings.events))
        self._message_writer.open()
        self._tidy.start()

    @hookimpl
    def greenchat_shutdown(self) -> None:
        if self._started:
            self._state["notice"] = self._tidy.notice
            self._tidy.stop()
            self._message_writer.close()
            self._close_readers()
            self._writer.close()
            self._message_writer.place.stamp()

    @hookimpl
    def greenchat_busy(self) -> str | None:
        """What was said and is not on the disk is in this process alone."""
        problem = self._message_writer.problem if self._started else None
        return None if problem is None else f"history is off: {problem}"

    @hookimpl
    def greenchat_cli(self, group: "click.Group") -> None:
        from .commands import history

        group.add_command(history)

    # --- what is said ---

    @hookimpl
    def greenchat_messages(self, messages: Messages) -> None:
        self._message_writer.take(messages)
        self._replays.take(messages)

    @hookimpl
    def greenchat_changed(self, alteration: Alteration) -> None:
        self._message_writer.take_change(alteration)
        self._replays.change(alteration)

    @hookimpl
    def greenchat_find_message(self, room: Room, seq: int) -> Past | None:
        return self._pages.find(room, seq)

    @hookimpl
    def greenchat_find_keys(self, owner: int | bytes, key: str | None) -> Sequence[UsedKey]:
        return self._pages.used_keys(owner, key)

    @hookimpl
    def greenchat_recall(self, room: Room, count: int) -> Sequence[Past]:
        return self._pages.recall(room, count)

    @hookimpl
    def greenchat_event(self, event: Joined | Left | Renamed) -> None:
        if isinstance(event, Left):  # who has put them out is not kept
            event = replace(event, by="", gone=False)
        self._message_writer.take_coming(event)

    @hookimpl
    def greenchat_forget_room(self, room: str) -> None:
        self._message_writer.saved()
        until = time.monotonic() + FORGET_SECONDS
        gevent.sleep(0)  # who was put out a moment ago is told of at the end of the turn
        while self._message_writer.unsaved_comings(room):
            if time.monotonic() > until:
                raise off()
            gevent.sleep(FORGET_SECONDS / 100)
        try:
            self._tidy.forget_room(room)
        except DatabaseError as error:
            raise Reject(f"History cannot forget it at the moment: {error}", code="history_off") from None

    @hookimpl
    def greenchat_last_messages(self, data_dir: Path, room: str, count: int) -> Sequence[Past] | None:
        path = data_dir / store.FILE
        if not path.exists():
            return None
        with closing(open_to_read(path, store.MIGRATIONS)) as connection:
            return transaction(connection, lambda connection: store.last(connection, room, count), writes=False)

    @hookimpl
    def greenchat_delay_ack(self, room: Room, rev: int, release: Release) -> bool:
        self._message_writer.hold(room.name, rev, release)
        return True

    # --- who comes and reads ---

    @hookimpl(trylast=True)  # what is restored must be what there is when the room is used
    def greenchat_room_opened(self, room: Room) -> None:
        self._replays.open(room)

    @hookimpl
    def greenchat_entered(self, session: Session, room: Room) -> None:
        if room.name not in session.require_member().rooms:
            return  # another plugin has put them out again
        self._replays.tell(session, room)
        if self._message_writer.problem is not None:
            session.info("History is off at the moment. What is said now may not be kept.")

    @hookimpl(trylast=True)  # whose role is known by then
    def greenchat_account(self, session: Session) -> None:
        if session.role == "operator" and self._tidy.notice:
            session.info(self._tidy.notice)

    @hookimpl
    def greenchat_request(self, session: Session, frame: Request) -> bool:
        if type(frame) is History and not frame.conversation:  # what two say alone is not ours
            look = self._pages.catch_up if frame.epoch else self._pages.page
            session.tell(look(session, frame))
        elif type(frame) is Search and not frame.conversation:
            session.tell(self._finder.search(session, frame))
        elif type(frame) is ListMentions:
            session.tell(self._concerns.look(session, frame))
        else:
            return False
        return True

    @hookimpl
    def greenchat_commands(self) -> Sequence[Command]:
        return [
            typed_command(
                self.tell_history,
                "history",
                f"Tell the last N messages of this room, {LINES} if you do not say.\nExample: /history 50",
            ),
            typed_command(self.tell_found, "search", SEARCH_HELP),
            typed_command(
                self.tell_mentions,
                "mentions",
                f"Tell the last N messages that concern you, {LINES} if you do not say.\n"
                "They have your name or a word of yours (/highlight), or answer you. Example: /mentions 50",
            ),
        ]

    def tell_history(self, call: Call, n: Annotated[int, Meta(ge=1)] = LINES) -> NumberedPage:
        """`/history [N]`. Raises `Reject`."""
        # A ref says that somebody has asked: an empty page is told, too.
        page = self._pages.page(call.session, History(limit=n, ref="" if call.ref is None else call.ref))
        return NumberedPage(page.room, page.events, page.more, page.ref, page.rev, page.epoch)

    def tell_found(self, call: Call, words: Rest) -> SearchResults:
        """`/search WORDS`. Raises `Reject`."""
        session, asked = call.session, call.asked
        if asked.conversation or asked.to:
            alone = session.chat.place_meant(call.member).conversation
            return self._server.search_direct(session, Search(words, conversation=alone))
        return self._finder.search(session, Search(words))

    def tell_mentions(self, call: Call, n: Annotated[int, Meta(ge=1)] = LINES) -> SearchResults:
        """`/mentions [N]`. Raises `Reject`."""
        return self._concerns.look(call.session, ListMentions(limit=n))

    # --- what becomes of the keeping (watcher.Watcher) ---

    def wrote(self, messages: int) -> None:
        self._tidy.wrote(messages)

    def renumbered(self) -> None:
        gevent.spawn(self._replays.reload)

    def went_off(self, problem: Exception) -> None:
        # Another file may be put in the place of the one that was read so far.
        gevent.spawn(self._close_readers)
        self._server.chat.announce(
            "History is off: its database cannot be used at the moment. What is said now may not be kept."
        )
        self._tell_operators(f"History is off: {problem}")

    def _close_readers(self) -> None:
        self._pages.close()
        self._finder.close()

    def _tell_operators(self, text: str) -> None:
        for session in self._server.sessions.values():
            if session.role == "operator":
                session.info(text)

    def went_on(self, lost: int) -> None:
        gone = f" {lost} message{' was' if lost == 1 else 's were'} not kept." if lost else ""
        self._server.chat.announce(f"History is on again.{gone}")
        gevent.spawn(self._replays.reload)


greenchat_plugin = Plugin
