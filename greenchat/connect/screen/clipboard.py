"""The clipboard of whoever sits at the terminal, wherever greenchat runs."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress

# How long tmux may take, in seconds: it does nothing else for it than to pass on what it was given.
TMUX_SECONDS = 2.0


def is_in_tmux() -> bool:
    return bool(os.environ.get("TMUX"))


async def copy_by_tmux(text: str) -> None:
    """tmux takes no escape sequence for it from programs, as it is set up by default; but it has a command, which tells
    its terminal as well."""
    with suppress(OSError, TimeoutError):
        tmux = await asyncio.create_subprocess_exec(
            "tmux", "load-buffer", "-w", "-", stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL
        )
        try:
            await asyncio.wait_for(tmux.communicate(text.encode()), TMUX_SECONDS)
        except TimeoutError:
            tmux.kill()
