"""Files as programs send and read them, and pictures to send."""

import http.client
import json
import zlib
from contextlib import closing
from io import BytesIO
from struct import pack
from urllib.parse import quote, urlsplit

from PIL import Image

from greenchat.testing import DEADLINE


def place_for(program, name, size, **more):
    """Where a program may put a file, as a path; or the error."""
    args = {"name": quote(name, safe=""), "size": size, "text": more.pop("text", "")}
    told = program.exchange(type="command", name="upload", args=args, **more)
    found = next((frame for frame in told if frame["type"] == "upload"), None)
    return told[-1] if found is None else path_of(found["put"])


def path_of(url):
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def http_request(server, method, path, body=b"", **headers):
    """The answer: its status, its headers by names in lower case, its body."""
    with closing(http.client.HTTPConnection(server.host, server.port, timeout=DEADLINE)) as connection:
        connection.request(method, path, body or None, {name.replace("_", "-"): one for name, one in headers.items()})
        answer = connection.getresponse()
        found = {name.lower(): ", ".join(answer.headers.get_all(name, [])) for name in answer.headers}
        return answer.status, found, answer.read()


def put(server, path, body):
    """Send a file; the status, and what was answered, as JSON where it is that."""
    status, headers, answer = http_request(server, "PUT", path, body)
    return status, json.loads(answer) if headers["content-type"] == "application/json" else answer.decode()


def send(server, program, name, body, **more):
    """A file that is sent whole: what it is, as its message has it."""
    path = place_for(program, name, len(body), **more)
    assert isinstance(path, str), path
    status, answer = put(server, path, body)
    assert status == 201, answer
    return answer["file"]


def get(server, file, **headers):
    return http_request(server, "GET", path_of(file["url"]), **headers)


def is_gone(server, file):
    """Whether nobody can read it any more."""
    return http_request(server, "HEAD", path_of(file["url"]))[0] == 404


# --- pictures ---


def picture(form="PNG", size=(4, 3), colour=(200, 30, 30), **options):
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, form, **options)
    return out.getvalue()


def with_exif(form="JPEG", size=(40, 30), orientation=6):
    """A picture of a camera that was held upright, and knows where it was."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Secret Camera"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 29.0)})
    return picture(form, size, exif=exif.tobytes())


def huge_png(side=30_000):
    """A picture of so many pixels each way, in a few bytes: all of it is one colour."""

    def chunk(kind, data):
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    row = zlib.compressobj(9)
    packed = b"".join(row.compress(bytes(1 + side // 8)) for _ in range(side)) + row.flush()
    head = pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
