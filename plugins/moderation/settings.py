"""What moderation is told by the configuration."""

from typing import Annotated, Literal

import greenchat
from greenchat import Meta

from .words import REMEMBERED, WordList, read_words


class Settings(greenchat.Settings, frozen=True, kw_only=True):
    """What is not said here. Nothing of it is on by default."""

    words: Annotated[
        tuple[str, ...], Meta(description="Words and phrases that are not said here, nor part of names.")
    ] = ()
    words_file: Annotated[
        str, Meta(description="A file with more of them, one a line; lines that begin with # are left out.")
    ] = ""
    action: Annotated[
        Literal["block", "mask", "warn"],
        Meta(description="A message with such a word is refused, or has it starred out, or its sender is warned."),
    ] = "block"
    repeat: Annotated[
        int, Meta(ge=0, le=REMEMBERED, description="How often one may say the same within repeat_seconds; 0: always.")
    ] = 0
    repeat_seconds: Annotated[float, Meta(gt=0, description="After so long, saying it again is no repeat.")] = 30.0
    room_rate: Annotated[
        float, Meta(ge=0, description="Messages a second that a room can follow, from all its members; 0: any.")
    ] = 0.0
    room_seconds: Annotated[
        float, Meta(gt=0, description="For how long everybody may talk at once before room_rate counts, in seconds.")
    ] = 5.0


def words_of(settings: Settings) -> WordList:
    """All words. Raises `ConfigError`."""
    return WordList([*settings.words, *(read_words(settings.words_file) if settings.words_file else ())])
