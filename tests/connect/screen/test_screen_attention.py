"""What calls for attention is seen where there is little room, and counts as read once somebody looks; and what is
typed goes where its writer looks, while what is there comes and goes."""

from kit.programs import Program
from kit.screens import on_screen, steps
from textual.events import AppBlur, Key

TOPIC = "Roses, tulips and all else that grows in a garden behind a house"


@steps
async def test_in_a_small_window(server, tmp_path):
    async with on_screen(server, "ada", tmp_path, size=(40, 15)) as ada:
        with Program(server, "bob") as bob:

            def say(text, room="lobby"):
                bob.request(type="say", room=room, text=text)

            say(f"/topic {TOPIC}")
            for number in range(20):
                say(f"message {number}")
            await ada.sees("message 19", "Roses")
            await ada.press("pageup")
            await ada.sees("reading back: Ctrl-End")
            say("message 20")
            await ada.sees("reading back, 1 new: Ctrl-End")
            await ada.press("ctrl+end")
            await ada.sees("message 20")
            await ada.type("/join garden", "enter")
            await ada.until(lambda: ada.lines[0].startswith(" #garden"))
            say("Where is ada?")
            await ada.until(lambda: ada.lines[0].startswith(" #garden  2:#lobby @1"))
            await ada.press("alt+a")
            await ada.until(lambda: ada.lines[0].startswith(" #lobby  Roses, tulips and"))


@steps
async def test_who_types_looks_here_whatever_the_terminal_has_told(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        with Program(server, "bob") as bob:
            ada.app.post_message(AppBlur())
            await ada.pilot.pause()
            bob.request(type="say", room="lobby", text="Nobody looks")
            await ada.sees("Nobody looks", "New messages")
            assert ada.chats.place.unread == 1
            await ada.type("x")
            await ada.until(lambda: not ada.chats.place.unread)


@steps
async def test_keys_that_are_on_their_way_to_what_has_ended_are_for_what_is_there(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:

        async def at_once(opens, *keys):
            await ada.press(opens)
            assert ada.app.screen.is_modal
            for key in keys:
                ada.app.post_message(Key(key, key if len(key) == 1 else None))

        await at_once("f1", "escape", "escape", "a")
        await ada.until(lambda: ada.lines[-1] == "> a")
        await at_once("f1", "b", "c")
        await ada.until(lambda: ada.lines[-1] == "> abc")
        await at_once("ctrl+k", "escape", "escape", "d")
        await ada.until(lambda: ada.lines[-1] == "> abcd")
        assert not ada.app.screen.is_modal


@steps
async def test_who_types_while_a_room_is_left_says_it_nowhere(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        with Program(server, "bob") as bob:
            bob.request(type="say", to="ada", text="psst")
            await ada.sees("2 bob")
            await ada.type("for the lobby")
            lobby = ada.chats.places["lobby"]
            ada.app.composer.guarded(lambda: ada.app.model.sender.part(lobby))
            await ada.sees("You have left lobby. /join lobby takes you back.")
            assert ada.lines[-1] == "> for the lobby"
            await ada.press("enter")
            await ada.sees("Not said: You have left lobby.")
            await ada.type("/part", "enter")
            await ada.until(lambda: ada.lines[0].startswith(" bob"))
            assert "for the lobby" not in ada.text
