"""Webhooks: what other servers post is said in a room, and what happens in rooms is posted to other servers."""

from typing import Annotated, Literal

from msgspec import field

import greenchat
from greenchat import Deleted, Edited, Joined, Left, Message, Meta, Reacted, Topic, http, on, require_room

from .payloads import words_of

opt_in = True

Kind = Literal["message", "edited", "deleted", "reacted", "joined", "left", "topic"]


class Incoming(greenchat.Settings, frozen=True):
    """What is posted to /webhooks/NAME."""

    token: Annotated[str, Meta(min_length=16, description="Who sends it, or signs by it, may post.")]
    room: Annotated[str, Meta(description="Where it is said.")] = "lobby"


class Outgoing(greenchat.Settings, frozen=True):
    """What is posted to others."""

    url: Annotated[str, Meta(pattern="^https?://", description="Where to.")]
    rooms: Annotated[list[str], Meta(min_length=1, description="What happens in these, as people there read it.")]
    secret: Annotated[str, Meta(description="What it is signed by; empty: nothing.")] = ""
    events: Annotated[list[Kind], Meta(description="Which events.")] = field(default_factory=lambda: ["message"])


class Settings(greenchat.Settings, frozen=True):
    """Webhooks, to rooms and from rooms."""

    incoming: Annotated[dict[str, Incoming], Meta(description="By name.")] = field(default_factory=dict)
    outgoing: Annotated[dict[str, Outgoing], Meta(description="By name.")] = field(default_factory=dict)


class Webhooks:
    def __init__(self, settings: Settings, ctx: greenchat.Context) -> None:
        self.incoming, self.ctx = settings.incoming, ctx
        if settings.incoming:
            ctx.require("speak")
        chosen = settings.outgoing.items()
        rooms = {name: {require_room(room, 0) for room in one.rooms} for name, one in chosen}
        self.outgoing = [(one.events, rooms[name], ctx.courier(name, one.url, one.secret)) for name, one in chosen]

    @on(Message, Edited, Deleted, Reacted, Joined, Left, Topic)
    def tell(self, event: Message | Edited | Deleted | Reacted | Joined | Left | Topic) -> None:
        for kinds, rooms, courier in self.outgoing:
            if event.room in rooms and type(event).__name__.lower() in kinds:
                courier.post(event)

    @http("POST", "/webhooks/{name}")
    def say(self, request: greenchat.HttpRequest, name: str) -> None:
        incoming = self.incoming.get(name, Incoming("", ""))  # nobody has an empty token
        request.require_token(incoming.token)
        self.ctx.speak(incoming.room, *words_of(request, name))


greenchat_plugin = Webhooks
