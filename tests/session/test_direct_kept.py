"""What two accounts say to each other alone is kept, and waits for who is away."""

import sqlite3
from contextlib import closing

import pytest
from kit.accounts import SECRET, accounts, registered
from kit.machine import eventually
from kit.programs import Program, says, sync
from kit.sessions import settled

from greenchat.storage.direct_rows import FILE
from greenchat.testing import DEADLINE

QUIET = {"plugins.history.replay": 0, "plugins.accounts.registrations_per_hour": 0, "limits.absence_seconds": 0.01}


@pytest.fixture
def chat(tmp_path):
    with accounts(data_dir=tmp_path, settings=QUIET) as server:
        for name in ("ada", "bob"):
            registered(server, name).send("LEAVE")
        yield server


def login(server, name, **join):
    one = Program(server)
    one.welcome = one.join(name=name, login=SECRET, **join)
    assert one.welcome["type"] == "welcome", one.welcome
    settled(one)
    one.listed = one.conversations
    return one


def netcat(server, name):
    """What a plain client reads that logs in and joins."""
    peer = server.connect()
    peer.send(f"MSG|/login {name} {SECRET}", f"JOIN|{name}")
    return peer, sync(peer)


def say(program, text, **where):
    return program.request(type="say", text=text, **where)


def page(program, conversation, **ask):
    return program.request(type="history", conversation=conversation, **ask)


def texts(frame):
    return [event.get("text") for event in frame["events"]]


def test_it_waits_for_who_is_away_and_goes_on_after_a_restart(tmp_path):
    with accounts(data_dir=tmp_path, settings=QUIET) as server:
        for name in ("ada", "bob"):
            registered(server, name).send("LEAVE")
        ada = login(server, "ada")
        first = say(ada, "one", to="bob", key="k1")
        assert (first["seq"], first["rev"], first["with"]) == (1, 1, "bob")
        talk = first["conversation"]
        assert say(ada, "two", conversation=talk)["seq"] == 2
        assert ada.request(type="react", conversation=talk, seq=1, emoji="👍")["rev"] == 3
        assert ada.request(type="delete", conversation=talk, seq=2)["rev"] == 4
        epoch = page(ada, talk)["epoch"]
    with accounts(data_dir=tmp_path, settings=QUIET) as server:
        bob = login(server, "bob")
        assert bob.listed["epoch"] == epoch, "a clean restart begins no new time"
        listed = {"conversation": talk, "with": "ada", "seq": 2, "rev": 4, "read": 0, "unread": 1}
        assert bob.listed["direct"] == [listed]
        missed = page(bob, talk, rev=0, epoch=epoch)
        assert [(event["type"], event["seq"], event["rev"]) for event in missed["events"]] == [
            ("message", 1, 3),
            ("deleted", 2, 4),
        ]
        assert missed["events"][0]["reactions"] == {"👍": ["ada"]}
        assert (missed["with"], missed["rev"]) == ("ada", 4)
        answer = say(bob, "three", conversation=talk, reply_to=1)
        assert (answer["seq"], answer["rev"]) == (3, 5)
        phone, laptop = login(server, "ada"), login(server, "ada")
        assert say(phone, "one", to="bob", key="k1")["seq"] == 1, "said before, and not once more"
        assert page(phone, talk)["rev"] == 5
        assert say(phone, "four", to="BOB")["conversation"] == talk
        own = laptop.read_until("message")
        assert (own["text"], own["own"], own["with"], own["seq"]) == ("four", True, "bob", 4)
        assert phone.request(type="edit", conversation=talk, seq=1, text="One.")["rev"] == 7
        assert bob.read_until("edited")["conversation"] == talk
        assert texts(page(bob, talk, limit=2)) == ["three", "four"]
        assert texts(page(bob, talk, before=3)) == ["One.", None]
        assert page(bob, talk, rev=6, epoch="x")["anew"]


def test_what_was_deleted_while_an_edit_was_looked_at_stays_deleted(chat):
    """Whom somebody who is away ignores is read from a file, and that takes a while."""
    ada, talks = login(chat, "ada"), chat.server.chat.conversations
    talk = say(ada, "one", to="bob")["conversation"]
    look = talks.ignored_by

    def deleted_meanwhile(account_id):
        talks.ignored_by = look
        chat.server.chat.delete(chat.server.chat.find("ada"), talks.open(talk), 1)
        return look(account_id)

    talks.ignored_by = deleted_meanwhile
    assert ada.request(type="edit", conversation=talk, seq=1, text="One.")["code"] == "unknown_message"
    assert texts(page(ada, talk)) == [None]


def test_an_answer_is_said_once_as_well_after_a_restart_too(tmp_path):
    with accounts(data_dir=tmp_path, settings=QUIET) as server:
        for name in ("ada", "bob"):
            registered(server, name).send("LEAVE")
        ada = login(server, "ada")
        talk = say(ada, "one", to="bob")["conversation"]
        first = say(ada, "two", conversation=talk, reply_to=1, key="k1")
        ada.request(type="delete", conversation=talk, seq=1)
    with accounts(data_dir=tmp_path, settings=QUIET) as server:
        again = say(login(server, "ada"), "two", conversation=talk, reply_to=1, key="k1")
        assert (again["seq"], again["id"]) == (first["seq"], first["id"])


def test_nobody_else_reads_it(chat):
    ada = login(chat, "ada")
    talk = say(ada, "psst", to="bob")["conversation"]
    eve = Program(chat, "eve")
    registered(chat, "cy").send("LEAVE")
    cy = login(chat, "cy")
    for one in (eve, cy):
        assert page(one, talk)["code"] == "conversation_gone"
        assert say(one, "me too", conversation=talk)["code"] == "conversation_gone"
        for act in (
            {"type": "edit", "text": "x"},
            {"type": "delete"},
            {"type": "react", "emoji": "👍"},
            {"type": "read"},
        ):
            assert one.request(conversation=talk, seq=1, **act)["code"] == "conversation_gone"
    assert texts(page(ada, talk)) == ["psst"]


def test_a_plain_client_reads_what_waited_when_it_comes_in_and_no_second_time(chat):
    ada, lines = netcat(chat, "ada")
    assert not any("While you were away" in line for line in lines)
    assert says(ada, "/msg bob one") == ["INFO|To bob: one", "INFO|bob is away and will read it later."]
    assert says(ada, "/msg bob two") == ["INFO|To bob: two"]
    bob, lines = netcat(chat, "bob")
    waited = [
        "INFO|While you were away: 2 messages to you alone.",
        "MSG|ada (private)|one",
        "MSG|ada (private)|two",
        "INFO|That was while you were away.",
    ]
    start = lines.index(waited[0])
    assert lines[start : start + 4] == waited
    assert "MSG|bob (private)|three" in says(bob, "/reply three") + sync(ada)
    says(ada, "/msg bob four")
    bob.read_until("MSG|ada (private)|four")
    bob.send("LEAVE")
    bob.expect_closed()
    bob, lines = netcat(chat, "bob")
    assert not any("(private)" in line for line in lines)
    told = says(bob, "/messages ada 3")
    assert told[0].startswith("INFO|The last 3 messages between you and ada")
    assert told[1:4] == ["MSG|ada (private)|two", "MSG|bob (private)|three", "MSG|ada (private)|four"]


def test_of_very_much_the_last_is_told_and_how_to_read_more(chat, monkeypatch):
    monkeypatch.setattr("greenchat.session.waiting.MOST_TOLD", 2)
    ada = login(chat, "ada")
    for text in ("one", "two", "three"):
        say(ada, text, to="bob")
    _, lines = netcat(chat, "bob")
    start = lines.index("INFO|While you were away: 3 messages to you alone.")
    assert lines[start + 1 : start + 4] == [
        "MSG|ada (private)|two",
        "MSG|ada (private)|three",
        "INFO|There is 1 more before these. To read what somebody wrote: MSG|/messages ada 100",
    ]


def test_what_one_has_read_is_known_on_all_devices_and_is_not_told_again(chat):
    ada, phone = login(chat, "ada"), login(chat, "bob")
    laptop = login(chat, "bob")
    talk = say(ada, "one", to="bob")["conversation"]
    say(ada, "two", to="bob")
    assert phone.request(type="read", conversation=talk, seq=1)["type"] == "ack"
    assert laptop.read_until("read") == {"type": "read", "room": "", "seq": 1, "conversation": talk}
    assert login(chat, "bob").listed["direct"][0]["unread"] == 1
    _, lines = netcat(chat, "bob")
    assert [line for line in lines if "(private)" in line] == ["MSG|ada (private)|two"]
    assert login(chat, "bob").listed["direct"][0]["unread"] == 0


def test_what_a_plain_client_was_told_is_read_on_the_other_devices(chat):
    ada, laptop = login(chat, "ada"), login(chat, "bob")
    talk = say(ada, "one", to="bob")["conversation"]
    netcat(chat, "bob")
    assert laptop.read_until("read") == {"type": "read", "room": "", "seq": 1, "conversation": talk}
    say(ada, "two", conversation=talk)
    assert [laptop.read()["type"] for _ in range(2)] == ["message", "read"]
    assert login(chat, "bob").listed["direct"][0]["unread"] == 0


def test_who_has_never_answered_and_is_away_is_sent_little(chat):
    ada = login(chat, "ada")
    acks = [say(ada, str(n), to="bob") for n in range(6)]
    assert [ack["type"] for ack in acks] == ["ack"] * 5 + ["error"]
    assert acks[5]["code"] == "too_many_unanswered"
    bob = login(chat, "bob")
    assert say(ada, "there?", to="bob")["seq"] == 6, "who is here is here"
    assert say(bob, "Yes!", to="ada")["seq"] == 7
    bob.leave()
    for number in range(3):
        assert say(ada, "more", to="bob")["seq"] == 8 + number


def test_whom_the_away_one_ignores_is_refused_and_guests_write_to_nobody_who_is_away(chat):
    ada, bob = login(chat, "ada"), login(chat, "bob")
    bob.ask("/ignore ada")
    bob.leave()
    assert say(ada, "psst", to="bob")["code"] == "ignored"
    eve = Program(chat, "eve")
    assert say(eve, "psst", to="bob")["code"] == "unknown_user"
    assert say(ada, "psst", to="nobody")["code"] == "unknown_user"


def test_an_account_that_is_gone_ends_its_conversations_which_can_still_be_read(chat):
    ada, bob = login(chat, "ada"), login(chat, "bob")
    talk = say(ada, "psst", to="bob")["conversation"]
    bob.ask(f"/unregister {SECRET}")
    ended = ada.read_until("ended")
    assert (ended["conversation"], ended["with"]) == (talk, "bob")
    assert say(ada, "still?", conversation=talk)["code"] == "conversation_gone"
    bob.leave()
    registered(chat, "bob").send("LEAVE")
    assert say(ada, "you?", to="bob")["conversation"] != talk, "somebody else, perhaps"
    assert texts(page(ada, talk)) == ["psst"]
    assert texts(page(login(chat, "ada"), talk)) == ["psst"]


def test_deleted_words_are_out_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr("greenchat.storage.direct_tidy.CLEAN_SECONDS", 0.01)
    with accounts(data_dir=tmp_path, settings=QUIET) as server:
        for name in ("ada", "bob"):
            registered(server, name).send("LEAVE")
        ada = login(server, "ada")
        talk = say(ada, "xyzzy-secret", to="bob")["conversation"]
        ada.request(type="delete", conversation=talk, seq=1)
        files = [tmp_path / FILE, tmp_path / f"{FILE}-wal"]
        eventually(lambda: not any(b"xyzzy" in file.read_bytes() for file in files if file.exists()))


def test_what_cannot_be_kept_is_said_and_told_so(tmp_path, monkeypatch):
    monkeypatch.setattr("greenchat.storage.direct_store.BUSY_SECONDS", 0.05)
    monkeypatch.setattr("greenchat.storage.direct_store.RETRY_SECONDS", 0.05)
    with accounts(data_dir=tmp_path, settings=QUIET) as server:
        for name in ("ada", "bob"):
            registered(server, name).send("LEAVE")
        ada, bob = login(server, "ada"), login(server, "bob")
        talk = say(ada, "one", to="bob")["conversation"]
        epoch = page(ada, talk)["epoch"]
        bob.read_until("message")
        with closing(sqlite3.connect(tmp_path / FILE, DEADLINE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert say(ada, "two", conversation=talk)["code"] == "not_stored"
            assert bob.read_until("message")["text"] == "two"
            assert ada.request(type="edit", conversation=talk, seq=1, text="One.")["code"] == "not_stored"
            assert page(bob, talk)["code"] == "history_off"
            other.execute("ROLLBACK")
        eventually(lambda: "code" not in page(bob, talk))
        assert say(ada, "three", conversation=talk)["seq"] == 3
        after = page(bob, talk)
        assert texts(after) == ["One.", "two", "three"], "what waited is kept after all"
        assert after["epoch"] != epoch


def test_a_guests_conversation_is_not_in_the_file(chat, tmp_path):
    ada, eve = login(chat, "ada"), Program(chat, "eve")
    talk = say(eve, "xyzzy", to="ada")["conversation"]
    assert texts(page(ada, talk)) == ["xyzzy"]
    assert [one["conversation"] for one in login(chat, "ada").listed["direct"]] == [talk]
    assert settled(eve) is not None
    with closing(sqlite3.connect(tmp_path / FILE)) as file:
        assert file.execute("SELECT count(*) FROM messages").fetchone() == (0,)
