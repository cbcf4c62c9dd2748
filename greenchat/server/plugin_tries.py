"""What the new code of a plugin would do otherwise than the one that is on: `/plugin reload NAME --try`.

Both are tried beside the server, each in a process of its own, see dry_run.py: the new one as it is on the disk, and
the one that is on as it was on the disk when it was loaded. What the plugin itself has in memory is not asked, and not
touched.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import gevent
from msgspec.structs import replace

from greenchat.config.schema import Config
from greenchat.errors import GreenchatError, Reject
from greenchat.hooks.kept_messages import last_messages
from greenchat.protocol.dry_runs import FIRST, DryAsk, DryMessage, DryReport, told_differences
from greenchat.protocol.text import amount, printable
from greenchat.server import fingerprints
from greenchat.server.kept_sources import KeptSources, digest, read
from greenchat.server.server import ChatServer

if TYPE_CHECKING:
    from greenchat.server.dry_run import Halt

# Messages that a plugin is tried on: what a busy room says in a day.
MESSAGES = 1000

# How long either may take, in seconds: the operator waits for it.
SECONDS = 30.0


class PluginTries:
    """Those of one server, to be made when its plugins were loaded. `configure` reads the configuration again."""

    def __init__(self, server: ChatServer, configure: Callable[[], Config]) -> None:
        self._server = server
        self._configure = configure
        self._sources = KeptSources(fingerprints.places(server))
        self._tried: dict[str, str] = {}  # the digest of what was tried last of each plugin
        self._halt: Halt | None = None  # of what is being tried
        self._is_over = False

    def try_plugin(self, plugin: str) -> Sequence[str]:
        """See `interfaces.Tries`."""
        if self._halt is not None or self._is_over:
            raise Reject("Another plugin is being tried, or the server is ending. Try again later.", code="try_later")
        place = self._place(plugin)
        try:
            settings = [config.plugins.get(plugin, {}) for config in (self._server.config, self._configure())]
        except GreenchatError as error:
            raise Reject(f"The configuration cannot be used: {error}", code="cannot_reload") from None
        from greenchat.server.dry_run import Halt  # which takes a while, and is needed now and then

        self._halt = halt = Halt()
        try:
            lines, tried = gevent.get_hub().threadpool.apply(self._try, (plugin, place, *settings, halt))
        except GreenchatError as error:
            raise Reject(str(error), code="cannot_reload") from None
        finally:
            self._halt = None
        if halt.is_set:
            raise Reject("The server is reloaded meanwhile. Try it again after that.", code="try_later")
        self._tried[plugin] = tried
        return lines  # type: ignore[no-any-return]

    def require_tried(self, plugin: str) -> None:
        """See `interfaces.Tries`."""
        tried = self._tried.get(plugin)
        again = f"Type /plugin reload {printable(plugin)} --try"
        if tried is None:
            raise Reject(f"What is on the disk now was not tried. {again}", code="usage")
        if gevent.get_hub().threadpool.apply(_digest_of, (self._place(plugin),)) != tried:
            raise Reject(f"It has changed since it was tried. {again}", code="usage")

    def end(self) -> None:
        """Try nothing any more: what is at it ends at once."""
        self._is_over = True
        if self._halt is not None:
            self._halt.set()

    def go_on(self) -> None:
        """Try again what is asked for."""
        self._is_over = False

    def _place(self, plugin: str) -> Path:
        for name, path in fingerprints.places(self._server):
            if name == plugin:
                return path
        raise Reject(f"The plugin {printable(plugin)} has no file that could be tried.", code="cannot_reload")

    # --- in a thread ---

    def _try(
        self, plugin: str, place: Path, on: dict[str, object], new: dict[str, object], halt: "Halt"
    ) -> tuple[Sequence[str], str]:
        """What there is to tell, and the digest of what was tried. Raises `GreenchatError`."""
        server = self._server
        messages = last_messages(server.plugins.manager, server.data_dir, "", MESSAGES)
        tried = _digest_of(place)
        if not messages:
            return [f"Nothing was said yet that {plugin} could be tried on."], tried
        ask = DryAsk(plugin, str(place), new, messages, server.config.server.default_room)
        with tempfile.TemporaryDirectory(prefix="greenchat-on-") as scratch:
            kept = self._sources.lay_down(plugin, Path(scratch))
            before = self._run(replace(ask, path=str(kept), settings=on), halt) if kept is not None else None
            after = self._run(ask, halt)
        return _told(before, after, messages), tried

    def _run(self, ask: DryAsk, halt: "Halt") -> DryReport:
        own = (f"{ask.name}.sqlite3",)
        from greenchat.server.dry_run import try_out

        return try_out(ask, self._server.data_dir, own_files=own, seconds=SECONDS, halt=halt)


def _digest_of(place: Path) -> str:
    return digest(read(place))


def _told(before: DryReport | None, after: DryReport, messages: Sequence[DryMessage]) -> list[str]:
    if before is None:
        first = (
            f"The code that is on is not at hand. Over {amount(len(messages), 'message')} the new one would do this:"
        )
        return [first, *(one.line for one in after.outcomes[:FIRST]), *([after.problem] if after.problem else [])]
    return list(told_differences(before, after))
