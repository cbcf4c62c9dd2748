"""The full screen, by what is to be seen on it and the keys that one presses."""

import asyncio
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from kit.authority import Authority
from kit.handovers import Handovers
from kit.processes import kept_port, serve_process
from kit.programs import Program
from kit.screens import on_screen, steps
from textual import events

from greenchat.connect.logins import Logins
from greenchat.connect.screen.keymap import table
from greenchat.connect.screen.keys import KEYS
from greenchat.net.encryption import Encryption
from greenchat.protocol.events import Message, Topic
from greenchat.testing import serving


def say(program, text, **more):
    return program.request(type="say", text=text, room="lobby", **more)


@steps
async def test_talking(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        with Program(server, "bob") as bob:
            await ada.type("Hello, bob!", "enter")
            heard = await asyncio.to_thread(bob.read_until, "message")
            assert heard["text"] == "Hello, bob!"
            say(bob, "Hi, ada!\nHow are you?")
            await ada.sees("ada │ Hello, bob!", "bob ┃ Hi, ada!", "┃ How are you?", "#lobby")
            assert ada.lines[-1] == ">"
            await ada.type("half ty")
            say(bob, "Sorry to interrupt")
            await ada.sees("Sorry to interrupt")
            await ada.type("ped")
            assert ada.lines[-1] == "> half typed"


@steps
async def test_panes_fold_where_there_is_no_room(server, tmp_path):
    async with on_screen(server, "ada", tmp_path, size=(120, 30)) as ada:
        with Program(server, "bob") as bob:
            text = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
            say(bob, text)
            await ada.sees("sixteen", "2 here", "1 #lobby")
            await ada.pilot.resize_terminal(40, 15)
            await ada.until(lambda: "2 here" not in ada.text and "1 #lobby" not in ada.text)
            await ada.sees("sixteen")
            words = " ".join(" ".join(line.split()) for line in ada.lines)
            assert text in words, "wrapped again, by words"
            assert all(len(line) <= 40 for line in ada.lines)
            await ada.press("f2")
            await ada.sees("1 #lobby")


@steps
async def test_rooms_unread_and_drafts(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        with Program(server, "bob") as bob:
            await ada.type("/join garden", "enter")
            await ada.until(lambda: ada.lines[0].startswith(" #garden"))
            await ada.type("a draft for the garden")
            say(bob, "ada, where are you?")
            await ada.sees("@1", "(1 unread elsewhere)")
            await ada.press("alt+a")
            await ada.sees("New messages", "ada, where are you?")
            assert ada.lines[-1] == ">"
            await ada.until(lambda: not ada.chats.places["lobby"].unread)
            await ada.press("alt+left")
            await ada.until(lambda: ada.lines[-1] == "> a draft for the garden")
            await ada.press("alt+2")
            await ada.until(lambda: ada.lines[0].startswith(" #lobby"))


@steps
async def test_what_is_typed_is_for_what_is_looked_at(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        await ada.type("/join garden", "enter")
        await ada.until(lambda: ada.chats.current == "garden")
        for key in ("alt+2", "h", "i"):  # at once, before anything is drawn
            ada.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await ada.until(lambda: ada.app.editor.text == "hi")
        assert ada.chats.current == "lobby"
        await ada.press("alt+1")
        assert ada.app.editor.text == ""
        await ada.press("alt+2")
        assert ada.app.editor.text == "hi"
        await ada.press("ctrl+u")
        await ada.type("on")
        ada.app.composer.guarded(lambda: ada.app.model.sender.join("cellar"))
        await ada.sees("You are in cellar")
        assert ada.chats.current == "lobby", "whoever types stays where they have begun"


@steps
async def test_reply_edit_react_and_delete(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        with Program(server, "bob") as bob:
            say(bob, "Shall we?")
            await ada.sees("Shall we?")
            await ada.press("alt+up", "alt+r")
            await ada.sees("Answer to  bob: Shall we?")
            await ada.type("Gladly", "enter")
            await ada.sees("↪ bob: Shall we?", "Gladly")
            await ada.until(lambda: not ada.app.model.sender.waiting)
            await ada.press("alt+e")
            await ada.until(lambda: ada.lines[-1] == "> Gladly")
            await ada.type(", at one", "enter")
            await ada.sees("Gladly, at one (edited)")
            await ada.press("alt+up", "alt+up", "alt+t", "enter")
            await ada.sees("👍 ada")
            await ada.press("alt+x")
            await ada.sees("Once more deletes it.")
            await ada.press("alt+down", "alt+x", "alt+x")
            await ada.sees("Message deleted")
            assert "at one" not in ada.text


@steps
async def test_reading_back_stays_put(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        with Program(server, "bob") as bob:
            for number in range(60):
                say(bob, f"number {number}.")
            await ada.sees("number 59.")
            await ada.press("pageup")
            await ada.sees("reading back")
            before = [line[20:] for line in ada.lines[1:-2]]
            for number in range(60, 70):
                say(bob, f"number {number}.")
            await ada.until(lambda: ada.chats.place.timeline.last == 70)
            await ada.pilot.pause(0.1)
            assert [line[20:] for line in ada.lines[1:-2]] == before, "it stays where one reads"
            assert ada.chats.place.unread == 10
            await ada.press("ctrl+end")
            await ada.sees("number 69.")
            await ada.until(lambda: not ada.chats.place.unread)


HOSTILE = [
    "[bold red]markup[/]",
    "[link=file:///etc/passwd]click[/link] [@click=app.leave]x[/]",
    "{0} %s \\e[31m",
    "Z" + "\u0300" * 200,
    "\u200d\u200d\ufe0f",
    "A" * 500,
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f👩‍👩‍👧" * 20,
    "שלום עולם " * 20,
    "﷽" * 60,
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("size", [(80, 24), (40, 15)])
@steps
async def test_what_others_write_is_harmless(server, tmp_path, text, size):
    async with on_screen(server, "ada", tmp_path, size=size) as ada:
        with Program(server, "bob") as bob:
            say(bob, text)
            say(bob, "and now?")
            await ada.sees("and now?")
            strips = ada.app.screen._compositor.render_strips()
            assert {strip.cell_length for strip in strips} == {size[0]}
            if text.isascii() and len(text) < 40:
                assert text in ada.text.replace("\n", " ") or size[0] == 40


@steps
async def test_no_control_codes_from_a_server_that_lets_them_pass(server, tmp_path):
    codes = ("\x1b[2J", "\x1b]0;", "\x07", "\x9b", "\u202e")
    evil = "".join(codes)
    text = f"[bold]see[/] https://example.org/{evil}x `{evil}` {evil}"
    async with on_screen(server, "ada", tmp_path) as ada:
        message = Message("lobby", 1, 1, f"[red]eve{evil}", text, datetime.now(UTC))
        topic = Topic("lobby", f"[bold]top{evil}", "eve", datetime.now(UTC))
        ada.app.model.hear([message, topic])
        ada.app.changed()
        await ada.sees("[bold]see[/]", "https://example.org/", "[red]eve", "[bold]top")
        written = "".join(strip.render(ada.app.console) for strip in ada.app.screen._compositor.render_strips())
        assert "\x1b]8;" in written, "the link is one"
        assert not [code for code in codes if code in written]


@steps
async def test_keys_and_leaving(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        await ada.press("f1")
        await ada.sees("Alt-A", "The next with something unread")
        await ada.press("escape")
        await ada.until(lambda: "The next with" not in ada.text)
        await ada.type("never sent", "ctrl+c")
        assert ada.lines[-1] == ">"
        await ada.press("ctrl+c")
        await ada.sees("Once more leaves the chat.")
        with Program(server, "bob") as bob:
            await ada.press("ctrl+q")
            left = await asyncio.to_thread(bob.read_until, "left")
            assert left["reason"] == "left"


def test_all_keys_are_told():
    assert len(table({})) > 10
    assert len({key for entry in KEYS for key in entry.keys.split(",")}) == sum(
        len(key.keys.split(",")) for key in KEYS
    )


@steps
async def test_a_command_asks_for_its_secret_hidden(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        await ada.type("/register", "enter")
        await ada.sees("Password")
        await ada.type("correct-horse", "enter")
        await ada.sees("The same again")
        assert "correct-horse" not in ada.text
        await ada.type("correct-horse", "enter")
        await ada.sees("ada is yours now")
        assert "correct-horse" not in ada.text


@steps
async def test_without_colours(server, tmp_path):
    async with on_screen(server, "ada", tmp_path, theme="none") as ada:
        with Program(server, "bob") as bob:
            say(bob, "grey, ada")
            await ada.sees("grey, ada")
            for strip in ada.app.screen._compositor.render_strips():
                for segment in strip:
                    assert segment.style is None or segment.style.color is None or segment.style.color.is_default


@steps
async def test_the_server_is_restarted_under_it(tmp_path):
    with kept_port() as port:
        settings = {"server.port": port}
        with ExitStack() as stack:
            server = stack.enter_context(serving(settings=settings, data_dir=tmp_path / "data"))
            async with on_screen(server, "ada", tmp_path) as ada:
                await ada.type("before", "enter")
                await ada.until(lambda: not ada.app.model.sender.waiting)
                await asyncio.to_thread(stack.close)
                await ada.sees("not connected")
                await ada.type("typed meanwhile", "enter")
                await ada.sees("typed meanwhile (waiting)", "1 waiting")
                await ada.type("half ty")
                with serving(settings=settings, data_dir=tmp_path / "data") as again:
                    ada.app.link.retry_now()
                    await ada.until(lambda: "(waiting)" not in ada.text and "not connected" not in ada.text)
                    with Program(again, "bob") as bob:
                        say(bob, "Welcome back")
                        await ada.sees("before", "typed meanwhile", "Welcome back", "> half ty")
                    assert ada.text.count("before") == ada.text.count("typed meanwhile") == 1


@steps
async def test_who_logs_out_and_leaves_is_out_also_where_the_server_cannot_be_told(tmp_path):
    with ExitStack() as stack:
        server = stack.enter_context(serving())
        async with on_screen(server, "ada", tmp_path) as ada:
            logins = Logins("test", tmp_path / "state-ada")
            assert logins.keep_device("ada", "a token")
            await asyncio.to_thread(stack.close)
            await ada.sees("not connected")
            await ada.type("/logout", "enter")
            await ada.press("ctrl+q")
            await ada.until(lambda: not logins.device("ada"))


@steps
async def test_commands_of_who_is_in_no_conversation(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        await ada.type("/part", "enter")
        await ada.sees("No conversation: /join ROOM takes you to one")
        with Program(server, "bob"):
            await ada.type("/rooms", "enter")
            await ada.sees("lobby (1)")
        await ada.type("hello?", "enter")
        await ada.sees("hello?", "You are in no conversation")
        assert "#greenchat" not in ada.text, "which is no room"
        await ada.type("/join garden", "enter")
        await ada.until(lambda: ada.lines[0].startswith(" #garden"))
        assert [*ada.chats.places] == ["garden"]


@steps
async def test_nothing_is_seen_of_a_reload_by_tls(tmp_path):
    over, authority = Handovers(tmp_path), Authority(tmp_path)
    settings = [f"--set={name}={value}" for name, value in authority.settings.items()]
    with serve_process(over.data_dir, *over.arguments, *settings) as server:
        encryption = Encryption(cafile=authority.file)
        async with on_screen(server, "ada", tmp_path, encryption=encryption) as ada:
            await ada.type("half a li")
            for number in range(2):
                await asyncio.to_thread(over.hand_over, server)
                await ada.until(lambda: ada.app.link.is_up)
                assert "not connected" not in ada.text
                assert ada.lines[-1] == "> half a li" + "ne" * number
                with Program(server, f"bob{number}") as bob:
                    say(bob, f"number {number}")
                    await ada.sees(f"number {number}")
                await ada.type("ne" * (1 - number))
            await ada.press("enter")
            await ada.until(lambda: not ada.app.model.sender.waiting)
            assert ada.text.count("half a line") == ada.text.count("number 0") == 1
            assert "TLS" in ada.text


@steps
async def test_it_rests_while_nothing_happens(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        await ada.until(lambda: not ada.app._dirty and ada.app.model.sender.since is None)
        await ada.pilot.pause(0.2)
        drawn = []
        ada.app.log_pane.renew = lambda: drawn.append(1)
        await ada.pilot.pause(0.5)
        assert not drawn


@steps
async def test_what_is_answered_is_looked_up(server, tmp_path):
    with Program(server, "bob") as bob:
        first = say(bob, "The *very* first")["seq"]
        for number in range(150):
            say(bob, f"number {number}")
        say(bob, "So be it", reply_to=first)
        async with on_screen(server, "ada", tmp_path) as ada:
            await ada.sees("↪ bob: The very first", "So be it")
            assert ada.chats.place.timeline.first > first, "it is not here"
            await ada.press("alt+up", "alt+g")
            await ada.sees("The very first", "number 1")
            assert ada.app.log_pane.selected_message.seq == first


@steps
async def test_who_came_and_went_is_opened_by_a_key_and_a_click(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        for name in ("bob", "eve"):
            with Program(server, name):
                pass
        await ada.sees("▸ 2 joined, 2 left", "Today")
        await ada.press("alt+o")
        await ada.sees("bob has joined", "eve has left")
        line = next(at for at, line in enumerate(ada.lines) if "▾" in line)
        await ada.pilot.click("#log", offset=(20, line - 1))
        await ada.until(lambda: "eve has left" not in ada.text)
