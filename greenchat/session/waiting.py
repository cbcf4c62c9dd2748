"""What was said to an account alone while it was away: told to plain clients when they come in."""

from weakref import ref

from greenchat.chat.batch import knows_numbers
from greenchat.errors import Advice, Reject
from greenchat.hooks.interfaces import Session
from greenchat.protocol.events import Message, Read
from greenchat.session import reading

# So many are told, the last of them: some pages of a terminal. The others are read by a command.
MOST_TOLD = 50


def tell_waiting(session: Session) -> None:
    """Tell `session` what its account has not read, unless it reads that by itself. May wait."""
    member = session.member
    if member is None or not member.account_id or knows_numbers(session.codec):
        return
    chat = session.chat
    try:
        found, count, places = chat.waiting(member, MOST_TOLD)
        talks = [chat.conversation(member, place) for place in places]
    except Reject:
        session.info("Messages to you alone may be waiting. They cannot be read at the moment.")
        return
    if session not in member.sessions:
        return  # it is gone, and has not read them
    if count:
        session.info(f"While you were away: {count} message{'s' * (count > 1)} to you alone.")
        for said in chat.as_told(found, member):
            if isinstance(said, Message):
                session.tell(said)
        if count > len(found):
            last = talks[-1].with_for(member)
            how = session.advise(Advice.COMMAND, line=f"/messages {last} 100")
            before = count - len(found)
            are = "There is 1 more" if before == 1 else f"There are {before} more"
            session.info(f"{are} before these. To read what somebody wrote: {how}")
        session.info("That was while you were away.")
        latest = chat.conversation(member, found[-1].message.conversation) if found else talks[-1]
        if member.last_writer is None:
            member.last_writer = latest.with_for(member), ref(latest)
    for talk in talks:
        if talk.mark_read(member, talk.seq):
            reading.tell_others(session, Read("", talk.seq, talk.id))
