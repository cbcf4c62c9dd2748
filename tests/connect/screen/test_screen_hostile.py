"""Whatever others write, and wherever: it drives no terminal, and no line is longer than the screen is wide."""

from itertools import count

from kit.control_codes import NOW, TEXTS, check, check_conversation
from kit.screens import on_screen, steps

from greenchat.connect.screen.theme import DARK
from greenchat.protocol.events import Away, Joined, Message, Notice, Renamed, Role, Topic
from greenchat.protocol.replies import Error


def test_all_that_stands_in_a_conversation():
    check_conversation(TEXTS, DARK, (40, 80))


@steps
async def test_all_that_is_elsewhere_on_the_screen(server, tmp_path):
    async with on_screen(server, "ada", tmp_path, size=(130, 40)) as ada:
        chats = ada.app.model.chats
        numbers = count(1)
        for text in TEXTS:
            name = text[:40]
            there = "lobby" if len(text) % 2 else f"room {name}"
            chats.room(there)
            heard = [
                Joined("lobby", name, NOW, bot=True),
                Joined("lobby", f"{name}x", NOW),
                Role("lobby", name, "owner", NOW),
                Away("lobby", name, text, NOW),
                Topic("lobby", text, name, NOW),
                Message(there, next(numbers), next(numbers), name, text, NOW),
                Message("", next(numbers), next(numbers), name, text, NOW, conversation=name[:8], with_=name),
                Renamed("lobby", f"{name}x", f"{name}y", NOW),
                Error("refused", text),
                Notice(text),
            ]
            ada.app.model.hear(heard)
            ada.app.told(text, error=True)
            ada.app.link.error = text
            ada.app.changed()
            ada.app._frame()
            await ada.pilot.pause()
            check(ada.app.screen._compositor.render_strips(), 130)
        await ada.pilot.resize_terminal(40, 15)
        for place in [*chats.places][::4]:
            ada.app.look_at(place)
            ada.app._frame()
            await ada.pilot.pause()
            check(ada.app.screen._compositor.render_strips(), 40)
