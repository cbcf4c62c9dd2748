"""The first bytes of a connection tell which of our own languages it speaks, or in whose words it is turned away."""

from greenchat.codecs import Codec, Refusals
from greenchat.codecs.http import HTTP_BEGINNINGS, HttpRefusals
from greenchat.codecs.jsonlines import JsonCodec
from greenchat.codecs.plain import PlainCodec

# Codecs are shared by all connections: what is told to many is written once for each codec.
_JSON, _PLAIN, _HTTP = JsonCodec(), PlainCodec(), HttpRefusals()
OUR_CODECS: tuple[Codec, ...] = (_JSON, _PLAIN)


def codec_of(first_bytes: bytes) -> Codec:
    """What a connection speaks that begins so, and that no plugin claims."""
    return _JSON if first_bytes.startswith(b"{") else _PLAIN


def refusals_of(first_bytes: bytes) -> Refusals:
    """How a connection that begins so is turned away."""
    return _HTTP if first_bytes.startswith(HTTP_BEGINNINGS) else codec_of(first_bytes)
