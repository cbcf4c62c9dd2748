"""What concerns somebody: what has their name or words in all that they may read, and what answers them."""

from contextlib import ExitStack, closing

from greenchat_plugins.history import store
from kit.accounts import SECRET, accounts
from kit.histories import history
from kit.programs import Program, without_plugins
from kit.screens import on_screen, steps

from greenchat import open_database
from greenchat.testing import serving


def say(program, text, room="lobby", **more):
    answer = program.request(type="say", text=text, room=room, **more)
    assert answer["type"] == "ack", answer
    return answer["seq"]


def concerning(program, **ask):
    frames = program.exchange(type="mentions", **ask)
    assert frames[-1]["type"] == "found", frames[-1]
    return [message["text"] for message in frames[-1]["messages"]], frames[-1].get("more", False)


def registered(server, stack, name, room=""):
    program = stack.enter_context(Program(server, name, room))
    program.ask(f"/register {SECRET}")
    return program


def test_names_words_and_answers_in_all_that_one_may_read(tmp_path):
    with accounts(data_dir=tmp_path) as server, ExitStack() as stack:
        ada, bob, eve = (registered(server, stack, name) for name in ("ada", "bob", "eve"))
        ada.ask("/highlight add roses")
        mine = say(ada, "I am ada, and have roses")
        say(bob, "bobada is somebody else")
        say(bob, "Hello @Ada!")
        say(bob, "Rosestock is not it")
        say(bob, "The ROSES bloom")
        say(bob, "Indeed", reply_to=mine)
        bob.request(type="say", text="Your roses, ada", to="ada")
        assert concerning(ada) == (["Your roses, ada", "Indeed", "The ROSES bloom", "Hello @Ada!"], False)
        first, more = concerning(ada, limit=2)
        assert (first, more) == (["Your roses, ada", "Indeed"], True)
        last = ada.request(type="mentions", limit=2)["messages"][-1]
        assert concerning(ada, before=last["id"]) == (["The ROSES bloom", "Hello @Ada!"], False)
        assert concerning(bob) == ([], False)
        told = ada.told("/mentions 1", "found")
        assert [message["text"] for message in told["messages"]] == ["Your roses, ada"]
        # What is closed to her, what she does not want to read, and what is gone.
        eve.request(type="join", room="cellar")
        eve.ask("/room key hidden", "cellar")
        say(eve, "ada must not know", "cellar")
        number = say(eve, "ada, here am I")
        assert concerning(ada, limit=1)[0] == ["ada, here am I"]
        eve.request(type="delete", seq=number, room="lobby")
        assert concerning(ada, limit=1)[0] == ["Your roses, ada"]
        ada.ask("/ignore bob", "lobby")
        assert "Indeed" not in concerning(ada)[0]
        ada.ask("/unignore bob", "lobby")
    with accounts(data_dir=tmp_path) as server, Program(server) as ada:
        ada.join(name="ada", login=SECRET)
        assert concerning(ada)[0] == ["Your roses, ada", "Indeed", "The ROSES bloom", "Hello @Ada!"]
        guest = server.join("cat")
        guest.send("MSG|/mentions")
        guest.expect("INFO|Nothing that others have said concerns you.")
    assert history(tmp_path, "forget", "--user", "bob", "--yes").exit_code == 0
    with closing(open_database(tmp_path / store.FILE, store.MIGRATIONS)) as connection:
        assert connection.execute("SELECT count(*) FROM answers").fetchone() == (0,)
    assert history(tmp_path, "verify").exit_code == 0


def test_it_goes_on_behind_what_only_seems_to_concern_one():
    with serving() as server, Program(server, "an") as an, Program(server, "bob") as bob:
        say(bob, "Hello an")
        for _ in range(25):
            bob.send(type="say", text="an-other one", room="lobby", times=10)
        say(bob, "That is all")
        assert concerning(an) == (["Hello an"], False)


def test_without_a_history_nobody_knows():
    with serving(settings=without_plugins("history")) as server, Program(server, "ada") as ada:
        assert ada.exchange(type="ping")[-1]["type"] == "pong"
        ada.send(type="mentions", ref="m")
        assert ada.read_until("error")["code"] == "no_history"


@steps
async def test_the_screen_lists_it_and_goes_there(tmp_path):
    with serving() as server, ExitStack() as stack:
        async with on_screen(server, "ada", tmp_path) as ada:
            bob = stack.enter_context(Program(server, "bob"))
            say(bob, "Look here, ada")
            for number in range(40):
                say(bob, f"Line {number}")
            await ada.sees("Line 39")
            await ada.press("f5")
            await ada.sees("What concerns you", "bob Look here, ada")
            await ada.press("enter")
            await ada.until(lambda: "What concerns you" not in ada.text and "Look here, ada" in ada.text)
            await ada.type("/mentions", "enter")
            await ada.sees("What concerns you", "bob Look here, ada")
