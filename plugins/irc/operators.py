"""What operators do on IRC: KILL. They are accounts here; OPER is a login to one, see asking.py."""

from greenchat import Reject, Session

from . import burst
from .desk import Desk, Told
from .frames import IrcLine, Numeric
from .leaving import sayable
from .own import IrcCodec

NO_PRIVILEGES = Numeric("481", (), "Permission denied: you are no operator")


def kill(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    """Somebody is put out of the chat, on all devices. They may come back: to keep them out, there is /ban."""
    nick, why = asked.params[0], asked.params[1] if asked.params[1:] else ""
    chat, me = session.chat, session.require_member()
    member = desk.member(nick)
    if session.role != "operator":
        yield NO_PRIVILEGES
    elif member is None:
        yield Numeric("401", (nick,), "No such nick")
    elif member.role == "operator":
        yield Numeric("481", (), "Operators are not put out. First: /deop")
    elif member.bot:
        yield Numeric("481", (), "It is a plugin's, and comes and goes with that")
    else:
        why = sayable(session, why, burst.KICK_BYTES, list(member.rooms))
        if desk.member(nick) is not member:  # asking that may have taken its time
            yield Numeric("401", (nick,), "No such nick")
            return
        because = f": {why}" if why else ""
        chat.audit(session.name_on_record(), "kill", member.name, "", why)
        verdict = Reject(f"You were put out of the chat by {me.name}{because or '.'}", code="kicked")
        sessions, reason = list(member.sessions), f"put out by {me.name}{because}"
        chat.leave(member, reason)
        for one in sessions:
            if isinstance(one, Session):
                one.end(verdict, reason)
