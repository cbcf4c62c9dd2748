"""What is told where history cannot be kept or read."""

from greenchat import Reject


def off() -> Reject:
    """The answer to who wants to read while history is off."""
    return Reject("History is off at the moment. Try again later.", code="history_off")


def not_stored() -> Reject:
    return Reject("This was said, but could not be kept: history is off. Do not send it again.", code="not_stored")


def unknown() -> Reject:
    """The answer to who says with a key what may have been said before, while nobody can look."""
    text = "History is off: whether this was said before is not known, so it was not said now. Send it again later."
    return Reject(text, code="try_again")
