"""Conversations of two, as one client knows them: by the nicks of the others."""

from greenchat import Deleted, Edited, Reacted

from .client import Client
from .grammar import tagged
from .names import ascii_lower, source, to_irc
from .shared import END, SharedCodec


class Talks:
    """Those of one `client`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def begun(self, name: str, conversation: str) -> None:
        """Who is called so now is the other one in it."""
        nick = ascii_lower(to_irc(name))
        self._client.talks[nick] = conversation
        self._client.ended.discard(nick)

    def ended(self, conversation: str) -> None:
        for nick, known in list(self._client.talks.items()):
            if known == conversation:
                del self._client.talks[nick]
                self._client.ended.add(nick)

    def nick_of(self, conversation: str) -> str:
        return next((nick for nick, known in self._client.talks.items() if known == conversation), "")

    def changed(self, change: Edited | Deleted | Reacted, shared: SharedCodec, me: str) -> list[str]:
        """What has become of a message that was said alone, as `me` is told it."""
        nick, by, place = self.nick_of(change.conversation), change.by, change.conversation
        target = nick if ascii_lower(to_irc(by)) == ascii_lower(me) else me
        tags = tagged(shared.tags(change.time))
        match change:
            case Reacted(seq=seq, emoji=emoji, on=on, time=time) if shared.numbers:
                return lines_of(shared.reacted(place, target, seq, by, emoji, on, time))
            case Edited(text=text):
                return [f"{tags}:{source(by)} PRIVMSG {target} :(edited) {one}" for one in text.split("\n")]
            case Deleted(seq=seq) if self._client.has("draft/message-redaction"):
                return [f"{tags}{shared.redacted(place, target, seq, by)}"]
        return []


def lines_of(data: bytes) -> list[str]:
    return data.decode().split(END)[:-1]
