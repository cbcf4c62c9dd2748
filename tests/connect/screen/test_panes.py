"""Panes and lists at work: what is told in them, and the mouse."""

import stat
from datetime import UTC, datetime, timedelta, timezone
from itertools import count

from kit.control_codes import NOW, TEXTS, check
from kit.programs import Program
from kit.screens import on_screen, steps
from msgspec.structs import replace
from textual.events import MouseScrollDown

from greenchat.connect.screen.panes import Conversations, MembersPane
from greenchat.connect.screen.searching import Found
from greenchat.protocol.events import Away, Joined, Message, Role


def say(program, text, room="lobby", **more):
    return program.request(type="say", text=text, room=room, **more)


@steps
async def test_what_is_told_of_each_conversation(server, tmp_path):
    async with on_screen(server, "ada", tmp_path, size=(110, 20)) as ada:
        with Program(server, "bob") as bob:
            for room in ("quiet", "named", "garden"):
                await ada.type(f"/join {room}", "enter")
                await ada.until(lambda room=room: ada.chats.current == room)
                bob.join(room=room)
            ada.chats.places["quiet"].level = "none"
            ada.chats.places["named"].level = "mentions"
            for room in ("quiet", "named", "lobby"):
                say(bob, "ada?", room)
                say(bob, "hello", room)
            await ada.sees("∅ 2", "#named", "@1 2", "(4 unread elsewhere)")
            line = next(line for line in ada.lines if "#quiet" in line)
            assert "@" not in line.split("│")[0], "muted"
            bob.request(type="say", text="/away Lunch", room="lobby")
            await ada.sees("bob Lunch")
            await ada.press("alt+a")
            await ada.until(lambda: ada.chats.current in ("named", "lobby"))


@steps
async def test_the_mouse(server, tmp_path):
    async with on_screen(server, "ada", tmp_path, size=(120, 16)) as ada:
        with Program(server, "bob") as bob:
            for number in range(30):
                ada.chats.room(f"room{number:02}").gone = "It is only for this test."
            say(bob, "click me")
            await ada.sees("click me")
            await ada.press("f1", "escape")
            pane, members = ada.app.query_one(Conversations), ada.app.query_one(MembersPane)
            await ada.until(lambda: "#lobby" in ada.text and "room29" not in ada.text)
            for _ in range(10):
                await ada.pilot._post_mouse_events([MouseScrollDown], pane, (1, 1))
            await ada.sees("#room29")
            await ada.pilot.click(pane, (3, 12))
            await ada.until(lambda: ada.chats.current == "room29")
            await ada.press("alt+1")
            await ada.until(lambda: ada.chats.current == "lobby")
            at = next(number for number, line in enumerate(ada.lines) if "click me" in line)
            await ada.pilot.click(offset=(50, at))
            await ada.sees("Enter: what to do with it")
            await ada.pilot.click(offset=(50, at))
            await ada.sees("› Answer it")
            row = next(number for number, line in enumerate(ada.lines) if "Copy it" in line)
            await ada.pilot.click(offset=(5, row))
            await ada.sees("Copied")
            assert ada.app.clipboard == "click me"
            await ada.pilot.click(members, (2, 2))
            await ada.sees("Talk to them alone")
            await ada.press("escape")
            await ada.until(lambda: "Talk to them" not in ada.text)
            await ada.pilot.mouse_down("#left")
            await ada.pilot.hover(offset=(30, 5))
            await ada.pilot.mouse_up(offset=(30, 5))
            await ada.until(lambda: pane.size.width == 30)


@steps
async def test_lists_of_what_others_wrote_are_harmless(server, tmp_path):
    async with on_screen(server, "ada", tmp_path, size=(40, 15)) as ada:
        chats, numbers, found = ada.app.model.chats, count(1), []
        chats.zone = timezone(timedelta(hours=9))
        for text in TEXTS:
            name = text[:40]
            chats.room(f"room {name}")
            message = Message("lobby", next(numbers), next(numbers), name, text, NOW, reactions={text[:20]: [name]})
            heard = [Joined("lobby", name, NOW), Role("lobby", name, "owner", NOW), Away("lobby", name, text, NOW)]
            ada.app.model.hear([*heard, message])
            found += [message, replace(message, seq=0, id=-message.id, time=datetime.max.replace(tzinfo=UTC))]
        ada.app.changed()
        ada.app.found = Found("e", found, told="[bold]nothing")
        await ada.until(lambda: ada.app.log_pane.follows and not ada.app._dirty)
        for keys in (
            ["f2"],
            ["f3"],
            ["f4"],
            ["alt+k", "e"],
            ["alt+up", "enter"],
            ["alt+t"],
            ["alt+m", "down", "enter"],
        ):
            await ada.press(*keys)
            for _ in range(2):
                await ada.press("pagedown")
                check(ada.app.screen._compositor.render_strips(), 40)
            assert len(ada.app.screen_stack) > 1
            await ada.press("escape")
        assert len(ada.app.screen_stack) == 1


@steps
async def test_a_copy_reaches_the_clipboard_also_in_tmux(server, tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    tmux = tmp_path / "bin" / "tmux"
    tmux.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/asked\ncat > {tmp_path}/copied\nmv {tmp_path}/copied {tmp_path}/is\n'
    )
    tmux.chmod(tmux.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("TMUX", "/tmp/tmux,1,0")
    monkeypatch.setenv("PATH", f"{tmux.parent}:/usr/bin:/bin")
    async with on_screen(server, "ada", tmp_path) as ada:
        await ada.type("Zoë", "enter")
        await ada.until(lambda: not ada.app.model.sender.waiting)
        await ada.press("alt+up", "alt+c")
        await ada.until((tmp_path / "is").exists)
        assert (tmp_path / "is").read_text() == "Zoë"
        assert (tmp_path / "asked").read_text() == "load-buffer -w -\n"


@steps
async def test_a_small_screen_says_all(server, tmp_path):
    async with on_screen(server, "ada", tmp_path, size=(40, 15)) as ada:
        with Program(server, "bob") as bob:
            await ada.type("/join garden", "enter")
            await ada.until(lambda: ada.chats.current == "garden")
            bob.join(room="garden")
            bob.request(type="say", text="/topic " + "roses " * 20, room="garden")
            say(bob, "ada? And all else", "lobby")
            say(bob, "hello", "lobby")
            await ada.until(lambda: ada.lines[0].startswith(" #garden  2:#lobby @1 2  roses"))
            ada.app.told("one two three four five six seven eight nine ten eleven.", error=True)
            await ada.sees("one two three", "nine ten eleven.", "ada  127")
            await ada.type("x")
            await ada.until(lambda: "eleven" not in ada.text)
            for number in range(20):
                say(bob, f"number {number}.", "garden")
            await ada.sees("number 19.")
            await ada.press("pageup")
            say(bob, "one more", "garden")
            await ada.sees("reading back, 1 new")


@steps
async def test_the_first_line_in_sight_tells_who_has_said_it(server, tmp_path):
    async with on_screen(server, "ada", tmp_path, size=(100, 10)) as ada:
        with Program(server, "bob") as bob:
            for text in ("שלום", *"abcdefghij"):
                say(bob, text)
            await ada.sees("│ j")
            assert "bob │ d" in ada.lines[1]
            await ada.press("alt+up", *["alt+up"] * 10)
            await ada.until(lambda: "שלום" in ada.lines[1])
            assert ada.lines[1].count("bob") == 1
            check(ada.app.screen._compositor.render_strips(), 100)
