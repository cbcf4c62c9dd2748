"""Each attribute of what makes up a chat is carried over to another process, or made anew there, or empty in a chat at
rest. Whoever adds one decides which, here and in `greenchat/chat/carried*.py` or `greenchat/session/carried_stays.py`.
"""

import pytest
from kit.hall import Hall

from greenchat.chat.conversations import Conversation
from greenchat.chat.ends import End
from greenchat.chat.fanout import DeliveryStats, Fanout
from greenchat.chat.ids import MessageIds
from greenchat.chat.ignoring import Ignored, _Person
from greenchat.chat.keys import Book, Use, UsedKey
from greenchat.chat.log import Log, Past, Reaction, Spoken
from greenchat.chat.outlet import Login
from greenchat.chat.place import Place
from greenchat.chat.presence import Kept
from greenchat.chat.room import Member, Room
from greenchat.chat.tokens import TokenChain
from greenchat.hooks.token_bucket import TokenBucket
from greenchat.net.admission import Admission
from greenchat.protocol.runs import Messages
from greenchat.session.stay import Stay
from greenchat.testing import Chat

# What is carried, and what is not with why not. The last of the three are empty: `under_way` and `carry` see to it.
DECIDED = {
    Member: (
        "name key login away bot ignored reads rooms last_writer allowance",
        {
            "sessions": "attached once they are there",
            "stays": "by carried_stays, which knows each one's member",
            "awaited": "counted from the stays",
            "talks_in": "where one speaks next: it says which room goes out first, and nothing waits in any",
            "__weakref__": "",
        },
    ),
    Login: ("account account_id role", {}),
    Place: ("name seq rev epoch log time", {}),
    Room: (
        "owner lasts members voices _roles _topic",
        {"fanout": "its listeners come with their sessions; all else in it is empty", "__weakref__": ""},
    ),
    Fanout: (
        "",
        {
            "listeners": "the sessions",
            "_choosy": "found out from whom the listeners ignore",
            "told_quits": "found out from how the listeners are written to",
            "_deliver _observe _stats _turns": "those of the chat",
            "_runs _batches _when_calm": "empty",
            "_newcomers _told talk waiting": "about runs, of which there are none",
        },
    ),
    DeliveryStats: ("messages deliveries", {}),
    Log: (
        "_changed _recalled _runs _since _guests _unknown_upto is_recalled nothing_upto put_off",
        {"_recent": "what kind of place it is", "counted": "counted again when it is asked for"},
    ),
    Messages: (
        "seq id sender texts time action rev reply_to account_id account key files",
        {"room conversation": "those of the place", "own": "never in a log", "_made": "made again when asked for"},
    ),
    Past: ("message account_id reactions author", {}),
    Reaction: ("emoji name account_id member", {}),
    Spoken: ("seq texts sender account_id", {"author": "nobody's, in what was recalled"}),
    Conversation: (
        "conversation ends facts has_ended keeper",
        {"_all": "the chat's", "__weakref__": ""},
    ),
    End: ("name said read", {}),
    Ignored: ("_people", {"_accounts _members _names": "an index of the people"}),
    _Person: ("shown key _last account member", {}),
    Use: (
        "key said place time problem is_kept _ack",
        {"_keys _book": "where it is", "_at": "numbers count anew", "_waiting": "empty: nobody waits for one"},
    ),
    UsedKey: ("key said room time ack is_kept", {}),
    Book: (
        "owner uses used_at",
        {
            "open": "none is, once carried over",
            "numbering is_read": "what is kept elsewhere is read again",
            "reading": "empty: nobody reads",
        },
    ),
    MessageIds: ("next", {}),
    Kept: ("rooms owned away ignored reads", {}),
    Stay: (
        "chain device device_id id is_overdue kept login lost_at member name network only password_set session",
        {
            "known": "found out from the chain",
            "is_busy": "empty: nobody comes back at this moment",
            "is_new": "not any more: its keys are read again",
            "is_over": "those are not found any more",
        },
    ),
    TokenChain: ("_current _older _older_salt _older_until _previous _salt", {}),
    TokenBucket: ("left _at", {"_clock": "the machine's"}),
}

# The same of those that have no slots.
CHAT = {
    "people members": "the members",
    "rooms conversations ids keys delivery_stats _ignoring _openings _begun _begun_by_guests": "carried",
    "accounts": "told by the plugin that keeps them, at its start",
    "default_room _limits": "of the configuration, which may be another one",
    "_hooks _turns _deliver _checks memory files": "those of the new process",
}
OPENINGS = {"_rooms _default_room": "the chat's", "_openers": "carried", "_counts": "counted from those"}
IGNORING = {"_members": "the chat's", "_marks _by_mark": "an index of whom the members ignore"}
PEOPLE = {"by_name _by_account": "an index of the members"}
CONVERSATIONS = {
    "_by_id": "carried",
    "_by_ends _of": "an index of those",
    "_people accounts deliver ignored_by keeper": "those of the new process",
}
KEYS = {
    "_books _has_dropped": "carried",
    "_count": "counted from the books",
    "numbering": "counts anew",
    "sources _hooks _now": "those of the new process",
}
STAYS = {
    "_by_hash _kept": "carried",
    "_absent_guests": "an index of the stays",
    "_leaving": "empty: nobody leaves at this moment",
    "_accounts": "learnt once all are there again",
    "_is_over": "not this one",
    "_host _store _admission _clock": "those of the new process",
    "_pauses": "begin again, up to the moments that are carried",
}
ADMISSION = {
    "_tries _failures _wrong_tokens _window": "carried",
    "_inside _count": "counted when the connections are there again",
    "_clock": "the machine's",
}


def names(decided):
    return {name for some in decided for name in some.split()}


@pytest.mark.parametrize("kind", DECIDED, ids=lambda kind: kind.__name__)
def test_it_is_decided_what_becomes_of_each_attribute(kind):
    carried, others = DECIDED[kind]
    slots = getattr(kind, "__struct_fields__", None) or getattr(kind, "_fields", None) or kind.__dict__.get("__slots__")
    assert names([carried, *others]) == set(slots)


def test_it_is_decided_of_the_chat_itself_too():
    chat = Hall("ada").chat
    decided = [
        (chat, CHAT),
        (chat._openings, OPENINGS),
        (chat._ignoring, IGNORING),
        (chat.people, PEOPLE),
        (chat.conversations, CONVERSATIONS),
        (chat.keys, KEYS),
        (Chat().server.stays, STAYS),
        (Admission(), ADMISSION),
    ]
    for one, how in decided:
        assert {*vars(one)} - names(how) == set(), one
        assert names(how) - {*vars(one)} <= {"memory", "keeper"}, one
