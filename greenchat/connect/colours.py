"""Colours of names for a terminal of which nobody knows whether it is dark or light."""

from zlib import crc32

# Each has a contrast of 3.8 or more on black and on white, as good as both can be; terminals of 256 colours have it.
_COLOURS = (
    "#af5f5f #d75f00 #af5f00 #878700 #5f8700 #008700 #00875f #008787 #0087af "
    "#0087d7 #5f5fff #875fff #875fd7 #af5fd7 #d700d7 #d700af #d7005f"
)
NAMES = tuple(_COLOURS.split())


def of_name(name: str) -> str:
    """The same for one name, always."""
    return NAMES[crc32(name.casefold().encode()) % len(NAMES)]
