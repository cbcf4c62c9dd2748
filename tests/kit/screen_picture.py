"""Makes the README's picture of the full screen, in SVG: `PYTHONPATH=tests python tests/kit/screen_picture.py`."""

import asyncio
import tempfile
from html import escape
from itertools import groupby
from pathlib import Path

from rich.cells import cell_len
from rich.style import Style

from greenchat.testing import serving
from kit import ROOT
from kit.programs import Program
from kit.screens import on_screen

PICTURE = ROOT / "greenchat" / "connect" / "screen" / "screenshot.svg"
SIZE = (100, 25)  # columns and rows: as wide as a README is shown

# A cell of the terminal and its letters, in pixels.
CELL, LINE, LETTERS = 9, 18, 15
FONTS = "ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,monospace"

ALL_DONE = '```python\n@command\ndef greet(call, name: Member):\n    return f"{call.name} greets {name}"\n```'


async def scene(chat, directory):
    """What is on the screen: strips."""
    async with on_screen(chat, "ada", directory, size=SIZE) as ada:
        with Program(chat, "bob", "garden") as bob, Program(chat, "carol", "garden") as carol:
            for room in "lunch", "builds":
                await ada.type(f"/join {room}", "enter")
                await ada.sees(f"#{room}")
            await ada.press("alt+2")

            def say(who, text, room="garden", **more):
                return who.request(type="say", room=room, text=text, **more).get("seq")

            say(bob, "/topic Roses, releases and everything else")
            first = say(bob, "Good morning! Since yesterday our server runs a plugin of **four lines**:")
            say(bob, ALL_DONE)
            say(carol, "Tab knows its names. See https://docs.example.org/plugins", reply_to=first)
            carol.request(type="react", room="garden", seq=first, emoji="🎉")
            await ada.sees("🎉 1", "Tab knows")
            await ada.type("So that is why it `greet`s everybody", "enter")
            await ada.sees("greets everybody")
            say(carol, "ada: thanks for the roses 🌹, they are *lovely*")
            with Program(chat, "ci", "builds") as ci, Program(chat, "dan", "lunch") as dan:
                say(ci, "All green.", "builds")
                say(dan, "ada: at one?", "lunch")
                bob.request(type="say", to="ada", text="psst")
                await ada.sees("lovely", "4 bob", "@1")
                await ada.type("You are welcome, car")
                await ada.until(lambda: ada.lines[-1].endswith("car") and not ada.app.model.sender.waiting)
                return ada.app.screen._compositor.render_strips()


def svg(strips):
    """As a picture, which needs no font of its own: each run of letters is as wide as its cells are."""
    width, height = SIZE[0] * CELL, SIZE[1] * LINE
    grounds, letters, classes = [], [], {}
    usual = Style.null()
    for row, strip in enumerate(strips):
        column = 0
        runs = groupby(strip, key=lambda segment: look_of(segment.style or usual))
        for (fore, ground, css), segments in runs:
            text = "".join(segment.text for segment in segments)
            cells = cell_len(text)
            x, y = column * CELL, row * LINE
            grounds.append((ground, x, y, cells * CELL))
            column += cells
            bare = text.strip()
            if bare:
                x += (cell_len(text) - cell_len(text.lstrip())) * CELL
                name = classes.setdefault(f"fill:{fore}{css}", f"c{len(classes)}")
                where = f'x="{x}" y="{y + LETTERS - 1}" textLength="{cell_len(bare) * CELL}"'
                letters.append(f'<text class="{name}" {where}>{escape(bare)}</text>')
    usual_ground = max({ground for ground, *_ in grounds}, key=[ground for ground, *_ in grounds].count)
    boxes = [
        f'<rect fill="{ground}" x="{x}" y="{y}" width="{wide}" height="{LINE}"/>'
        for ground, x, y, wide in grounds
        if ground != usual_ground
    ]
    styles = "".join(f".{name}{{{css}}}" for css, name in classes.items())
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            "<title>The full screen of greenchat connect: conversations, what is said, members</title>",
            f"<style>rect{{shape-rendering:crispEdges}}text{{font:{LETTERS}px {FONTS};white-space:pre}}",
            f"{styles}</style>",
            f'<rect width="{width}" height="{height}" rx="6" fill="{usual_ground}"/>',
            *boxes,
            *letters,
            "</svg>\n",
        ]
    )


def look_of(style):
    """Colours, and what else there is in CSS."""
    fore, ground = (colour.get_truecolor().hex if colour else "" for colour in (style.color, style.bgcolor))
    if style.reverse:
        fore, ground = ground, fore
    css = ";font-weight:bold" * bool(style.bold) + ";font-style:italic" * bool(style.italic)
    return fore, ground, css + ";text-decoration:underline" * bool(style.underline)


def main() -> None:
    with serving(settings={"server.default_room": "garden"}) as chat, tempfile.TemporaryDirectory() as directory:
        PICTURE.write_text(svg(asyncio.run(scene(chat, Path(directory)))), encoding="utf-8")
    print(f"{PICTURE}: {PICTURE.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
