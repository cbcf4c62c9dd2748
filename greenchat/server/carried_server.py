"""A server between two programs: all that it goes on with, as plain data."""

from msgspec import MsgspecError, Struct, field, msgpack

from greenchat.chat.carried import CarriedChat
from greenchat.config.schema import Config
from greenchat.hooks.carried import CarriedPlugins
from greenchat.hooks.finding import Installed
from greenchat.protocol.reload_reports import ReloadReport
from greenchat.protocol.requests import Ref
from greenchat.server.carried_connections import CarriedConnections
from greenchat.session.carried_stays import CarriedStays
from greenchat.storage.plugin_choice import Choice

# The format of `CarriedServer`. It counts up where a state of before could not be read any more: what is new comes at
# the end of its struct, with a default.
HANDOVER_FORMAT = 1
KNOWN_FORMATS = frozenset({HANDOVER_FORMAT})


class CarriedCounters(Struct, array_like=True):
    """What the server has counted. `started` is on a clock that goes on, in seconds."""

    started: float
    sessions: int
    refusals: dict[str, int]


class Asked(Struct, array_like=True):
    """Who has asked for a reload, and is to be told what came of it: the session of this id, by `ref`; 0 for none."""

    by: str
    session_id: int = 0
    ref: Ref = None
    choice: Choice | None = None


class CarriedServer(Struct, array_like=True):
    """`froze` is when it has read last, on a clock that goes on, in seconds. `asked` are told of the hand-over, by the
    `report`; those that are `waiting` have asked for one more meanwhile."""

    format: int
    froze: float
    connections: CarriedConnections
    counters: CarriedCounters
    choice: Choice
    chat: CarriedChat
    stays: CarriedStays
    plugins: CarriedPlugins
    report: ReloadReport
    asked: list[Asked] = field(default_factory=list)
    waiting: list[Asked] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self.connections.sessions)} sessions>"  # there are secrets in it


class Beginning(Struct, array_like=True):
    """What a program begins with, whatever becomes of the `state`, a `CarriedServer`, or nothing where there is none.
    `config` is the configuration that was proven, as `packed`, and `data_dir` the directory: what is on the disk may be
    something else by now. `places` is what the sockets that listen were asked for, in their order, and `installed` are
    the plugins that were found installed when all was proven, as `finding.installed` has them."""

    config: bytes
    data_dir: str
    places: list[str]
    state: bytes = b""
    installed: list[Installed] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {self.data_dir}>"


def packed(config: Config) -> bytes:
    """A configuration as it goes from one process to the next. It holds secrets."""
    return msgpack.encode(config)


def unpacked(data: bytes) -> Config | None:
    """The other way round; None for what is no configuration here."""
    try:
        return msgpack.decode(data, type=Config, strict=False)
    except MsgspecError:
        return None
