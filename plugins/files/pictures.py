"""Pictures as they may be shown: decoded and written anew, so that nothing but the picture is in there, the right way
up. For a thread: it takes a second or two, and some 100 MB, of a large one. Without Pillow there are none; it is loaded
with the first one."""

import logging
from io import BytesIO
from typing import Any

from msgspec import Struct

log = logging.getLogger("greenchat.files")

# What browsers show and Pillow decodes by itself: no other decoder of it is ever asked.
KINDS = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}

# A picture that is wider or higher has a small copy that fits in there: as wide as a page shows it, on fine screens.
# The width and height of a picture tell whether there is one.
SMALL = 800

# The field of EXIF that says how a camera was held.
ORIENTATION = 0x0112

# The most pictures of one that moves.
FRAMES = 500

# How good what is written anew is: nobody sees a difference, and it grows no larger than it was by much.
QUALITY, SMALL_QUALITY = 90, 80


class Picture(Struct, frozen=True):
    """A picture of a `kind` such as "image/png"; `small` is a copy of a large one, empty for others."""

    kind: str
    data: bytes
    width: int
    height: int
    small: bytes = b""


def has_small(width: int, height: int) -> bool:
    return max(width, height) > SMALL


def picture_in(data: bytes, pixels: int) -> Picture | None:
    """The picture that `data` is, if it is one of no more than so many `pixels`, all that moves included."""
    try:
        from PIL import Image
    except ImportError:  # where it cannot be had, all files are cards
        return None
    try:
        with Image.open(BytesIO(data), formats=list(KINDS)) as image:  # this reads the head alone
            return _picture(image, pixels)
    except Exception as error:  # decoders raise anything for what is broken, or was made to be
        log.debug("a file is no picture that can be shown: %s", error)
        return None


def _picture(image: Any, pixels: int) -> Picture | None:
    from PIL import ImageOps, ImageSequence

    kind, form = KINDS[image.format or ""], image.format
    area = image.width * image.height
    frames = getattr(image, "n_frames", 1) if area <= pixels else 1
    if not 0 < area * frames <= pixels or frames > FRAMES:
        return None
    moves = frames > 1
    shown, options = image, _options(image, form)
    if not moves and image.getexif().get(ORIENTATION, 1) != 1:
        shown = ImageOps.exif_transpose(image)
        options = _options(shown, form, turned=True)
    out = BytesIO()
    if moves:
        pictures = [_without_words(frame.copy()) for frame in ImageSequence.Iterator(image)]
        pictures[0].save(out, form, save_all=True, append_images=pictures[1:], **_moving(image))
    else:
        shown.load()
        _without_words(shown).save(out, form, **options)
    small = b"" if moves or not has_small(shown.width, shown.height) else _small(shown)
    width, height = shown.size
    return Picture(kind, out.getvalue(), width, height, small)


def _options(image: Any, form: str | None, *, turned: bool = False) -> dict[str, Any]:
    """How it is written: as it was, with how its colours are meant, and nothing else that it has told."""
    options: dict[str, Any] = {"icc_profile": image.info.get("icc_profile")}
    if form == "JPEG":
        options |= {"quality": QUALITY, "optimize": True} if turned else {"quality": "keep"}
    elif form == "WEBP":
        options |= {"quality": QUALITY, "method": 2, "exif": b"", "xmp": b""}
    elif "transparency" in image.info:
        options["transparency"] = image.info["transparency"]
    return options


def _moving(image: Any) -> dict[str, Any]:
    found = {name: image.info[name] for name in ("loop", "duration") if name in image.info}
    return found | ({"exif": b"", "xmp": b""} if image.format == "WEBP" else {})


def _without_words(image: Any) -> Any:
    """What it tells of itself would be written again by some formats."""
    for name in ("exif", "xmp", "comment", "XML:com.adobe.xmp", "Raw profile type exif", "photoshop"):
        image.info.pop(name, None)
    return image


def _small(image: Any) -> bytes:
    copy = image.copy() if image.mode in ("RGB", "RGBA") else image.convert("RGBA" if _is_clear(image) else "RGB")
    copy.thumbnail((SMALL, SMALL))
    out = BytesIO()
    copy.save(out, "WEBP", quality=SMALL_QUALITY, method=4, exif=b"", xmp=b"")
    return out.getvalue()


def _is_clear(image: Any) -> bool:
    return image.mode in ("LA", "PA", "La") or "transparency" in image.info
