"""`/set`: what somebody has chosen is shown, changed, and kept; and the screen looks like it at once."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec.structs import replace

from greenchat.connect.choices import COMMAND, NAMES, ONLY_NOW, USUAL, choose, listed, words_of
from greenchat.connect.client_file import ClientFile
from greenchat.connect.model.model import Model
from greenchat.connect.model.place import LEVELS, Place
from greenchat.connect.past import Past
from greenchat.connect.screen import keymap
from greenchat.connect.screen.box import Box
from greenchat.connect.screen.editing import Editor
from greenchat.connect.screen.log import Log
from greenchat.connect.screen.theme import Look, look
from greenchat.connect.settings import KEYS, Chosen, Settings, known, read
from greenchat.errors import ConfigError


def following(words: Sequence[str]) -> Sequence[str]:
    """What Tab puts behind `/set` and these words."""
    if not words:
        return [*NAMES, KEYS]
    if words[0].lower() == KEYS:
        return [*keymap.usual()] if len(words) == 1 else []
    choices = next((info.choices for info in known() if info.name == words[0].lower()), ())
    return [*choices, USUAL] if choices and len(words) == 1 else []


class Stage(Protocol):
    """What it needs of the screen."""

    @property
    def model(self) -> Model: ...
    @property
    def editor(self) -> Editor: ...
    @property
    def box(self) -> Box: ...
    @property
    def log_pane(self) -> Log: ...
    @property
    def look(self) -> Look: ...

    settings: Settings

    def wear(self, look: Look) -> None: ...
    def wish(self, pane: str, shown: bool | None) -> None: ...
    def set_keymap(self, keymap: dict[str, str]) -> None: ...
    def told(self, text: str, *, error: bool = False) -> None: ...
    def changed(self) -> None: ...


class Choosing:
    """`keys` are those chosen, by the names of what they do. `problems`: what is wrong in the file, to be told. `past`
    opens what was sent before, where that is kept."""

    def __init__(self, app: Stage, file: ClientFile | None = None) -> None:
        self.keys: dict[str, str] = {}
        self._in_force = keymap.in_force({})
        self.problems: list[str] = []
        self.past: Callable[[], Past] = Past
        self._app = app
        self._file = file
        self._read = Chosen(Settings(), [])  # as the file was when it was last looked at
        self._held = Settings(history=False)
        self._auto: Look | None = None  # what the theme "auto" is
        app.model.commands.also(COMMAND, following)

    @property
    def file(self) -> ClientFile:
        self._file = self._file or ClientFile()
        return self._file

    def begin(self) -> None:
        """To be called once there is a screen."""
        self._read = read(self.file)
        self.problems += self._read.problems
        self._auto = self._app.look if self._app.settings.theme == "auto" else None
        self._held = replace(self._held, theme=self._app.settings.theme)
        self._hold(self._app.settings)
        self.problems += self._of_keys(self._app.settings)

    def lit(self, is_light: bool) -> None:
        """The terminal says that it is light, or dark."""
        self._auto = look("auto", is_light=is_light)
        if self._app.settings.theme == "auto" and self._app.look != self._auto:
            self._app.wear(self._auto)

    def key(self, name: str) -> str:
        """As people call the one that does this; empty where none does."""
        return keymap.shown(self._in_force[name].rpartition(",")[2])

    def tell_problems(self) -> None:
        """Where it is still there when something is typed."""
        for problem in self.problems:
            self._say(problem, error=True)
        self.problems.clear()

    def command(self, line: str) -> None:
        """`/set`, `/set NAME`, `/set NAME VALUE`."""
        name, text = words_of(line)
        if name == KEYS and text:  # `/set keys unread Alt-N`
            action, _, text = map(str.strip, text.partition(" "))
            name = f"{KEYS}.{action}"
        try:
            if not text:
                self._show(name)
            elif name.startswith(f"{KEYS}."):
                self._change_key(name.removeprefix(f"{KEYS}."), text)
            else:
                self._change(name, text)
        except ConfigError as error:
            self._app.told(str(error), error=True)

    def level(self, place: Place, level: str) -> bool:
        """`/notify LEVEL` where the server does not keep it; whether that is dealt with."""
        calling = self._app.model.calling
        if calling.is_kept or level not in LEVELS:
            return False
        calling.choose(place, level)
        self._app.changed()
        return True

    # --- show ---

    def _show(self, name: str) -> None:
        """And take up what was changed in the file meanwhile."""
        chosen = read(self.file)
        if chosen != self._read:
            self._read = chosen
            self._hold(chosen.settings)
        self.problems = [*chosen.problems, *self._of_keys(chosen.settings)]
        if name == KEYS or name.startswith(f"{KEYS}."):
            self._say("\n".join(self._key_lines(name.removeprefix(KEYS).removeprefix("."))))
        else:
            self._say("\n".join(listed(self._app.settings, self.file, name)))
            if not name:
                self._say("/set keys lists the keys.")
        if name:
            self.problems.clear()  # which /set alone tells
        self.tell_problems()

    def _key_lines(self, name: str) -> list[str]:
        keys = keymap.in_force(self.keys)
        if name and name not in keys:
            keymap.understood(name, "", {})
        lines = [
            f"{action} {', '.join(map(keymap.shown, filter(None, held.split(',')))) or '(no key)'}"
            for action, held in keys.items()
            if name in ("", action)
        ]
        return lines if name else [*lines, "/set keys.NAME KEY changes one, as /set keys.unread Alt-N."]

    def _say(self, text: str, *, error: bool = False) -> None:
        chats = self._app.model.chats
        chats.tell(chats.place or chats.nowhere(), text, error=error)
        self._app.changed()

    # --- change ---

    def _change(self, name: str, text: str) -> None:
        choice = choose(self._app.settings, name, text)
        self._hold(choice.settings)
        self._keep([choice.name], choice.value, choice.told)

    def _change_key(self, name: str, text: str) -> None:
        keys = dict(self._app.settings.keys)
        before = keymap.in_force(self.keys)
        if text.lower() == USUAL:
            keys.pop(name, None)
            value, told = None, f"{name} has its usual key now."
        else:
            value = text
            held = keymap.understood(name, text, self.keys)
            keys[name] = text
            told = f"{name} is on {', '.join(map(keymap.shown, held.split(',')))} now."
        self._hold(replace(self._app.settings, keys=keys))
        after = keymap.in_force(self.keys)
        if bare := [one for one, held in after.items() if before[one] and not held and one != name]:
            told = f"{told} No key has now: {', '.join(bare)}."
        self._keep([KEYS, name], value, told)

    def _keep(self, steps: Sequence[str], value: object, told: str) -> None:
        try:
            self.file.change(steps, value)
        except ConfigError as error:
            self._app.told(ONLY_NOW.format(error), error=True)
        else:
            self._read = read(self.file)
            self._app.told(told)

    def _hold(self, settings: Settings) -> None:
        self.keys = keymap.keymap(settings.keys).keys
        self._in_force = keymap.in_force(self.keys)
        self._wear(settings)

    def _of_keys(self, settings: Settings) -> list[str]:
        problems = keymap.keymap(settings.keys).problems
        return [f"{self.file.where(KEYS, name)}: {why}" for name, why in problems.items()]

    def _wear(self, settings: Settings) -> None:
        """Have the screen look like it."""
        app, held = self._app, self._held
        app.settings = self._held = settings
        app.set_keymap(keymap.of_screen(self.keys))
        app.box.actions = keymap.of_box(self.keys)
        if settings.theme != held.theme:
            auto = self._auto if settings.theme == "auto" else None
            app.wear(auto or look(settings.theme))
        for pane, wish, before in (
            ("conversations", settings.conversations, held.conversations),
            ("members", settings.members, held.members),
        ):
            if wish != before:
                app.wish(pane, None if wish == "auto" else wish == "show")
        if settings.history != held.history:
            app.editor.past = (self.past() if settings.history else Past()).after(app.editor.past)
        app.log_pane.times = settings.times
        app.log_pane.restyle()
        app.changed()
