"""Another program takes the place of the one that serves, and nobody who is there notices."""

import json
import os
import signal
import socket
from contextlib import ExitStack, suppress

import pytest
from kit.handovers import Handovers
from kit.machine import eventually
from kit.processes import serve_process
from kit.programs import Program, says, sync


@pytest.fixture
def over(tmp_path):
    return Handovers(tmp_path)


@pytest.fixture
def serving(over):
    with serve_process(over.data_dir, *over.arguments) as serving:
        yield serving


def test_the_process_and_its_connections_stay_and_the_plugin_is_another(over, serving):
    with serving.join("ada") as ada, Program(serving, "bob") as bob:
        ada.expect("INFO|bob has joined the chat.")
        assert says(ada, "/sayer") == ["INFO|word 1"]
        word = over.hand_over(serving)
        assert says(ada, "/sayer") == [f"INFO|{word}"]
        assert bob.told("/sayer", "notice")["text"] == word
        ada.send("MSG|hello")
        assert bob.read_until("message")["text"] == "hello"
        assert bob.ask("hello you")[-1]["type"] == "ack"
        ada.expect("MSG|bob|hello you")
        with serving.join("cyd"):
            ada.expect("INFO|cyd has joined the chat.")
    assert serving.process.poll() is None
    _, log = serving.stop()
    assert serving.process.returncode == 0
    assert "plugin sayer: sayer.py has changed" in log
    assert "Traceback" not in log
    assert "ERROR" not in log


def test_half_a_frame_goes_on(over, serving):
    with serving.join("ada") as ada, Program(serving, "bob") as bob, serving.connect() as silent:
        ada.socket.sendall("MSG|half a l\N{GREEK SMALL LETTER ALPHA}".encode()[:-1])
        text = json.dumps({"type": "say", "text": "as JSON", "ref": 7})
        bob.peer.socket.sendall(text[:20].encode())
        over.hand_over(serving)
        ada.socket.sendall("\N{GREEK SMALL LETTER ALPHA}".encode()[-1:] + b"ine\n")
        assert bob.read_until("message")["text"] == "half a l\N{GREEK SMALL LETTER ALPHA}ine"
        bob.peer.socket.sendall(f"{text[20:]}\n".encode())
        assert bob.read_until("ack")["ref"] == 7
        assert ada.read_until("MSG|bob|as JSON")
        silent.send("JOIN|cyd")  # of whom nothing was known
        assert silent.read().startswith("INFO|Welcome")


def test_numbers_rooms_names_and_who_is_away_stay(over, serving):
    with Program(serving, "ada") as ada, Program(serving, "bob") as bob:
        first = ada.ask("one")[-1]
        ada.ask("/join garden")
        ada.ask("/away for tea", room="garden")
        over.hand_over(serving)
        second = ada.request(type="say", text="two", room="lobby")
        assert (second["seq"], second["id"]) == (first["seq"] + 1, first["id"] + 1) or second["seq"] == first["seq"] + 1
        assert [bob.read_until("message")["text"] for _ in range(2)] == ["one", "two"]
        assert ada.request(type="say", text="flowers", room="garden")["type"] == "ack"
        with Program(serving) as other:
            assert other.join(name="ADA")["type"] == "error"  # the name is taken
        assert any("for tea" in json.dumps(frame) for frame in bob.ask("/whois ada"))


def test_who_is_lost_comes_back_by_the_token_of_before(over, serving):
    with Program(serving, "bob") as bob:
        with Program(serving, "ada") as ada:
            bob.read_until("joined")
        over.hand_over(serving)
        with Program(serving) as again:
            assert again.join(token=ada.welcome["token"])["name"] == "ada"
            assert again.ask("here I am")[-1]["type"] == "ack"
            assert bob.read()["text"] == "here I am"  # nobody has noticed anything


def test_ten_in_a_row_lose_nothing_and_say_nothing_twice(over, serving):
    with serving.join("ada") as ada, Program(serving, "bob") as bob:
        for number in range(10):
            ada.send(f"MSG|{number} before")
            over.hand_over(serving)
            ada.send(f"MSG|{number} after")
        sync(ada)
        told = [bob.read_until("message") for _ in range(20)]
        said = [f"{number} {when}" for number in range(10) for when in ("before", "after")]
        assert [one["text"] for one in told] == said
        assert [one["seq"] for one in told] == list(range(told[0]["seq"], told[0]["seq"] + 20))
        descriptors = os.listdir(f"/proc/{serving.process.pid}/fd")
        over.hand_over(serving)
        assert len(os.listdir(f"/proc/{serving.process.pid}/fd")) == len(descriptors)
    assert "ERROR" not in over.log


def test_who_comes_meanwhile_waits_and_is_served(over, serving):
    over.change()
    with ExitStack() as clients:
        over.hang_up(serving)
        come = []
        while not over.pauses:
            come.append(clients.enter_context(socket.create_connection(("127.0.0.1", serving.port), 30)))
            come[-1].sendall(f"JOIN|guest{len(come)}\n".encode())
            come[-1].settimeout(0.05)
            with suppress(TimeoutError):
                come[-1].recv(1, socket.MSG_PEEK)
        for client in come:
            client.settimeout(30)
            assert client.makefile("rb").readline().startswith(b"INFO|Welcome")


# --- signals ---


def test_a_stop_that_is_asked_for_meanwhile_is_done(over, serving):
    with serving.join("ada") as ada:
        over.change()
        over.hang_up(serving)
        over.logged("another program takes over")
        serving.process.terminate()
        assert ada.read_until("INFO|Server is shutting down.") == []
        assert serving.process.wait(30) == 0
    assert "Traceback" not in over.log


def test_a_reload_that_is_asked_for_meanwhile_follows(over, serving):
    with serving.join("ada") as ada:
        over.change()
        over.hang_up(serving)
        over.logged("another program takes over")
        word = over.change()  # the one that takes over may have read it already
        over.hang_up(serving)
        eventually(lambda: len(over.pauses) + over.log.count("the configuration was read again: nothing") == 2)
        assert says(ada, "/sayer") == [f"INFO|{word}"]


@pytest.mark.parametrize("number", [signal.SIGCHLD, signal.SIGHUP])
def test_signals_again_and_again_end_nothing(over, serving, number):
    with serving.join("ada") as ada:
        word = over.change()
        over.hang_up(serving)
        while not over.pauses:
            serving.process.send_signal(number)
        eventually(lambda: says(ada, "/sayer") == [f"INFO|{word}"])
        assert serving.process.poll() is None


# --- what goes wrong ---


def test_what_is_wrong_on_the_disk_changes_nothing(over, serving):
    with serving.join("ada") as ada:
        (over.directory / "sayer.py").write_text("def (")
        over.hang_up(serving)
        over.logged("nothing was reloaded")
        assert "sayer" in over.log.partition("nothing was reloaded")[2]
        assert says(ada, "/sayer") == ["INFO|word 1"]
        word = over.hand_over(serving)
        assert says(ada, "/sayer") == [f"INFO|{word}"]
