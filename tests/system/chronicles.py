"""Clients that hold logs: of each room and conversation that they may read, all that was said there as it is now. They
catch up as PROTOCOL.md says, by an epoch and a rev."""

import json
import re
from collections import defaultdict

import msgspec
from devices import FINAL, PAGE, Program, Web

from greenchat.client import Client, DisconnectedError, RefusedError, UnreachableError

# Asks for the present: no server has an epoch of this name.
NO_EPOCH = "-"

# What is said to one person alone says so, wherever it turns up.
TO_ONE = re.compile(r"<(\w+)-(\w+)>")


class Entry:
    """A message as it is now; its `text` is None where it is gone. Who has reacted by which emoji, as pairs."""

    def __init__(self, frame):
        self.rev, self.sender, self.text = frame["rev"], frame.get("sender", ""), frame.get("text")
        self.reply_to = frame.get("reply_to", 0)
        told = frame.get("reactions") or {}
        self.reactions = {(emoji, name.removesuffix(" (gone)")) for emoji, names in told.items() for name in names}

    def change(self, event):
        self.rev = event["rev"]
        match event["type"]:
            case "edited":
                self.text = event["text"]
            case "deleted":
                self.text, self.reactions = None, set()
            case "reacted":
                (set.add if event["on"] else set.discard)(self.reactions, (event["emoji"], event["by"]))

    @property
    def state(self):
        return None if self.text is None else (self.sender, self.text, self.reply_to, frozenset(self.reactions))


class Log:
    """`epoch` and `rev` are how far it is told; `read` how far one has read it, on whatever device."""

    def __init__(self):
        self.epoch, self.rev, self.read = NO_EPOCH, 0, 0
        self.entries = {}
        self.late = []  # what came while pages were asked for, to be dealt with behind them
        self.early = defaultdict(list)  # changes of what one has said oneself, before it was answered
        self.is_whole = False
        self.asked = 0  # pages that have not come

    def forget(self):
        self.entries, self.early, self.is_whole = {}, defaultdict(list), False

    def put(self, frame):
        known = self.entries.get(frame["seq"])
        if known is None or frame["rev"] > known.rev:
            self.entries[frame["seq"]] = Entry(frame)
        for event in self.early.pop(frame["seq"], ()):
            self.take(event)

    def take(self, event):
        """Something has happened here."""
        if self.asked:
            self.late.append(event)
            return
        self.rev = max(self.rev, event["rev"])
        entry = self.entries.get(event["seq"])
        if event["type"] == "message":
            self.put(event)
        elif entry is None:
            self.early[event["seq"]].append(event)
        elif event["rev"] > entry.rev:
            entry.change(event)

    @property
    def states(self):
        return {seq: entry.state for seq, entry in self.entries.items()}

    def unread_by(self, name):
        entries = self.entries.items()
        return sum(seq > self.read and one.text is not None and one.sender != name for seq, one in entries)


def place_of(frame):
    """A room by its name, a conversation by its id behind an "@"."""
    return f"@{frame['conversation']}" if frame.get("conversation") else frame["room"]


def where(place):
    """As a request has it."""
    return {"conversation": place[1:]} if place.startswith("@") else {"room": place}


class Chronicler(Program):
    """A program that holds logs. `open` are its requests that have no answer yet, by their refs: each with how far the
    log was when it was sent; `settled_by` is told of what is answered."""

    def __init__(self, loop, port):
        self.logs = defaultdict(Log)
        super().__init__(loop, port)
        self.withs = {}  # whom a conversation is with, by its place
        self.open = {}
        self.settled_by = lambda request, answer: None

    @property
    def is_catching_up(self):
        return any(log.asked for log in self.logs.values())

    def renew(self):
        super().renew()
        self.told = set()  # messages, by place and number
        self.anew = set()  # where one had to begin anew what one had
        for place, log in self.logs.items():  # what is said there may come before they are listed
            log.asked = int(place.startswith("@"))

    def drop(self):
        super().drop()
        for log in self.logs.values():
            if log.asked and not log.is_whole:  # what is older was not read yet
                log.forget()
                log.epoch, log.rev = NO_EPOCH, 0
            log.late, log.early, log.read, log.asked = [], defaultdict(list), 0, 0

    def request(self, request):
        """Ask for something that is to be in the logs then. A `place` that is empty is the person whom it is `to`."""
        frame = {key: value for key, value in request.items() if key not in ("place", "by", "again")}
        ref = self.ask(**frame, **(where(request["place"]) if request["place"] else {}))
        self.open[ref] = request, {place: log.rev for place, log in self.logs.items()}

    def lose(self):
        """The connection is over: what has no answer. Of what one has said oneself one was not told anything then,
        though perhaps of what came behind it: so one catches up from before that."""
        lost = [request for request, _ in self.open.values()]
        for request, revs in self.open.values():
            if request["type"] == "say":
                for place, log in self.logs.items():
                    if place == request["place"] or (not request["place"] and place.startswith("@")):
                        log.rev = min(log.rev, revs.get(place, 0))
        self.open = {}
        return lost

    def settled(self):
        ref = self.ask(type="ping")
        return lambda: not self.is_connected or (ref in self.answers and not self.is_catching_up)

    # --- what comes ---

    def take(self, line):
        self.look_at(line)
        self.deal(json.loads(line))

    def look_at(self, line):
        for pair in TO_ONE.findall(line):
            if self.name and self.name not in pair:
                self.wrong.append(f"{self.name} was told what others say: {line}")

    def deal(self, event):
        self.events = [*self.events[-20:], event]
        match event["type"]:
            case "welcome":
                self.enter(event)
            case "conversations":
                self.list_conversations(event)
            case "history":
                self.turn_page(event)
            case "message":
                self.hear(event)
            case "edited" | "deleted" | "reacted":
                self.logs[place_of(event)].take(event)
            case "ended":
                self.logs.pop(place_of(event), None)
            case "read":
                self.has_read(place_of(event), event["seq"])
            case "error" if event.get("ref") in self.pages:
                self.is_refused(event)
            case "ack" | "error" if event.get("ref") in self.open:
                self.is_answered(event)
            case "left" if event["name"] == self.name:
                self.rooms.discard(event["room"])
            case "ping":
                self.send(type="pong")
        if "ref" in event and event["type"] in FINAL:
            self.answers[event["ref"]] = event

    def enter(self, welcome):
        self.name = welcome["name"]
        self.token, self.device_token = (
            welcome.get("token") or self.token,
            welcome.get("device_token") or self.device_token,
        )
        if room := welcome["room"]:
            self.rooms.add(room)
            self.has_read(room, welcome.get("read", 0))
            self.catch_up(room)

    def list_conversations(self, told):
        """All that there are."""
        self.conversations = told
        for one in told.get("direct", ()):
            place = place_of(one)
            self.withs[place] = one["with"]
            self.has_read(place, one["read"])
            self.logs[place].asked = 0
            self.catch_up(place)
        for one in told["rooms"]:
            self.has_read(one["room"], one["read"])
        there = {place_of(one) for one in told.get("direct", ())} | {place for place, _ in self.told}
        for place in [place for place in self.logs if place.startswith("@") and place not in there]:
            del self.logs[place]

    def catch_up(self, place):
        log = self.logs[place]
        if not log.asked:
            log.asked = 1
            self.ask_history(place, epoch=log.epoch, rev=log.rev, limit=PAGE)

    def ask_history(self, place, **what):
        self.pages[self.ask(type="history", **where(place), **what)] = place, what

    def turn_page(self, page):
        place, what = self.pages.pop(page.get("ref"), (None, {}))
        log = self.logs.get(place)
        if log is None:
            return
        events = [event for event in page["events"] if event["type"] in ("message", "deleted")]
        if page.get("anew"):
            if what.get("epoch", NO_EPOCH) != NO_EPOCH:
                self.anew.add(place)
            log.forget()
        for event in events:
            log.put(event)
        if "epoch" in what:
            log.epoch, log.rev = page.get("epoch", ""), page.get("rev", 0)
        first = events[0]["seq"] if events else 1
        if page.get("anew") or "before" in what:
            log.is_whole = first == 1
            if not log.is_whole:
                self.ask_history(place, before=first, limit=PAGE)
                return
        elif page.get("more"):
            self.ask_history(place, epoch=log.epoch, rev=log.rev, limit=PAGE)
            return
        self.is_up_to_date(log)

    def is_refused(self, error):
        """There are no pages without a history: what the server remembers is all that there is."""
        place, what = self.pages.pop(error["ref"])
        assert error["code"] == "no_history"
        assert "before" in what
        self.logs[place].is_whole = True
        self.is_up_to_date(self.logs[place])

    def is_up_to_date(self, log):
        log.asked = 0
        late, log.late = log.late, []
        for event in late:
            log.take(event)

    def hear(self, event):
        place = place_of(event)
        if event.get("own", False) != (event["sender"] == self.name):
            self.wrong.append(f"own is wrong in {event}")
        if event.get("with"):
            self.withs[place] = event["with"]
        self.is_told(place, event["seq"])
        self.logs[place].take(event)
        if event.get("own"):
            self.has_read(place, event["seq"])

    def is_told(self, place, seq):
        if (place, seq) in self.told:
            self.wrong.append(f"{self.name} was told twice of {place} {seq}")
        self.told.add((place, seq))
        if self.logs[place].epoch == NO_EPOCH:
            self.catch_up(place)  # a conversation has begun

    def has_read(self, place, seq):
        self.logs[place].read = max(self.logs[place].read, seq)

    def is_answered(self, answer):
        request, _ = self.open.pop(answer["ref"])
        if answer["type"] == "ack":
            place = f"@{answer['conversation']}" if answer.get("conversation") else request["place"]
            if request["type"] == "say":
                if place.startswith("@"):
                    self.withs[place] = answer["with"]
                if "again" not in request:
                    self.is_told(place, answer["seq"])
                self.logs[place].put({**request, **answer, "sender": self.name})
                self.has_read(place, answer["seq"])
            elif request["type"] == "read":
                self.has_read(place, request["seq"])
        self.settled_by(request, answer)


class WebChronicler(Chronicler, Web):
    """The same, over a WebSocket."""


class LibraryChronicler(Chronicler):
    """The same by `greenchat.client`."""

    kind = "library"
    client = None

    @property
    def is_connected(self):
        return self.client is not None

    @property
    def socket(self):
        return self.client

    @socket.setter
    def socket(self, value):
        assert value is None

    def join(self, **join):
        self.drop()
        self.renew()
        self.behind = []
        try:
            self.client = Client.connect("127.0.0.1", self.port)
            self.loop.add(self)
            told = frame_of(self.client.join(**join))
        except (DisconnectedError, UnreachableError):
            self.drop()
            return None
        except RefusedError as error:
            return {"type": "error", "code": error.code}
        self.deal(told)
        self.receive()
        return told

    def drop(self):
        if self.client is not None:
            self.loop.drop(self)
            self.client.close()
            self.client = None
        super().drop()

    def ask(self, **what):
        kind = what.pop("type")
        try:
            if kind == "ping":  # it has none of its own
                return self.client.say("/ping", min(self.rooms)) if self.rooms else self.client.say("/ping")
            return getattr(self.client, kind)(**({"room": ""} | what))
        except DisconnectedError:
            self.drop()
            return 0

    def receive(self):
        """Deal with all that there is; then ask for pages, so that what comes meanwhile is behind them."""
        try:
            while (self.client is not None and (items := self.client.receive(0))) or self.behind:
                for item in items:
                    told = frame_of(item)
                    self.look_at(json.dumps(told))
                    self.deal(told)
                behind, self.behind = self.behind, []
                for place, what in behind:
                    self.pages[0] = place, what
                    try:
                        page = self.client.history(**where(place), **what)
                    except RefusedError as error:
                        self.is_refused({"ref": 0, "code": error.code})
                    else:
                        self.turn_page({**frame_of(page), "ref": 0})
        except DisconnectedError:
            self.drop()

    def ask_history(self, place, **what):
        self.behind.append((place, what))


def frame_of(item):
    return msgspec.to_builtins(item)
