"""The files of the page as the operator wants them: with the chat's name, colour and picture in the place of ours.

What is configured is looked at with each request, so that it holds at once. Without any of it the files are sent as
they are.
"""

import html
import json
import logging
import os
import re
from pathlib import Path

from greenchat import ChatServer, ConfigError

from .http import Request, Response
from .static import TEXTS, File, Files, compressed, respond

log = logging.getLogger("greenchat.web")

ICON, STYLE, MANIFEST = "brand/icon", "brand/style.css", "manifest.webmanifest"
PAGES = ("", "index.html")

# What stands for ours in the page.
OUR_ICON = "icon.svg"
OUR_TITLE = "<title>greenchat</title>"
OUR_HEADING = "greenchat</h1>"
OUR_STYLE = '<link rel="stylesheet" href="style.css">'
THEME = re.compile(r'(<meta name="theme-color"[^>]*content=)"[^"]*"')

# What remains of ours: `greenchat connect --gui` knows the page by it.
GENERATOR = '<meta name="generator" content="greenchat">'

# A picture that somebody opens by itself is nothing more than that, whatever is in it.
ALONE = (("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"),)


class BrandedFiles:
    """`files`, as the operator has them: `server` has the configuration."""

    def __init__(self, files: Files, server: ChatServer) -> None:
        self._files = files
        self._server = server
        self._made_of: object = None
        self._made: dict[str, File] = {}
        self._zipped: dict[str, File | None] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._files or path in self._now()

    def answer(self, path: str, request: Request) -> Response:
        """As `Files.answer`."""
        made = self._now().get(path)
        if made is None:
            return self._files.answer(path, request)
        return respond(made, self._zipped[path], request, ALONE if path == ICON else ())

    def _now(self) -> dict[str, File]:
        """The files that are other ones than ours, by their paths."""
        brand = self._server.config.brand
        made_of = (brand.name, brand.accent, brand.icon, _state(brand.icon))
        if made_of != self._made_of:
            self._made_of, self._made = made_of, self._make() if any(made_of) else {}
            self._zipped = {path: compressed(file) for path, file in self._made.items()}
        return self._made

    def _make(self) -> dict[str, File]:
        brand, made = self._server.config.brand, dict[str, File]()
        (light, dark), icon = brand.accents, self._icon()
        if icon is not None:
            made[ICON] = icon
        page = self._files.text("index.html")
        manifest = json.loads(self._files.text(MANIFEST))
        if brand.name:
            name = html.escape(brand.name)
            page = page.replace(OUR_TITLE, f"<title>{name}</title>\n{GENERATOR}").replace(OUR_HEADING, f"{name}</h1>")
            manifest["name"] = brand.name
        if icon is not None:
            path = f"{ICON}?{icon.tag.strip(chr(34))}"  # another one is another address
            page = page.replace(f'"{OUR_ICON}"', f'"{path}"')
            manifest["icons"] = [{"src": path, "sizes": "any", "type": icon.kind}]
        if light:
            made[STYLE] = File.of(TEXTS[".css"], f":root {{ --main: light-dark({light}, {dark}) }}\n".encode())
            page = page.replace(OUR_STYLE, f'{OUR_STYLE}\n<link rel="stylesheet" href="{STYLE}">')
            page = THEME.sub(rf'\1"{light}"', page)
            manifest["theme_color"] = light
        for path in PAGES:
            made[path] = File.of(TEXTS[".html"], page.encode())
        made[MANIFEST] = File.of(TEXTS[".webmanifest"], json.dumps(manifest).encode())
        return made

    def _icon(self) -> File | None:
        """It was looked at when the configuration was read; the file may have become another one since."""
        try:
            icon = self._server.config.brand.read_icon()
        except ConfigError as error:
            log.warning("%s The page has no picture of its own until then.", error)
            return None
        return None if icon is None else File.of(icon.kind, icon.data)


def _state(path: str) -> object:
    """By what one sees that a file is another one."""
    if not path:
        return None
    try:
        found = os.stat(Path(path))
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
