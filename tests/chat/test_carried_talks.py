"""What two say alone, and what is said once, after another process has taken over."""

from datetime import UTC, datetime, timedelta
from weakref import ref

import pytest
from kit.carried_chats import next_hall
from kit.hall import JSON, Hall, Person

from greenchat.chat.accounts import Account
from greenchat.chat.carried import NotAtRestError, carry
from greenchat.chat.keys import Use, UsedKey, digest
from greenchat.config.schema import Limits
from greenchat.errors import Reject
from greenchat.protocol.replies import Ack

HELLO = digest("Hello!")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Keeper:
    """Keeps the conversations of accounts, as far as the chat hears of it."""

    epoch = "kept"

    def __init__(self):
        self.kept = []

    def between(self, one, other):
        return None

    def find(self, conversation):
        return None

    def keep(self, conversation, past, key=None):
        self.kept.append(conversation.id)

    def message(self, conversation, seq):
        return None


def told(hall, name):
    hall.end_turn()
    return hall.people[name].read()


def waits(tell):
    raise AssertionError("here it would be waited")


def test_guests_go_on_with_what_they_say_to_each_other():
    hall = Hall("ada", "bob", codec=JSON)
    said = hall.chat.whisper(hall.members["ada"], "bob", "helo")
    there = next_hall(next_hall(hall))
    ada, bob = there.members["ada"], there.members["bob"]
    answer = there.chat.converse(bob, said.conversation, "what?")
    assert (answer.seq, answer.conversation) == (2, said.conversation)
    talk = there.chat.conversation(ada, said.conversation)
    assert there.chat.edit(ada, talk, 1, "hello") == 3
    with pytest.raises(Reject, match="not yours"):
        there.chat.edit(bob, talk, 1, "haha")
    assert (talk.unread_by(ada), talk.unread_by(bob)) == (1, 0)
    assert [one.conversation for one in there.chat.conversations_of(ada)[0]] == [said.conversation]
    assert told(there, "ada")
    assert bob.last_writer[0] == "ada"
    assert bob.last_writer[1]() is talk


def test_it_ends_when_one_of_them_goes():
    hall = Hall("ada", "bob", "cy", codec=JSON)
    said = hall.chat.whisper(hall.members["ada"], "bob", "hello")
    there = next_hall(hall)
    there.leave("bob")
    assert any("bob has left the chat." in line and "ended" in line for line in told(there, "ada"))
    with pytest.raises(Reject, match="has ended"):
        there.chat.converse(there.members["ada"], said.conversation, "hello?")
    assert next_hall(there).members["cy"].last_writer is None


def test_who_wrote_last_may_be_gone():
    hall = Hall("ada", "bob", codec=JSON)
    hall.chat.whisper(hall.members["ada"], "bob", "hello")
    hall.leave("ada")
    name, conversation = next_hall(hall).members["bob"].last_writer
    assert (name, conversation()) == ("ada", None)


def test_one_may_talk_to_oneself():
    hall = Hall("ada", codec=JSON)
    said = hall.chat.whisper(hall.members["ada"], "ada", "note")
    there = next_hall(hall)
    assert there.chat.whisper(there.members["ada"], "ada", "another").conversation == said.conversation


def with_accounts():
    hall = Hall(codec=JSON)
    hall.chat.conversations.keeper = Keeper()
    accounts = [Account(1, "ada", "ada"), Account(2, "bob", "bob")]
    hall.chat.accounts.replace(accounts)
    for account in accounts:
        hall.people[account.name] = person = Person(JSON, account.id)
        hall.members[account.name] = hall.chat.join(person, account.name)
    return hall


def taken_over(hall, monkeypatch, accounts):
    """The same, where these accounts are known, and their conversations are kept."""
    from kit import carried_chats

    class Kept(Hall):
        def __init__(self, *names, **more):
            super().__init__(*names, **more)
            self.chat.conversations.keeper = Keeper()
            self.chat.accounts.replace(accounts)

    monkeypatch.setattr(carried_chats, "Hall", Kept)
    return next_hall(hall)


def test_accounts_go_on_and_what_they_say_is_kept(monkeypatch):
    hall = with_accounts()
    said = hall.chat.whisper(hall.members["ada"], "bob", "hello")
    hall.leave("bob")
    hall.chat.whisper(hall.members["ada"], "bob", "Are you there?")
    there = taken_over(hall, monkeypatch, [Account(1, "ada", "ada"), Account(2, "bob", "bob")])
    again = there.chat.whisper(there.members["ada"], "bob", "Hello?")
    assert (again.conversation, again.seq) == (said.conversation, 3)
    talk = there.chat.open_conversation(said.conversation)
    assert talk.keeper.kept == [said.conversation]
    assert (talk.epoch, talk.facts[2].name, talk.facts[1].said) == ("kept", "bob", 3)


def test_how_many_conversations_one_has_begun_of_late_counts_on():
    hall = Hall("ada", "bob", "cy", limits=Limits(new_conversations=1), codec=JSON)
    hall.chat.whisper(hall.members["ada"], "bob", "hello")
    hall.chat._count_new(77)
    there = next_hall(hall)
    with pytest.raises(Reject, match="as many as one may"):
        there.chat.whisper(there.members["ada"], "cy", "hello")
    with pytest.raises(Reject, match="as many as one may"):
        there.chat._count_new(77)
    there.chat.whisper(there.members["bob"], "cy", "hello")


# --- keys ---


def use(hall, owner, key="k", said=HELLO, is_new=False):
    return hall.chat.keys.use(owner, key, said, "lobby", waits, is_new=is_new)


def done(hall, owner, key="k", *, is_kept, problem=None):
    found = use(hall, owner, key)
    found.done("lobby", Ack(None, 7, 70, 7), is_kept=is_kept)
    found.settled(problem)
    found.free()


@pytest.mark.parametrize("owner", [7, b"stay"])
def test_what_is_known_here_alone_is_said_once(owner):
    hall = Hall("ada")
    done(hall, owner, is_kept=False)
    there = next_hall(next_hall(hall))
    assert use(there, owner) == Ack(None, 7, 70, 7)
    with pytest.raises(Reject, match="something else"):
        use(there, owner, said=digest("Bye."))
    assert isinstance(use(there, owner, "another"), Use)


def test_the_keys_of_who_has_no_place_are_theirs_as_long_as_they_are_there():
    hall = Hall("ada", "bob")
    done(hall, ref(hall.members["ada"]), is_kept=True)
    there = next_hall(next_hall(hall))
    assert isinstance(use(there, ref(there.members["bob"])), Use)
    assert use(there, ref(there.members["ada"])) == Ack(None, 7, 70, 7)


def test_what_is_kept_elsewhere_is_read_there():
    hall = Hall("ada")
    done(hall, 7, "kept", is_kept=True)
    done(hall, 7, "here", is_kept=False)
    there = next_hall(hall)
    used = UsedKey("kept", HELLO, "lobby", datetime.now(UTC), Ack(None, 9, 90, 9))
    there.chat.keys.sources.append(lambda owner, key: [used] if owner == 7 else [])
    assert use(there, 7, "kept") == Ack(None, 9, 90, 9)
    assert use(there, 7, "here") == Ack(None, 7, 70, 7)


def test_what_was_said_and_is_not_known_to_be_kept_is_not_said_again():
    hall = Hall("ada")
    done(hall, 7, is_kept=False, problem=Reject("The disk fails.", code="not_stored"))
    there = next_hall(hall)
    with pytest.raises(Reject, match="The disk fails") as found:
        use(there, 7)
    assert found.value.code == "not_stored"


def test_a_key_is_known_for_a_day_from_when_it_was_used():
    hall = Hall("ada")
    hall.chat.keys._now = lambda: NOON
    done(hall, 7, is_kept=False)
    there = next_hall(hall)
    there.chat.keys._now = lambda: NOON + timedelta(hours=25)
    assert isinstance(use(there, 7), Use)


def test_what_is_being_said_with_a_key_is_waited_for():
    hall = Hall("ada")
    found = use(hall, 7)
    with pytest.raises(NotAtRestError, match=r"with a key.*: 1"):
        carry(hall.chat)
    found.free()
    carry(hall.chat)
