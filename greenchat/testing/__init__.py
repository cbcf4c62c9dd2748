"""What the tests of a plugin need: a chat without sockets, in the test's own thread and with a clock that is moved by
hand; and a real server, with clients that speak to it over real sockets.

from greenchat.testing import Chat, serving

def test_dice():
    chat = Chat(dice)
    ada = chat.join("ada")
    ada.says("/roll 1d1")
    assert ada.hears("1")

def test_dice_over_the_wire():
    with serving(dice) as server:
        ada = server.join("ada")
        ada.send("MSG|/roll 1d1")
        ada.expect("INFO|1")

With pytest there are the fixtures `greenchat_chat` and `greenchat_server`: see pytest_plugin.py.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from greenchat.testing.chat import Chat as Chat
    from greenchat.testing.clock import HandClock as HandClock
    from greenchat.testing.failures import PluginFailed as PluginFailed
    from greenchat.testing.live import DEADLINE as DEADLINE
    from greenchat.testing.live import NO_REPLAY as NO_REPLAY
    from greenchat.testing.live import UNLIMITED as UNLIMITED
    from greenchat.testing.live import Peer as Peer
    from greenchat.testing.live import ServerThread as ServerThread
    from greenchat.testing.live import serving as serving
    from greenchat.testing.person import Heard as Heard
    from greenchat.testing.person import Person as Person

# Loaded when one is asked for: every pytest of an environment with greenchat loads this package. An event loop belongs
# to the thread that loads gevent first, too.
_MODULES = {
    "chat": ("Chat",),
    "clock": ("HandClock",),
    "failures": ("PluginFailed",),
    "live": ("DEADLINE", "NO_REPLAY", "UNLIMITED", "Peer", "ServerThread", "serving"),
    "person": ("Heard", "Person"),
}
_WHERE = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [*_WHERE]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"greenchat.testing.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'greenchat.testing' has no attribute {name!r}")
