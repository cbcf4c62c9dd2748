"""What is typed and not sent stays where it was typed."""

import asyncio
from contextlib import ExitStack

from kit.handovers import Handovers
from kit.processes import kept_port, serve_process
from kit.programs import Program
from kit.screens import on_screen, steps
from textual import events

from greenchat.connect.model.place import About
from greenchat.testing import serving


def paste(screen, text):
    screen.app.post_message(events.Paste(text))


@steps
async def test_a_large_paste_asks_once(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        with Program(server, "bob") as bob:
            lines = "\n".join(f"/{number} of it" for number in range(9))
            paste(ada, "two\nlines\n")
            await ada.until(lambda: ada.app.editor.text == "two\nlines")
            await ada.press("ctrl+c")
            paste(ada, "\x1b[31mred\x1b[0m\ttab\u2028next\r\n")
            await ada.until(lambda: ada.app.editor.text == "[31mred[0m\ttab\nnext")
            await ada.press("ctrl+c")
            paste(ada, lines)
            await ada.sees("9 lines are pasted, for #lobby", "Put them into the box", "Send them as one message")
            await ada.press("escape")
            await ada.until(lambda: "are pasted" not in ada.text)
            assert ada.app.editor.text == ""
            paste(ada, lines)
            await ada.sees("are pasted")
            await ada.press("enter")
            await ada.until(lambda: ada.app.editor.text == f"/{lines}")
            await ada.press("ctrl+underscore")
            assert ada.app.editor.text == ""
            paste(ada, lines)
            await ada.sees("are pasted")
            await ada.type("send", "enter")
            heard = await asyncio.to_thread(bob.read_until, "message")
            assert heard["text"] == lines, "it was said as it stands, and not run"
            assert ada.app.editor.text == ""
            await ada.type("/topic ")
            paste(ada, lines)
            await ada.sees("are pasted")
            assert "Send them" not in ada.text, "a command is one line"
            await ada.press("escape", "ctrl+c")
            paste(ada, "x" * 40_000)
            await ada.sees("40,000 characters")
            assert ada.app.editor.text == ""


@steps
async def test_a_paste_is_for_where_it_was_pasted(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        await ada.type("/join garden", "enter")
        await ada.until(lambda: ada.chats.current == "garden")
        paste(ada, "line\n" * 9 + "line")
        await ada.sees("10 lines are pasted, for #garden")
        ada.chats.show("lobby")
        ada.app.changed()
        await ada.type("send", "enter")
        await ada.sees("nothing was taken")
        assert ada.app.editor.text == ""


async def draft_in_two(screen):
    """One in each of two rooms, with the cursor somewhere in it."""
    await screen.type("/join garden", "enter")
    await screen.until(lambda: screen.chats.current == "garden")
    await screen.type("for the gardn", "left")
    await screen.press("alt+2")
    await screen.until(lambda: screen.chats.current == "lobby")
    await screen.type("for the lobby", "ctrl+a")


async def finish_both(screen):
    assert screen.lines[-1] == "> for the lobby"
    await screen.type("All ")
    await screen.press("alt+1")
    await screen.type("e")
    assert screen.lines[-1] == "> for the garden"
    await screen.press("ctrl+underscore", "ctrl+underscore")
    assert screen.lines[-1] == "> for the", "each has its own way back"
    await screen.type("well", "enter")
    await screen.press("alt+2")
    await screen.press("enter")
    await screen.until(lambda: not screen.app.model.sender.waiting)


@steps
async def test_over_a_loss(tmp_path):
    with kept_port() as port, ExitStack() as stack:
        settings = {"server.port": port}
        server = stack.enter_context(serving(settings=settings, data_dir=tmp_path / "data"))
        async with on_screen(server, "ada", tmp_path) as ada:
            await draft_in_two(ada)
            await asyncio.to_thread(stack.close)
            await ada.sees("not connected")
            await ada.press("alt+1")
            assert ada.lines[-1] == "> for the gardn"
            await ada.press("alt+2")
            with serving(settings=settings, data_dir=tmp_path / "data"):
                ada.app.link.retry_now()
                await ada.until(lambda: "not connected" not in ada.text)
                await finish_both(ada)
                await ada.sees("All for the lobby")


@steps
async def test_a_change_and_an_answer_are_for_no_other_message_that_has_the_number_now(tmp_path):
    with kept_port() as port, ExitStack() as stack:
        settings = {"server.port": port}
        server = stack.enter_context(serving(settings=settings))
        async with on_screen(server, "ada", tmp_path) as ada:
            await ada.type("one", "enter")
            await ada.until(lambda: not ada.app.model.sender.waiting)
            await ada.press("alt+up", "alt+e")
            await ada.type(" more")
            await asyncio.to_thread(stack.close)
            await ada.sees("not connected")
            place, sender = ada.chats.place, ada.app.model.sender
            with serving(settings=settings):
                ada.app.link.retry_now()
                await ada.until(lambda: place.gone and ada.app.link.is_up)
                sender.join("lobby")
                await ada.until(lambda: not place.gone)
                sender.say(place, "another")
                ada.app.link.flush()
                await ada.until(lambda: not sender.waiting)
                assert [message.text for message in place.timeline.messages()] == ["another"]
                assert place.timeline.last == place.draft.about.seq
                await ada.press("enter")
                await ada.sees("What you change is gone.", "> one more")
                await ada.press("escape", "ctrl+u")
                about = About("reply", 99, 99, epoch="another")
                sender.say(place, "yes", about)
                ada.app.link.flush()
                ada.app.changed()
                await ada.sees("What you answer is gone.")
                assert [message.text for message in place.timeline.messages()] == ["another"]


@steps
async def test_over_a_hand_over(tmp_path):
    over = Handovers(tmp_path)
    with serve_process(over.data_dir, *over.arguments) as server:
        async with on_screen(server, "ada", tmp_path) as ada:
            with Program(server, "bob") as bob:
                await draft_in_two(ada)
                await asyncio.to_thread(over.hand_over, server)
                await finish_both(ada)
                assert (await asyncio.to_thread(bob.read_until, "message"))["text"] == "All for the lobby"
