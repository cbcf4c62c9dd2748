"""The operator's stamp: the chat's name, colour, picture, welcome and rules, as all kinds of clients are shown them."""

import http.client
import json
import signal
import socket
import struct
import zlib
from contextlib import closing, contextmanager

import pytest
from kit.processes import serve_process
from kit.programs import Program
from kit.screens import on_screen, steps

from greenchat.config import colours
from greenchat.config.load import load
from greenchat.connect.browser import require_page
from greenchat.errors import ConfigError
from greenchat.testing import DEADLINE, serving

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h8v8z" fill="#05a"/></svg>'

GARDEN = {
    "brand.name": "The Garden & Co",
    "brand.accent": "#05a",
    "brand.welcome": "Mind the roses.\nAsk ada.",
    "brand.rules": "\nNo shouting.\n\nNo spades.\n",
}


def png(width, height):
    """As few bytes as a picture of this size has."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = zlib.compress((b"\0" + b"\x14\x71\x3f" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def get(server, path):
    with closing(http.client.HTTPConnection(server.host, server.port, timeout=DEADLINE)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer, answer.read().decode("latin-1")


@contextmanager
def branded(tmp_path):
    icon = tmp_path / "icon"
    icon.write_text(SVG)
    with serving(settings={**GARDEN, "brand.icon": str(icon)}) as server:
        yield server, icon


def test_all_kinds_of_clients_are_shown_it(tmp_path):
    with branded(tmp_path) as (server, _):
        peer = server.join("bob")
        assert [peer.read() for _ in range(3)] == [
            "INFO|Mind the roses.",
            "INFO|Ask ada.",
            "INFO|There are rules here. Type /rules",
        ]
        peer.send("MSG|/rules")
        assert [peer.read() for _ in range(3)] == ["INFO|No shouting.", "INFO|", "INFO|No spades."]
        with Program(server, "ada") as ada:
            assert ada.read() == {
                "type": "brand",
                "name": "The Garden & Co",
                "accent": "#0055aa",
                "accent_dark": "#508ac5",
                "icon": "image/svg+xml",
                "welcome": "Mind the roses.\nAsk ada.",
                "rules": "No shouting.\n\nNo spades.",
            }
            ada.join(room="garden")
            assert ada.request(type="ping") == {"type": "pong", "ref": ada.refs}, "it is told once"


def test_who_has_not_joined_may_read_the_rules_and_none_are_told_where_there_are_none():
    with serving(settings={"brand.name": "Garden"}) as server:
        peer = server.connect()
        peer.send("MSG|/rules")
        peer.expect("INFO|Nobody has written down any rules here.")
        assert server.join("bob").read() == "INFO|This is Garden."


def test_the_page_has_its_name_its_colour_and_its_picture(tmp_path):
    with branded(tmp_path) as (server, icon):
        page = get(server, "/")[1]
        assert "<title>The Garden &amp; Co</title>" in page
        assert "The Garden &amp; Co</h1>" in page
        assert 'name="theme-color" content="#0055aa"' in page
        assert "--main: light-dark(#0055aa, #508ac5)" in get(server, "/brand/style.css")[1]
        manifest = json.loads(get(server, "/manifest.webmanifest")[1])
        assert (manifest["name"], manifest["theme_color"]) == ("The Garden & Co", "#0055aa")
        address = manifest["icons"][0]["src"]
        assert f'rel="icon" href="{address}"' in page
        answer, body = get(server, f"/{address}")
        assert (answer.status, body, answer.getheader("Content-Type")) == (200, SVG, "image/svg+xml")
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert "sandbox" in answer.headers.get_all("Content-Security-Policy")[0]
        icon.write_bytes(png(8, 8))
        assert get(server, "/brand/icon")[0].getheader("Content-Type") == "image/png", "another file holds at once"
        assert f'href="{address}"' not in get(server, "/")[1]
        icon.write_text(SVG.replace("<path", "<script>alert(1)</script><path"))
        assert get(server, "/brand/icon")[0].status == 404, "what is no picture any more is not served"
        assert 'rel="icon" href="icon.svg"' in get(server, "/")[1]


def test_gui_knows_the_page_by_another_name(tmp_path):
    with branded(tmp_path) as (server, _), socket.create_connection((server.host, server.port), DEADLINE) as sock:
        require_page(sock, server.host, server.port, "here")


@steps
async def test_the_terminal_client_has_it(tmp_path):
    with branded(tmp_path) as (server, _):
        async with on_screen(server, "ada", tmp_path, size=(120, 30)) as ada:
            await ada.sees("Mind the roses.", "There are rules here. Type /rules", "The Garden & Co, 127.0.0.1")
            await ada.type("/rules", "enter")
            await ada.sees("No spades.")


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("brand.accent=green", "the accent is a colour such as #14713f, and not 'green'"),
        ("brand.accent=#ffd700", "The same colour, dark enough, is #836f00"),
        ("brand.name=a\x1b[2Jb", "the name is one line that can be seen, without control characters"),
        (f"brand.name={'x' * 41}", "brand.name: expected `str` of length <= 40"),
        ("brand.welcome=" + "\n".join("abcdef"), "the welcome has 6 lines, and 5 are shown. Leave some out"),
        ("brand.rules=a\u202eb", "the text of the rules is text without control characters"),
        (
            "brand.icon=/nowhere/icon.svg",
            "/nowhere/icon.svg cannot be read: No such file or directory. Check the path.",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused_with_what_to_do(setting, told):
    with pytest.raises(ConfigError) as refused:
        load(assignments=[setting])
    assert told in str(refused.value)
    assert "brand" in str(refused.value)


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        (b"<html>", "is neither a PNG nor an SVG"),
        (b"<svg/>", "is neither a PNG nor an SVG"),
        (b"", "is neither a PNG nor an SVG"),
        (png(8, 8)[:20], "is neither a PNG nor an SVG"),
        (png(30_000, 1), "has 30000 by 1 pixels, more than 1024 by 1024. Make it smaller."),
        (SVG.encode() + b" " * 70_000, "has more than 65536 bytes. Take a smaller picture."),
        (SVG.replace("<path", "<script/><path").encode(), "is more than a picture: it has '<script'"),
        (SVG.replace("<path", "<path onload = 'x()'").encode(), "is more than a picture: it has 'onload ='"),
        (SVG.replace("<path", '<image href="https://x/"/><path').encode(), "is more than a picture"),
        (SVG.replace("#05a", "url(//x/y)").encode(), "is more than a picture"),
        (b'<!DOCTYPE svg [<!ENTITY a "aaaa">]>' + SVG.encode(), "is more than a picture"),
    ],
)
def test_what_is_no_harmless_picture_is_refused(tmp_path, picture, told):
    icon = tmp_path / "icon.png"
    icon.write_bytes(picture)
    with pytest.raises(ConfigError) as refused:
        load(assignments=[f"brand.icon={icon}"])
    assert str(refused.value).startswith(f"brand.icon: {icon} {told}"), refused.value


def test_pictures_are_taken(tmp_path):
    icon = tmp_path / "icon"
    inner = '<use href="#a"/><rect style="fill:url(#b)"/>'
    for picture in (png(512, 512), SVG.encode(), SVG.replace("<path", f"{inner}<path").encode()):
        icon.write_bytes(picture)
        assert load(assignments=[f"brand.icon={icon}"]).brand.read_icon().data == picture


@pytest.mark.parametrize("colour", ["#000", "#14713f", "#b3261e", "#00f", "#6b4f00"])
def test_an_accent_can_be_read_on_light_and_on_dark_ground(colour):
    light, dark = colours.accents(colour)
    assert colours.contrast(light, colours.LIGHT) >= colours.CONTRAST
    assert colours.contrast(dark, colours.DARK) >= colours.CONTRAST


def test_it_changes_with_a_reload(tmp_path):
    file = tmp_path / "chat.toml"
    file.write_text('[brand]\nname = "One"\n')
    with (
        serve_process(tmp_path, "--config", str(file)) as server,
        Program(server, "ada") as ada,
    ):
        assert ada.read()["name"] == "One"
        file.write_text('[brand]\nname = "Two"\nrules = "Be kind."\n')
        server.process.send_signal(signal.SIGHUP)
        assert ada.read_until("brand")["name"] == "Two"
        assert ada.told("/rules", "notice")["text"] == "Be kind."
        file.write_text('[brand]\nname = "Three"\n[plugins.polls]\non = true\n')
        server.process.send_signal(signal.SIGHUP)
        assert ada.read_until("brand") == {"type": "brand", "name": "Three"}, "by another process, too"
        file.write_text("[plugins.polls]\non = true\n")
        server.process.send_signal(signal.SIGHUP)
        assert ada.read_until("brand") == {"type": "brand"}, "and is gone"
