"""`ctx.state` of one plugin: what it has said of it, and how it goes with it over a reload."""

import logging
from collections.abc import Iterable, Sequence

from msgspec import structs

from greenchat.chat.room import Member
from greenchat.hooks.carried import CarriedPlugin, Declared, State, declared, decode_state, encode_state

log = logging.getLogger("greenchat.plugins")


class PluginState:
    """That of the plugin called `plugin`. `declared` is None as long as it has not said that it is to be carried."""

    def __init__(self, plugin: str) -> None:
        self.state = State()
        self.declared: Declared | None = None
        self._plugin = plugin

    def declare(self, version: int, accepts: Iterable[int]) -> State:
        """Raises `PluginError`."""
        self.declared = declared(version, accepts)
        return self.state

    def take_up(self, carried: CarriedPlugin, people: Sequence[Member | None]) -> None:
        """Go on with what another process has had, with these `people` in it. Raises `msgspec.MsgspecError`."""
        if self.declared is not None and self.declared.takes(carried.version):
            self.state.update(decode_state(carried.state, people))
            self.state.version = carried.version
        elif carried.version:
            has = "none" if self.declared is None else f"version {self.declared.version}"
            self._complain(f"its state is not taken up: it is of version {carried.version}, and it reads {has}")

    def carried_with(self, rest: CarriedPlugin, referred: dict[Member, int]) -> CarriedPlugin:
        """The `rest`, and the state with it. Members in there are added to `referred`."""
        if self.declared is not None:
            state = encode_state(self.state, referred, self._complain)
            return structs.replace(rest, version=self.declared.version, state=state)
        if self.state:
            self._complain("ctx.state is not carried, since it has not called ctx.carry_state")
        return rest

    def _complain(self, what: str) -> None:
        log.error("plugin %s: %s", self._plugin, what, extra={"plugin": self._plugin})
