"""Who may do what to whom: the whole table, over a real server.

What changes a room has one of its own, and people who have come only for it. What is to be refused, or is done to one
person alone, is tried in one room, by people who stay there. Some are on plain clients, some programs.
"""

import itertools
from collections import defaultdict
from contextlib import ExitStack, closing

import pytest
from kit.programs import Anybody, Program, crown, sync, without_plugins
from kit.sessions import PATIENT, back, lose
from kit.socketless import serving

from greenchat import Refused, hookimpl

# Who acts. `other` owns another room, and `namesake` is called like an operator, but has not logged in.
ACTORS = ["guest", "registered", "owner", "other", "namesake", "operator"]

# The same people in other ways: who has lost the connection and is back by a token, and by a second device. They may do
# what they may do otherwise.
WAYS = {"owner": ["back"], "operator": ["back", "second"], "registered": ["back", "second"], "guest": ["back"]}

# What comes of it: "yes", or the code of the refusal. `.` is not_allowed. In the room, all of them and the target are;
# the owner of the room is a guest. An `absent` target has lost the connection, and may come back; `devices` has two.
# {who} is the target, {room} the room; of several lines, the last one counts.
TABLE = """
act          target      guest          registered     owner          other          namesake       operator

op           guest       .              .              .              .              .              not_logged_in
op           registered  .              .              .              .              .              yes
op           owner       .              .              .              .              .              not_logged_in
op           operator    .              .              .              .              .              already_operator
op           absent      .              .              .              .              .              yes
op           devices     .              .              .              .              .              yes
op           oneself     .              .              .              .              .              yourself
op           nobody      .              .              .              .              .              unknown_user

deop         guest       .              .              .              .              .              not_operator
deop         registered  .              .              .              .              .              not_operator
deop         owner       .              .              .              .              .              not_operator
deop         operator    .              .              .              .              .              yes
deop         absent      .              .              .              .              .              not_operator
deop         devices     .              .              .              .              .              not_operator
deop         oneself     .              .              .              .              .              yourself
deop         nobody      .              .              .              .              .              not_operator

kick         guest       .              .              yes            .              .              yes
kick         registered  .              .              yes            .              .              yes
kick         owner       .              .              yourself       .              .              yes
kick         operator    .              .              operator       .              .              operator
kick         absent      .              .              yes            .              .              yes
kick         devices     .              .              yes            .              .              yes
kick         oneself     .              .              yourself       .              .              yourself
kick         nobody      .              .              unknown_user   .              .              unknown_user
kick         elsewhere   .              .              not_in_room    .              .              not_in_room

ban          guest       .              .              yes            .              .              yes
ban          registered  .              .              yes            .              .              yes
ban          owner       .              .              yourself       .              .              yes
ban          operator    .              .              operator       .              .              operator
ban          absent      .              .              yes            .              .              yes
ban          devices     .              .              yes            .              .              yes
ban          oneself     .              .              yourself       .              .              yourself
ban          nobody      .              .              yes            .              .              yes
ban          elsewhere   .              .              yes            .              .              yes
ban          address     .              .              .              .              .              yes

unban        guest       .              .              yes            .              .              yes
unban        registered  .              .              yes            .              .              yes
unban        owner       .              .              yourself       .              .              yes
unban        operator    .              .              not_banned     .              .              not_banned
unban        absent      .              .              yes            .              .              yes
unban        devices     .              .              yes            .              .              yes
unban        oneself     .              .              yourself       .              .              yourself
unban        nobody      .              .              yes            .              .              yes
unban        address     .              .              not_banned     .              .              yes

mute         guest       .              .              yes            .              .              yes
mute         registered  .              .              yes            .              .              yes
mute         owner       .              .              yourself       .              .              yes
mute         operator    .              .              operator       .              .              operator
mute         absent      .              .              yes            .              .              yes
mute         devices     .              .              yes            .              .              yes
mute         oneself     .              .              yourself       .              .              yourself
mute         nobody      .              .              unknown_user   .              .              unknown_user
mute         elsewhere   .              .              not_in_room    .              .              yes

unmute       guest       .              .              yes            .              .              yes
unmute       registered  .              .              yes            .              .              yes
unmute       owner       .              .              yourself       .              .              yes
unmute       operator    .              .              not_muted      .              .              not_muted
unmute       absent      .              .              yes            .              .              yes
unmute       devices     .              .              yes            .              .              yes
unmute       oneself     .              .              yourself       .              .              yourself
unmute       nobody      .              .              not_muted      .              .              not_muted

bans         -           .              .              yes            .              .              yes
slow         -           .              .              yes            .              .              yes
slow_else    -           .              .              .              .              .              yes
slow_nowhere -           .              .              .              .              .              unknown_room
announce     -           .              .              .              .              .              yes
audit        -           .              .              .              .              .              yes

topic        -           yes            yes            yes            yes            yes            yes
topic_owner  -           .              .              yes            .              .              yes
room         -           yes            yes            yes            yes            yes            yes
room_key     -           .              .              yes            .              .              yes
room_invite  -           .              .              yes            .              .              yes
room_topic   -           .              .              yes            .              .              yes
room_keep    -           .              .              .              .              .              yes
room_owner   guest       .              .              yes            .              .              yes
room_owner   absent      .              .              yes            .              .              yes
room_owner   elsewhere   .              .              not_in_room    .              .              not_in_room
invite       elsewhere   yes            yes            yes            yes            yes            yes
invite       absent      already_joined already_joined already_joined already_joined already_joined already_joined
invite       guest       already_joined already_joined already_joined already_joined already_joined already_joined
invite       nobody      unknown_user   unknown_user   unknown_user   unknown_user   unknown_user   unknown_user
invite_key   elsewhere   .              .              yes            .              .              yes

enter_key    -           room_key       room_key       already_joined room_key       room_key       yes
names_key    -           .              .              yes            .              .              yes
history_key  -           .              .              yes            .              .              yes
search_key   -           .              .              yes            .              .              yes
read_key     -           not_in_room    not_in_room    yes            not_in_room    not_in_room    not_in_room
cursor_key   -           .              yes            .              .              .              yes
"""

ACTS = {
    "op": ["/op {who}"],
    "deop": ["/deop {who}"],
    "kick": ["/kick {who} Enough"],
    "ban": ["/ban {who} 1h Enough"],
    "unban": ["/ban {who} 1h Enough", "/unban {who}"],
    "mute": ["/mute {who} 1h Enough"],
    "unmute": ["/mute {who} 1h Enough", "/unmute {who}"],
    "bans": ["/bans"],
    "slow": ["/slow {room} 1"],
    "slow_else": ["/slow lobby 1", "/slow lobby 0"],
    "slow_nowhere": ["/slow nowhere 1"],
    "announce": ["/announce Hello"],
    "audit": ["/audit"],
    "topic": ["/topic Weeds"],
    "topic_owner": ["/topic Weeds"],
    "room": ["/room"],
    "room_key": ["/room key sesame"],
    "room_invite": ["/room invite-only on"],
    "room_topic": ["/room topic-by owner"],
    "room_keep": ["/room keep on"],
    "room_owner": ["/room owner {who}"],
    "invite": ["/invite {who}"],
    "invite_key": ["/invite {who}"],
    "enter_key": ["/join {room}"],
    "names_key": ["/names {room}"],
}

# What only programs can ask for, as a frame.
FRAMES = {"history_key": {"type": "history"}, "search_key": {"type": "search", "text": "roses"}}
FRAMES |= {"read_key": {"type": "read", "seq": 1}, "cursor_key": {"type": "cursor", "name": "bot", "epoch": "e"}}

# These are about a room that has a key, and who acts is not in it, unless it is theirs.
FROM_OUTSIDE = {"enter_key", "names_key", *FRAMES}

# These are about a room that has a key by then.
WITH_KEY = {"invite_key", *FROM_OUTSIDE}

# These change something for their target alone, if that is not the owner of the room.
ON_TARGET = {"ban", "deop", "kick", "mute", "op", "unban", "unmute"}

# What is done by these changes nothing of who may do what.
HARMLESS = {
    "announce",
    "audit",
    "bans",
    "history_key",
    "invite",
    "names_key",
    "room",
    "search_key",
    "slow_else",
    "topic",
}

# What the audit trail has, under its first word.
ON_RECORD = {"op", "deop", "kick", "ban", "unban", "mute", "unmute", "slow", "announce"}

# Twice those that all tests together need: each change of operators looks at all of them.
MOST_OPERATORS = 200
numbers, operators = itertools.count(), itertools.count()


def rows():
    """Each act on each target, with what is to come of it for everybody who acts, in all ways."""
    _, *lines = (line.split() for line in TABLE.splitlines() if line)
    for act, target, *results in lines:
        expected = {}
        for actor, result in zip(ACTORS, results, strict=True):
            for way in ("", *WAYS.get(actor, ())):
                expected[actor, way] = {"yes": "", ".": "not_allowed"}.get(result, result)
        yield pytest.param(act, target, expected, id=f"{act}-{target}")


class Watch:
    """Sees with which codes somebody was refused, and what was done by whom."""

    def __init__(self):
        self.refusals = defaultdict(list)
        self.acts = defaultdict(list)

    @hookimpl
    def greenchat_event(self, event):
        if type(event) is Refused:
            self.refusals[event.name].append(event.code)

    @hookimpl
    def greenchat_acted(self, act):
        self.acts[act.by].append(act.act)


class Plain:
    """Somebody on netcat: the codes, which plain clients are not told, are those that the server knows of."""

    def __init__(self, server, watch, name, room):
        self.name = name
        self.peer, self._server, self._watch = server.join(name, room), server, watch

    def run(self, line):
        """With which code it was refused; empty where it was not."""
        self.peer.send(f"MSG|{line}")
        errors = [told for told in sync(self.peer) if told.startswith("ERROR|")]
        codes = self._server.call(lambda: self._watch.refusals.pop(self.name, []))
        assert len(codes) == len(errors), errors
        return "".join(codes)


class Bot:
    """A program. It is in the last of `rooms` with what it does, and in the others besides."""

    def __init__(self, server, name, *rooms):
        self.name, self._room, self._server = name, rooms[-1], server
        self._program = Program(server, name, rooms[0])
        self.peer = self._program.peer
        for room in rooms[1:]:
            self._program.join(room=room)

    def lose(self):
        """The connection is lost; the token."""
        return lose(self._server, self._program)

    def again(self, way, made):
        """The same person, in another way."""
        before = self._program
        if way == "back":
            self._program = back(self._server, self.lose())
        else:
            self._program = Program(self._server)
            self._program.ask(f"/become {self.name}")
            assert self._program.join(name=self.name, room=self._room)["type"] == "welcome"
        assert self._program.peer is not before.peer
        self.peer = self._program.peer
        made.append(self.peer)

    def run(self, line):
        return self._program.ask(line, self._room)[-1].get("code", "")

    def ask(self, frame):
        self._program.send(**frame, ref="asked")
        while (answer := self._program.read()).get("ref") != "asked":
            pass
        return answer.get("code", "")


class People:
    """Makes who is needed, and lets all go at the end."""

    def __init__(self, server, watch):
        self._server, self._watch = server, watch
        self.made = []

    def make(self, kind, room, *, program=False):
        is_called_op = kind in ("operator", "namesake")
        number = next(operators if is_called_op else numbers)
        assert not is_called_op or number < MOST_OPERATORS, "more operators are needed"
        name = f"op{number}" if is_called_op else f"{kind}{number}"
        if kind == "other":
            one = Bot(self._server, name, f"own{number}", room)
        elif program or kind in ("registered", "absent", "devices"):
            one = Bot(self._server, name, room)
        else:
            one = Plain(self._server, self._watch, name, room)
        self.made.append(one.peer)
        if kind in ("registered", "operator", "absent", "devices"):
            assert one.run(f"/become {name}") == ""
        if kind == "absent":
            one.lose()
        elif kind == "devices":
            one.again("second", self.made)
        return one

    def close(self):
        for peer in self.made:
            peer.close()


@pytest.fixture(scope="module")
def chat(tmp_path_factory):
    """A server in which the accounts op0, op1 and so on are operators."""
    data_dir, watch = tmp_path_factory.mktemp("permissions"), Watch()
    crown(data_dir, *(f"op{number}" for number in range(MOST_OPERATORS)))
    settings = without_plugins("accounts", "people", "web") | PATIENT
    with serving(Anybody, watch, settings=settings, data_dir=data_dir) as server:
        yield server, watch


class Place:
    """A room with its owner, and those who act and are acted on there, who come when they are needed."""

    def __init__(self, chat, act, owner_way="", *, program=False):
        self._people = People(*chat)
        self._act, self._program = act, program
        self.room = f"room{next(numbers)}"
        self._cast = {}
        self.owner = self._people.make("owner", self.room, program=program or owner_way)
        if owner_way:
            self.owner.again(owner_way, self._people.made)

    def ready(self):
        """Set the room as the act needs it, once the actor is there."""
        if self._act == "topic_owner":
            assert self.owner.run("/room topic-by owner") == ""
        elif self._act in WITH_KEY:
            assert self.owner.run("/room key sesame") == ""

    def actor(self, kind, way):
        if kind == "owner":
            return self.owner
        outside = "lobby" if self._act in FROM_OUTSIDE else self.room
        return self._once(("acts", kind, way), lambda: self._made(kind, outside, way))

    def target(self, kind, actor, which):
        """The name of who or what it is done to: there is one of a kind for all that are `which`."""
        match kind:
            case "oneself":
                return actor.name
            case "owner":
                return self.owner.name
            case "nobody" | "-":
                return f"nobody{next(numbers)}"
            case "elsewhere":
                return self._once((kind, which), lambda: self._people.make("guest", "lobby")).name
            case "address":
                return "10.1.2.0/24"
        return self._once((kind, which), lambda: self._people.make(kind, self.room)).name

    def close(self):
        self._people.close()

    def _made(self, kind, room, way):
        one = self._people.make(kind, room, program=self._program or way)
        if way:
            one.again(way, self._people.made)
        return one

    def _once(self, what, make):
        if what not in self._cast:
            self._cast[what] = make()
        return self._cast[what]


@pytest.fixture(scope="module")
def places(chat):
    """Where what is refused is tried: by what sets a room apart, and by how its owner has come."""
    with ExitStack() as closing_all:
        made = {}

        def places(act, way):
            apart = act if act == "topic_owner" or act in WITH_KEY else ""
            if (apart, way) not in made:
                place = closing_all.enter_context(closing(Place(chat, act, way, program=act in FRAMES)))
                made[apart, way] = place
            return made[apart, way]

        yield places


@pytest.mark.parametrize(("act", "target", "expected"), list(rows()))
def test_who_may_do_what_to_whom(chat, places, act, target, expected):
    _, watch = chat
    codes, on_record = {}, {}
    with ExitStack() as closing_them:
        cases = []
        for (actor, way), result in expected.items():
            owner_way = way if actor == "owner" else ""
            if result or act in HARMLESS or (act in ON_TARGET and target != "owner"):
                place = places(act, owner_way)
            else:
                place = closing_them.enter_context(closing(Place(chat, act, owner_way, program=act in FRAMES)))
            one = place.actor(actor, way)
            # An absent one goes in the end, and who was acted on is another.
            which = act if result else (act, actor, way)
            cases.append(((actor, way), place, one, place.target(target, one, which)))
        for case, place, one, who in cases:
            place.ready()
            watch.acts.pop(one.name, None)
            if act in FRAMES:
                code = one.ask(FRAMES[act] | {"room": place.room})
            else:
                for line in ACTS[act]:
                    code = one.run(line.format(who=who, room=place.room))
            codes[case] = code
            on_record[case] = act.partition("_")[0] in watch.acts[one.name]
    assert codes == expected
    if act.partition("_")[0] in ON_RECORD:
        assert on_record == {case: not result for case, result in expected.items()}
