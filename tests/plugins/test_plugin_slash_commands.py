"""slash_commands, as people on netcat and programs in JSON use it, over a real server."""

import logging

import pytest
from kit.programs import Program, leave, says, without_plugins
from kit.socketless import serving

from greenchat import Command, Reject, hookimpl

# These have commands of their own, or tell more to who comes into a room.
ALONE = without_plugins("accounts", "dice", "history", "moderation", "people", "pins", "reports", "rooms", "web")

NOT_JOINED = "ERROR|You have not joined yet. Send JOIN|<username> first."


@pytest.fixture
def server():
    with serving(settings=ALONE) as running:
        yield running


@pytest.fixture
def room(server):
    """ada and bob in the lobby, having read all that was told."""
    ada = server.join("ada")
    bob = server.join("bob")
    ada.expect("INFO|bob has joined the chat.")
    return ada, bob


def lines_of_help(peer):
    peer.send("MSG|/help")
    last = "INFO|//TEXT: Say something that begins with a slash."
    return [*peer.read_until(last), last]


# --- help ---


def test_help_tells_each_command_in_one_line(room):
    ada, _ = room
    assert lines_of_help(ada) == [
        "INFO|/delete [NUMBER]: Delete a message of yours: your last, or the one with this number. "
        "Who keeps order deletes any.",
        "INFO|/edit [NUMBER] TEXT: Have a message of yours say something else: your last, or the one with this number.",
        "INFO|/export: Tell how to take away what you and others have said alone.",
        "INFO|/help [COMMAND]: List the commands, or explain one.",
        "INFO|/me TEXT: Say what you do.",
        "INFO|/messages USER [N]: Tell the last N messages between you and somebody, 20 if you do not say.",
        "INFO|/msg USER TEXT: Say something to one person alone, in whatever room.",
        "INFO|/nick NAME: Change your name.",
        "INFO|/ping: Ask whether the server is there.",
        "INFO|/quit: Leave the chat.",
        "INFO|/re [NUMBER] TEXT: Answer a message of this room: the last, or the one with this number, "
        "which /history tells.",
        "INFO|/react [NUMBER] EMOJI: Put an emoji to a message: the last, or the one with this number. "
        "Again takes it away.",
        "INFO|/reply TEXT: Answer the last one who wrote to you alone.",
        "INFO|/rules: Tell the rules of this chat.",
        "INFO|/stats: Tell how the server is: how many are there, what is said.",
        "INFO|/who: Tell who is in the room.",
        "INFO|/why [NUMBER]: Tell which plugin has refused what you said last, and why.",
        "INFO|//TEXT: Say something that begins with a slash.",
    ]


@pytest.mark.parametrize("name", ["msg", "/msg", "MSG"])
def test_help_explains_a_command_with_an_example(room, name):
    ada, _ = room
    ada.send(f"MSG|/help {name}")
    ada.expect(
        "INFO|/msg USER TEXT",
        "INFO|Say something to one person alone, in whatever room.",
        "INFO|Nobody else can read it. It waits for who is away, if you both have accounts.",
        "INFO|Example: /msg bob Lunch at one?",
    )


def test_help_about_what_does_not_exist_names_the_nearest(room):
    ada, _ = room
    ada.send("MSG|/help nik")
    ada.expect("ERROR|There is no command /nik. Did you mean /nick?")


class Operators:
    """A plugin with commands of its own, one of them for bob alone, one that is broken."""

    @hookimpl
    def greenchat_commands(self):
        return [
            Command("dice", "", "Throw a die.", lambda session, argument: session.info("You have thrown a 4.")),
            Command("kick", "USER", "Throw somebody out.", self.kick, lambda session: session.name == "bob"),
            Command("crash", "", "Fail.", lambda session, argument: 1 / 0),
        ]

    def kick(self, session, argument):
        session.chat.find(argument).sessions[0].close("kicked")
        session.info(f"{argument} is out.")


def test_commands_of_other_plugins_are_run_and_in_the_help():
    with serving(Operators(), settings=ALONE) as server:
        ada = server.join("ada")
        assert "INFO|/dice: Throw a die." in lines_of_help(ada)
        ada.send("MSG|/dice")
        ada.expect("INFO|You have thrown a 4.")


def test_help_tells_only_what_one_may_run():
    with serving(Operators(), settings=ALONE) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        assert not any("kick" in line for line in lines_of_help(ada))
        assert "INFO|/kick USER: Throw somebody out." in lines_of_help(bob)
        ada.send("MSG|/help kick", "MSG|/kick bob")
        ada.expect("ERROR|You may not use /kick.", "ERROR|You may not use /kick.")
        bob.send("MSG|/kick ada")
        bob.expect("INFO|ada is out.", "INFO|ada has left the chat.")
        ada.expect_closed()


def test_a_broken_command_is_told_and_the_chat_goes_on():
    with serving(Operators(), settings=ALONE) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        with server.chat.failing():
            ada.send("MSG|/crash", "MSG|still here")
        ada.expect("ERROR|/crash has failed. Tell whoever runs the server.")
        bob.expect("MSG|ada|still here")


# --- what is no command ---


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("/hlep", "ERROR|There is no command /hlep. Did you mean /help?"),
        ("/anounce", "ERROR|There is no command /anounce. /help lists the commands."),  # which ada may not run
        ("/xyzzy now", "ERROR|There is no command /xyzzy. /help lists the commands."),
        ("/", "ERROR|There is no command /. /help lists the commands."),
        ("/ who", "INFO|In lobby (2): ada, bob"),
        ("/WHO", "INFO|In lobby (2): ada, bob"),
    ],
)
def test_what_is_typed_nearly_right(room, typed, answer):
    ada, _ = room
    ada.send(f"MSG|{typed}")
    ada.expect(answer)


def test_no_command_reaches_the_room(room):
    ada, bob = room
    ada.send("MSG|/hlep", "MSG|/who", "MSG|/me", "MSG|/msg bob", "MSG|after all")
    bob.expect("MSG|ada|after all")


def test_two_slashes_say_one(room):
    ada, bob = room
    ada.send("MSG|//help is a command", "MSG|///", "MSG|no / here")
    bob.expect("MSG|ada|/help is a command", "MSG|ada|//", "MSG|ada|no / here")


def test_messages_and_commands_keep_their_order(room):
    ada, bob = room
    ada.send("MSG|one", "MSG|/me two", "MSG|//three", "MSG|four")
    bob.expect("MSG|ada|one", "MSG|ada|* ada two", "MSG|ada|/three", "MSG|ada|four")


# --- one by one ---


def test_who_tells_the_names_in_the_room(server):
    ada = server.join("ada", "garden")
    server.join("bob")
    server.join("eve", "garden")
    ada.expect("INFO|eve has joined the chat.")
    ada.send("MSG|/who")
    ada.expect("INFO|In garden (2): ada, eve")


def test_who_counts_those_who_do_not_fit(server):
    peers = [server.join(f"p{number}") for number in range(103)]
    peers[-1].send("MSG|/who")
    answer = peers[-1].read()
    assert answer.startswith("INFO|In lobby (103): p0, p1, ")
    assert answer.endswith(", p99 and 3 more")


def test_me_is_an_action(room):
    ada, bob = room
    ada.send("MSG|/me  waves | smiles")
    bob.expect("MSG|ada|* ada waves | smiles")


def test_ping(room):
    ada, _ = room
    ada.send("MSG|/ping")
    ada.expect("INFO|Pong.")


def test_quit_leaves_like_leave(room):
    ada, bob = room
    ada.send("MSG|last words", "MSG|/quit")
    ada.expect_closed()
    bob.expect("MSG|ada|last words", "INFO|ada has left the chat.")


def test_nick_tells_everybody_and_frees_the_old_name(server, room):
    ada, bob = room
    ada.send("MSG|/nick Countess")
    for peer in room:
        peer.expect("INFO|ada is now known as Countess.")
    ada.send("MSG|hello")
    bob.expect("MSG|Countess|hello")
    server.join("ada")


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("/nick", "ERROR|Something is missing. Type it so: /nick NAME"),
        ("/nick BOB", "ERROR|The username BOB is taken. Choose another."),
        ("/nick ada", "ERROR|You are called ada already."),
    ],
)
def test_nick_refuses_what_join_would_refuse(room, typed, answer):
    ada, bob = room
    ada.send(f"MSG|{typed}", "MSG|hi")
    ada.expect(answer)
    bob.expect("MSG|ada|hi")


def test_nick_refuses_spaces(room):
    ada, _ = room
    ada.send("MSG|/nick a b")
    assert ada.read().startswith("ERROR|The username 'a b' is not valid.")


# --- private messages ---


def test_msg_reaches_one_person_alone_in_whatever_room(server, room):
    ada, bob = room
    eve = server.join("eve", "garden")
    ada.send("MSG|/msg EVE  a secret | with a pipe", "MSG|aloud")
    ada.expect("INFO|To eve: a secret | with a pipe")
    eve.expect("MSG|ada (private)|a secret | with a pipe")
    bob.expect("MSG|ada|aloud")


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("/msg", "ERROR|Something is missing. Type it so: /msg USER TEXT"),
        ("/msg bob", "ERROR|TEXT is missing. Type it so: /msg USER TEXT"),
        ("/msg nobody hi", "ERROR|Nobody here is called nobody. Look with /who."),
        ("/reply hi", "ERROR|Nobody has written to you alone yet. Type it so: /msg USER TEXT"),
        ("/reply", "ERROR|Something is missing. Type it so: /reply TEXT"),
    ],
)
def test_private_messages_that_go_nowhere(room, typed, answer):
    ada, _ = room
    ada.send(f"MSG|{typed}")
    ada.expect(answer)


def test_reply_answers_the_last_one_who_wrote(server, room):
    ada, bob = room
    eve = server.join("eve", "garden")
    ada.send("MSG|/msg bob first")
    ada.expect("INFO|To bob: first")
    eve.send("MSG|/msg bob second")
    eve.expect("INFO|To bob: second")
    bob.send("MSG|/reply to the second")
    bob.read_until("INFO|To eve: to the second")
    eve.expect("MSG|bob (private)|to the second")
    eve.send("MSG|/reply and back")
    bob.expect("MSG|eve (private)|and back")


def test_reply_follows_a_new_name_and_not_who_takes_the_old_one(server, room):
    ada, bob = room
    ada.send("MSG|/msg bob psst")
    bob.expect("MSG|ada (private)|psst")
    ada.send("MSG|/nick countess")
    bob.expect("INFO|ada is now known as countess.")
    impostor = server.join("ada")
    bob.expect("INFO|ada has joined the chat.")
    bob.send("MSG|/reply yes?")
    bob.expect("INFO|To countess: yes?")
    ada.read_until("MSG|bob (private)|yes?")
    impostor.send("MSG|/ping")
    impostor.expect("INFO|Pong.")


def test_reply_says_that_the_other_has_gone_though_somebody_has_the_name(server, room):
    ada, bob = room
    ada.send("MSG|/msg bob psst", "LEAVE")
    bob.expect("MSG|ada (private)|psst", "INFO|ada has left the chat.")
    impostor = server.join("ada")
    bob.expect("INFO|ada has joined the chat.")
    bob.send("MSG|/reply are you there?")
    bob.expect("ERROR|ada has left the chat.")
    impostor.send("MSG|/ping")
    impostor.expect("INFO|Pong.")


def test_whom_one_answers_is_forgotten_with_the_connection(server, room):
    ada, bob = room
    ada.send("MSG|/msg bob psst")
    bob.expect("MSG|ada (private)|psst")
    bob.send("MSG|/msg ada psst")
    ada.expect("INFO|To bob: psst", "MSG|bob (private)|psst")
    plugin = next(plugin.bearer for plugin in server.server.plugins if plugin.name == "slash_commands")
    leave(ada)
    assert server.call(lambda: len(plugin._told_away)) == 1
    again = server.join("ada")
    again.send("MSG|/reply what was it?")
    again.expect("ERROR|Nobody has written to you alone yet. Type it so: /msg USER TEXT")
    leave(bob)
    assert server.call(lambda: len(plugin._told_away)) == 0


def test_a_reply_goes_to_who_wrote_last_in_whatever_way(server):
    ada, bob = server.join("ada"), Program(server, "bob")
    ada.expect("INFO|bob has joined the chat.")
    answer = bob.request(type="say", to="ada", text="by a request")
    assert says(ada, "/reply it is read") == ["MSG|bob (private)|by a request", "INFO|To bob: it is read"]
    bob.request(type="say", conversation=answer["conversation"], text="and so is this")
    assert says(ada, "/reply gladly") == ["MSG|bob (private)|and so is this", "INFO|To bob: gladly"]


def test_what_is_said_in_private_is_never_logged(room, caplog):
    ada, bob = room
    with caplog.at_level(logging.DEBUG):
        ada.send("MSG|/msg bob hunter2", "MSG|/msg nobody hunter2", "MSG|/reply hunter2", "MSG|/msgbob hunter2")
        ada.expect("INFO|To bob: hunter2")
        for _ in range(3):
            assert ada.read().startswith("ERROR|")
        bob.expect("MSG|ada (private)|hunter2")
        bob.send("MSG|/reply hunter2")
        ada.expect("MSG|bob (private)|hunter2")
    assert "was refused" in caplog.text
    assert "hunter2" not in caplog.text


class NoShouting:
    @hookimpl
    def greenchat_check_message(self, message):
        if message.text.isupper():
            raise Reject("No shouting, please.")
        return message.text.replace("damn", "d***")


def test_what_other_plugins_check_is_checked_in_commands_too():
    with serving(NoShouting(), settings=ALONE) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        ada.send("MSG|/me SHOUTS", "MSG|/msg bob HEY", "MSG|//HEY", "MSG|/msg bob damn", "MSG|/me damns")
        ada.expect(*["ERROR|No shouting, please."] * 3, "INFO|To bob: d***")
        bob.expect("MSG|ada (private)|d***", "MSG|ada|* ada d***s")


@pytest.mark.parametrize("blank", [" ", "  \t", "\u00a0", "\u3000"])
def test_a_blank_before_the_slash_does_not_have_a_command_said_to_all(room, blank):
    ada, bob = room
    assert says(ada, f"{blank}/msg bob hunter2") == ["INFO|To bob: hunter2"]
    assert says(ada, f"{blank}//hm", f"{blank}hm", "é/", "ß") == []
    said = [f"MSG|ada|{text}" for text in (f"{blank}/hm", f"{blank}hm", "é/", "ß")]
    assert says(bob) == ["MSG|ada (private)|hunter2", *said]


# --- before JOIN ---


def test_before_join_some_commands_run(server):
    peer = server.connect()
    peer.send("MSG|/ping")
    peer.expect("INFO|Pong.")
    assert "INFO|/help [COMMAND]: List the commands, or explain one." in lines_of_help(peer)
    peer.expect("INFO|For most of them you must have joined. Send JOIN|<username>.")
    peer.send("MSG|/quit")
    peer.expect_closed()


@pytest.mark.parametrize("typed", ["/who", "/me waves", "/msg ada hi", "/reply hi", "/nick bob", "//hi"])
def test_before_join_the_others_are_refused_as_a_message_is(server, typed):
    peer = server.connect()
    peer.send(f"MSG|{typed}", "MSG|hi")
    peer.expect(NOT_JOINED, NOT_JOINED)


# --- JSON ---


def test_a_json_client_uses_the_same_commands(server):
    ada = Program(server, "ada")
    ada.send(type="say", text="/who", ref=1)
    assert ada.read() == {"type": "notice", "text": "In lobby (1): ada", "ref": 1}
    assert ada.read() == {"type": "ack", "ref": 1}
    ada.send(type="say", text="/nope-nope", ref="r2")
    refusal = ada.read()
    assert (refusal["type"], refusal["code"], refusal["ref"]) == ("error", "unknown_command", "r2")
    bob = Program(server, "bob")
    bob.send(type="say", text="/msg ada psst")
    bob.send(type="say", text="/me waves")
    joined, private, action = (ada.read() for _ in range(3))
    assert joined["type"] == "joined"
    assert (private["type"], private["sender"], private["with"], private["text"]) == ("message", "bob", "bob", "psst")
    assert (action["type"], action["text"], action["action"]) == ("message", "waves", True)


def test_a_command_meant_for_another_room_is_refused(server):
    bob, ada = server.join("bob"), Program(server, "ada")
    bob.expect("INFO|ada has joined the chat.")
    for text in ("/me waves", "//hi"):
        ada.send(type="say", text=text, room="garden", ref=7)
        refusal = ada.read()
        assert (refusal["code"], refusal["ref"]) == ("not_in_room", 7)
    ada.send(type="say", text="/me waves", room="lobby")
    bob.expect("MSG|ada|* ada waves")


def test_a_json_client_is_told_what_it_has_whispered_and_is_not_whispered_to_itself(server):
    ada, bob = Program(server, "ada"), Program(server, "bob")
    *others, whispered, ack = ada.ask("/msg BOB  a | secret")
    assert [frame["type"] for frame in others] == ["joined"]
    private = bob.read_until("message", room="")
    assert whispered == {
        "type": "whispered",
        "conversation": whispered["conversation"],
        "to": "bob",
        "text": "a | secret",
        "time": private["time"],
        "lines": ["To bob: a | secret"],
        "ref": ack["ref"],
    }
    assert (ack["type"], ack["conversation"], ack["seq"]) == ("ack", whispered["conversation"], 1)
    assert bob.told("/reply yes", "whispered")["to"] == "ada"
