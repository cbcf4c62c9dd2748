"""`greenchat connect` on a terminal, in conversations of two: what waits for who comes in, and what they
have missed."""

import pytest
from kit.accounts import CHEAP, SECRET
from kit.peers import event, message, page, welcome
from kit.terminals import CTRL_D, ENTER

from greenchat.client import Client
from greenchat.connect import Exit
from greenchat.connect.names import Completed, Names
from greenchat.connect.reading import READ_SECONDS, Gap, Reading
from greenchat.connect.telling import unread
from greenchat.protocol.events import EPOCH, Left, Renamed
from greenchat.protocol.replies import Conversations, DirectState, RoomState, Welcome
from greenchat.testing import serving

pytest_plugins = ["kit.terminal_fixtures"]


@pytest.fixture
def server(tmp_path):
    with serving(settings=CHEAP | {"limits.unanswered_messages": 0}, data_dir=tmp_path / "data") as server:
        yield server


@pytest.fixture
def joined(server):
    """Join as a program; the first time, `new`, one registers."""

    def joined(name, *, new=False):
        client = server.peers.enter_context(Client.connect("127.0.0.1", server.port))
        client.join(name, login="" if new else SECRET)
        if new:
            client.confirm(client.say(f"/register {SECRET}", "lobby"))
        return client

    return joined


@pytest.fixture
def open_ada(open_terminal, server, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    return lambda: open_terminal(f"127.0.0.1:{server.port}", "--name", "ada", "--login-file", secret)


def write(client, *texts, to="ada"):
    return [client.confirm(client.say(text, to=to)) for text in texts]


def without_times(lines):
    """Lines that begin with, or end in, the time of the message."""
    return [line.split(" ", 1)[1] if line[:2].isdigit() else line.rpartition(", ")[0] or line for line in lines]


def test_what_waits_is_told_shown_and_read(joined, open_ada):
    joined("ada", new=True).leave()
    bob, eve = joined("bob", new=True), joined("eve", new=True)
    bob.confirm(bob.say("Is ada here?", "lobby"))
    write(eve, *(f"{number}" for number in range(21)))
    write(bob, "one", "two\nlines")
    ada = open_ada()
    ada.wait(lambda lines: lines[-1] == ">" and "private" in lines[-4])
    assert ada.written.count(b"Unread: bob 2, eve 21, lobby 1 (1 mentions you).") == 1
    at = ada.lines.index("[INFO] There is more. Type: /messages eve 21")
    assert without_times(ada.lines[at - 2 : at + 1])[0] == "[eve (private)]: 20"
    assert without_times(ada.lines[at + 1 :]) == [
        "[INFO] The last 2 messages between you and bob",
        "[bob (private)]: one",
        "[bob (private)]: two",
        "    lines",
        "[INFO] That was before",
        ">",
    ]
    phone = joined("ada")
    assert [state.unread for state in phone.overview().direct] == [0, 21], "one has not seen all of eve's"
    ada.type("hello" + ENTER + "/msg bo\tGladly!" + ENTER)
    ada.wait_for("> /msg bob Gladly!", "[INFO] To bob: Gladly!", ">")
    ask = write(bob, "At one?")[0]
    answer = bob.confirm(bob.say("Or two?", conversation=ask.conversation, reply_to=3))
    bob.confirm(bob.react("", 3, "🌷", conversation=ask.conversation))
    bob.confirm(bob.edit("", answer.seq, "Or three?", conversation=ask.conversation))
    bob.confirm(bob.delete("", ask.seq, conversation=ask.conversation))
    ada.wait_for(
        "[bob (private)]: At one?",
        '[bob (private)]: (to ada: "Gladly!") Or two?',
        '[INFO] bob (private) reacts with 🌷 to ada: "Gladly!"',
        '[INFO] bob (private) has changed "Or two?": Or three?',
        "[INFO] bob (private) has deleted a message.",
        ">",
    )
    ada.type("/MSG bob" + ENTER)
    ada.wait(lambda lines: "That was before" in lines[-2] and lines[-1] == ">")
    assert without_times(ada.lines[-4:-2]) == [
        "[ada to bob (private)]: Gladly! (🌷 1)",
        '[bob (private)]: (to ada: "Gladly!") Or three? (changed)',
    ]
    ada.type("/msg bob /edit Gladly, bob!" + ENTER + "/msg bob /re Three." + ENTER + "/msg bob /react 🌷" + ENTER)
    ada.wait_for(
        '[INFO] ada (private) has changed "Gladly!": Gladly, bob!',
        '[INFO] ada (private) reacts with 🌷 to ada: "Three."',
        ">",
    )
    ada.type("/msg bob /delete" + ENTER)
    ada.wait_for("> /msg bob /delete", "[INFO] ada (private) has deleted a message.", ">")
    assert [event.text for event in bob.history("lobby").events] == ["Is ada here?", "hello"], "nothing of it is public"
    ada.type("/messages eve 21" + ENTER)
    ada.wait(lambda lines: "That was before" in lines[-2] and "eve" in lines[-3] and lines[-1] == ">")
    ada.type(CTRL_D)
    assert ada.end() == Exit.DELIVERED
    assert [state.unread for state in joined("ada").overview().direct] == [0, 0], "it is told at the end, too"


STATE = {"seq": 3, "rev": 3, "read": 1, "unread": 2}
NASTY = "\x1b[31mbob\x07\n[eve]: hi"


def test_words_of_others_do_not_drive_the_terminal(open_terminal, raw):
    terminal = open_terminal(*raw.address, "--name", "alice")
    raw.accept()
    direct = {"conversation": "c", "with": NASTY, **STATE}
    rooms = [{"room": NASTY, "mentions": 1, **STATE}]
    ref = raw.read()["ref"]
    raw.send(welcome(ref=ref, protocol=2), {"type": "conversations", "rooms": rooms, "direct": [direct]})
    ask = raw.read()
    assert (ask["conversation"], ask["after"], ask["before"]) == ("c", 1, 4)
    said = [message(seq, NASTY, room="", sender=NASTY, conversation="c", **{"with": NASTY}) for seq in (2, 3)]
    raw.send(page(*said, room="", conversation="c", ref=ask["ref"], more=True, **{"with": NASTY}))
    raw.answer_commands()
    terminal.wait(lambda lines: lines[-1] == ">" and "/messages" in " ".join(lines[-3:]))
    read = raw.read()
    assert (read["type"], read["conversation"], read["seq"]) == ("read", "c", 3)
    raw.refuse(read, "conversation_gone", "It has ended.")
    raw.send(event("joined", name="bob"))
    terminal.wait_for("[INFO] bob has joined the chat.", ">")
    raw.send(message(1, "seen"), message(7, "elsewhere", room="garden"))
    terminal.wait_for("[bob]: seen", "[garden] [bob]: elsewhere", ">")
    terminal.type(CTRL_D)
    last = raw.read()
    assert (last["type"], last["room"], last["seq"]) == ("read", "lobby", 1), "what one sees, and nothing else"
    assert raw.read()["type"] == "leave"
    assert "It has ended." not in "\n".join(terminal.lines), "nobody has asked for that"
    assert b"\x1b[31m" not in terminal.written.replace(b"\x1b[31m[ERROR]", b"")
    assert b"\x07" not in terminal.written
    assert not [line for line in terminal.lines if line.startswith("[eve]")]


def test_what_was_under_way_to_one_person_is_looked_for(open_terminal, raw):
    terminal = open_terminal(*raw.address, "--name", "alice")
    bob = {"conversation": "c", "with": "bob", "seq": 1, "rev": 1, "read": 1, "unread": 0}
    overview = {"type": "conversations", "rooms": [], "epoch": "one"}
    raw.accept()
    raw.send(welcome(ref=raw.read()["ref"], protocol=2, epoch="one"), overview | {"direct": [bob]})
    raw.answer_commands()
    terminal.wait(lambda lines: lines[-1] == ">")
    terminal.type("/msg bob Hi!" + ENTER + "/msg bob Bye!" + ENTER)
    assert raw.read()["text"] == "/msg bob Hi!"
    raw.hang_up()
    terminal.wait(lambda lines: "Ctrl-C leaves." in "".join(lines[-3:]))
    raw.accept()
    now = bob | {"seq": 2, "rev": 2, "read": 2}
    raw.send(welcome(ref=raw.read()["ref"], protocol=2, epoch="one"), overview | {"direct": [now]})
    assert raw.read()["room"] == "lobby"
    raw.send(page(ref=2, epoch="one"))
    ask = raw.read()
    assert (ask["conversation"], ask["rev"], ask["epoch"]) == ("c", 1, "one")
    mine = message(2, "Hi!", room="", sender="alice", own=True, conversation="c", rev=2, **{"with": "bob"})
    raw.send(page(mine, room="", ref=ask["ref"], conversation="c", epoch="one", rev=2, **{"with": "bob"}))
    raw.answer_commands()
    terminal.wait(lambda lines: lines[-1] == ">" and "[INFO] Was said to bob: Hi!" in lines)
    assert "[ERROR] Not sent in lobby: /msg" in terminal.lines, "a name may be somebody else's by now"
    assert "You missed" not in "".join(terminal.lines)


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("/msg bob ok", "[ERROR] May not have been run: /msg"),
        ("/msg CAROL ok", "[INFO] Was said to carol: ok"),
        ("/reply ok", "[INFO] Was said to carol: ok"),
    ],
)
def test_what_was_under_way_is_looked_for_where_it_was_for(open_terminal, raw, line, verdict):
    """On another device one has said the same, to carol."""
    terminal = open_terminal(*raw.address, "--name", "alice", size=(100, 40))
    bob, carol = (
        {"conversation": talk, "with": name, "seq": 1, "rev": 1, "read": 1, "unread": 0}
        for talk, name in (("b", "bob"), ("c", "carol"))
    )
    overview = {"type": "conversations", "rooms": [], "epoch": "one"}
    raw.accept()
    raw.send(welcome(ref=raw.read()["ref"], protocol=2, epoch="one"), overview | {"direct": [bob, carol]})
    raw.answer_commands()
    terminal.wait(lambda lines: lines[-1] == ">")
    terminal.type(line + ENTER)
    assert raw.read()["text"] == line
    raw.hang_up()
    raw.accept()
    now = [carol | {"seq": 2, "rev": 2, "read": 2}, bob]
    raw.send(welcome(ref=raw.read()["ref"], protocol=2, epoch="one"), overview | {"direct": now})
    assert raw.read()["room"] == "lobby"
    raw.send(page(ref=2, epoch="one"))
    ask = raw.read()
    assert ask["conversation"] == "c"
    mine = message(2, "ok", room="", sender="alice", own=True, conversation="c", rev=2, **{"with": "carol"})
    raw.send(page(mine, room="", ref=ask["ref"], conversation="c", epoch="one", rev=2, **{"with": "carol"}))
    raw.answer_commands()
    terminal.wait(lambda lines: lines[-1] == ">" and verdict in lines)


def test_tab_completes_names():
    names = Names()
    names.learn(Welcome("ada", "lobby", ["ada", "Robert", "robin"], 0, {}, ""))
    names.learn(told([("Bob", 0), ("\x1b[31mbobby", 1)]))
    assert names.complete("/msg b") == Completed(1, "Bob ")
    assert names.complete("hello @BO") == Completed(2, "Bob ")
    assert names.complete("r") == Completed(0, "ob")
    assert names.complete("rob") == Completed(are="Robert, robin")
    assert names.complete("nobody") == names.complete("bob ") == names.complete("") == Completed()
    names.learn(Left("lobby", "robin", "left", EPOCH))
    names.learn(Left("lobby", "Bob", "left", EPOCH))
    names.learn(Renamed("lobby", "robert", "rupert", EPOCH))
    assert names.complete("r") == Completed(1, "rupert ")
    assert names.complete("b") == Completed(1, "Bob "), "one may write to who is away"


def told(direct=(), rooms=()):
    states = [DirectState(f"c{at}", name, 9, 9, 0, count) for at, (name, count) in enumerate(direct)]
    return Conversations([RoomState(name, 9, 9, 0, count, mentions) for name, count, mentions in rooms], states)


def test_what_is_unread_is_one_line():
    assert unread(told(), (), rooms=True) == ""
    assert unread(told([("bob", 0)], [("lobby", 0, 0)]), (), rooms=True) == ""
    some = told([("bob", 3), ("eve", 1)], [("lobby", 12, 2), ("garden", 4, 0)])
    assert unread(some, (), rooms=True) == "Unread: bob 3, eve 1, lobby 12 (2 mention you), garden 4."
    assert unread(some, ["@c0"], rooms=False) == "Unread: eve 1."
    many = told([(f"n{number}", 1) for number in range(12)])
    assert unread(many, (), rooms=True).endswith(", n9 1 and 2 more.")


class Server:
    """What a client says to one."""

    def __init__(self, protocol=2):
        self.protocol, self.told = protocol, []

    def read(self, room, seq, *, conversation):
        self.told.append((room or conversation, seq))
        return len(self.told)


def test_what_is_read_is_told_now_and_then():
    server, reading = Server(), Reading()
    assert reading.tell(server) is None
    reading.shown("lobby", 1)
    assert reading.tell(server) is None
    for seq in (2, 3):
        reading.shown("lobby", seq)
        reading.shown("@c", seq)
    wait = reading.tell(server)
    assert 0 < wait <= READ_SECONDS
    assert reading.tell(server) is None, "one asks again by then anyway"
    reading.known("@c", 3)  # by another device
    reading.tell(server, at_once=True)
    assert server.told == [("lobby", 1), ("lobby", 3)]
    reading.shown("lobby", 2)
    reading.tell(server, at_once=True)
    assert len(server.told) == 2
    old = Server(protocol=1)
    reading.shown("lobby", 9)
    assert reading.tell(old, at_once=True) is None
    assert old.told == []


def test_what_comes_behind_what_was_not_shown_is_not_read_until_that_is():
    server, reading = Server(), Reading()

    def told():
        server.told.clear()
        reading.tell(server, at_once=True)
        return server.told

    reading.skipped("@c", Gap(3, 8))
    for seq in (28, 29):
        reading.shown("@c", seq)
        assert told() == [], "what is new does not have it vanish either"
    reading.shown_from("@c", 4)
    assert told() == []
    reading.shown_from("@c", 3)
    assert told() == [("c", 29)]
    reading.skipped("@c", Gap(30, 35))
    reading.shown("@c", 40)
    reading.known("@c", 34)
    assert told() == []
    reading.known("@c", 35)
    assert told() == [("c", 40)], "one has seen it on another device"
    reading.skipped("@c", Gap(41, 40))
    reading.shown("@c", 41)
    assert told() == [("c", 41)], "nothing was skipped"


def test_of_a_conversation_that_was_not_shown_nothing_is_read_until_one_answers(open_terminal, raw):
    terminal = open_terminal(*raw.address, "--name", "alice")
    raw.accept()
    direct = {"conversation": "c", "with": "bob", "seq": 9, "rev": 9, "read": 1, "unread": 8}
    ref = raw.read()["ref"]
    raw.send(welcome(ref=ref, protocol=2), {"type": "conversations", "rooms": [], "direct": [direct]})
    ask = raw.read()
    bob = {"room": "", "conversation": "c", "with": "bob"}
    raw.send(page(message(9, "nine", **bob), ref=ask["ref"], more=True, **bob), message(10, "ten", **bob))
    raw.answer_commands()
    terminal.wait_for("[bob (private)]: ten", ">")
    terminal.type("/msg bob Yes." + ENTER)
    say = raw.read()
    assert say["text"] == "/msg bob Yes.", "nothing was read before"
    raw.send({"type": "ack", "ref": say["ref"], "seq": 11, "id": 111, "rev": 11, "conversation": "c", "with": "bob"})
    raw.send(message(12, "twelve", **bob))
    terminal.wait_for("[bob (private)]: twelve", ">")
    terminal.type(CTRL_D)
    read = raw.read()
    assert (read["type"], read["conversation"], read["seq"]) == ("read", "c", 12)
    assert raw.read()["type"] == "leave"
