"""Texts that are as hard to draw as can be, in all sizes and colours."""

from itertools import count

import pytest
from kit.control_codes import NOW, TEXTS, check, check_conversation
from kit.hostile import hostile_texts
from kit.screens import on_screen, steps

from greenchat.connect.screen.theme import LOOKS
from greenchat.protocol.events import Joined, Message


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_no_text_drives_the_terminal_or_leaves_its_line(look):
    texts = [*TEXTS, *(text[:600] for text in hostile_texts().values())]
    check_conversation(texts, look, (20, 40, 57, 200))


@steps
async def test_lists_questions_and_what_is_typed(server, tmp_path):
    async with on_screen(server, "ada", tmp_path, size=(60, 20)) as ada:
        app, numbers = ada.app, count(1)

        async def look():
            app._frame()
            await ada.pilot.pause()
            check(app.screen._compositor.render_strips(), 60, covered=True)

        for text in TEXTS[::2]:
            name = text[:40]
            app.model.hear([Joined("lobby", name, NOW), Message("lobby", next(numbers), 1, name, text, NOW)])
            app.model.chats.places["lobby"].members.find(name).away = text
            app.look_at("lobby")
            app.editor.set(text)
            app.box.renew()
            await look()
            app.editor.set("")
            app.log_pane.select(-1)
            for show in (
                app.action_reply,
                app.action_quote,
                app.action_menu,
                app.action_jump,
                app.action_people,
                lambda name=name: app.about_person(name),
                lambda text=text: app.begin(app.ask(text)),
            ):
                show()
                await look()
                while len(app.screen_stack) > 1:
                    app.pop_screen()
                    await ada.pilot.pause()
            app.composer.drop_about()
            app.editor.set("@")
            await ada.press("tab")
            await look()
            await ada.press("tab", "escape", "escape")
            await look()
            app.editor.set("")
