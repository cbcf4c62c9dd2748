"""`connect.toml`: what somebody has chosen for greenchat's clients, and the places that they go to.

It is in the platform's directory for configurations, and is written by its user as well as by the client, which leaves
comments and order as they are.
"""

import os
import re
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from greenchat.errors import ConfigError

FILE = "connect.toml"

# More than all the settings and profiles of anybody, in bytes: past it, this is another file.
MOST_BYTES = 1024 * 1024

# A line of TOML that begins a table, or gives a value to a key.
_TABLE = re.compile(r"\s*\[+([^\]]*)\]+")
_ENTRY = re.compile(r"\s*((?:[\w.-]|\"[^\"]*\"|'[^']*'|\s)+?)\s*=")
_STEP = re.compile(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)")


class ClientFile:
    """The file at `path`; without, where this platform has such files."""

    def __init__(self, path: Path | None = None) -> None:
        if path is None:
            import platformdirs  # imported here: who reads no such file need not wait for it

            path = platformdirs.user_config_path("greenchat") / FILE
        self.path = path

    def tables(self) -> dict[str, Any]:
        """All of it; nothing where there is none. Raises `ConfigError`, which names the line where there is one."""
        text = self._text()
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"at line (\d+)", str(error))
            what = re.sub(r" \(at .*\)", "", str(error))
            at = f", line {line[1]}" if line else ""
            raise ConfigError(f"{self.path}{at}: this is not valid TOML: {what}. Mend it, or take it out.") from None

    def where(self, *steps: str) -> str:
        """The file, and the line on which the value at these `steps` stands, as far as that can be told."""
        table: list[str] = []
        text = ""
        with suppress(ConfigError):
            text = self._text()
        for number, line in enumerate(text.splitlines(), 1):
            if (begins := _TABLE.match(line)) is not None:
                table = _steps(begins[1])
                if table == [*steps]:
                    return f"{self.path}, line {number}"
            elif (entry := _ENTRY.match(line)) is not None and table + _steps(entry[1]) == [*steps]:
                return f"{self.path}, line {number}"
        return str(self.path)

    def change(self, steps: Sequence[str], value: object) -> None:
        """Have `value` at these `steps`; None for none. All else in the file stays as it is. Raises `ConfigError`."""
        import tomlkit  # imported here: it takes a while, and most only read
        from tomlkit.exceptions import TOMLKitError

        self.tables()  # what cannot be read is not written over
        try:
            document = tomlkit.parse(self._text())
            table: Any = document
            for step in steps[:-1]:
                if step not in table:
                    table[step] = tomlkit.table()
                table = table[step]
            if value is not None:
                table[steps[-1]] = value
            elif steps[-1] in table:
                del table[steps[-1]]
            text = tomlkit.dumps(document)
            tomllib.loads(text)
        except (TOMLKitError, tomllib.TOMLDecodeError, TypeError, KeyError) as error:
            raise ConfigError(
                f"{self.where(*steps)}: this cannot be changed ({error}). Write it there yourself."
            ) from None
        self._write(text)

    def _text(self) -> str:
        try:
            with self.path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except OSError as error:
            raise ConfigError(
                f"{self.path} cannot be read: {error.strerror}. Check whose it is, and its mode."
            ) from None
        if len(data) > MOST_BYTES:
            raise ConfigError(f"{self.path} is larger than a file of settings. Write a new one.")
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            raise ConfigError(f"{self.path}, line {line}: this is no text in UTF-8. Save the file as UTF-8.") from None

    def _write(self, text: str) -> None:
        """As a whole, and where a link leads: the file itself may be kept elsewhere."""
        path = Path(os.path.realpath(self.path))
        new = path.with_name(f"{path.name}.new")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
            with suppress(FileNotFoundError):
                new.unlink()  # of somebody who did not come to an end with it
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
                file.write(text)
            new.replace(path)
        except OSError as error:
            raise ConfigError(f"{self.path} cannot be written: {error.strerror}. Nothing is kept there.") from None


def _steps(name: str) -> list[str]:
    return [double or single or bare for double, single, bare in _STEP.findall(name)]
