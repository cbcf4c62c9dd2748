"""files, from a bot and from `greenchat connect`."""

import asyncio
import socket
from contextlib import closing, suppress
from types import SimpleNamespace

import pytest
from kit.programs import Program
from kit.screens import on_screen, steps
from kit.uploads import get, picture

from greenchat.client import Cancelled, Client, RefusedError
from greenchat.client.returning import Door
from greenchat.connect.uploads import Uploads
from greenchat.errors import ConfigError
from greenchat.protocol.replies import UploadPlace
from greenchat.testing import serving

pytest_plugins = ["kit.terminal_fixtures"]

SETTINGS = {"plugins.files.guests": True, "plugins.files.file_bytes": 1_000_000}


@pytest.fixture
def server():
    with serving(settings=SETTINGS) as server:
        yield server


@pytest.fixture
def eve(server):
    with Program(server, "eve") as eve:
        yield eve


@pytest.fixture
def cat(tmp_path):
    path = tmp_path / "my cat.png"
    path.write_bytes(picture(size=(1200, 900)))
    return path


def test_a_bot_sends_a_file_and_reads_what_others_send(server, eve, cat):
    with closing(Client.connect(server.host, server.port)) as bot:
        bot.join("bot")
        seen = []
        sent = bot.upload(cat, room="lobby", text="Look!", progress=seen.append)
        message = eve.read_until("message")
        assert (message["text"], message["seq"]) == ("Look!", sent.seq)
        assert (sent.file.name, sent.file.width, seen[-1]) == ("my cat.png", 1200, cat.stat().st_size)
        own = next(item for item in bot if getattr(item, "files", None))
        assert own.files[0].id == sent.file.id
        cat.write_bytes(bytes(1_000_001))
        with pytest.raises(RefusedError, match="1 MB at most"):
            bot.upload(cat, room="lobby")


def test_what_is_cancelled_was_not_said(server, eve, cat):
    cat.write_bytes(bytes(900_000))

    def progress(sent):
        if sent > 300_000:
            raise Cancelled

    with closing(Client.connect(server.host, server.port)) as bot:
        bot.join("bot")
        with pytest.raises(Cancelled):
            bot.upload(cat, room="lobby", progress=progress)
        bot.say("never mind", "lobby")
        assert eve.read_until("message")["text"] == "never mind"


def test_at_the_prompt_a_file_is_sent_by_its_path(open_terminal, server, eve, cat):
    terminal = open_terminal(server.host, server.port, "--name", "alice")
    terminal.wait(lambda lines: lines[-1] == ">")
    terminal.type(f"/upload '{cat}' My cat!\r")
    message = eve.read_until("message")
    assert (message["sender"], message["text"]) == ("alice", "My cat!")
    assert get(server, message["files"][0])[0] == 200
    terminal.wait(lambda lines: any("[alice]: My cat! [picture my cat.png, " in line for line in lines))
    terminal.type("/upload /no/such/file\r")
    terminal.wait(lambda lines: any("/no/such/file is no file." in line for line in lines))


@steps
async def test_on_the_screen_a_file_is_sent_by_its_path(server, tmp_path, cat):
    async with on_screen(server, "ada", tmp_path) as ada:
        with Program(server, "bob") as bob:
            await ada.type(f"/upload '{cat}' My cat!", "enter")
            heard = await asyncio.to_thread(bob.read_until, "message")
            assert heard["files"][0]["name"] == "my cat.png"
            await ada.sees("My cat!", "[picture my cat.png,")
            cat.write_bytes(bytes(1_000_001))
            await ada.type(f"/upload '{cat}'", "enter")
            await ada.sees("A file has 1 MB at most.")
            cat.write_bytes(bytes(10))
            bob.ask("/join garden")
            await ada.type("/join garden", "enter")
            await asyncio.to_thread(bob.read_until, "joined", name="ada")
            bob.ask("/mute ada 10m Spam", "garden")
            await ada.type(f"/upload '{cat}'", "enter")
            await ada.sees(": Spam. Type /upload and its path to send it again.")


@steps
async def test_what_is_cancelled_on_its_way_is_told_once(tmp_path):
    large, told, ended = tmp_path / "large.bin", [], asyncio.Event()
    large.write_bytes(bytes(30_000_000))  # more than the system takes for who does not read

    def tell(text, failed):
        told.append(text)
        if text == "large.bin is not sent.":
            ended.set()

    uploads = Uploads(tell)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        door = Door("127.0.0.1", listener.getsockname()[1], 10, None)
        run = uploads.take(f"/upload {large}")
        uploads.begin(run, UploadPlace(put="/upload/x", seconds=60), SimpleNamespace(door=door))
        assert uploads.take("/upload cancel") is None
        assert len(told) == 1, "that it is being sent, and not that nothing was on its way"
        with listener.accept()[0] as reader:
            await asyncio.to_thread(read_all, reader)
        await asyncio.wait_for(ended.wait(), 10)
    assert uploads.take("/upload") is None
    assert told[1:] == ["large.bin is not sent.", "Nothing is on its way."]


def read_all(reader):
    with suppress(ConnectionResetError):
        while reader.recv(1 << 20):
            pass


def test_what_one_types_as_a_path(tmp_path):
    told = []
    uploads = Uploads(lambda text, failed: told.append(text))
    plain, spaced = tmp_path / "a.txt", tmp_path / "b c.txt"
    for path in (plain, spaced):
        path.write_text("hello")
    assert uploads.take(f"/upload {plain}").path == plain
    for line in (
        f"/upload '{spaced}' hi there",
        f'/upload "{spaced}" hi there',
        f"/UPLOAD {tmp_path}/b\\ c.txt hi there",
    ):
        run = uploads.take(line)
        assert (run.path, run.args) == (spaced, {"name": "b%20c.txt", "size": 5, "text": "hi there"})
    assert uploads.take("/upload cancel") is None
    assert told == ["Nothing is on its way."]
    plain.write_text("")
    for line in (f"/upload {plain}", f"/upload {tmp_path}", "/upload nowhere"):
        with pytest.raises(ConfigError):
            uploads.take(line)
