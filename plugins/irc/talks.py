"""Conversations of two, as one client knows them: by the nicks of the others."""

from greenchat import Deleted, Edited, Reacted

from .bearers import NOTICE, UNTOLD
from .client import Client
from .names import ascii_lower, source, to_irc
from .shared import SharedCodec, lines_of

# So many nicks whose bearer is somebody else by now are remembered, the latest. Words to such a nick are refused once:
# that is for who has a window open, and nobody has a thousand of those.
MOST_ENDED = 1000


class Talks:
    """Those of one `client`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def begun(self, name: str, conversation: str, verb: str = "") -> None:
        """Who is called so now is the other one in it; or is by what the client has said by this `verb`."""
        nick = ascii_lower(to_irc(name))
        self._client.talks[nick] = conversation
        for ended in (nick, f"{UNTOLD}{nick}") if verb != NOTICE else (nick,):
            if ended in self._client.ended:
                self._client.ended.remove(ended)

    def ended(self, conversation: str) -> None:
        for nick, known in list(self._client.talks.items()):
            if known == conversation:
                del self._client.talks[nick]
                self._client.ended = [*self._client.ended[-MOST_ENDED + 1 :], nick]

    def nick_of(self, conversation: str) -> str:
        return next((nick for nick, known in self._client.talks.items() if known == conversation), "")

    def changed(self, change: Edited | Deleted | Reacted, shared: SharedCodec, me: str) -> list[str]:
        """What has become of a message that was said alone, as `me` is told it."""
        nick, by, place = self.nick_of(change.conversation), change.by, change.conversation
        target = nick if ascii_lower(to_irc(by)) == ascii_lower(me) else me
        match change:
            case Reacted(seq=seq, emoji=emoji, on=on, time=time) if shared.numbers:
                return lines_of(shared.reacted(place, target, seq, by, emoji, on, time))
            case Edited(text=text, time=time):
                head = f":{source(by)} PRIVMSG {target} :(edited) "
                return lines_of(shared.event(time, by, *(f"{head}{one}" for one in text.split("\n"))))
            case Deleted(seq=seq, time=time) if self._client.has("draft/message-redaction"):
                return lines_of(shared.event(time, by, shared.redacted(place, target, seq, by)))
        return []
