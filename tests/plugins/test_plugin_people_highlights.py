"""Words that call somebody as their name does: of an account, on all devices, counted by the server, marked on the
screen."""

from contextlib import ExitStack

from kit.accounts import SECRET, accounts
from kit.programs import Program
from kit.screens import on_screen, steps


def logged_in(server, name="ada", **join):
    program = Program(server)
    program.welcome = program.join(name=name, login=SECRET, **join)
    assert program.welcome["type"] == "welcome", program.welcome
    return program


def highlight(program, line):
    return program.told(f"/highlight {line}".strip(), "levels")


def test_they_are_kept_told_to_other_devices_and_count_as_mentions(tmp_path):
    with accounts(data_dir=tmp_path) as server, ExitStack() as stack:
        ada, bob = stack.enter_context(Program(server, "ada")), stack.enter_context(Program(server, "bob"))
        assert bob.refused("/highlight add Roses", "lobby") == "not_logged_in"
        ada.ask(f"/register {SECRET}")
        phone = stack.enter_context(logged_in(server))
        assert highlight(ada, "")["lines"] == ["Only your name calls you. /highlight add WORD has a word do so."]
        assert highlight(ada, "add Ｒoses")["words"] == ["roses"]
        assert phone.read_until("levels")["words"] == ["roses"]
        assert highlight(phone, "add deploy")["words"] == ["deploy", "roses"]
        assert ada.read_until("levels")["words"] == ["deploy", "roses"]
        assert "These words call you as your name does: deploy, roses." in ada.told("/notify", "levels")["lines"]
        for text in ("Rosestock", "ROSES!", "I deploy", "ada", "ada's roses"):
            bob.request(type="say", text=text, room="lobby")
        phone.leave()
        with logged_in(server) as tablet:
            assert (tablet.welcome["unread"], tablet.welcome["mentions"]) == (5, 4)
            highlight(tablet, "remove deploy")
            assert tablet.refused("/highlight remove deploy", "lobby") == "unknown_word"
        with logged_in(server) as tablet:
            assert (tablet.welcome["unread"], tablet.welcome["mentions"]) == (5, 3)
    with accounts(data_dir=tmp_path) as server, logged_in(server) as ada:
        assert highlight(ada, "")["words"] == ["roses"]
        assert ada.refused(f"/highlight add {'x' * 41}", "lobby") == "usage"
        for number in range(49):
            highlight(ada, f"add word{number}")
        assert ada.refused("/highlight add more", "lobby") == "too_many_words"
        assert ada.told("/notify none", "levels", "lobby")["rooms"] == {"lobby": "none"}


@steps
async def test_the_screen_marks_them_and_has_them_call(tmp_path):
    with accounts(data_dir=tmp_path) as server, ExitStack() as stack:
        setup, bob = stack.enter_context(Program(server, "ada")), stack.enter_context(Program(server, "bob"))
        setup.ask(f"/register {SECRET}")
        highlight(setup, "add roses")
        async with on_screen(server, "ada", tmp_path, login=SECRET) as ada:
            await ada.until(lambda: ada.chats.words == ["roses"])
            bob.request(type="say", text="All rosestocks", room="lobby")
            bob.request(type="say", text="The roses bloom", room="lobby")
            await ada.sees("bob │ All rosestocks", "┃ The roses bloom")
