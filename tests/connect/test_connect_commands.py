"""`greenchat connect` on a terminal knows the server's commands by its table: secrets, Tab, and what waits."""

import pytest
from kit.peers import event, message, page, welcome
from kit.terminals import CTRL_C, CTRL_U, ENTER, UP

from greenchat.connect.commands import Commands
from greenchat.connect.filling import fill
from greenchat.connect.names import Completed, Names
from greenchat.protocol.replies import ArgumentEntry, CommandEntry, CommandList, Error, Welcome
from greenchat.testing import DEADLINE

pytest_plugins = ["kit.terminal_fixtures"]


def argument(name, kind="word", **more):
    return {"name": name, "kind": kind} | more


def entry(name, *arguments, **more):
    return {"name": name, "usage": "", "help": "", "arguments": [*arguments]} | more


SECRET = argument("code", "secret")
TABLE = [
    entry("help", argument("command", optional=True)),
    entry("hug", argument("who", "member"), argument("why", "rest", optional=True)),
    entry("whois", argument("user", "member")),
    entry(
        "slow", argument("room", "room"), argument("mode", "choice", choices=["Fast", "no"]), argument("on", "switch")
    ),
    entry("vault", argument("count", "integer", optional=True), argument("door"), SECRET, private=True),
    entry("lock", argument("door"), SECRET | {"optional": True}, private=True),
    entry("change", argument("old", "secret"), argument("new_code", "secret"), private=True),
    entry("diary", argument("text", "rest"), private=True),
    entry("messages", argument("user"), argument("n", "integer", optional=True)),
]


@pytest.fixture
def commands():
    known = Commands()
    known.learn([entry_of(each) for each in TABLE], "")
    return known


def entry_of(each):
    arguments = [ArgumentEntry(**one) for one in each["arguments"]]
    return CommandEntry(**each | {"arguments": arguments})


@pytest.fixture
def talk(open_terminal, raw):
    """A terminal in which alice has joined a server with this table, whose words are written in the test."""
    terminal = open_terminal(*raw.address, "--name", "alice")
    raw.table = TABLE
    let_in(raw)
    terminal.wait(lambda lines: lines[-1] == ">")
    return terminal


def let_in(raw):
    join = raw.knock()
    raw.send(welcome(ref=join["ref"], protocol=2), {"type": "conversations", "rooms": []})
    answer_table(raw)


def answer_table(raw):
    """Wait until the client asks for the table, and answer. Nothing was said before."""
    while (ask := raw.next())["type"] != "commands":
        if ask["type"] == "history":
            raw.send(page(ref=ask["ref"]))
    raw.answer(ask)


# --- secrets ---------------------------------------------------------------------------------------------------------


def test_a_secret_of_any_command_is_neither_shown_nor_remembered(talk, raw):
    talk.type("hello" + ENTER)
    assert raw.read()["text"] == "hello"
    for line, shown in {
        "/vault door hunter2": "/vault door *******",
        "  /VAULT 3  door  hunter2": "  /VAULT 3  door  *******",
        "/lock door hunter2": "/lock door *******",
        "/change hunter2 hunter3": "/change ***************",
        "/diary dear hunter2": "/diary dear hunter2",
        "/valt door hunter2": "/valt door hunter2",
    }.items():
        talk.type(line)
        talk.wait(lambda lines, shown=shown: lines[-1] == f"> {shown}")
        talk.type(ENTER)
        say = raw.read()
        assert say["text"] == line
        raw.refuse(say, "rejected")
        talk.wait_for(f"> {shown}", "[ERROR] No.", ">")
        talk.type(UP)
        talk.wait_for("[ERROR] No.", "> hello")
        talk.type(CTRL_U)


def test_what_holds_no_secret_is_remembered(talk, raw):
    for line in "/lock door", "/hug bob hunter2", "/valt", "I type /vault door hunter2":
        talk.type(line + ENTER)
        say = raw.read()
        raw.send({"type": "ack", "ref": say["ref"]})
        talk.type(UP)
        talk.wait(lambda lines, line=line: lines[-2:] == [f"> {line}"] * 2)
        talk.type(CTRL_U)


def test_a_secret_that_is_left_out_is_asked_for_by_its_name(talk, raw):
    for line, answers, name, args in [
        ("/vault door", {"Code": "hunter2"}, "vault", {"door": "door", "code": "hunter2"}),
        ("/Vault #3 door", {"Code": "hunter 2"}, "vault", {"count": "#3", "door": "door", "code": "hunter 2"}),
        (
            "/change",
            {"Old": "hunter2", "New code": "hunter3", "The same again": "hunter3"},
            "change",
            {"old": "hunter2", "new_code": "hunter3"},
        ),
        (
            "/change hunter2",
            {"New code": "hunter3", "The same again": "hunter3"},
            "change",
            {"old": "hunter2", "new_code": "hunter3"},
        ),
    ]:
        talk.type(line + ENTER)
        for question, answer in answers.items():
            talk.wait(lambda lines, question=question: lines[-1] == f"{question}:")
            talk.type(answer + ENTER)
        ask = raw.read()
        assert (ask["type"], ask["name"], ask["args"], ask["room"]) == ("command", name, args, "lobby")
        raw.send({"type": "notice", "text": f"{name} done", "ref": ask["ref"]}, {"type": "ack", "ref": ask["ref"]})
        talk.wait_for(f"[INFO] {name} done", ">")
    assert b"hunter" not in talk.written
    talk.type(UP)
    talk.wait(lambda lines: lines[-1] == "> /change")
    talk.type(UP)
    talk.type("!" + ENTER)
    assert raw.read()["text"] == "/change!", "there is nothing else in the history"


def test_one_need_not_tell_a_secret(talk, raw):
    for keys in ENTER, CTRL_C, f"a{ENTER}b{ENTER}":
        talk.type("/change a" + ENTER)
        talk.wait(lambda lines: lines[-1] == "New code:")
        talk.type(keys)
        talk.wait(lambda lines: "Nothing was sent" in lines[-2] and lines[-1] == ">")
    talk.type("/vault" + ENTER)
    say = raw.read()
    assert say["text"] == "/vault", "the server says what is missing"
    raw.refuse(say, "usage")
    talk.type("/lock door" + ENTER)
    assert raw.read()["text"] == "/lock door", "it may do without"


def test_a_pasted_secret_is_not_taken(talk, raw):
    talk.paste("/vault door hunter2")
    talk.wait(lambda lines: lines[-1] == ">" and "it was not taken" in "".join(lines))
    talk.paste("/etc/passwd is there")
    talk.type(ENTER)
    assert raw.read()["text"] == "//etc/passwd is there"
    assert b"hunter2" not in talk.written


def test_a_piped_secret_is_not_said(start_pipe, raw):
    pipe = start_pipe("--name", "bot", "--once", address=raw.address)
    raw.table = TABLE
    let_in(raw)
    pipe.stdin.write(b"/vault door hunter2\n/etc/passwd is there\n")
    pipe.stdin.flush()
    say = raw.read()
    assert say["text"] == "//etc/passwd is there"
    raw.hang_up()
    assert b"[ERROR] Line 1: It seems to have a password" in pipe.communicate(timeout=DEADLINE)[1]


# --- the table -------------------------------------------------------------------------------------------------------


def test_an_older_server_is_asked_once_and_nothing_is_told_of_it(open_terminal, raw):
    terminal = open_terminal(*raw.address, "--name", "alice")
    join = raw.knock()
    raw.send(welcome(ref=join["ref"], protocol=2), {"type": "conversations", "rooms": []})
    answer_table(raw)
    terminal.wait_for("[INFO] Welcome to lobby, alice. Nobody else is here yet.", ">")
    raw.send(event("role", name="alice", role="owner"), message(1, "hi"))
    terminal.wait_for("[INFO] alice is the owner of lobby now.", "[bob]: hi", ">")
    terminal.type("hello" + ENTER + "/hug bob" + ENTER)
    while (said := raw.next())["type"] == "read":
        pass
    assert said["text"] == "hello"
    raw.send({"type": "ack", "ref": said["ref"], "seq": 2})
    while (said := raw.next())["type"] == "read":
        pass
    assert said["text"] == "/hug bob"
    raw.send({"type": "ack", "ref": said["ref"]})
    terminal.type(UP)
    terminal.wait_for("> hello", "> /hug bob", "> hello")
    terminal.type(CTRL_U + "/register" + ENTER)
    terminal.wait(lambda lines: lines[-1] == "Password:")
    terminal.type(f"hunter2{ENTER}hunter2{ENTER}")
    assert raw.read()["text"] == "/register hunter2"
    assert b"hunter2" not in terminal.written


def test_the_table_is_asked_for_again_when_one_has_become_somebody_else(talk, raw):
    raw.table = [*TABLE, entry("kick", argument("user", "member"))]
    raw.send(event("role", name="bob", role="owner"), event("role", name="alice", role="operator"))
    answer_table(raw)
    raw.send(message(1, "hi"))
    talk.wait_for("[INFO] alice is an operator now.", "[bob]: hi", ">")
    talk.type("/kic\t")
    talk.wait_for("[bob]: hi", "> /kick")
    talk.type(CTRL_U)
    raw.table = TABLE
    raw.send(welcome(account="alice"))
    answer_table(raw)
    raw.send(message(2, "ho"))
    talk.wait(lambda lines: lines[-2:] == ["[bob]: ho", ">"])
    talk.type("/kic\tx" + ENTER)
    assert raw.read()["text"] == "/kicx"


def test_what_is_said_in_short_for_a_command_is_one(talk, raw):
    talk.type("/msg bob" + ENTER)
    ask = raw.read()
    assert (ask["type"], ask["name"], ask["args"]) == ("command", "messages", {"user": "bob"})


def test_what_may_mean_another_after_a_loss_is_not_sent(talk, raw):
    raw.hang_up()
    talk.wait(lambda lines: "Coming back" in "".join(lines))
    for line in "/hug bob", "/whois bob", "/vault door":
        talk.type(line + ENTER)
    talk.wait(lambda lines: lines[-1] == "Code:")
    talk.type("hunter2" + ENTER)
    talk.wait(lambda lines: "[INFO] Waiting to be run: /vault" in lines and lines[-1] == ">")
    let_in(raw)
    talk.wait(lambda lines: "[ERROR] Not sent in lobby: /hug" in lines)
    say = raw.read()
    assert say["text"] == "/whois bob"
    raw.send({"type": "ack", "ref": say["ref"]})
    assert raw.read()["args"] == {"door": "door", "code": "hunter2"}


# --- what stands for what --------------------------------------------------------------------------------------------


def test_words_are_for_the_arguments_in_their_order():
    number = ArgumentEntry("n", "integer", optional=True)
    arguments = [number, ArgumentEntry("who", "member"), ArgumentEntry("why", "rest")]
    filled = fill(arguments, " bob  for  this ")
    assert (filled.values, filled.missing, filled.fits) == ({"who": "bob", "why": "for  this"}, (), True)
    filled = fill(arguments, "#3 bob")
    assert filled.values == {"n": "#3", "who": "bob"}
    assert [one.name for one in filled.missing] == [one.name for one in filled.following] == ["why"]
    assert [one.name for one in fill(arguments, "").following] == ["n", "who"]
    numbers = [
        ArgumentEntry("mode", "choice", choices=["sum", "All"], optional=True),
        ArgumentEntry("n", "number", repeated=True),
    ]
    assert fill(numbers, "all 1 2.5").values == {"mode": "all", "n": ["1", "2.5"]}
    assert fill(numbers, "1").values == {"n": ["1"]}
    assert not fill(numbers[:1], "all 1").fits
    for kind, yes, no in ("switch", "ON", "one"), ("duration", "10m", "m"), ("number", "-1e3", "e3"):
        assert fill([ArgumentEntry("a", kind, optional=True)], yes).values == {"a": yes}
        assert fill([ArgumentEntry("a", kind, optional=True)], no).values == {}


def test_until_there_is_a_table_no_command_is_kept(commands):
    careful = Commands()
    for draft in "/help", " /hug bob", "//said", "/quit\n", "/login ada hunter2":
        assert not careful.may_keep(draft)
        assert commands.may_keep(draft) == (draft != "/login ada hunter2")
    for known in careful, commands:
        assert known.may_keep("hello\n/etc/passwd is there")
    assert not commands.may_keep("hello\n/vault door hunter2")
    assert not commands.may_keep("//vault door hunter2")


def test_a_table_that_comes_late_is_taken_and_that_of_help_is_not():
    known, client = Commands(), Welcome("ada", "lobby", [], 0, {}, "")
    told = CommandList(commands=[entry_of(TABLE[0])], lines=["/help"], ref=7)
    assert not known.is_answer(told, client)
    assert not known.told
    assert known.is_answer(CommandList(commands=[entry_of(TABLE[0])], ref=7), client)
    assert known.told
    assert not known.is_answer(Error("unknown_type", "No.", 7), client)


def test_tab_completes_what_an_argument_can_be(commands):
    names = Names()
    names.learn(Welcome("ada", "garden", ["ada", "bob"], 0, {}, "", rooms=["garden", "lobby"]))

    def tab(before):
        return commands.complete(before, names)

    assert tab("/sl") == Completed(2, "slow ")
    assert tab("/h") == Completed(are="help, hug")
    assert tab("/slow ga") == Completed(2, "garden ")
    assert tab("/slow ") == Completed(are="garden, lobby")
    assert tab("/slow lobby f") == Completed(1, "Fast ")
    assert tab("/slow lobby Fast o") == Completed(are="off, on")
    assert tab("/slow lobby Fast of") == Completed(2, "off ")
    assert tab("/hug b") == Completed(1, "bob ")
    assert tab("/hug bob because a") == Completed(1, "ada ")
    assert tab("/vault x b") == Completed(), "that is a secret"
    assert tab("/nonsense b") == tab("hello b") == Completed(1, "bob ")
    assert Commands().complete("/sl", names) == Completed()
