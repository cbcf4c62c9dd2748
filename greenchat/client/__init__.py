"""A chat client without a user interface: for bots, for tests, and for `greenchat connect`.

    with Client.connect("127.0.0.1", 9999) as chat:
        chat.join("echo")
        for event in chat:
            if isinstance(event, Message):
                chat.say(f"{event.sender} said: {event.text}", event.room, conversation=event.conversation)

What two people say to each other alone comes as a `Message` with a `conversation` instead of a room. That is where an
answer goes, with both of them as above; `to` begins one with who is called so. `edit`, `delete`, `react`, `read`,
`history` and `catch_up` take it as well. `overview` is all that one takes part in, with how much of it is unread.

Whoever loses the connection is still there for the others for a while, and comes back by a token as who they were,
where they were. `UnreachableError` says that the server is not there yet, and a `RefusedError` with `token_invalid`
that it took too long: join by name then.

    except DisconnectedError:
        lost = chat
        chat = Client.connect("127.0.0.1", 9999)
        chat.resume(lost.token)
        chat.repeat(lost)

`repeat` says again what had no answer when the connection was lost: the server knows what was said already. After a
restart it does not know that of a room without a history.

Commands are run by their arguments: `chat.command("topic", room="dev", text="Roses")` returns what it has told and
said, and `chat.commands()` is the table of those that one may run, with what each of them takes.

Files go by a connection of their own: `chat.upload("cat.png", room="dev", text="Look!")` waits until a message with it
was said; `files` of a `Message` says where to read one.

A bot that misses nothing while it is not there keeps a `Cursor`, and follows it:

    for event in chat.follow(Cursor("echo.cursor")):

With an account, the server keeps it as well: `Cursor.on_server("echo")`.

It speaks JSON Lines (`PlainClient`: plain frames) over one socket, without a thread or an event loop of its own.
Nothing is sent or read but inside its methods: use a client from one thread, and let it `receive` again and again. To
wait for other things as well, watch `fileno()` (for writing too while `backlog` is not 0), and call `receive(0)` when
it is ready.
"""

from greenchat.client.client import CONNECT_SECONDS, Client
from greenchat.client.commands import Ran
from greenchat.client.cursor import Cursor
from greenchat.client.errors import (
    ClientError,
    CursorError,
    DisconnectedError,
    NoAnswerError,
    RefusedError,
    TurnedAwayError,
    UnreachableError,
)
from greenchat.client.files import Cancelled, Uploaded, put_file
from greenchat.client.plain import PlainClient
from greenchat.client.reactions import renamed
from greenchat.client.saying import ANSWER_SECONDS

__all__ = [
    "ANSWER_SECONDS",
    "CONNECT_SECONDS",
    "Cancelled",
    "Client",
    "ClientError",
    "Cursor",
    "CursorError",
    "DisconnectedError",
    "NoAnswerError",
    "PlainClient",
    "Ran",
    "RefusedError",
    "TurnedAwayError",
    "UnreachableError",
    "Uploaded",
    "put_file",
    "renamed",
]
