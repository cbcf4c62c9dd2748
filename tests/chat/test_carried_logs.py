"""What was said in a place, after another process has taken over: found by number, by whose it is, and by how new."""

from datetime import UTC, datetime

from hypothesis import strategies as st
from kit.carried_chats import again, next_hall
from kit.hall import JSON, Hall
from kit.properties import TEXT, for_all

from greenchat.chat.carried_logs import carry_log, restore_log
from greenchat.chat.log import RECENT, Log, Past
from greenchat.chat.outlet import Login
from greenchat.chat.room import Member
from greenchat.protocol.events import Deleted, Edited, Message, Reacted
from greenchat.protocol.requests import History
from greenchat.protocol.runs import Key, Messages

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def people(count):
    """So many guests, and as many accounts."""
    guests = [Member(f"guest{one}", f"guest{one}", Login()) for one in range(count)]
    return guests + [Member(f"user{one}", f"user{one}", Login(f"user{one}", one + 1)) for one in range(count)]


def carried(log, members, times=1):
    """The log as it is after so many hand-overs, and who its people are then."""
    for _ in range(times):
        found = again(carry_log(log, {member: number for number, member in enumerate(members)}))
        members = [Member(one.name, one.key, one.login) for one in members]
        log = Log()
        restore_log(log, found, members, "lobby")
    return log, members


def seen(log, members):
    """All that anybody can find out of a log; people are told by their numbers."""

    def number(person):
        found = person() if person is not None else None
        return members.index(found) if found in members else None

    def told(past):
        reactions = [(one.emoji, one.name, one.account_id, number(one.member)) for one in past.reactions]
        return past.message, past.account_id, reactions, number(past.author)

    return (
        [told(past) for past in log.newer(0)],
        [(one.seq, [*one.texts], one.sender, one.account_id, number(one.author)) for one in log.behind(0)],
        [run.key for run, _ in log._runs],
        list(log.changed),
        [log.last_by(member, 0) for member in members],
        [log.may_read_from(member) for member in members],
        (log.oldest, log.reach(50), log.is_recalled, log.nothing_upto),
    )


class Talk:
    """Somebody says things in a log."""

    def __init__(self, members):
        self.members, self.log = members, Log()
        self.seq = self.rev = 0

    def say(self, who, *said, key=None, action=False, reply_to=0):
        member = self.members[who]
        login = member.login
        run = Messages(
            "lobby", self.seq + 1, 10**15 + self.seq, member.name, said, NOON, action, self.rev + 1, reply_to
        )
        run.account_id, run.account, run.key = login.account_id, login.account, key
        self.log.add(run, member)
        self.seq += len(said)
        self.rev += len(said)

    def change(self, who, seq, kind):
        past, member = self.log.find(seq), self.members[who]
        if past is None or isinstance(past.message, Deleted):
            return
        self.rev += 1
        change = {
            "edit": Edited("lobby", seq, self.rev, "another", member.name, NOON),
            "delete": Deleted("lobby", seq, self.rev, member.name, NOON),
            "react": Reacted("lobby", seq, self.rev, member.name, "👍", True, NOON),
            "unreact": Reacted("lobby", seq, self.rev, member.name, "👍", False, NOON),
        }[kind]
        self.log.change(past, change, member)


who = st.integers(0, 3)
steps = st.one_of(
    st.tuples(st.just("say"), who, st.lists(TEXT, min_size=1, max_size=3)),
    st.tuples(st.sampled_from(["edit", "delete", "react", "unreact"]), who, st.integers(1, 20)),
    st.tuples(st.sampled_from(["came", "went"]), who, st.none()),
)


@for_all(st.lists(steps, max_size=25), st.integers(1, 3))
def test_a_log_is_the_same_after_hand_overs(steps, times):
    talk = Talk(people(2))
    for step, one, what in steps:
        match step:
            case "say":
                talk.say(one, *what)
            case "came":
                talk.log.came(talk.members[one], talk.rev)
            case "went":
                talk.log.went(talk.members[one])
            case _:
                talk.change(one, what, step)
    log, members = carried(talk.log, talk.members, times)
    assert seen(log, members) == seen(talk.log, talk.members)


def test_keys_actions_and_answers_are_kept():
    talk = Talk(people(1))
    talk.say(0, "one", key=Key(b"stay", "k1", b"12345678"))
    talk.say(1, "two", key=Key(1, "k2", b""))
    talk.say(0, "waves", action=True)
    talk.say(1, "yes", reply_to=2)
    log, members = carried(talk.log, talk.members)
    assert seen(log, members) == seen(talk.log, talk.members)
    assert (log.find(3).message.action, log.find(4).message.reply_to) == (True, 2)


def test_nothing_is_taken_out_before_somebody_looks():
    talk = Talk(people(1))
    talk.say(0, "one")
    log, _ = carried(talk.log, talk.members, 2)
    assert log.put_off is not None
    assert log.find(1).message.text == "one"
    assert log.put_off is None
    assert not hasattr(log, "anything")


def test_what_is_said_next_comes_behind_it_and_the_oldest_goes():
    talk = Talk(people(1))
    talk.say(0, *["old"] * RECENT)
    log, members = carried(talk.log, talk.members)
    for seq, said in ((RECENT + 1, ("new",) * RECENT), (2 * RECENT + 1, ("last",))):
        log.add(Messages("lobby", seq, seq, "guest0", said, NOON, False, seq), members[0])
    assert log.oldest == RECENT + 1


def test_a_log_that_is_to_be_forgotten_needs_no_look():
    talk = Talk(people(1))
    talk.say(0, "one")
    log, _ = carried(talk.log, talk.members)
    log.forget()
    assert (log.find(1), log.put_off, log.newer(0)) == (None, None, [])


def test_what_cannot_be_read_is_nothing_and_on_record(caplog):
    talk = Talk(people(1))
    talk.say(0, "one")
    found = carry_log(talk.log, {})
    found.words = found.words[:-1]
    log = Log()
    restore_log(log, found, [], "lobby")
    assert log.newer(0) == []
    assert "what was said in lobby is not remembered" in caplog.text


def test_who_is_gone_for_good_is_nobody():
    talk = Talk(people(2))
    talk.say(0, "one")
    talk.change(1, 1, "react")
    talk.log.came(talk.members[0], 0)
    found = again(carry_log(talk.log, {}))
    log = Log()
    restore_log(log, found, [], "lobby")
    (past,) = log.newer(0)
    assert past.author is None or past.author() is None
    assert [one.name for one in past.reactions] == ["guest1"]
    assert [author() for _, author in log._runs] == [None]


def test_what_was_recalled_is_known_and_what_is_being_recalled_is_asked_again():
    log = Log()
    log.recall(
        [Past(Message("lobby", seq, seq, "old-timer", "old", NOON, rev=seq)) for seq in (3, 4, 5)], 5, is_all=True
    )
    members = people(1)
    assert seen(*carried(log, members)) == seen(log, members)
    log.is_recalled = False
    assert carried(log, members)[0].is_recalled is None


def test_who_comes_back_catches_up_from_where_they_were():
    hall = Hall("ada", "bob", codec=JSON)
    hall.say("ada", "one", "two", "three")
    lobby = hall.chat.rooms["lobby"]
    hall.chat.edit(hall.members["ada"], lobby, 1, "ONE")
    there = next_hall(hall)
    ask = History("lobby", rev=2, epoch=lobby.epoch, limit=10)
    page = there.chat.catch_up(there.members["bob"], there.chat.rooms["lobby"], ask)
    assert [(one.seq, one.text) for one in page.events] == [(3, "three"), (1, "ONE")]
    assert not page.anew
    there.enter("cy")
    page = there.chat.catch_up(there.members["cy"], there.chat.rooms["lobby"], ask)
    assert page.events == []


def test_a_log_keeps_nobody_alive():
    talk = Talk(people(1))
    talk.say(0, "one")
    log, members = carried(talk.log, talk.members)
    del talk, members
    assert log.find(1).author() is None
