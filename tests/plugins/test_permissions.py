"""Who may do what to whom: the whole table, over a real server.

Each case has a room of its own, and people who have come only for it. Some of them are on plain clients, some programs.
"""

import itertools
from collections import defaultdict
from contextlib import closing

import pytest
from kit.programs import Anybody, Program, crown, sync, without_plugins
from kit.sessions import PATIENT, back, lose

from greenchat import Refused, hookimpl
from greenchat.testing import serving

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

# What the audit trail has, under its first word.
ON_RECORD = {"op", "deop", "kick", "ban", "unban", "mute", "unmute", "slow", "announce"}

MOST_PEOPLE = 6000
numbers = itertools.count()


def cases():
    _, *rows = (line.split() for line in TABLE.splitlines() if line)
    for act, target, *results in rows:
        for actor, result in zip(ACTORS, results, strict=True):
            expected = {"yes": "", ".": "not_allowed"}.get(result, result)
            for way in ("", *WAYS.get(actor, ())):
                by = f"{actor}-{way}" if way else actor
                yield pytest.param(act, target, actor, way, expected, id=f"{act}-{target}-by-{by}")


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
        number = next(numbers)
        name = f"op{number}" if kind in ("operator", "namesake") else f"{kind}{number}"
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
    crown(data_dir, *(f"op{number}" for number in range(MOST_PEOPLE)))
    settings = without_plugins("accounts", "people", "web") | PATIENT
    with serving(Anybody, watch, settings=settings, data_dir=data_dir) as server:
        yield server, watch


@pytest.fixture
def people(chat):
    with closing(People(*chat)) as people:
        yield people


@pytest.mark.parametrize(("act", "target", "actor", "way", "expected"), list(cases()))
def test_who_may_do_what_to_whom(chat, people, act, target, actor, way, expected):
    _, watch = chat
    room = f"room{next(numbers)}"
    owner = people.make("owner", room, program=act in FRAMES or (way and actor == "owner"))
    outside = "lobby" if act in FROM_OUTSIDE else room
    one = owner if actor == "owner" else people.make(actor, outside, program=act in FRAMES or way)
    if way:
        one.again(way, people.made)
    match target:
        case "oneself":
            who = one.name
        case "owner":
            who = owner.name
        case "nobody" | "-":
            who = f"nobody{next(numbers)}"
        case "elsewhere":
            who = people.make("guest", "lobby").name
        case "address":
            who = "10.1.2.0/24"
        case _:
            who = people.make(target, room).name
    if act == "topic_owner":
        assert owner.run("/room topic-by owner") == ""
    elif act.endswith("_key") and act != "room_key":
        assert owner.run("/room key sesame") == ""
    if act in FRAMES:
        code = one.ask(FRAMES[act] | {"room": room})
    else:
        for line in ACTS[act]:
            code = one.run(line.format(who=who, room=room))
    assert code == expected
    word = act.partition("_")[0]
    if word in ON_RECORD:
        assert (word in watch.acts[one.name]) == (not expected)
