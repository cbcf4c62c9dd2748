"""Tokens: each is used up by the next one, no lost answer locks anybody out, and none can be read or guessed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenchat import TokenChain
from greenchat.chat.tokens import GRACE, TOKEN_LENGTH

NOW = 1_700_000_000_000_000

# Which of the tokens given so far is presented, counted from the last one; and how much later than the one before.
steps = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2 * GRACE)), max_size=30)


def used(chain: TokenChain, token: str, now: int = NOW) -> str:
    found = chain.use(token, now)
    assert found is not None
    return found


def test_a_token_is_128_bits_as_22_characters_behind_the_prefix() -> None:
    tokens = {TokenChain.begin("gd_")[1] for _ in range(100)}
    assert len(tokens) == 100
    assert all(re.fullmatch(r"gd_[A-Za-z0-9_-]{22}", token) for token in tokens)
    assert TOKEN_LENGTH == 22


def test_each_use_gives_a_new_token_of_the_same_prefix() -> None:
    chain, token = TokenChain.begin("gr_")
    seen = [token]
    for _ in range(5):
        seen.append(used(chain, seen[-1]))
    assert len(set(seen)) == 6
    assert all(re.fullmatch(r"gr_[A-Za-z0-9_-]{22}", token) for token in seen)


def test_who_has_not_read_the_answer_gets_the_same_one_again() -> None:
    chain, first = TokenChain.begin("gd_")
    second = used(chain, first)
    assert used(chain, first, NOW + 1000 * GRACE) == second
    assert used(chain, first) == second


def test_the_one_before_the_last_leads_to_the_current_one_for_a_minute() -> None:
    chain, first = TokenChain.begin("gd_")
    third = used(chain, used(chain, first))
    assert used(chain, first, NOW + GRACE - 1) == third
    assert chain.use(first, NOW + GRACE) is None
    assert used(chain, third) != third


def test_what_is_older_is_no_token_any_more() -> None:
    chain, first = TokenChain.begin("gd_")
    used(chain, used(chain, used(chain, first)))
    before = chain.stored
    assert chain.use(first, NOW) is None
    assert chain.stored == before


@pytest.mark.parametrize("wrong", ["", "gd_", "\ud800", "gd_" + "A" * 22, "x" * 100_000])
def test_anything_else_is_no_token(wrong: str) -> None:
    chain, token = TokenChain.begin("gd_")
    foreign = TokenChain.begin("gd_")[1]
    for presented in (wrong, foreign, token.lower(), token + "=", token[3:], "gr_" + token[3:]):
        assert chain.use(presented, NOW) is None
    assert chain.use(token, NOW) is not None


@given(steps)
def test_every_good_token_leads_to_the_one_that_is_current(uses: list[tuple[int, int]]) -> None:
    chain, first = TokenChain.begin("gr_")
    given, now, older_until = [first], NOW, 0
    for back, later in uses:
        now += later
        presented = given[-1 - back] if back < len(given) else "gr_" + "A" * 22
        chain = TokenChain.restore(chain.stored)  # as after a restart
        found = chain.use(presented, now)
        if back == 0:
            assert found is not None
            assert found not in given
            given.append(found)
            older_until = now + GRACE
        elif len(given) > back and (back == 1 or (back == 2 and now < older_until)):
            assert found == given[-1]
        else:
            assert found is None


@given(st.integers(0, 4))
def test_a_store_finds_it_by_every_good_token(uses: int) -> None:
    chain, token = TokenChain.begin("gd_")
    given = [token]
    for _ in range(uses):
        given.append(used(chain, given[-1]))
    assert chain.hashes == tuple(TokenChain.hash_of(one) for one in reversed(given[-3:]))


def test_nothing_that_is_kept_or_shown_tells_a_token() -> None:
    chain, token = TokenChain.begin("gd_")
    tokens = [token]
    for _ in range(3):
        tokens.append(used(chain, tokens[-1]))
    shown = repr(chain) + repr(chain.stored) + str(chain) + f"{chain.hashes}"
    assert not any(token[3:] in shown for token in tokens)
    assert not any(token.encode() in part for token in tokens for part in chain.stored if isinstance(part, bytes))
    assert repr(chain) == "TokenChain()"
