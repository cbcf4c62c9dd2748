"""What comes from plugins, as the exact types that the rest is built on.

A subclass of `str` (markupsafe.Markup is one) passes every test of a text, and then cannot be written as JSON; half of
a surrogate pair fails only when it is encoded, in the middle of what all are sent. Both are found where they enter.
"""


def text(value: object) -> str:
    """`value` as a plain `str` that can be encoded. Raises `TypeError` for what is no text, `ValueError` for half of a
    surrogate pair."""
    if type(value) is not str:
        if not isinstance(value, str):
            raise TypeError(f"a text must be a str, not {type(value).__name__}")
        value = str.__str__(value)  # what str(value) does, a subclass may have redefined
    if not value.isascii():
        value.encode()
    return value


def shown(value: object) -> str:
    """`value`, whatever it is, as a text that can be encoded: for what is told in any case, such as an error."""
    try:
        found = str.__str__(value if isinstance(value, str) else str(value))
    except BaseException:  # also what is broken enough not to be shown is to be told of
        found = f"a {type(value).__name__} that cannot be shown"
    return found if found.isascii() else found.encode("utf-8", "replace").decode()
