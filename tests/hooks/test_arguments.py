"""What people type behind a command, as values of the kinds that its function asks for."""

from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Any, Literal

import pytest
from hypothesis import strategies as st
from kit.properties import ANY_TEXT, for_all
from msgspec import Meta

from greenchat import Argument, Duration, PluginError, Reject, Rest, Secret
from greenchat.hooks.arguments import Signature


class Nobody:
    """Finds members called "ada" and nothing else."""

    def member(self, name: str) -> Any:
        if name != "ada":
            raise Reject(f"Nobody here is called {name}.", code="unknown_user")
        return name.upper()

    account = room = member


def double(call, number: int): ...
def roll(call, dice: Annotated[str, Meta(pattern=r"\d+d\d+(\+\d+)?", description="dice, such as 2d6+1")] = "1d6"): ...
def add(call, *numbers: float): ...
def pick(call, mode: Literal["fast", "slow"], sure: bool = False): ...
def few(call, count: Annotated[int, Meta(ge=1, le=6)]): ...
def most(call, count: Annotated[int, Meta(lt=7)] = 3): ...
def answer(call, number: int | None, text: Rest): ...
def remind(call, after: Duration, what: Rest): ...
def mute(call, who: str, how_long: Duration | None = None, why: Rest = ""): ...
def login(call, name: str | None, password: Secret): ...
def passwd(call, old: Secret, new: Secret): ...
def poke(call, who: str, *others: str): ...
def sort(call, words: list[str]): ...
def untyped(call, word): ...


def parsed(function, text):
    return Signature.of(function).parse(text, Nobody())


@pytest.mark.parametrize(
    ("function", "usage"),
    [
        (double, "NUMBER"),
        (roll, "[DICE]"),
        (add, "[NUMBERS...]"),
        (pick, "fast|slow [on|off]"),
        (answer, "[NUMBER] TEXT"),
        (mute, "WHO [HOW-LONG] [WHY]"),
        (login, "[NAME] PASSWORD"),
        (sort, "WORDS..."),
        (untyped, "WORD"),
    ],
)
def test_the_usage_is_made_of_the_arguments(function, usage):
    signature = Signature.of(function)
    assert signature.usage == usage
    assert signature.line == f"/{function.__name__} {usage}"


@pytest.mark.parametrize(
    ("function", "text", "values"),
    [
        (double, "21", {"number": 21}),
        (double, " -3\t", {"number": -3}),
        (double, "#12", {"number": 12}),
        (roll, "", {"dice": "1d6"}),
        (roll, "2d6+1", {"dice": "2d6+1"}),
        (add, "", {"numbers": []}),
        (add, "1 2.5\u3000-3e2 .5", {"numbers": [1.0, 2.5, -300.0, 0.5]}),
        (pick, "FAST", {"mode": "fast", "sure": False}),
        (pick, "slow yes", {"mode": "slow", "sure": True}),
        (few, "6", {"count": 6}),
        (most, "", {"count": 3}),
        (most, "6", {"count": 6}),
        (answer, "12 Gladly,  bob!", {"number": 12, "text": "Gladly,  bob!"}),
        (answer, "12", {"number": None, "text": "12"}),
        (answer, "12th  of May ", {"number": None, "text": "12th  of May"}),
        (remind, "1h30m  tea", {"after": timedelta(minutes=90), "what": "tea"}),
        (mute, "bob", {"who": "bob", "how_long": None, "why": ""}),
        (mute, "bob 10m", {"who": "bob", "how_long": timedelta(minutes=10), "why": ""}),
        (mute, "bob\u00a0calm  down", {"who": "bob", "how_long": None, "why": "calm  down"}),
        (login, "x", {"name": None, "password": "x"}),
        (login, "ada  a pass phrase ", {"name": "ada", "password": "a pass phrase"}),
        (passwd, "a b c", {"old": "a", "new": "b c"}),
        (poke, "bob eve dan", {"who": "bob", "others": ["eve", "dan"]}),
        (sort, "c a", {"words": ["c", "a"]}),
    ],
)
def test_what_is_typed_comes_as_values(function, text, values):
    assert parsed(function, text) == values


@pytest.mark.parametrize(
    ("function", "text", "told"),
    [
        (double, "", "NUMBER is missing."),
        (double, "x", "NUMBER is a whole number, such as 12, not 'x'."),
        (double, "1_000", "NUMBER is a whole number, such as 12, not '1_000'."),
        (double, "٣", "NUMBER is a whole number, such as 12, not '٣'."),
        (double, "9" * 5000, f"NUMBER is a whole number, such as 12, not '{'9' * 39}…'."),
        (double, "1.5", "NUMBER is a whole number, such as 12, not '1.5'."),
        (double, "1 2", "That is more than it takes."),
        (add, "1 nan", "NUMBERS is a number, such as 1.5, not 'nan'."),
        (roll, "2d6+x", "DICE is dice, such as 2d6+1, not '2d6+x'."),
        (roll, "x2d6", "DICE is dice, such as 2d6+1, not 'x2d6'."),
        (pick, "quick", "MODE is one of fast, slow, not 'quick'."),
        (pick, "fast perhaps", "SURE is on or off, not 'perhaps'."),
        (few, "7", "COUNT is between 1 and 6, not '7'."),
        (most, "7", "COUNT is at most 6, not '7'."),
        (remind, "90 tea", "AFTER is a duration without blanks, such as 30s, 10m, 1h30m, 2d or 1w, not '90'."),
        (remind, "10m", "WHAT is missing."),
        (mute, "bob 60 spam", "HOW-LONG is a duration without blanks, such as 30s, 10m, 1h30m, 2d or 1w, not '60'."),
        (sort, "", "WORDS is missing."),
    ],
)
def test_what_does_not_fit_is_refused_with_the_usage(function, text, told):
    with pytest.raises(Reject) as refusal:
        parsed(function, text)
    assert refusal.value.code == "usage"
    assert refusal.value.text == f"{told} Type it so: {Signature.of(function).line}"


def test_nothing_is_quoted_where_there_may_be_a_secret():
    def odd(call, number: int, password: Annotated[Secret, Meta(pattern="[a-z]+", max_length=9)]): ...

    for text in ("hunter2 x", "1 hunter2", "1 hunterhunter", "hunter2", ""):
        with pytest.raises(Reject) as refusal:
            parsed(odd, text)
        assert "hunter" not in refusal.value.text


def test_a_secret_does_not_show_what_it_is():
    args = parsed(login, "ada hunter2")
    assert "hunter2" not in repr(args)
    assert args["password"] == "hunter2"


@pytest.mark.parametrize(
    ("function", "args", "values"),
    [
        (double, {"number": 21}, {"number": 21}),
        (double, {"number": 21.0}, {"number": 21}),
        (double, {"number": "21"}, {"number": 21}),
        (add, {"numbers": [1, 2.5, "3"]}, {"numbers": [1.0, 2.5, 3.0]}),
        (add, {}, {"numbers": []}),
        (pick, {"mode": "slow", "sure": True}, {"mode": "slow", "sure": True}),
        (pick, {"mode": "slow", "sure": "off"}, {"mode": "slow", "sure": False}),
        (answer, {"text": "12 o'clock"}, {"number": None, "text": "12 o'clock"}),
        (
            mute,
            {"who": "bob", "how_long": "1h", "why": None},
            {"who": "bob", "how_long": timedelta(hours=1), "why": ""},
        ),
        (passwd, {"old": "a b", "new": "c d"}, {"old": "a b", "new": "c d"}),
    ],
)
def test_programs_send_values_by_name(function, args, values):
    assert Signature.of(function).from_values(args, Nobody()) == values


@pytest.mark.parametrize(
    ("function", "args", "told"),
    [
        (double, {}, "NUMBER is missing."),
        (double, {"number": True}, "NUMBER is a number."),
        (double, {"number": 1.5}, "NUMBER is a whole number, such as 12."),
        (double, {"number": 10**400}, "NUMBER is a whole number, such as 12."),
        (few, {"count": 0}, "COUNT is between 1 and 6."),
        (double, {"number": {"a": 1}}, "NUMBER is a number."),
        (add, {"numbers": [float("inf")]}, "NUMBERS is a number, such as 1.5."),
        (mute, {"who": "bob eve"}, "WHO is one word."),
        (mute, {"who": "  "}, "WHO is missing."),
        (sort, {"words": "a"}, "WORDS is a list."),
        (sort, {"words": []}, "WORDS is missing."),
        (pick, {"mode": 5}, "MODE is a text."),
    ],
)
def test_values_that_do_not_fit_are_refused(function, args, told):
    with pytest.raises(Reject) as refusal:
        Signature.of(function).from_values(args, Nobody())
    assert refusal.value.code == "usage"
    assert refusal.value.text == f"{told} Type it so: {Signature.of(function).line}"


def test_an_argument_that_there_is_not_is_refused():
    with pytest.raises(Reject, match=r"There is no argument 'size'\. There are number\."):
        Signature.of(double).from_values({"number": 1, "size": 2}, Nobody())


def no_call(): ...
def mapping(call, **options: str): ...
def unknown(call, when: complex): ...
def either(call, what: int | str): ...
def number_choice(call, what: Literal[1, 2]): ...
def rest_first(call, text: Rest, number: int): ...
def list_first(call, words: list[str], number: int): ...
def rests(call, *texts: Rest): ...
def wrong_bound(call, text: Annotated[str, Meta(ge=1)]): ...
def multiple(call, number: Annotated[int, Meta(multiple_of=2)]): ...
def misspelt(call, text: "Rset"): ...  # noqa: F821
def blank_choice(call, text: Literal["a b"]): ...


@pytest.mark.parametrize(
    "function",
    [
        no_call,
        mapping,
        unknown,
        either,
        number_choice,
        rest_first,
        list_first,
        rests,
        wrong_bound,
        multiple,
        misspelt,
        blank_choice,
    ],
)
def test_what_nobody_could_type_is_told_when_it_is_loaded(function):
    with pytest.raises(PluginError, match=f"/{function.__name__}"):
        Signature.of(function)


@pytest.mark.parametrize(
    "argument",
    [
        Argument("text", pattern="("),
        Argument("two words"),
        Argument("text", "poem"),
        Argument("mode", "choice"),
        Argument("mode", choices=("a", "b")),
    ],
)
def test_so_is_what_was_declared_by_hand(argument):
    with pytest.raises(PluginError, match=f"/odd: the argument '{argument.name}'"):
        Signature((argument,), "odd").checked()


def test_a_method_has_no_argument_self():
    class Plugin:
        def double(self, call, number: int): ...

    assert Signature.of(Plugin().double).usage == "NUMBER"


def test_who_is_not_there_is_told_as_everywhere():
    from greenchat import Member

    def whois(call, who: Member): ...

    assert parsed(whois, "ada") == {"who": "ADA"}
    with pytest.raises(Reject, match="Nobody here is called bob") as refusal:
        parsed(whois, "bob")
    assert refusal.value.code == "unknown_user"


WHATEVER = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda one: st.lists(one, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("function", [double, roll, add, pick, few, answer, remind, mute, login, passwd, poke, sort])
def test_whatever_comes_is_taken_or_refused(function):
    signature = Signature.of(function)
    names = [argument.name for argument in signature.arguments]

    @for_all(ANY_TEXT, st.dictionaries(st.sampled_from(names) | ANY_TEXT, WHATEVER, max_size=3))
    def check(text, args):
        for take, given in ((signature.parse, text), (signature.from_values, args)):
            with suppress(Reject):
                assert list(take(given, Nobody())) == names

    check()
