"""The few kinds of errors greenchat raises on purpose. Each message says what was wrong and what to do."""

from enum import Enum, auto

from greenchat.values import shown


class GreenchatError(Exception):
    """The root of all of them: its text is fit for a user's eyes."""


class ConfigError(GreenchatError):
    """A setting is wrong. The text names its path, such as `limits.flood_rate`; `serve` does not start."""


class PluginError(GreenchatError):
    """A plugin cannot be used. The text names the plugin and the cause; `serve` goes on without it, unless required."""


class Advice(Enum):
    """What to do, where that differs from one kind of client to another: codecs/advice.py has it in words."""

    JOIN = auto()
    JOIN_FIRST = auto()
    JOIN_NOW = auto()
    JOIN_AGAIN = auto()  # connect again, and join
    NAME_ONE = auto()  # a name is missing
    ENTER_ROOM = auto()
    PASS_PHRASE = auto()
    FRAME_TYPES = auto()  # which there are
    ONE_LINE = auto()
    COMMAND = auto()  # how to give one
    TLS = auto()


class Reject(GreenchatError):  # noqa: N818  (it is a verdict that plugins raise, not a fault)
    """A request is refused: `text` goes to the sender as an ERROR, and nothing else happens.

    Plugins raise it from check hooks: `raise Reject("No shouting, please.")`. `code` is the machine-readable kind
    that JSON clients see; PROTOCOL.md lists the codes of the core. `advice` is what follows the text in words that fit
    the sender's client. `by` is the plugin that has refused it, empty for the core.
    """

    by = ""
    advice: Advice | None = None

    def __init__(self, text: str, code: str = "rejected", advice: Advice | None = None) -> None:
        super().__init__(text)
        self.text = shown(text)  # it is sent in any case, whatever a plugin has put there
        self.code = shown(code)
        self.advice = advice if isinstance(advice, Advice) else None


def sendable(verdict: Reject) -> Reject:
    """`verdict` as it can be sent: a plugin's own kind of `Reject` may hold anything, or nothing."""
    if type(verdict) is Reject:
        return verdict
    text, code = getattr(verdict, "text", str(verdict)), getattr(verdict, "code", "rejected")
    made = Reject(text, code, getattr(verdict, "advice", None))
    made.by = verdict.by
    return made
