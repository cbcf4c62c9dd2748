"""Texts that are as hard to draw as can be, in all sizes and colours."""

import pytest
from kit.control_codes import TEXTS, check_conversation
from kit.hostile import hostile_texts

from greenchat.connect.screen.theme import LOOKS


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_no_text_drives_the_terminal_or_leaves_its_line(look):
    texts = [*TEXTS, *(text[:600] for text in hostile_texts().values())]
    check_conversation(texts, look, (20, 40, 57, 200))
