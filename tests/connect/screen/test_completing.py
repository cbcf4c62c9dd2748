"""What can be typed next, in a menu above the box; and what was sent, found again."""

from contextlib import ExitStack

from kit.programs import Program
from kit.screens import on_screen, steps

from greenchat.connect.past import past_of


def menu(screen):
    """What stands in the menu, line by line."""
    region = screen.app.menu.region
    if not screen.app.menu.display:
        return []
    strips = screen.app.screen._compositor.render_strips()[region.y : region.bottom]
    lines = [strip.crop(region.x, region.right).text.strip() for strip in strips]
    return [" ".join(line.removeprefix("│").split()) for line in lines]


def box(screen):
    return screen.app.editor.text


@steps
async def test_commands_and_their_arguments(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        with ExitStack() as stack:
            for name in ("bob", "carol"):
                stack.enter_context(Program(server, name))
            await ada.until(lambda: len(ada.chats.place.members) == 3)
            await ada.type("/jo")
            await ada.until(lambda: any(line.startswith("/join ROOM") for line in menu(ada)))
            assert len(menu(ada)) == 1
            await ada.press("tab")
            assert box(ada) == "/join "
            await ada.sees("/join ROOM")
            await ada.press("ctrl+u")
            await ada.until(lambda: not menu(ada))
            await ada.type("/msg ")
            await ada.until(lambda: menu(ada)[1:] == ["carol", "bob", "ada"])  # oneself last
            await ada.press("down", "enter")
            assert box(ada) == "/msg carol ", "it was taken, and not sent"
            await ada.press("ctrl+underscore")
            assert box(ada) == "/msg "
            await ada.type("x", "escape")
            await ada.until(lambda: not menu(ada))


@steps
async def test_what_can_be_set(server, tmp_path):
    async with on_screen(server, "ada", tmp_path, size=(40, 15)) as ada:
        await ada.type("/set th", "tab")
        await ada.until(lambda: menu(ada)[1:] == ["auto", "dark", "light", "none", "usual"])
        await ada.type("l", "tab")
        assert box(ada) == "/set theme light "
        await ada.press("ctrl+c")
        await ada.type("/set keys unr", "tab")
        assert box(ada) == "/set keys unread "


@steps
async def test_names(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        with ExitStack() as stack:
            for name in ("Bobby", "bob"):
                program = stack.enter_context(Program(server, name))
            await ada.until(lambda: len(ada.chats.place.members) == 3)
            await ada.type("B", "tab")
            assert box(ada) == "bob", "what they all begin with"
            await ada.until(lambda: menu(ada) == ["bob", "Bobby"])
            await ada.press("tab")
            await ada.press("tab")
            assert box(ada) == "Bobby"
            await ada.press("shift+tab", "enter")
            assert box(ada) == "bob: "
            assert not menu(ada)
            await ada.type("see @bob")
            await ada.until(lambda: menu(ada) == ["@bob", "@Bobby"])
            await ada.press("enter")
            heard = program.read_until("message")
            assert heard["text"] == "bob: see @bob", "with nothing chosen, Enter sends what stands there"
            await ada.type("@", "up")
            assert box(ada) == "@ada"
            await ada.press("escape")
            assert box(ada) == "@"
            await ada.type("b")
            assert not menu(ada), "nobody wants it for this word"
            await ada.press("ctrl+u")
            await ada.type("@b", "down")
            assert await ada.pilot.click("#menu", offset=(3, 1))
            await ada.until(lambda: box(ada) == "@Bobby ")
            await ada.type("!")
            assert box(ada) == "@Bobby !", "one types on"


@steps
async def test_emoji(server, tmp_path):
    async with on_screen(server, "ada", tmp_path, size=(40, 15)) as ada:
        await ada.type("good :ta")
        await ada.until(lambda: menu(ada) == ["🎉 :tada:", "⭐ :star:"])
        await ada.press("tab", "enter")
        assert box(ada) == "good 🎉 "
        await ada.type(":+1:")
        assert box(ada) == "good 🎉 👍"
        await ada.press("backspace", "backspace", "backspace")
        assert box(ada) == "good "
        await ada.type("`:tada:")
        assert box(ada) == "good `:tada:", "code stays as it is"


@steps
async def test_a_menu_is_of_the_conversation_in_which_it_was_opened(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        await ada.type("/join garden", "enter")
        await ada.until(lambda: ada.chats.current == "garden")
        await ada.type("@", "down")
        await ada.press("alt+2")
        assert box(ada) == ""
        assert not menu(ada)
        await ada.press("enter")
        await ada.press("alt+1")
        assert box(ada) == "@ada"


@steps
async def test_a_menu_is_of_what_stood_there(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        ada.app.editor.past = past_of("there", tmp_path)
        await ada.type("My last words", "enter")
        await ada.until(lambda: not ada.app.model.sender.waiting)
        await ada.type("@", "down", "alt+e")
        await ada.until(lambda: not menu(ada))
        assert box(ada) == "My last words"
        await ada.press("escape", "ctrl+r")
        await ada.until(lambda: menu(ada) == ["My last words"])
        await ada.press("alt+e")
        await ada.until(lambda: not menu(ada))
        await ada.type("!", "enter")
        await ada.sees("My last words! (edited)")


@steps
async def test_no_secret_is_offered_anything_or_found_again(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        ada.app.editor.past = past_of("there", tmp_path)
        await ada.type("/register a")
        assert not any("ada" in line for line in menu(ada))
        await ada.type("-password", "enter")
        await ada.sees("ada is yours now")
        await ada.type("Good morning", "enter")
        await ada.press("ctrl+r")
        await ada.until(lambda: menu(ada) == ["Good morning"])
        kept = b"".join(path.read_bytes() for path in tmp_path.rglob("sent/*"))
        assert b"Good morning" in kept
        assert b"a-password" not in kept


@steps
async def test_what_was_sent_is_found_again(server, tmp_path):
    past = past_of("there", tmp_path)
    for text in ("Shall we walk?", "one\ntwo", "Shall we eat?"):
        past.add(text)
    async with on_screen(server, "ada", tmp_path) as ada:
        with Program(server, "bob") as bob:
            ada.app.editor.past = past_of("there", tmp_path)
            await ada.type("half ", "ctrl+r")
            await ada.until(lambda: menu(ada) == ["Shall we walk?", "one ⏎ two", "Shall we eat?"])
            await ada.type("shall")
            await ada.until(lambda: menu(ada) == ["Shall we walk?", "Shall we eat?"])
            assert ada.lines[-1] == "Search what you sent: shall"
            await ada.press("escape")
            assert ada.lines[-1] == "> half"
            await ada.press("ctrl+r")
            await ada.type("shaxll", "left", "left")
            await ada.until(lambda: menu(ada) == ["Nothing that you sent has these words."])
            await ada.press("backspace", "right")
            await ada.until(lambda: menu(ada) == ["Shall we walk?", "Shall we eat?"])
            await ada.press("up", "enter")
            assert ada.lines[-1] == "> Shall we walk?", "which is not sent yet"
            await ada.press("enter")
            assert bob.read_until("message")["text"] == "Shall we walk?"
            await ada.press("ctrl+r")
            await ada.type("nothing of that")
            await ada.sees("Nothing that you sent has these words.")
            await ada.press("alt+1", "ctrl+c")
            assert ada.lines[-1] == ">"
