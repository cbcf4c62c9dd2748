"""Takes out of pictures what they say beside what they show, such as where they were taken, without decoding them: for
those that are too large for that, and where there is no Pillow. What is no such picture stays as it is."""

import struct

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_TOLD = (b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME")

# Of JPEG: how each segment begins, which ones tell something (APP1 to APP13, APP15, comments; APP0 and APP14 say how
# it is to be decoded, and APP2 how its colours are meant), which have no length, and where the picture itself begins.
_MARK = 0xFF
_JPEG_TOLD = {0xE1, *range(0xE3, 0xEE), 0xEF, 0xFE}
_JPEG_BARE = {0x01, *range(0xD0, 0xD8)}
_SCAN, _END = 0xDA, 0xD9


def stripped(data: bytes) -> bytes:
    """The same picture without EXIF, XMP and the like."""
    try:
        if data.startswith(_PNG):
            return _png(data)
        if data.startswith(b"\xff\xd8\xff"):
            return _jpeg(data)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _webp(data)
    except (struct.error, IndexError, ValueError):
        pass  # it is none that could be shown
    return data


def _png(data: bytes) -> bytes:
    kept, at = [_PNG], len(_PNG)
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if kind not in _PNG_TOLD:
            kept.append(data[at:end])
        at = end
        if kind == b"IEND" and at <= len(data):
            return b"".join(kept)
    return data


def _jpeg(data: bytes) -> bytes:
    kept, at = [data[:2]], 2
    while data[at] == _MARK:
        kind = data[at + 1]
        if kind == _MARK:
            at += 1  # a filler
            continue
        if kind in (_SCAN, _END):
            break
        end = at + 2 if kind in _JPEG_BARE else at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if kind not in _JPEG_TOLD:
            kept.append(data[at:end])
        at = end
    # Behind the picture there may be another one, of a moment before, with all that was taken out here.
    stop = data.find(bytes((_MARK, _END)), at)
    return b"".join(kept) + (data[at : stop + 2] if stop >= 0 else data[at:])


def _webp(data: bytes) -> bytes:
    kept, at = [], 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length + length % 2
        if kind == b"VP8X":  # its flags say that there is EXIF (8) and XMP (4)
            kept.append(data[at : at + 8] + bytes((data[at + 8] & ~0x0C,)) + data[at + 9 : end])
        elif kind not in (b"EXIF", b"XMP "):
            kept.append(data[at:end])
        at = end
    if at != len(data):
        return data
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body
