"""What one does with conversations, messages and people on the screen, by keys and lists."""

from contextlib import ExitStack

from kit.control_codes import NOW
from kit.programs import Program
from kit.screens import on_screen, steps
from msgspec.structs import replace
from textual import events

from greenchat.protocol.events import Message, Renamed
from greenchat.testing import serving


def say(program, text, room="lobby", **more):
    return program.request(type="say", text=text, room=room, **more)


@steps
async def test_a_jump_by_some_letters(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        with Program(server, "bob") as bob, Program(server, "Zoë"):
            await ada.type("/join garden", "enter")
            await ada.until(lambda: ada.chats.current == "garden")
            say(bob, "anybody here?")
            await ada.until(lambda: ada.chats.places["lobby"].unread)
            await ada.press("ctrl+k")
            await ada.sees("Where to?", "› 2 #lobby", "#garden")
            # All at once, as over a slow line: what stands behind Enter is for where one goes.
            for key in ("l", "b", "y", "enter", "h", "i"):
                ada.app.post_message(events.Key(key, key if len(key) == 1 else None))
            await ada.until(lambda: ada.chats.current == "lobby" and ada.app.editor.text == "hi")
            await ada.press("home", "ctrl+k")
            assert ada.app.editor.text == "", "it cuts what stands behind the cursor"
            await ada.press("ctrl+k")
            await ada.type("zoe", "enter")
            await ada.until(lambda: ada.lines[0].startswith(" Zoë"))
            await ada.press("ctrl+k")
            await ada.type("#Cellar")
            await ada.sees("#cellar", "join")
            await ada.press("enter")
            await ada.until(lambda: ada.chats.current == "cellar")
            await ada.press("ctrl+k", "escape")
            await ada.until(lambda: "Where to?" not in ada.text)
            assert ada.chats.current == "cellar"


@steps
async def test_a_message_stays_selected_and_in_sight(server, tmp_path):
    async with on_screen(server, "ada", tmp_path, size=(60, 15)) as ada:
        with Program(server, "bob") as bob:
            say(bob, "which one?")
            await ada.sees("which one?")
            await ada.press("alt+up")
            for number in range(30):
                say(bob, f"number {number}.")
            await ada.until(lambda: ada.chats.place.timeline.last == 31)
            await ada.sees("which one?", "number 0.", "reading back")
            assert ada.app.log_pane.selected_message.text == "which one?"
            await ada.press("escape")
            await ada.sees("number 29.")
            assert "reading back" not in ada.text


@steps
async def test_all_that_can_be_done_with_a_message(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        with Program(server, "bob") as bob:
            say(bob, "See `code`\nand that")
            await ada.sees("and that")
            await ada.press("alt+up", "enter")
            await ada.sees("Answer it", "Copy it", "More about bob", "Alt-T")
            assert "Delete it" not in ada.text, "it is not hers"
            await ada.type("copy", "enter")
            await ada.sees("Copied")
            assert ada.app.clipboard == "See `code`\nand that"
            await ada.press("alt+i")
            await ada.sees("> > See `code`", "  > and that")
            await ada.type("Seen.", "enter")
            await ada.until(lambda: not ada.app.model.sender.waiting)
            heard = bob.read_until("message")
            assert heard["text"] == "> See `code`\n> and that\nSeen."
            say(bob, "Good.")
            await ada.sees("Good.")
            await ada.press("alt+up")
            await ada.press("alt+up", "enter")
            await ada.type("delete", "enter")
            await ada.sees("Delete it for everybody?", "› Keep it")
            await ada.press("down", "enter")
            await ada.sees("Message deleted")
            await ada.press("alt+up")
            assert ada.app.log_pane.selected_message.text.startswith("See"), "the one before it"


@steps
async def test_only_what_was_asked_about_is_deleted(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        await ada.type("one", "enter")
        await ada.until(lambda: not ada.app.model.sender.waiting)
        await ada.press("alt+up", "enter")
        await ada.type("delete", "enter")
        await ada.sees("Delete it for everybody?")
        (message,) = ada.chats.place.timeline.messages()
        ada.chats.place.timeline.add(replace(message, id=message.id + 1, text="another"))
        await ada.press("down", "enter")
        await ada.sees("not there any more", "another")
        assert ada.app.model.sender.since is None, "the server was not asked"


@steps
async def test_reactions_by_name(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        with Program(server, "bob") as bob:
            say(bob, "first")
            say(bob, "second")
            await ada.sees("second")
            await ada.press("alt+up", "alt+up", "alt+t")
            await ada.sees("React with", "👍 thumbsup", "🎉 tada")
            await ada.type(":rocke", "enter")
            await ada.sees("🚀 ada")
            await ada.type("/react tada", "enter")
            await ada.sees("🚀 1  🎉 1")
            assert ada.app.log_pane.selected == "", "what was sent is looked at"
            await ada.type("/react :eyes:", "enter")
            await ada.sees("👀 1")
            one, two = (ada.chats.place.timeline.message(seq).reactions for seq in (1, 2))
            assert ([*one], [*two]) == (["🚀", "🎉"], ["👀"])


@steps
async def test_commands_are_for_the_message_that_is_selected(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        with Program(server, "bob") as bob:
            for text in ("one", "two"):
                await ada.type(text, "enter")
            say(bob, "three")
            await ada.sees("three")
            await ada.until(lambda: not ada.app.model.sender.waiting)
            await ada.press("alt+up", "alt+up", "alt+up")
            await ada.type("/edit the first", "enter")
            await ada.sees("the first (edited)", "two")
            await ada.press("alt+up", "alt+up")
            await ada.type("/delete", "enter")
            await ada.sees("Message deleted", "the first (edited)")
            await ada.press("alt+up")
            await ada.type("/re Four", "enter")
            await ada.sees("↪ bob: three", "Four")


@steps
async def test_people(server, tmp_path):
    async with on_screen(server, "ada", tmp_path, size=(40, 15)) as ada:
        with ExitStack() as stack:
            bob, _ = (stack.enter_context(Program(server, name)) for name in ("bob", "eve"))
            bob.request(type="say", text="/away Lunch", room="lobby")
            await ada.until(lambda: "eve" in ada.chats.place.members and ada.chats.place.members.find("bob").away)
            await ada.press("f3")
            await ada.sees("3 here", "bob", "Lunch", "eve")
            await ada.type("bo", "enter")
            await ada.sees("Talk to them alone", "Who is that?")
            await ada.type("who", "enter")
            await ada.sees("bob: in lobby; a guest")
            await ada.press("alt+m")
            await ada.type("eve", "enter")
            await ada.type("nothing", "enter")
            await ada.sees("You read nothing more of eve")
            await ada.press("f2")
            await ada.sees("› 1 #lobby")
            await ada.press("escape", "alt+m")
            await ada.type("bob", "enter", "enter")
            await ada.until(lambda: ada.lines[0].startswith(" bob"))


@steps
async def test_search_and_its_results_lead_there(tmp_path):
    with serving(data_dir=tmp_path / "data") as server:
        async with on_screen(server, "ada", tmp_path) as ada:
            with Program(server, "bob", room="garden") as bob:
                for number in range(150):
                    say(bob, f"number {number}, {'roses' if number == 7 else 'tulips'}", "garden")
                say(bob, "roses, again", "garden")
                await ada.type("/search rose", "enter")
                await ada.sees("Nothing found.")
                await ada.type("s*", "enter")
                await ada.sees("#garden bob number 7, roses", "› ", "roses, again")
                await ada.press("down", "enter")
                await ada.until(lambda: ada.chats.current == "garden" and ada.app.log_pane.selected_message)
                await ada.sees("number 6, tulips", "number 7, roses", "number 8, tulips", "reading back")
                assert ada.app.log_pane.selected_message.text == "number 7, roses"
                await ada.press("f4")
                await ada.sees("number 7, roses", "/roses*", "roses, again")
                bob.request(type="delete", room="garden", seq=151)
                await ada.until(lambda: "again" not in ada.text)
                await ada.type(" in:nowhere", "enter")
                await ada.until(lambda: "#garden bob" not in ada.text)
                await ada.press("escape", "ctrl+end")
                await ada.sees("number 149, tulips")


@steps
async def test_what_was_found_long_ago_leads_to_whom_it_was_said(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        model, chats = ada.app.model, ada.chats
        found = Message("", 1, 1, "bob", "Hi", NOW, conversation="c1", with_="bob")
        model.hear([found, Renamed("lobby", "bob", "bobby", NOW)])
        begun = chats.talk_to("bob")  # who is another one
        begun.draft.text = "Welcome, stranger"
        ada.app.to_message(found)
        await ada.until(lambda: ada.lines[0].startswith(" bobby"))
        assert (chats.place.id, chats.place.draft.text) == ("@c1", "")
        assert (begun.id in chats.places, begun.draft.text) == (True, "Welcome, stranger")


@steps
async def test_what_could_not_be_said_is_said_again_or_taken_away(server, tmp_path):
    async with on_screen(server, "ada", tmp_path) as ada:
        with Program(server, "bob"):
            await ada.until(lambda: "bob" in ada.chats.place.members)
            await ada.type("/msg BOB", "enter")
            await ada.until(lambda: ada.lines[0].startswith(" BOB"))
        await ada.sees("not here any more")
        await ada.type(" //slash", "enter")
        await ada.until(lambda: ada.text.count("Not said:") == 1)
        await ada.press("alt+up", "enter")
        await ada.type("put", "enter")
        await ada.until(lambda: ada.lines[-1] == ">  //slash")
        await ada.press("ctrl+u")
        for _ in range(2):
            await ada.type("Hello?", "enter")
        await ada.until(lambda: ada.text.count("Not said:") == 2)
        await ada.press("alt+up", "enter")
        await ada.sees("Say it again", "Put it into the box", "Take it away")
        await ada.type("put", "enter")
        await ada.until(lambda: ada.text.count("Not said:") == 1 and ada.lines[-1] == "> Hello?")
        await ada.press("ctrl+u", "alt+up", "enter")
        await ada.type("take", "enter")
        await ada.until(lambda: "Hello?" not in ada.text)
