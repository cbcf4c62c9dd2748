"""files that somebody has made to do harm: to who opens them, and to the server."""

import io
import os
import resource
import sys
import threading

import pytest
from greenchat_plugins.files.names import clean_name, disposition, named_as, type_of
from greenchat_plugins.files.pictures import picture_in
from greenchat_plugins.files.stripping import stripped
from kit.machine import eventually
from kit.programs import Anybody, Program, without_plugins
from kit.sessions import device
from kit.uploads import get, huge_png, picture, place_for, put, send, with_exif
from PIL import Image

from greenchat.testing import DEADLINE, serving

SCRIPT = b"<script>document.title = 'taken'</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>"
PIXELS = 1_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    settings = without_plugins("accounts") | {"plugins.files.pixels": PIXELS}
    with serving(Anybody(), settings=settings, data_dir=tmp_path_factory.mktemp("files")) as server:
        yield server


@pytest.fixture(scope="module")
def ada(server):
    with device(server, "ada", "lobby") as ada:
        yield ada


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("x.svg", SVG),
        ("x.png", SVG),  # is called a picture
        ("x.html", b"<!doctype html>" + SCRIPT),
        ("x.gif", b"GIF89a=1;" + SCRIPT),  # begins as one
        ("x.png", b"\x89PNG\r\n\x1a\n" + SCRIPT),
        ("x.jpg", b"\xff\xd8\xff\xe0" + SCRIPT),
        ("x.webp", b"RIFF\xff\xff\xff\xffWEBP" + SCRIPT),
        ("x.png", picture()[:45]),  # broken off
        ("x.pdf", b"%PDF-1.7\n" + SCRIPT),
        ("x.js", b"alert(1)"),
        ("x.png", huge_png()),
    ],
)
def test_what_is_no_picture_to_be_shown_is_only_saved(server, ada, name, body):
    file = send(server, ada, name, body)
    assert "width" not in file
    status, headers, found = get(server, file)
    assert (status, found) == (200, body)
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment;")
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'; sandbox" in headers["content-security-policy"]


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP"])
def test_of_a_picture_nothing_is_left_but_the_picture(server, ada, form):
    """It is a picture, and a program or a page as well, for who reads it otherwise."""
    file = send(server, ada, f"x.{form.lower()}.html", picture(form) + SCRIPT)
    assert file["width"], file
    assert file["name"].rpartition(".")[2] in ("png", "jpg", "gif", "webp")
    _, headers, found = get(server, file)
    assert headers["content-type"] == f"image/{form.lower()}"
    assert b"script" not in found
    with Image.open(io.BytesIO(found)) as image:
        assert (image.format, image.size) == (form, (4, 3))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_does_not_tell_where_it_was_taken_and_is_the_right_way_up(server, ada, form):
    body = with_exif(form)
    assert b"Secret Camera" in body
    file = send(server, ada, "photo", body)
    assert (file["width"], file["height"]) == (30, 40)
    found = get(server, file)[2]
    assert b"Secret Camera" not in found
    with Image.open(io.BytesIO(found)) as image:
        assert not image.getexif()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_neither_does_one_that_is_too_large_to_be_shown(server, ada, form):
    body = with_exif(form, (1200, 900), 1)
    file = send(server, ada, "photo", body)
    assert "width" not in file
    found = get(server, file)[2]
    assert b"Secret Camera" not in found
    with Image.open(io.BytesIO(found)) as image:
        image.load()
        assert (image.size, dict(image.getexif())) == ((1200, 900), {})


def test_what_moves_is_shown_as_it_moves(server, ada):
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "green", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=50, loop=0, comment=b"Secret")
    found = get(server, send(server, ada, "x.gif", out.getvalue()))[2]
    with Image.open(io.BytesIO(found)) as image:
        assert (image.n_frames, image.info["duration"], image.info["loop"]) == (3, 50, 0)
    assert b"Secret" not in found


def test_a_decompression_bomb_takes_no_memory():
    """A picture of 900 million pixels in 100 kB, and one whose pictures together are as many."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for bomb in (huge_png(), moving(1000, 2000), with_many_words()):
        assert len(bomb) < 1_000_000
        assert picture_in(bomb, 24_000_000) is None
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 150_000, f"{grown} kB"


def moving(side, count):
    """A GIF of many pictures, each of one byte or so."""
    out = io.BytesIO()
    one = Image.new("1", (side, side))
    one.save(out, "GIF")
    data = out.getvalue()
    head, end = data.index(b",\0\0\0\0"), data.rindex(b";")
    frame = b"!\xf9\x04\0\0\0\0\0" + b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    return data[:head] + data[head:end] + frame * count + b";"


def with_many_words():
    """A PNG with words that are a gigabyte when they are unpacked."""
    import zlib
    from struct import pack

    packed = zlib.compress(bytes(1_000_000), 9)
    data = b"x\0\0" + packed
    chunk = pack(">I", len(data)) + b"zTXt" + data + pack(">I", zlib.crc32(b"zTXt" + data))
    whole = picture()
    return whole[:33] + chunk * 100 + whole[33:]


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("cat.png", "cat.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\evil.exe", "evil.exe"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("a\0b\x1b[31m\r\nSet-Cookie: x", "ab[31mSet-Cookie_ x"),
        ("\u2066x\u2069\u200b.txt", "x.txt"),
        ("..", "file"),
        ("...", "file"),
        ("", "file"),
        ("dir/", "dir"),
        ("con.txt", "_con.txt"),
        ('a"b<c>|d?*.txt', "a_b_c__d__.txt"),
        ("  spaces   within .txt  ", "spaces within .txt"),
        ("é" + "x" * 200 + ".jpeg", "é" + "x" * 74 + ".jpeg"),
        ("\ud800.txt", ".txt".strip(".")),
        ("Žluťoučký kůň 🐎.txt", "Žluťoučký kůň 🐎.txt"),
    ],
)
def test_names_have_no_places_and_nothing_that_nobody_sees(name, clean):
    assert clean_name(name) == clean
    header = disposition(clean, attached=True)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2


def test_nothing_is_taken_for_what_somebody_only_says_that_it_is():
    assert type_of("x.html", "image/png") == "text/html"
    assert type_of("x", "text/html; charset=utf-8\r\nX: y") == "application/octet-stream"
    assert named_as("x.html", "image/png") == "x.html.png"
    assert named_as("x.JPEG", "image/jpeg") == "x.JPEG"


def test_what_looks_like_a_picture_and_is_none_stays_as_it_is():
    for data in (
        b"",
        b"RIFF",
        b"RIFF1234WEBP",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n\0\0",
        b"\xff\xd8\xff" + b"\xff" * 50,
    ):
        assert isinstance(stripped(data), bytes)
        assert picture_in(data, PIXELS) is None


def test_a_name_in_a_message_turns_nothing_around_for_anybody(server, ada):
    with server.join("dan") as dan, Program(server, "eve") as eve:
        file = send(server, ada, "../photo\u202egnp.exe", b"MZ")
        assert file["name"] == "photognp.exe"
        while not (line := dan.read()).startswith("MSG|ada|"):
            pass
        assert "\u202e" not in line
        assert "\u202e" not in str(eve.read_until("message"))


def test_what_takes_long_to_look_at_is_looked_at_beside_the_chat(server, ada, monkeypatch):
    """Nothing but fillers: byte by byte, they take a second of what else is done in a moment."""
    seen = []

    def looking(data):
        seen.append(threading.get_ident())
        return stripped(data)

    monkeypatch.setattr("greenchat_plugins.files.taking.stripped", looking)
    body = b"\xff\xd8" + b"\xff" * 100_000
    assert get(server, send(server, ada, "x.jpg", body))[2] == body
    assert seen
    assert seen != [server.call(threading.get_ident)]


def test_the_pictures_of_one_person_have_nobody_else_wait_for_all_of_them(server, ada):
    slow = os.urandom(3 * 1000 * 990)
    body = io.BytesIO()
    Image.frombytes("RGB", (1000, 990), slow).save(body, "PNG", compress_level=1)
    done = []

    def put_one(path, body, name):
        assert put(server, path, body)[0] == 201
        done.append(name)

    with device(server, "bob", "lobby") as bob:
        ours = [place_for(ada, "slow.png", len(body.getvalue())) for _ in range(6)]
        quick = picture()
        mine = place_for(bob, "quick.png", len(quick))
        threads = [threading.Thread(target=put_one, args=(path, body.getvalue(), "ada")) for path in ours]
        for thread in threads:
            thread.start()
        eventually(lambda: done)
        put_one(mine, quick, "bob")
        for thread in threads:
            thread.join(DEADLINE)
    assert done.index("bob") < 6 == done.count("ada")


def test_without_pillow_pictures_are_files_and_do_not_tell_where_they_were_taken(server, ada, monkeypatch):
    body = with_exif()
    monkeypatch.setitem(sys.modules, "PIL", None)
    file = send(server, ada, "photo.jpg", body)
    assert "width" not in file
    assert b"Secret Camera" not in get(server, file)[2]
