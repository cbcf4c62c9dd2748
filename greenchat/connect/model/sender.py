"""What one says, changes and asks for: in order, where it was typed or nowhere, and never lost without a word."""

from collections import deque
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from greenchat.client import Client, ClientError, DisconnectedError, RefusedError
from greenchat.client.asking import KNOWS_CONVERSATIONS
from greenchat.client.places import place_at
from greenchat.connect.commands import Commands, Run, UploadRun
from greenchat.connect.common import NOT_STORED, TRY_AGAIN, is_logout
from greenchat.connect.draft import as_text, is_command, said_as
from greenchat.connect.model.asking import NO_CONNECTION, Asked, Asking
from greenchat.connect.model.chats import Chats
from greenchat.connect.model.place import About, Address, Place
from greenchat.connect.model.timeline import Item
from greenchat.connect.model.told import welcomed
from greenchat.connect.said import run_there, said_alone
from greenchat.connect.stale import may_mean_another
from greenchat.protocol.events import Event, Message
from greenchat.protocol.replies import Ack, Error, HistoryPage, SearchResults, UploadPlace, Welcome
from greenchat.protocol.requests import Frame, Pong, Ref

DOUBT = "Perhaps this was said, as the connection was lost."
DOUBT_RUN = "May not have been run: {}"
STALE = "Not run: {}. It might mean somebody or something else by now. If it still holds, type it again."
NOT_KEPT = "Everybody has read this, but it could not be kept."
GONE_ANSWERED = "What you answer is gone."


class Sender(Asking):
    """`use` gives it a connection, `lost` takes it away. `clock` counts seconds."""

    def __init__(self, chats: Chats, commands: Commands, clock: Callable[[], float]) -> None:
        super().__init__(chats, commands, clock)
        self._queue: deque[Asked] = deque()
        chats.merged = self._merged
        self._unsure: dict[Ref, Asked] = {}
        self._epochs: dict[str, str] = {}  # of places, when the connection was lost
        self.on_done: Callable[[Asked, Ack | Error], None] = lambda asked, answer: None
        self.uploads: Callable[[UploadRun, UploadPlace, Client], None] = lambda run, place, client: None
        self.fetches = True  # what a command has said, where one is not told of it

    @property
    def waiting(self) -> int:
        """How many of one's words and commands have no answer yet."""
        return len(self._queue) + len(self.under_way())

    @property
    def is_logging_out(self) -> bool:
        """Whether a /logout is among them."""
        return any(is_logout(asked.line) for asked in (*self._queue, *self.under_way().values()))

    def under_way(self) -> dict[Ref, Asked]:
        """What of it was sent, by the refs that it had."""
        sent = {**self._unsure, **self._asked}
        return {ref: asked for ref, asked in sent.items() if asked.kind in ("say", "command")}

    # --- say ---

    def say(self, place: Place, text: str, about: About | None = None, run: Run | None = None) -> None:
        """`text` is as one types it: `/x` is a command, run there, and `//x` says `/x`. With `run` that is sent for
        it. It waits for the connection, and for what was said before it."""
        self._queue.append(self._entry(place, text, about, run))

    def say_now(self, place: Place, text: str, run: Run | None = None) -> Ref:
        """The same at once, whatever waits; the ref of its answer. Raises `RefusedError` and `DisconnectedError`."""
        if self._client is None:
            raise DisconnectedError(NO_CONNECTION)
        asked = self._entry(place, text, None, run)
        try:
            return self._give(self._client, asked)
        except ClientError:
            if asked.item is not None:
                place.timeline.withdraw(asked.item)
            raise

    def _entry(self, place: Place, text: str, about: About | None, run: Run | None) -> Asked:
        seq = place.reach.seq
        if run is not None or is_command(text):
            return Asked("command", place, text, run=run, seq=seq)
        chats, reply = self._chats, about.seq if about is not None else 0
        words = Message(
            **place.there, seq=0, id=0, sender=chats.me, text=said_as(text), time=chats.now(), reply_to=reply
        )
        return Asked("say", place, text, place.timeline.say(words), about, seq=seq)

    def say_again(self, place: Place, item: Item) -> None:
        """What has failed."""
        if isinstance(item.what, Message) and item.state == "failed":
            place.timeline.withdraw(item)
            self.say(place, as_text(item.what.text))

    def pump(self) -> None:
        """Send what waits. What follows the first words to somebody waits for their answer, which has the
        conversation. Raises `DisconnectedError`."""
        if self._client is None:
            return
        opening = {asked.place for asked in self._asked.values() if asked.place is not None and asked.place.is_new}
        held: list[Asked] = []
        try:
            while self._queue:
                asked = self._queue[0]
                if asked.place in opening:
                    held.append(self._queue.popleft())
                    continue
                self._send(self._client, asked)
                self._queue.popleft()  # not before: a connection that is lost leaves it here
                if asked.place is not None and asked.place.is_new and asked in self._asked.values():
                    opening.add(asked.place)
        finally:
            self._queue.extendleft(reversed(held))

    def _send(self, client: Client, asked: Asked) -> None:
        place = asked.place
        assert place is not None
        if place.gone and (asked.kind == "say" or self._is_for_whoever(place, asked)):
            self._refused(asked, place.gone)
            return
        if asked.about is not None and not self.is_there(place, asked.about):
            self._refused(asked, GONE_ANSWERED)
            return
        try:
            self._give(client, asked)
        except RefusedError as refusal:
            self._refused(asked, str(refusal))

    def _is_for_whoever(self, place: Place, asked: Asked) -> bool:
        """Whether a command would be run with whoever has the name by now; else it tells by itself whom it is for."""
        line = asked.run.line if asked.run is not None else asked.line
        return place.is_new and not (is_logout(line) or run_there(line)[0] or said_alone(line)[0])

    def _give(self, client: Client, asked: Asked) -> Ref:
        """Send it; the ref of its answer."""
        place = asked.place
        assert place is not None
        command, name = run_there(asked.line) if client.protocol >= KNOWS_CONVERSATIONS else ("", "")
        if asked.run is not None and self._commands.told:
            ref = client.run(asked.run.name, asked.run.args, **place.address)
        elif asked.run is not None:
            ref = client.say(asked.run.line, **self._address(client, place))
        elif command:
            ref = client.say(command, to=name)
        else:
            reply = asked.about.seq if asked.about is not None else 0
            ref = client.say(asked.line, reply_to=reply, **self._address(client, place))
        asked.since = self._clock()
        if asked.item is not None and isinstance(asked.item.what, Message):
            asked.item.change(replace(asked.item.what, time=self._chats.now()))  # not when it began to wait
        if client.plain:  # which acknowledges nothing
            self._settle_plain(asked)
        else:
            self._asked[ref] = asked
            if asked.item is not None:
                asked.item.become("sending")
                place.timeline.revision += 1
        return ref

    def _address(self, client: Client, place: Place) -> Address:
        return {} if client.plain else place.address

    def _settle_plain(self, asked: Asked) -> None:
        if asked.item is not None and asked.place is not None and isinstance(asked.item.what, Message):
            asked.place.timeline.settle(asked.item, asked.item.what)

    def is_there(self, place: Place, about: About) -> bool:
        """Whether the number that it has there is still that of the same message, as far as that is known."""
        item = place.timeline.item(about.seq)
        if item is None:
            return about.epoch == place.reach.epoch
        return isinstance(item.what, Message) and item.what.id == about.id

    def _merged(self, begun: Place, known: Place) -> None:
        """What was to be said there is to be said here."""
        for asked in (*self._queue, *self._asked.values(), *self._unsure.values()):
            if asked.place is begun:
                asked.place = known

    # --- answers ---

    def answer(self, item: Event | Frame) -> bool:
        """Whether `item` ends what was asked; it is dealt with then."""
        if isinstance(item, UploadPlace):
            run = self.upload_of(item)
            if run is not None and self._client is not None:
                self.uploads(run, item, self._client)
            return run is not None
        if not isinstance(item, Ack | Error | HistoryPage | SearchResults | Welcome | Pong) or item.ref is None:
            return False
        asked = self._asked.get(item.ref)
        if asked is None or (asked.kind == "command" and not isinstance(item, Ack | Error)):
            return False
        del self._asked[item.ref]
        match item:
            case Error():
                self._failed(asked, item)
            case HistoryPage():
                self._paged(asked, item)
            case SearchResults():
                if asked.found is not None:
                    asked.found(item)
            case Welcome():
                place = welcomed(self._chats, item)
                if place is not None and not asked.aside:
                    self.entered(place.id)
            case Ack() if asked.kind == "part" and asked.place is not None:
                self.parted(asked.place)
            case Ack() if asked.kind in ("say", "command"):
                self._said(asked, item)
        if asked.done is not None and not isinstance(item, Error):
            asked.done("")
        if isinstance(item, Ack | Error):
            self.on_done(asked, item)
        return True

    def upload_of(self, item: Event | Frame) -> UploadRun | None:
        """What is to be sent to the place that `item` tells, if it is one, and was asked for by a path."""
        asked = self._asked.get(item.ref) if isinstance(item, UploadPlace) else None
        return asked.run if asked is not None and isinstance(asked.run, UploadRun) else None

    def _said(self, asked: Asked, ack: Ack) -> None:
        place = asked.place
        if ack.conversation and (place is None or place.id != place_at("", ack.conversation)):
            if place is not None and place.is_new:
                place = self._chats.begun_as(place, ack.conversation, ack.with_)
            elif ack.seq:
                place = self._chats.direct(ack.conversation, ack.with_)
        if place is None or not ack.seq or not ack.id:
            return
        place.move(number=ack.id, seq=ack.seq)
        self._chats.touch(place)
        if asked.item is not None and isinstance(asked.item.what, Message):
            told = replace(asked.item.what, **place.there, seq=ack.seq, id=ack.id, rev=ack.rev, own=True)
            message = replace(told, sender=self._chats.me, account=self._chats.account)
            place.timeline.settle(asked.item, message)
        elif self.fetches and place.timeline.item(ack.seq) is None:  # what a command has said comes to all others
            self._page("one", place, before=ack.seq + 1, after=ack.seq - 1)
        self._chats.has_read(place, ack.seq)

    def _failed(self, asked: Asked, error: Error) -> None:
        place = asked.place
        if asked.kind == "ping":
            return  # an error is a sign of life, too
        if asked.kind == "quote" and place is not None:
            place.timeline.quote(asked.seq, None)
            return
        if asked.kind in ("older", "newer", "one") and place is not None:
            place.timeline.older = None if error.code == "no_history" else False
            place.timeline.revision += 1
            return
        if error.code == NOT_STORED and asked.item is not None and place is not None:
            asked.item.become("stored", NOT_KEPT)
            place.timeline.revision += 1
            return
        if asked.kind == "around":
            self._chats.tell(place, error.text, error=True)
        self._refused(asked, DOUBT if asked.again and error.code == TRY_AGAIN else error.text)

    # --- a connection ---

    def use(self, client: Client | None) -> None:
        self._client = client

    def lost(self) -> None:
        """What has no answer is unsure; what was asked for is asked for no more."""
        self._client = None
        self._epochs = {place.id: place.reach.epoch for place in self._chats.places.values()}
        for ref, asked in self._asked.items():
            if asked.kind in ("say", "command"):
                self._unsure[ref] = asked
            elif asked.done is not None:
                asked.done(NO_CONNECTION)
        self._asked.clear()

    def back(self, client: Client, again: Mapping[int, int]) -> None:
        """By `client`, which has said some of it `again`: the new refs, by the old ones. Commands that may mean
        something else by now are not run."""
        self._client = client
        for old, asked in self._unsure.items():
            if isinstance(old, int) and old in again:
                asked.again, asked.since = True, self._clock()
                self._asked[again[old]] = asked
            elif asked.item is not None:
                self._refused(asked, DOUBT)
            else:
                self._refused(asked, DOUBT_RUN.format(_name_of(asked.line)))
        self._unsure.clear()
        waiting, self._queue = self._queue, deque()
        for asked in waiting:
            if asked.kind == "command" and self._is_stale(asked):
                self._refused(asked, STALE.format(_name_of(asked.line)))
            else:
                self._queue.append(asked)

    def _is_stale(self, asked: Asked) -> bool:
        line = asked.run.line if asked.run is not None else asked.line
        somebody = self._commands.names_somebody(line)
        same = asked.place is not None and self.keeps_numbers(asked.place.id)
        return is_command(line) and may_mean_another(line, same_numbers=same, names_somebody=somebody)

    def keeps_numbers(self, there: str) -> bool:
        """Whether the number of a message there means the same as before the connection was lost."""
        place = self._chats.places.get(there)
        return place is not None and self._epochs.get(there) == place.reach.epoch != ""


def _name_of(line: str) -> str:
    """Of a command: what stands behind it may be a secret."""
    return line.split(maxsplit=1)[0] if line.strip() else line
