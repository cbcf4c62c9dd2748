"""REDACT (IRCv3, draft/message-redaction): one deletes a message, for a reason that clients of IRC are told."""

from greenchat import Session

from . import burst
from .channels import place_of
from .desk import Desk, Told
from .frames import IrcLine
from .grammar import word
from .ignoring import is_read_by_all
from .leaving import sayable
from .msgids import seq_in
from .names import HOST, ascii_lower
from .own import IrcCodec


def redact(desk: Desk, session: Session, codec: IrcCodec, asked: IrcLine) -> Told:
    target, msgid = asked.params[:2]
    given = asked.params[2] if asked.params[2:] else ""
    member, place = session.require_member(), place_of(desk, session, codec, target)
    if place is None:
        yield f":{HOST} FAIL REDACT INVALID_TARGET {word(target)} :You are not in there"
        return
    seq = seq_in(msgid, target, codec.client.talks.get(ascii_lower(target), ""))
    if not seq:
        yield f":{HOST} FAIL REDACT UNKNOWN_MSGID {word(target)} {word(msgid)} :This message does not exist"
        return
    why = sayable(session, given, burst.KICK_BYTES, [place.name])
    why = why if is_read_by_all(member, [place]) else ""
    reasons, which = codec.facts.besides.reasons, (place.name or place.conversation, seq)
    reasons.put(which, member.name, why)
    try:
        session.chat.delete(member, place, seq)
    except BaseException:
        reasons.put(which, member.name, "")
        raise
