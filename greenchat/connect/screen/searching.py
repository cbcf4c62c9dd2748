"""Searching in all that one may read: what is found stands in a list, and leads to where it was said."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from greenchat.client import DisconnectedError
from greenchat.connect.common import clean
from greenchat.connect.model.model import Model
from greenchat.connect.model.rows import on_clock
from greenchat.connect.screen.chooser import Choice, Chooser
from greenchat.connect.screen.theme import Look
from greenchat.connect.screen.wrapping import Span
from greenchat.protocol.events import Message
from greenchat.protocol.replies import SearchResults

TITLE = 'Search: from:bob in:lobby after:2026-10-01 has:link "exact words" begin*'
SEARCHING = "Searching …"
CONCERNS = "What concerns you: your name, words of yours (/highlight), answers"
NOTHING = "Nothing found."
MORE = "Older ones …"

# So much is shown of what was found, around the first of the words: two or three lines of a terminal of 80 columns.
SHOWN = 150
BEFORE_WORD = 40

# What is no word of a message, but says where, when or by whom it was said.
_OPERATOR = re.compile(r'(?:from|in|before|after|has):(?:"[^"]*"|\S*)', re.IGNORECASE)
_WORDS = re.compile(r"\w+")


@dataclass
class Found:
    """What was asked for last, and what has come of it; it outlasts the list in which it is shown. `more`: there are
    older ones. `told` is said where there is no result. `at` is the number of the result that was marked last."""

    words: str = ""
    messages: list[Message] = field(default_factory=list)
    more: bool = False
    told: str = ""
    at: int = 0


class Search(Chooser):
    """`go` is told which message one wants to see."""

    needs_words = True

    def __init__(
        self,
        look: Look,
        model: Model,
        found: Found,
        flush: Callable[[], None],
        go: Callable[[Message], None],
        *,
        title: str = TITLE,
    ):
        self._model = model
        self._found = found
        self._flush = flush
        self._go = go
        super().__init__(look, title, self._results, lambda name, typed: None, prompt="/", text=found.words)
        self.list.at = found.at

    def on_mount(self) -> None:
        super().on_mount()
        if self._found.words and not self._found.messages:
            self._ask()

    def renew(self) -> None:
        """A result that was deleted meanwhile is none any more."""
        self.list.empty = self._found.told
        self.list.fill(self._results(""))
        self._fit()

    def take(self) -> None:
        """What was typed is searched for; once it was, Enter takes what is marked."""
        if self.typed.strip() != self._found.words or not self.list.choices:
            self._found.words = self.typed.strip()
            self._found.messages, self._found.more, self._found.at = [], False, 0
            self.list.at = 0
            self._ask()
        else:
            self.choose()

    def choose(self) -> None:
        if not self.list.choices or self._is_done:
            return
        self._found.at = self.list.at
        name = self.list.choices[self.list.at].name
        message = next((one for one in self._found.messages if _name(one) == name), None)
        if message is None:
            self._ask()
        else:
            self._is_done = True
            self.dismiss()
            self._go(message)

    def _ask(self) -> None:
        """For what was typed, or for what is older than all that was found."""
        words, messages = self._found.words, self._found.messages
        if not words and self.needs_words:
            self._found.told = ""
            self.renew()
            return
        self._found.told = SEARCHING

        def come(results: SearchResults) -> None:
            if self._found.words == words:
                known = {_name(one) for one in messages}
                messages.extend(one for one in results.messages if _name(one) not in known)
                self._found.more, self._found.told = results.more, NOTHING
                self._renew_if_shown()

        def done(why: str) -> None:
            if why and self._found.words == words:
                self._found.more, self._found.told = False, why
                self._renew_if_shown()

        try:
            before = messages[-1].id if messages else 0
            self._model.sender.search(words, come, before=before, done=done)
        except DisconnectedError:
            pass  # the link finds out by itself
        self._flush()
        self.renew()

    def _renew_if_shown(self) -> None:
        if self.is_attached and self.is_mounted:
            self.renew()

    # --- what was found ---

    def _results(self, _: str) -> list[Choice]:
        words = [word.casefold() for word in _WORDS.findall(_OPERATOR.sub(" ", self._found.words))]
        now = [one for one in map(self._as_it_is, self._found.messages) if one is not None]
        choices = [Choice(_name(one), self._parts(one, words)) for one in now]
        if self._found.more:
            choices.append(Choice("more", (Span(MORE, self._look.dim),)))
        return choices

    def _as_it_is(self, message: Message) -> Message | None:
        place = self._model.chats.known(message)
        if place is None:
            return message
        if place.timeline.is_gone(message.seq):
            return None
        now = place.timeline.message(message.seq)
        return now if now is not None and now.id == message.id else message

    def _parts(self, message: Message, words: list[str]) -> tuple[Span, ...]:
        look, chats = self._look, self._model.chats
        time = on_clock(message.time, chats.zone)
        is_today = time is not None and time.date() == chats.today()
        when = "?" if time is None else f"{time:%H:%M}" if is_today else f"{time:%Y-%m-%d %H:%M}"
        where = f"#{message.room}" if message.room else f"with {message.with_}"
        text = clean(" ".join(message.text.split()))
        at = _first(text, words)
        start = max(0, at - BEFORE_WORD) if len(text) > SHOWN else 0
        end = start + SHOWN
        shown = f"{'…' * bool(start)}{text[start:end]}{'…' * (end < len(text))}"
        return (
            Span(f"{when} {where} ", look.dim),
            Span(f"{message.sender} ", look.of_name(message.sender)),
            *self._marked(shown, words),
        )

    def _marked(self, text: str, words: list[str]) -> list[Span]:
        look, out, at = self._look, list[Span](), 0
        for match in _WORDS.finditer(text):
            if any(match[0].casefold().startswith(word) for word in words):
                out += [Span(text[at : match.start()], look.text), Span(match[0], look.mention)]
                at = match.end()
        return [*out, Span(text[at:], look.text)]


class Concerns(Search):
    """What others have said that concerns one, in the same way; it is asked for anew each time."""

    needs_words = False

    def __init__(self, look: Look, model: Model, flush: Callable[[], None], go: Callable[[Message], None]) -> None:
        super().__init__(look, model, Found(), flush, go, title=CONCERNS)

    def on_mount(self) -> None:
        super().on_mount()
        self._ask()

    def take(self) -> None:
        self.choose()


def _name(message: Message) -> str:
    return f"{message.room} {message.conversation} {message.id}"


def _first(text: str, words: list[str]) -> int:
    """Where the first of the words stands."""
    found = (one.start() for one in _WORDS.finditer(text) if any(one[0].casefold().startswith(word) for word in words))
    return next(found, 0)
