"""Whatever somebody writes is looked at in linear time."""

import json
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from greenchat_plugins.moderation.words import Repeats, WordList
from kit.hostile import hostile_texts

from greenchat import Command, Duration, Reject, Rest
from greenchat.codecs.jsonlines import JsonCodec
from greenchat.codecs.plain import PlainCodec
from greenchat.connect.commands import Commands
from greenchat.connect.filling import fill
from greenchat.connect.model.markup import mentions
from greenchat.connect.model.mentions import find
from greenchat.connect.screen.theme import DARK
from greenchat.connect.screen.words import blocks, lines_of
from greenchat.hooks.arguments import Signature
from greenchat.hooks.commands import CommandTable
from greenchat.hooks.named import Named
from greenchat.protocol.names import require_name, require_room
from greenchat.protocol.replies import ArgumentEntry
from greenchat.protocol.text import is_blank, printable, require_text, slash_at
from greenchat.search import terms
from greenchat.search.query import parse_query as parse
from greenchat.testing import serving

pytestmark = pytest.mark.alone

# For a text of several frames, in seconds of the processor: the slowest takes a tenth of it, and whatever looks at the
# rest of such a text for each of its letters takes longer.
BUDGET = 0.25
FRAMES = 4

# For one frame, there and back, on however busy a machine.
ROUND_TRIP = 2.0
FRAME_BYTES = 4096
WORDS = WordList(["darn", "hot dog", "a a a a b", "a" * 100, "世世世世", "e\u0301\u0316", "-- --", "7777", "ада"])
COMMANDS = CommandTable(lambda plugin, where: None)
COMMANDS.add(
    "test", [Command(name, "", "Help.", lambda session, argument: None) for name in ("help", "hotdog", "a" * 32)]
)


TYPED = [
    ArgumentEntry("user", "member"),
    ArgumentEntry("duration", "duration", optional=True),
    ArgumentEntry("count", "number", optional=True),
    ArgumentEntry("why", "rest"),
]

NAMES = Named(None)  # nobody asks for one


def order(call, user: str, duration: Duration | None = None, count: int | None = None, why: Rest = ""): ...
def numbers(call, *numbers: float): ...


def in_json(text: str) -> bytes:
    return json.dumps({"type": "say", "text": text}, ensure_ascii=False).encode() + b"\n"


def allowed(work: Callable[[str], object]) -> Callable[[str], object]:
    """`work`, which may refuse a text."""

    def run(text: str) -> None:
        with suppress(Reject):
            work(text)

    return run


WORK = {
    "is it empty?": is_blank,
    "is it a command?": slash_at,
    "may it be said?": allowed(require_text),
    "a few words of it": printable,
    "has it a listed word?": WORDS.__contains__,
    "listed words masked": WORDS.mask,
    "was it said before?": lambda text: Repeats(3, 60).check(1, text),
    "words to search for": allowed(parse),
    "words to be found by": lambda text: terms.terms_of(0, 1, "ada", text),
    "the arguments of an order": allowed(lambda text: Signature.of(order).parse(text, NAMES)),
    "numbers": allowed(lambda text: Signature.of(numbers).parse(text, NAMES)),
    "which command is it?": allowed(COMMANDS.find),
    "is there a secret in it?": Commands().has_secret,
    "where does it begin?": Commands().secret_start,
    "does it name somebody?": lambda text: mentions(["a"], text),
    "where are names in it?": lambda text: find("ada", text),
    "how does it look in a terminal?": lambda text: [*lines_of(blocks(text, DARK, ["ada"]), 60, DARK)],
    "what is it done to?": lambda text: fill(TYPED, text),
    "a plain frame": lambda text: PlainCodec().request_decoder(0).feed(f"MSG|{text}\n".encode()),
    "a JSON frame": lambda text: (
        JsonCodec()
        .request_decoder(0)
        .feed(json.dumps({"type": "say", "text": text}, ensure_ascii=False).encode() + b"\n")
    ),
    "a name": allowed(lambda text: require_name(text, 32)),
    "a room": allowed(lambda text: require_room(text, 32)),
}


@pytest.mark.parametrize("what", WORK)
def test_whatever_somebody_writes_is_looked_at_in_linear_time(what):
    work = WORK[what]
    slow = {}
    for name, text in hostile_texts(FRAMES).items():
        took = BUDGET
        for _ in range(3):  # somebody else may have had the processor
            if took >= BUDGET:
                start = time.process_time()
                work(text)
                took = time.process_time() - start
        if took >= BUDGET:
            slow[name] = took
    assert not slow


def test_whatever_somebody_says_others_hear_at_once():
    words = {"plugins.moderation.words": ["darn", "hot dog", "a a a a b"], "plugins.moderation.action": "mask"}
    with serving(settings=words) as server:
        bob, ada = server.join("bob"), server.join("ada")
        bob.expect("INFO|ada has joined the chat.")
        slow = {}
        for name, text in hostile_texts().items():
            start = time.monotonic()
            ada.send(f"MSG|{text.encode()[: FRAME_BYTES - len('MSG|')].decode(errors='ignore')}")
            assert bob.read().startswith("MSG|ada|")
            took = time.monotonic() - start
            if took > ROUND_TRIP:
                slow[name] = took
        assert not slow
