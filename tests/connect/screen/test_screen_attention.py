"""What calls for attention is seen where there is little room, and counts as read once somebody looks."""

from kit.programs import Program
from kit.screens import on_screen, steps
from textual.events import AppBlur

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
            await ada.until(lambda: ada.lines[0].startswith(" #garden  (1 unread elsewhere)"))
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
