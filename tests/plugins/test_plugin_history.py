"""The history plugin: what is kept, and who gets to read it, over a real server and a real file."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from greenchat_plugins.history import replays, retention, store, writer
from kit.histories import START, history, keep, kept, said
from kit.machine import eventually
from kit.programs import says, sync
from msgspec.structs import replace

from greenchat import Reject, hookimpl
from greenchat.client import Client, RefusedError
from greenchat.protocol.events import Joined, Left, Message, Renamed
from greenchat.protocol.replies import HistoryPage
from greenchat.storage.sqlite import open_database
from greenchat.testing import DEADLINE, serving

# As users have it.
REPLAY = {"plugins.history.replay": 20}

# Nothing is written unless somebody waits for it: what is on disk then is there for a reason.
LAZY = REPLAY | {"plugins.history.commit_seconds": 3600}

LANGUAGES = said(
    "lobby ada: hello everybody",
    "garden bob: the roses are out",
    "lobby Zoë: žluťoučký kůň pěl",
    "garden ada: don't pick the ROSES",
    "lobby bob: rosemary, hello",
)


def program(server, name, room="", **join):
    """A JSON client that has joined, and read its welcome and what comes with it."""
    client = Client.connect(server.host, server.port)
    server.peers.callback(client.close)
    client.join(name, room, **join)
    return client


def texts(events):
    return [event.text for event in events if isinstance(event, Message)]


def seqs(page):
    return [message.seq for message in page.events]


def rows(data_dir):
    """What another program finds in the file."""
    with closing(sqlite3.connect(f"file:{data_dir / store.FILE}?mode=ro", uri=True)) as connection:
        return connection.execute(
            "SELECT name, seq, sender, text FROM messages JOIN rooms ON rooms.id = room ORDER BY name, seq"
        ).fetchall()


# --- kept ---


@pytest.mark.parametrize("durability", ["commit", "relaxed"])
def test_what_is_acknowledged_is_on_disk(tmp_path, durability):
    with serving(settings=LAZY | {"plugins.history.durability": durability}, data_dir=tmp_path) as server:
        ada = program(server, "ada")
        for number in range(1, 6):
            ack = ada.confirm(ada.say(f"number {number}"))
            assert ack.seq == number
            assert rows(tmp_path)[-1] == ("lobby", number, "ada", f"number {number}")


def test_others_do_not_wait_for_the_disk_and_nothing_is_lost_at_the_end(tmp_path):
    with serving(settings=LAZY, data_dir=tmp_path) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|one", "MSG|/me waves")
        bob.expect("MSG|ada|one", "MSG|ada|* ada waves")
        assert rows(tmp_path) == []
    assert rows(tmp_path) == [("lobby", 1, "ada", "one"), ("lobby", 2, "ada", "waves")]
    assert [message.action for message in kept(tmp_path)] == [False, True]


def test_it_is_written_soon_though_nobody_waits(tmp_path):
    with serving(settings={"plugins.history.commit_seconds": 0.01}, data_dir=tmp_path) as server:
        server.join("ada").send("MSG|one")
        eventually(lambda: rows(tmp_path))


def test_what_is_too_much_for_one_write_does_not_wait_any_longer(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "BATCH", 10)
    with serving(settings=LAZY | {"plugins.history.waiting_messages": 100}, data_dir=tmp_path) as server:
        says(server.join("ada"), *(f"/me {number}" for number in range(60)))  # runs of one message
        eventually(lambda: len(rows(tmp_path)) >= 50)


def test_all_of_many_are_kept_once_and_in_order(tmp_path):
    many = 1000
    with serving(settings={"limits.outbox_bytes": 0}, data_dir=tmp_path) as server:
        clients = [program(server, name, room) for name, room in [("ada", ""), ("bob", ""), ("cy", "garden")]]
        refs = [[client.say(f"{number}") for number in range(many)] for client in clients]
        acks = [[client.confirm(ref) for ref in refs[place]] for place, client in enumerate(clients)]
    whole = rows(tmp_path)
    for who, room, answers in zip(("ada", "bob", "cy"), ("lobby", "lobby", "garden"), acks, strict=True):
        kept_of = [(seq, text) for place, seq, sender, text in whole if (place, sender) == (room, who)]
        assert kept_of == [(ack.seq, f"{number}") for number, ack in enumerate(answers)]
    assert [seq for room, seq, _, _ in whole if room == "lobby"] == list(range(1, 2 * many + 1))


def test_sequence_numbers_go_on_where_a_room_was_empty_and_after_a_restart(tmp_path):
    with serving(settings=LAZY, data_dir=tmp_path) as server:
        bob = program(server, "bob")
        for expected in (1, 2):
            ada = program(server, "ada", "garden")
            assert ada.welcome.seq == expected - 1
            ada.say("hello")
            ada.leave()
            assert list(ada)[-1].seq == expected
        assert bob.welcome.room == "lobby"
    with serving(data_dir=tmp_path) as server:
        ada = program(server, "ada", "garden")
        assert ada.welcome.seq == 2
        assert ada.confirm(ada.say("again")).seq == 3
        assert program(server, "bob").welcome.seq == 0


def test_many_who_open_a_room_at_once_and_leave_it_count_on_together(tmp_path):
    keep(tmp_path, said(*["garden ada: before"] * 30))
    with serving(settings=LAZY | {"plugins.history.replay": 5}, data_dir=tmp_path) as server:
        peers = [server.connect() for _ in range(20)]
        for number, peer in enumerate(peers):
            peer.send(f"JOIN|guest{number}|garden", f"MSG|{number}", "LEAVE")
        for peer in peers:
            while peer.read():
                pass
    assert [seq for _, seq, _, _ in rows(tmp_path)] == list(range(1, 51))


def test_an_old_file_is_brought_up_to_date(tmp_path):
    with closing(open_database(tmp_path / store.FILE, store.MIGRATIONS[:1])) as connection:
        connection.execute("INSERT INTO rooms (name) VALUES ('lobby')")
        connection.execute("INSERT INTO messages VALUES (7, 1, 1, 0, 'ada', 'very old', 0)")
    with serving(settings={"plugins.history.events": True}, data_dir=tmp_path) as server:
        bob = program(server, "bob")
        assert bob.confirm(bob.say("new")).seq == 2
        assert texts(bob.history().events) == ["very old", "new"]
        assert texts(bob.search("old").messages) == ["very old"]
        assert [type(event) for event in bob.history().events] == [Message, Joined, Message]


# --- told to newcomers ---


def heard(client, last):
    """All messages and pages that come up to the message `last`."""
    items = []
    while not any(isinstance(item, Message) and item.text == last for item in items):
        come = client.receive(DEADLINE)
        assert come, f"nothing came any more behind {items}"
        items += come
    return [item for item in items if isinstance(item, Message | HistoryPage)]


def test_newcomers_are_told_the_last_that_was_said(tmp_path):
    with serving(settings=LAZY | {"plugins.history.replay": 3}, data_dir=tmp_path) as server:
        ada = server.join("ada")
        assert says(ada, "one", "two", "three", "four") == []
        bob, cy = server.join("bob"), program(server, "cy")
        head, *told, tail = (bob.read() for _ in range(5))
        assert told == ["MSG|ada|two", "MSG|ada|three", "MSG|ada|four"]
        assert head.startswith("INFO|The last 3 messages in lobby, since ")
        assert tail.startswith("INFO|That was before, until ")
        ada.send("MSG|five")
        bob.expect("INFO|cy has joined the chat.", "MSG|ada|five")
        page, live = heard(cy, "five")
        assert (texts(page.events), page.more, page.ref) == (["two", "three", "four"], True, None)
        assert live.seq == 5


@pytest.mark.parametrize("opened_before", [True, False])
def test_newcomers_are_told_what_was_said_before_a_restart(tmp_path, opened_before):
    keep(tmp_path, LANGUAGES)
    with serving(settings=LAZY, data_dir=tmp_path) as server:
        if opened_before:
            server.join("dan").send("MSG|now")
        bob = program(server, "bob")
        says(server.join("ada"), "live")
        page, live = heard(bob, "live")
        expected = ["hello everybody", "žluťoučký kůň pěl", "rosemary, hello", *["now"] * opened_before]
        assert (texts(page.events), page.more) == (expected, False)
        assert live.seq == page.events[-1].seq + 1


@pytest.mark.parametrize("order", ["jmm", "mjm", "mmj"])  # who joins, and what is said
def test_each_message_comes_once_however_close_it_is_to_the_newcomer(tmp_path, order):
    with serving(settings=LAZY | {"plugins.history.replay": 1000}, data_dir=tmp_path) as server:
        ada, said = server.join("ada"), []
        for number in range(10):
            peer = server.connect()
            assert says(peer) == []  # the server waits for what it says next

            def at_once(peer=peer, number=number):
                for step in order:
                    if step == "j":
                        peer.send(f"JOIN|guest{number}")
                    else:
                        ada.send(f"MSG|{len(said)}")
                        said.append(f"MSG|ada|{len(said)}")

            server.call(at_once)  # within one turn of the server's loop
            told = [*peer.read_until(said[-1]), said[-1], *sync(peer)]
            assert [line for line in told if line.startswith("MSG|ada|")] == said


def test_whom_one_ignores_is_not_repeated_either(tmp_path):
    keep(tmp_path, said("garden ada: hello", "garden bob: hush"))
    with serving(settings=LAZY, data_dir=tmp_path) as server:
        server.join("bob")
        cy = server.join("cy")
        told = says(cy, "/ignore bob", "/join garden")
        assert "MSG|ada|hello" in told
        assert "MSG|bob|hush" not in told


def test_nothing_is_told_where_that_is_not_wanted(tmp_path):
    keep(tmp_path, LANGUAGES)
    with serving(settings={"plugins.history.replay": 0}, data_dir=tmp_path) as server:
        assert sync(server.join("ada")) == []
        assert texts(program(server, "bob").history(limit=1).events) == ["rosemary, hello"]


# --- pages ---


MINUTES = said(*[f"lobby ada: number {number}" for number in range(1, 11)], "garden ada: elsewhere")


def at(minutes):
    return START + timedelta(minutes=minutes - 1)


@pytest.mark.parametrize("unsaved", [0, 4, 10])
def test_pages(tmp_path, unsaved):
    """Of ten messages, at some of which the server has stopped; the others wait to be written."""
    keep(tmp_path, [message for message in MINUTES if message.seq <= 10 - unsaved])
    with serving(settings=LAZY, data_dir=tmp_path) as server:
        says(server.join("ada"), *(f"number {number}" for number in range(11 - unsaved, 11)))
        bob = program(server, "bob")
        for ask, expected, more in [
            ({}, range(1, 11), False),
            ({"limit": 10}, range(1, 11), False),
            ({"limit": 3}, range(8, 11), True),
            ({"limit": 0}, range(10, 11), True),
            ({"limit": -5}, range(10, 11), True),
            ({"before": 8, "limit": 3}, range(5, 8), True),
            ({"before": 4, "limit": 3}, range(1, 4), False),
            ({"before": 1}, (), False),
            ({"before": 100, "limit": 1}, range(10, 11), True),
            ({"after": 8}, range(9, 11), False),
            ({"after": 4, "limit": 3}, range(5, 8), True),
            ({"after": 7, "limit": 3}, range(8, 11), False),
            ({"after": 10}, (), False),
            ({"after": 2, "before": 9, "limit": 3}, range(6, 9), True),
            ({"after": 5, "before": 9, "limit": 3}, range(6, 9), False),
            ({"after": 9, "before": 9}, (), False),
            ({"after": -1, "limit": 2}, range(9, 11), True),
            ({"before": 2**64 - 1, "after": 8}, range(9, 11), False),
            ({"after": 2**64 - 1}, (), False),
        ]:
            page = bob.history(**ask)
            assert (seqs(page), page.more, page.room) == (list(expected), more, "lobby"), ask
            assert texts(page.events) == [f"number {number}" for number in expected]
        assert [seq for room, seq, _, _ in rows(tmp_path) if room == "lobby"] == list(range(1, 11 - unsaved))


def test_pages_by_time(tmp_path):
    keep(tmp_path, MINUTES)
    with serving(settings=LAZY, data_dir=tmp_path) as server:
        begin = datetime.now(UTC)
        says(server.join("ada"), "now")
        bob = program(server, "bob")
        for ask, expected, more in [
            ({"since": at(4), "limit": 3}, range(4, 7), True),
            ({"since": at(9)}, range(9, 12), False),
            ({"since": at(3) + timedelta(seconds=1), "limit": 1}, range(4, 5), True),
            ({"since": at(-9), "limit": 2}, range(1, 3), True),
            ({"until": at(4), "limit": 2}, range(2, 4), True),
            ({"until": at(1)}, (), False),
            ({"until": at(1) + timedelta(microseconds=1)}, range(1, 2), False),
            ({"since": at(3), "until": at(6)}, range(3, 6), False),
            ({"since": at(3), "until": at(6), "limit": 2}, range(4, 6), True),
            ({"since": at(6), "until": at(3)}, (), False),
            ({"since": at(3), "before": 6, "limit": 2}, range(4, 6), True),
            ({"since": at(3), "after": 5, "limit": 2}, range(6, 8), True),
            ({"since": begin}, range(11, 12), False),
            ({"since": datetime.now(UTC) + timedelta(days=1)}, (), False),
        ]:
            page = bob.history(**ask)
            assert (seqs(page), page.more) == (list(expected), more), ask
        assert bob.history("nowhere", since=at(1)).events == []


def test_a_page_has_no_more_than_the_server_allows(tmp_path):
    keep(tmp_path, MINUTES)
    with serving(settings={"plugins.history.page_messages": 4}, data_dir=tmp_path) as server:
        page = program(server, "bob").history(limit=10**9)
        assert (seqs(page), page.more) == ([7, 8, 9, 10], True)


def test_paging_up_and_down_shows_everything_once(tmp_path):
    keep(tmp_path, said(*[f"lobby ada: {number}" for number in range(1, 101)]))
    with serving(data_dir=tmp_path) as server:
        bob = program(server, "bob")
        page = bob.history(limit=7)
        up = seqs(page)
        while page.more:
            page = bob.history(before=page.events[0].seq, limit=7)
            up = seqs(page) + up
        page = bob.history(since=START, limit=7)
        down = seqs(page)
        while page.more:
            page = bob.history(after=page.events[-1].seq, limit=7)
            down += seqs(page)
        assert up == down == list(range(1, 101))


def test_what_was_said_a_moment_ago_is_on_the_page_also_ones_own(tmp_path):
    with serving(settings=LAZY, data_dir=tmp_path) as server:
        bob = program(server, "bob")
        bob.say("one")
        bob.say("two")
        assert texts(bob.history().events) == ["one", "two"]


def test_the_slash_command_for_people(tmp_path):
    with serving(settings=LAZY, data_dir=tmp_path) as server:
        ada = server.join("ada")
        assert says(ada, "/history") == ["INFO|Nothing was said here before."]
        ada.send("MSG|one", "MSG|/me waves")
        head, *told, tail = says(ada, "/history")
        assert told == ["MSG|ada|[1] one", "MSG|ada|[2] * ada waves"]
        assert head.startswith("INFO|The last 2 messages in lobby, since ")
        assert tail.startswith("INFO|That was before, ")
        assert says(ada, "/history 1")[1:-1] == ["MSG|ada|[2] * ada waves"]
        for wrong in ("0", "-1", "many", "1 2", "٣x", "9" * 4000):
            (refusal,) = says(ada, f"/history {wrong}")
            assert refusal.startswith("ERROR|")
            assert refusal.endswith("Type it so: /history [N]")


def test_comings_and_goings_are_kept_where_that_is_wanted(tmp_path):
    wanted = {"plugins.history.events": True}
    with serving(settings=LAZY | wanted, data_dir=tmp_path) as server:
        bob = program(server, "bob")
        ada = server.join("ada")
        says(ada, "hello", "/nick zoë")
        ada.send("LEAVE")
        ada.read_until("")
        says(server.join("cy"), "bye")
        before = bob.history().events
        bob.confirm(bob.say("kept"))
        after = bob.history().events
    with serving(settings=LAZY | wanted, data_dir=tmp_path) as server:
        later = program(server, "dan").history(after=1, limit=1)
    with serving(settings=LAZY, data_dir=tmp_path) as server:
        assert [type(event) for event in program(server, "dan").history().events] == [Message] * 3
    kinds = [Joined, Joined, Message, Renamed, Left, Joined, Message]
    assert [type(event) for event in before] == kinds
    assert after[:-1] == before
    assert [event.name for event in after if not isinstance(event, Message)] == ["bob", "ada", "ada", "zoë", "cy"]
    assert [type(event) for event in later.events] == [Message]
    assert (texts(later.events), later.more) == (["bye"], True)


# --- search ---


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A server whose history has what LANGUAGES says, and two programs: ada in the lobby, bob in the garden."""
    data_dir = tmp_path_factory.mktemp("library")
    keep(data_dir, LANGUAGES, indexed=False)
    with serving(settings=LAZY, data_dir=data_dir) as server:
        yield program(server, "ada"), program(server, "bob", "garden")


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("hello", [5, 1]),
        ("HELLO everybody", [1]),
        ("everybody hello", [1]),
        ("hello roses", []),
        ("roses", [4, 2]),
        ("rose", []),
        ("rose*", [5, 4, 2]),
        ("ros* pick", [4]),
        ("ro*", []),
        ("zlutoucky KUN", [3]),
        ("žluťoučký", [3]),
        ("don't", [4]),
        ("don t", [4]),
        ("t don'", [4]),
        ("ada", []),
        ("garden", []),
    ],
)
def test_all_words_are_looked_for_and_the_latest_come_first(library, words, ids):
    ada, _ = library
    answer = ada.search(words)
    assert [message.id for message in answer.messages] == ids
    assert (answer.text, answer.more) == (words, False)


@pytest.mark.parametrize(
    "words",
    [
        *['hello"', '"hello', 'hello*"', "'hello'", "(hello", "hello)", "hello:", "-hello", "^hello", "hello + \\"],
        *["{hello}", "hello;--", "hello\x00", "text:hello", "NEAR hello", "hello OR", "NOT hello", "hello AND AND"],
        *["{text room} : hello", "room : hello", "hello ) AND ( room : 1", "rank", "*hello", "**", "%hello_"],
    ],
)
def test_no_word_is_an_order_to_the_database(library, words):
    ada, _ = library
    plain = [
        word for word in ("text", "near", "or", "not", "and", "room", "rank", "1") if word in words.lower().split()
    ]
    if words == "**":
        with pytest.raises(RefusedError, match=r"Which words\?"):
            ada.search(words)
        return
    ids = [message.id for message in ada.search(words).messages]
    signs = set("^+%") & set(words)  # these are looked for like words
    assert ids == ([] if plain or signs or "text:" in words or "room" in words or "rank" in words else [5, 1])


@pytest.mark.parametrize("nothing", ["", " ", '"', "-", "* ! ?", "\x00"])
def test_a_search_for_nothing_is_refused(library, nothing):
    ada, _ = library
    with pytest.raises(RefusedError, match=r"Which words\? Write one or more of those that were said\.") as refused:
        ada.search(nothing)
    assert refused.value.code == "empty"


def test_a_search_for_too_many_words_is_refused(library):
    ada, _ = library
    assert ada.search("hello " * 16).messages
    with pytest.raises(RefusedError, match="These are more than 16 words"):
        ada.search("hello " * 17)


def test_a_search_in_one_room_and_in_parts(library):
    ada, _ = library
    assert [message.id for message in ada.search("hello", "garden").messages] == []
    assert [message.id for message in ada.search("roses", "GARDEN").messages] == [4, 2]
    first = ada.search("roses", limit=1)
    assert ([message.id for message in first.messages], first.more) == ([4], True)
    rest = ada.search("roses", limit=1, before=4)
    assert ([message.id for message in rest.messages], rest.more) == ([2], False)
    with pytest.raises(RefusedError, match="not valid"):
        ada.search("roses", "no room")


def test_what_was_said_a_moment_ago_is_found(tmp_path):
    with serving(settings=LAZY, data_dir=tmp_path) as server:
        ada, bob = server.join("ada"), program(server, "bob")
        says(ada, "needles")
        bob.say("more needles")
        assert texts(bob.search("needles").messages) == ["more needles", "needles"]
        for number in range(5):
            assert texts(bob.search(f"number{number}").messages) == []
            bob.say(f"number{number}")
            assert texts(bob.search(f"number{number}").messages) == [f"number{number}"]


def test_searching_for_people(tmp_path):
    keep(tmp_path, LANGUAGES)
    with serving(settings=LAZY | {"plugins.history.replay": 0}, data_dir=tmp_path) as server:
        ada = server.join("ada")
        assert says(ada, "/search roses") == [
            "INFO|2026-01-02 00:02 UTC in garden, ada: don't pick the ROSES",
            "INFO|2026-01-02 00:00 UTC in garden, bob: the roses are out",
            "INFO|2 messages with roses. That is all.",
        ]
        assert says(ada, "/search tulips") == ["INFO|Nothing was found with tulips."]
        assert says(ada, "/search") == ["ERROR|Something is missing. Type it so: /search WORDS"]


# --- who may read ---


class Cellar:
    """Only bob comes into rooms whose names begin so."""

    @hookimpl
    def greenchat_check_enter(self, session, name, room, key):
        if room.startswith("cellar") and name != "bob":
            raise Reject("Only bob may go there.", code="not_allowed")


def test_who_may_not_come_in_reads_and_finds_nothing(tmp_path):
    secrets = [f"cellar{number} bob: secret wine {number}" for number in range(40)]
    keep(tmp_path, said("lobby ada: wine", *secrets, "garden ada: more wine"))
    with serving(Cellar, settings=LAZY, data_dir=tmp_path) as server:
        ada, bob = program(server, "ada"), program(server, "bob")
        with pytest.raises(RefusedError, match="You may not read what is said in cellar1") as refused:
            ada.history("cellar1")
        assert refused.value.code == "not_allowed"
        with pytest.raises(RefusedError, match="You may not read"):
            ada.search("wine", "CELLAR1")
        assert texts(bob.history("cellar1").events) == ["secret wine 1"]
        assert texts(ada.search("wine").messages) == ["more wine", "wine"]
        page = ada.search("wine", limit=1)
        assert (texts(page.messages), page.more) == (["more wine"], True)
        assert len(bob.search("wine", limit=100).messages) == 42
        assert texts(bob.search("secret", "cellar1").messages) == ["secret wine 1"]
        assert says(server.join("cy"), "/search secret")[-1] == "INFO|Nothing was found with secret."


def test_who_has_not_joined_reads_nothing(tmp_path):
    keep(tmp_path, LANGUAGES)
    with serving(settings=LAZY, data_dir=tmp_path) as server:
        stranger = Client.connect(server.host, server.port)
        server.peers.callback(stranger.close)
        for ask in (stranger.history, lambda: stranger.search("hello")):
            with pytest.raises(RefusedError, match="You have not joined yet"):
                ask()
        netcat = server.connect()
        netcat.send("MSG|/history", "MSG|/search hello")
        refusal = "ERROR|You have not joined yet. Send JOIN|<username> first."
        netcat.expect(refusal, refusal)


# --- not for ever ---


def talk_of_days(*ages):
    """Ten messages of each age, in days, the oldest first, and numbered on."""
    now, messages = datetime.now(UTC), []
    for age in ages:
        messages += said(*[f"lobby ada: word day{age}"] * 10, start=now - timedelta(days=age, minutes=9))
    return [
        Message(message.room, number, number, message.sender, message.text, message.time)
        for number, message in enumerate(messages, 1)
    ]


@pytest.mark.parametrize(
    ("setting", "first_left"),
    [({"keep_days": 5}, 21), ({"keep_messages": 7}, 34), ({"keep_days": 5, "keep_messages": 35}, 21), ({}, 1)],
)
def test_what_is_old_or_too_much_is_removed(tmp_path, setting, first_left, monkeypatch):
    monkeypatch.setattr(retention.trim, "__defaults__", (3,))  # many steps
    keep(tmp_path, talk_of_days(20, 10, 2, 1))
    settings = LAZY | {f"plugins.history.{name}": value for name, value in setting.items()}
    with serving(settings=settings, data_dir=tmp_path) as server:
        eventually(lambda: rows(tmp_path)[0][1] == first_left)
        bob = program(server, "bob")
        says(server.join("ada"), "new")
        told = heard(bob, "new")[0].events
        assert [message.seq for message in told] == list(range(max(first_left, 21), 41))
        assert bob.welcome.seq == 40
        page = bob.history(since=START - timedelta(days=999), limit=100)
        assert seqs(page)[0] == first_left
        assert bob.search("word", limit=100).messages[-1].seq == first_left
    assert rows(tmp_path)[-1][:2] == ("lobby", 41)
    assert history(tmp_path, "verify").exit_code == 0


def test_a_room_whose_messages_are_all_gone_counts_on(tmp_path):
    keep(tmp_path, talk_of_days(20))
    with serving(settings=REPLAY | {"plugins.history.keep_days": 5}, data_dir=tmp_path) as server:
        eventually(lambda: rows(tmp_path) == [])
        bob = program(server, "bob")
        assert bob.welcome.seq == 10
        assert bob.history().events == []
    with serving(settings=REPLAY | {"plugins.history.keep_days": 5}, data_dir=tmp_path) as server:
        bob = program(server, "bob")
        assert bob.confirm(bob.say("new")).seq == 11


def test_who_was_forgotten_is_not_told_to_newcomers_any_more(tmp_path):
    keep(tmp_path, LANGUAGES)
    with serving(settings=REPLAY, data_dir=tmp_path) as server:
        says(server.join("dan"), "hi")
        assert history(tmp_path, "forget", "--user", "ada", "--yes").exit_code == 0

        def told():
            peer = server.join("cy")
            lines = sync(peer)
            peer.send("LEAVE")
            peer.read_until("")
            return lines

        eventually(lambda: not any("hello everybody" in line for line in told()))
        assert any("rosemary" in line for line in told())


# --- the clock ---


def test_numbers_and_times_go_on_where_the_clock_was_set_back_over_a_restart(tmp_path):
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=300)
    before = [
        replace(message, id=int(later.timestamp()) * 1_000_000 + message.id)
        for message in said("lobby ada: one", "garden ada: a", "lobby ada: two", start=later)
    ]
    keep(tmp_path, before)
    latest = before[-1]
    with serving(settings=LAZY, data_dir=tmp_path) as server:
        ada = program(server, "ada")
        ack = ada.confirm(ada.say("three"))
        assert (ack.seq, ack.id > latest.id) == (3, True)
        assert ada.history().events[-1].time == latest.time
        assert texts(ada.history(since=latest.time).events) == ["two", "three"]
        assert texts(ada.history(until=latest.time).events) == ["one"]
    assert [message.text for message in kept(tmp_path)] == ["one", "a", "two", "three"]
    with serving(settings=LAZY, data_dir=tmp_path) as server:  # where nothing is told, it is known all the same
        ada = program(server, "ada", "garden")
        ada.confirm(ada.say("b"))
        assert texts(ada.history(since=before[1].time).events) == ["a", "b"]


def test_numbers_go_on_behind_what_is_known_only_later(tmp_path):
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=300)
    (message,) = said("lobby ada: one", start=later)
    message = replace(message, id=int(later.timestamp()) * 1_000_000)
    keep(tmp_path, [message])
    whole, file = tmp_path / "whole", tmp_path / store.FILE
    file.rename(whole)
    file.write_bytes(b"garbage" * 1000)
    with serving(settings=LAZY | {"plugins.history.busy_seconds": 0.05}, data_dir=tmp_path) as server:
        ada, bob = program(server, "ada"), server.join("bob")
        with pytest.raises(RefusedError):
            ada.confirm(ada.say("two"))
        whole.rename(file)
        bob.read_until("INFO|History is on again.")
        assert ada.confirm(ada.say("three")).id > message.id
        assert texts(ada.history(since=later).events) == ["one", "two", "three"]
        assert [event.time for event in ada.history().events] == [later] * 3


def test_times_of_a_room_never_fall_while_the_clock_does(tmp_path, monkeypatch):
    clock = [datetime(2030, 1, 1, tzinfo=UTC)]

    class Clock(datetime):
        @classmethod
        def now(cls, zone):
            return clock[0]

    with serving(data_dir=tmp_path) as server:
        monkeypatch.setattr("greenchat.chat.place.datetime", Clock)
        ada, bob = program(server, "ada"), program(server, "bob", "garden")
        ada.confirm(ada.say("one"))
        clock[0] -= timedelta(days=1)
        ada.confirm(ada.say("two"))
        clock[0] += timedelta(days=2)
        ada.confirm(ada.say("three"))
        assert [event.time.day for event in ada.history().events] == [1, 1, 2]
        bob.confirm(bob.say("a"))
        clock[0] -= timedelta(days=2)
        bob.leave()
        assert list(bob)
        bob = program(server, "bob", "garden")  # a room that is opened anew
        bob.confirm(bob.say("b"))
        assert [event.time.day for event in bob.history().events] == [2, 2]


def test_only_what_was_changed_is_read_again(tmp_path, monkeypatch):
    """There may be ten thousand rooms, whose last words are at hand."""
    keep(tmp_path, said(*(f"room{number} {'ada' if number == 7 else 'bob'}: hello" for number in range(30))))
    read = []
    load = replays.Replays._load

    def load_and_tell(self, room):
        load(self, room)
        read.append(room.name)

    with serving(settings=REPLAY | {"limits.rooms_per_session": 0}, data_dir=tmp_path) as server:
        dan = program(server, "dan", "room0")
        for number in range(1, 30):
            dan.enter(f"room{number}")
        dan.confirm(dan.say("not written yet, or just so", "room3"))
        monkeypatch.setattr(replays.Replays, "_load", load_and_tell)
        assert history(tmp_path, "forget", "--user", "ada", "--yes").exit_code == 0
        eventually(lambda: "room7" in read)
        assert set(read) <= {"room3", "room7"}
        bob = server.join("bob", "room7")
        assert any("(forgotten)" in line for line in sync(bob))
