"""greenchat: a chat server you bend with plugins.

This page is what a plugin author imports; `greenchat.testing` is the other one. A plugin is a module with
`@hookimpl` functions; plugins/README.md is its guide. Importing greenchat loads nothing heavy: the names below
are fetched when first used, so that `greenchat --help` stays quick, and no event loop is started or patched.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from msgspec import Meta as Meta

    from greenchat.accounts import Account as Account
    from greenchat.accounts import AccountDirectory as AccountDirectory
    from greenchat.accounts import new_account_id as new_account_id
    from greenchat.address import host_of as host_of
    from greenchat.address import network_of as network_of
    from greenchat.chat import AWAY as AWAY
    from greenchat.codecs.detect import HTTP_BEGINNINGS as HTTP_BEGINNINGS
    from greenchat.codecs.jsonlines import JsonCodec as JsonCodec
    from greenchat.commands import Command as Command
    from greenchat.config import Settings as Settings
    from greenchat.database import Database as Database
    from greenchat.database import DatabaseError as DatabaseError
    from greenchat.database import as_database_error as as_database_error
    from greenchat.database import file_state as file_state
    from greenchat.database import open_database as open_database
    from greenchat.database import transaction as transaction
    from greenchat.datadir import make_private as make_private
    from greenchat.datadir import open_private as open_private
    from greenchat.errors import ConfigError as ConfigError
    from greenchat.errors import PluginError as PluginError
    from greenchat.errors import Reject as Reject
    from greenchat.events import Acted as Acted
    from greenchat.events import Away as Away
    from greenchat.events import Ended as Ended
    from greenchat.events import Event as Event
    from greenchat.events import Invited as Invited
    from greenchat.events import Joined as Joined
    from greenchat.events import Left as Left
    from greenchat.events import Message as Message
    from greenchat.events import Notice as Notice
    from greenchat.events import Private as Private
    from greenchat.events import Refused as Refused
    from greenchat.events import Renamed as Renamed
    from greenchat.events import Role as Role
    from greenchat.events import Topic as Topic
    from greenchat.fairness import FairQueue as FairQueue
    from greenchat.frames import Answer as Answer
    from greenchat.frames import Found as Found
    from greenchat.frames import Frame as Frame
    from greenchat.frames import History as History
    from greenchat.frames import Invalid as Invalid
    from greenchat.frames import Join as Join
    from greenchat.frames import Leave as Leave
    from greenchat.frames import Page as Page
    from greenchat.frames import Ping as Ping
    from greenchat.frames import Pong as Pong
    from greenchat.frames import Request as Request
    from greenchat.frames import Say as Say
    from greenchat.frames import Search as Search
    from greenchat.frames import Unknown as Unknown
    from greenchat.frames import Welcome as Welcome
    from greenchat.hookspecs import hookimpl as hookimpl
    from greenchat.room import Member as Member
    from greenchat.room import Room as Room
    from greenchat.server import ChatServer as ChatServer
    from greenchat.session import Session as Session
    from greenchat.shell import SHELL as SHELL
    from greenchat.shell import Shell as Shell
    from greenchat.shell import data_dir_from as data_dir_from
    from greenchat.shell import data_dir_options as data_dir_options
    from greenchat.shell import plugin_settings as plugin_settings
    from greenchat.text import INVISIBLE as INVISIBLE
    from greenchat.text import guest_name as guest_name
    from greenchat.text import is_blank as is_blank
    from greenchat.text import is_guest_name as is_guest_name
    from greenchat.text import printable as printable
    from greenchat.text import require_name as require_name
    from greenchat.text import require_room as require_room
    from greenchat.text import slash_at as slash_at
    from greenchat.text import some_of as some_of

_HOME = {
    "Account": "accounts",
    "AccountDirectory": "accounts",
    "new_account_id": "accounts",
    "host_of": "address",
    "AWAY": "chat",
    "plugin_settings": "shell",
    "JsonCodec": "codecs.jsonlines",
    "Command": "commands",
    "Meta": "config",
    "Settings": "config",
    "Database": "database",
    "DatabaseError": "database",
    "as_database_error": "database",
    "file_state": "database",
    "open_database": "database",
    "transaction": "database",
    "make_private": "datadir",
    "open_private": "datadir",
    "Acted": "events",
    "Away": "events",
    "Ended": "events",
    "Invited": "events",
    "Role": "events",
    "Topic": "events",
    "FairQueue": "fairness",
    "Answer": "frames",
    "Found": "frames",
    "Pong": "frames",
    "Ping": "frames",
    "Frame": "frames",
    "History": "frames",
    "Page": "frames",
    "Search": "frames",
    "Welcome": "frames",
    "Room": "room",
    "data_dir_from": "shell",
    "data_dir_options": "shell",
    "network_of": "address",
    "ConfigError": "errors",
    "PluginError": "errors",
    "Reject": "errors",
    "Event": "events",
    "Joined": "events",
    "Left": "events",
    "Message": "events",
    "Notice": "events",
    "Private": "events",
    "Refused": "events",
    "Renamed": "events",
    "Invalid": "frames",
    "Join": "frames",
    "Leave": "frames",
    "Request": "frames",
    "Say": "frames",
    "Unknown": "frames",
    "hookimpl": "hookspecs",
    "Member": "room",
    "ChatServer": "server",
    "HTTP_BEGINNINGS": "codecs.detect",
    "Session": "session",
    "SHELL": "shell",
    "Shell": "shell",
    "INVISIBLE": "text",
    "is_blank": "text",
    "guest_name": "text",
    "is_guest_name": "text",
    "printable": "text",
    "require_name": "text",
    "require_room": "text",
    "slash_at": "text",
    "some_of": "text",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"greenchat.{_HOME[name]}"), name)
    raise AttributeError(f"module 'greenchat' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
