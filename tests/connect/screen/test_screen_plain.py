"""The full screen with a server that knows the six plain frames and nothing else."""

from contextlib import ExitStack, closing

from kit.screens import on_screen, steps
from kit.six_frames import SixFrames


@steps
async def test_it_works_with_what_six_frames_give(tmp_path):
    with SixFrames() as server, ExitStack() as stack:
        bob = stack.enter_context(closing(server.join("bob")))
        async with on_screen(server, "ada", tmp_path, plain=True) as ada:
            bob.expect("INFO|ada has joined the chat.")
            await ada.type("Hello!", "enter")
            bob.expect("MSG|ada|Hello!")
            bob.send("MSG|Hi, ada | bob")
            await ada.sees("ada │ Hello!", "bob ┃ Hi, ada | bob")
            assert not ada.app.model.sender.waiting
            await ada.press("alt+up", "alt+t")
            await ada.sees("This server knows no answers")
            await ada.press("enter")
            await ada.sees("Quote it", "Copy it")
            assert "Answer it" not in ada.text
            await ada.press("escape")
            await ada.type("half")
            server.hang_up()
            await ada.until(lambda: ada.text.count("Welcome, ada!") == 2)
            carol = stack.enter_context(closing(server.join("carol")))
            await ada.type(" a line", "enter")
            carol.read_until("MSG|ada|half a line")
