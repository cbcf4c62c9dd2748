"""The full screen without a terminal: what is on it, and keys that are pressed."""

import asyncio
import time
from contextlib import asynccontextmanager

from greenchat.connect.link import Link
from greenchat.connect.logins import Logins
from greenchat.connect.model.model import Model
from greenchat.connect.screen.app import USUAL, ChatApp
from greenchat.connect.screen.theme import LOOKS
from greenchat.connect.ticket import Ticket
from greenchat.testing import DEADLINE


class OnScreen:
    """An `app` that is shown, and who presses its keys."""

    def __init__(self, app, pilot):
        self.app, self.pilot = app, pilot
        self.chats = app.model.chats

    @property
    def lines(self):
        """What is to be seen, without the blanks at the ends of lines."""
        strips = self.app.screen._compositor.render_strips()
        return [strip.text.rstrip() for strip in strips]

    @property
    def text(self):
        return "\n".join(self.lines)

    async def until(self, condition):
        deadline = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < deadline, f"the screen stays like this:\n{self.text}"
            await self.pilot.pause(0.01)

    async def sees(self, *texts):
        await self.until(lambda: all(text in self.text for text in texts))

    async def press(self, *keys):
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text, *keys):
        await self.press(*["space" if character == " " else character for character in text], *keys)


@asynccontextmanager
async def on_screen(server, name, tmp_path, *, size=(80, 24), theme="dark", settings=USUAL, file=None, **ticket):
    ticket = Ticket("127.0.0.1", server.port, name, "", **ticket)
    client, welcome = await asyncio.to_thread(ticket.enter)
    model = Model()
    logins = Logins("test", tmp_path / f"state-{name}")
    app = ChatApp(model, lambda face: Link(client, welcome, ticket, logins, model, face), LOOKS[theme], settings, file)
    async with app.run_test(size=size) as pilot:
        screen = OnScreen(app, pilot)
        await screen.until(lambda: model.chats.place is not None and (model.commands.told or client.plain))
        try:
            yield screen
        finally:
            app.link.close()


def steps(test):
    """A test that waits, for pytest, which does not."""

    def run(*arguments, **fixtures):
        asyncio.run(asyncio.wait_for(test(*arguments, **fixtures), 4 * DEADLINE))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    import inspect

    run.__signature__ = inspect.signature(test)
    return run
