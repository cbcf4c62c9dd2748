"""A chat without a socket: what a session is told goes into a list, and the event loop is turned by hand."""

from greenchat.chat.chat import Chat
from greenchat.chat.outlet import Login
from greenchat.chat.room import Room
from greenchat.codecs import Codec
from greenchat.codecs.jsonlines import JsonCodec
from greenchat.codecs.plain import PlainCodec
from greenchat.config.schema import Limits

PLAIN = PlainCodec()
JSON = JsonCodec()


class Person:
    """Somebody with a screen: what they were sent."""

    def __init__(self, codec: Codec = PLAIN, account_id: int = 0) -> None:
        self.codec = self.shared_codec = codec
        self.login = Login(account_id=account_id)
        self.only, self.is_welcome = "", True
        self.address = "unix"
        self.asked = None
        self.outbox = self.batches = []

    def info(self, text: str) -> None:
        self.batches.append(f"INFO|{text}\n".encode())

    def read(self) -> list[str]:
        """The lines since the last look."""
        lines = b"".join(self.batches).decode().splitlines()
        self.batches.clear()
        return lines


def deliver(outboxes: list[list[bytes]], data: bytes) -> None:
    for outbox in outboxes:
        outbox.append(data)


class NoHooks:
    check_join = check_enter = check_message = check_quickly = check_reaction = None
    room_opened = messages = acted = event = gone = changed = find_message = find_keys = None

    def checked_quickly(self, count):
        pass

    def numbered(self, session, seq, conversation="", place=0, count=1):
        pass


class Turn:
    """The event loop, by hand. A turn is long after so many looks at the clock as are `left` in it, if any are."""

    def __init__(self) -> None:
        self.scheduled = []
        self.left = None

    def at_end(self, function) -> None:
        self.scheduled.append(function)

    later = at_end

    def breathe(self) -> None:
        pass

    def is_long(self) -> bool:
        if self.left is None:
            return False
        self.left -= 1
        return self.left <= 0

    def end(self) -> None:
        scheduled, self.scheduled = self.scheduled, []
        for function in scheduled:
            function()


class Hall:
    """A chat with people in it."""

    def __init__(self, *names: str, hooks=None, limits=None, codec: Codec = PLAIN, default_room="lobby") -> None:
        self.codec = codec
        self.turn = Turn()
        self.hooks = hooks or NoHooks()
        self.chat = Chat(limits or Limits(), default_room, self.hooks, self.turn, deliver)
        self.people: dict[str, Person] = {}
        self.members = {}
        for name in names:
            self.enter(name)
        self.end_turn()
        for person in self.people.values():
            person.read()

    def enter(self, name: str, room: str = "", codec: Codec | None = None) -> Person:
        person = self.people[name] = Person(codec or self.codec)
        self.members[name] = self.chat.join(person, name, room)
        return person

    def attach(self, device: str, name: str, room: str | None = None, codec: Codec = PLAIN) -> Person:
        """One more session of who is called so."""
        person = self.people[device] = Person(codec, self.members[name].account_id)
        self.chat.attach(person, self.members[name], room)
        return person

    def go(self, name: str, room: str, key: str = "", *, move: bool = False) -> Room:
        return self.chat.enter(self.people[name], self.members[name], room, key, move=move)

    def say(self, name: str, *texts: str) -> None:
        for text in texts:
            self.chat.say(self.members[name], text)

    def leave(self, name: str) -> None:
        self.chat.leave(self.members[name], "left")

    def end_turn(self) -> None:
        self.turn.end()
