"""The plugin guide tells the truth: every hook is in it, and every example in it runs."""

import ast
import importlib
import json
import re
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import gevent
import pytest
from click.testing import CliRunner
from kit import ROOT, TESTS
from kit.machine import eventually
from kit.programs import Anybody, Program, account_id, enrol, without_plugins
from kit.sessions import device

import greenchat
from greenchat.chat import cascade
from greenchat.cli import main
from greenchat.config.load import load
from greenchat.config.schema import Server
from greenchat.hooks import background, dispatch, holds, ledger, specs
from greenchat.hooks.dispatch import FAILURE_SECONDS, FAILURES
from greenchat.hooks.loader import Plugins
from greenchat.server import signals
from greenchat.server.acceptor import FIRST_BYTES
from greenchat.server.watchdog import HELD_SECONDS
from greenchat.storage.session_store import SessionStore
from greenchat.testing import serving

GUIDE = (ROOT / "plugins" / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", GUIDE, re.DOTALL)
EXAMPLES = {code.split("\n")[0].removeprefix("# "): code for language, code in BLOCKS if language == "python"}
PLUGINS = [name.removesuffix(".py") for name in EXAMPLES if not name.startswith("test_")]


def hooks():
    """Name -> (signature as one reads it, first line of the docstring)."""
    found = {}
    for node in ast.parse(Path(specs.__file__).read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("greenchat_"):
            signature = f"{node.name}({ast.unparse(node.args)}) -> {ast.unparse(node.returns)}"
            found[node.name] = (re.sub("[\"']", "", signature), ast.get_docstring(node).split("\n")[0])
    return found


HOOKS = hooks()


@pytest.fixture
def directory(tmp_path, monkeypatch):
    """The examples as the files that the guide tells to write, and importable."""
    for name, code in EXAMPLES.items():
        (tmp_path / name).write_text(code, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in EXAMPLES:
        sys.modules.pop(name.removesuffix(".py"), None)


@pytest.fixture
def example(directory):
    """`example("bell")`: the plugin of that name, as a module."""
    return importlib.import_module


# --- the hooks ---


def test_all_hooks_are_looked_at():
    assert set(HOOKS) == {name for name in vars(specs) if name.startswith("greenchat_")}
    assert len(HOOKS) == 31


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_in_the_guide_word_for_word(hook):
    signature, meaning = HOOKS[hook]
    assert f"\n### `{signature}`\n\n{meaning}\n" in GUIDE


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_has_an_example_in_its_section(hook):
    section = GUIDE.split(f"### `{hook}(")[1].split("\n##")[0]
    assert re.search(rf"```python\n(?:(?!```).)*@hookimpl\s+def {hook}\(", section, re.DOTALL)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_stands_in_the_table_under_its_kind(hook):
    kind = HOOKS[hook][1].split(":")[0].lower()
    row = next(line for line in GUIDE.splitlines() if line.startswith(f"| {kind} |"))
    assert f"`{hook}`" in row


def test_the_guide_has_no_hook_that_does_not_exist():
    mentioned = set(re.findall(r"\bgreenchat_[a-z]\w*", GUIDE))
    assert mentioned - set(HOOKS) == {"greenchat_plugin", "greenchat_dice"}


# Nothing that comes with greenchat looks at each frame, since all messages would be the slower for it.
FOR_OTHERS = {"greenchat_frame", "greenchat_says", "greenchat_check_message"}


def test_every_hook_is_implemented_by_a_bundled_plugin():
    implemented = set()
    for file in (ROOT / "plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and any("hookimpl" in ast.unparse(d) for d in node.decorator_list):
                implemented.add(node.name)
    assert set(HOOKS) - implemented == FOR_OTHERS


def test_every_hook_is_used_in_a_test():
    sources = [path.read_text("utf-8") for path in TESTS.rglob("test_*.py") if path != Path(__file__)]
    sources += [code for name, code in EXAMPLES.items() if f'example("{name.removesuffix(".py")}")' in OWN]
    used = {hook for source in sources for hook in re.findall(r"\bdef (greenchat_\w+)\(", source)}
    assert set(HOOKS) - used == set()


# --- what else it says ---


def headings(document):
    """As one links to them."""
    lines = re.sub(r"```.*?```", "", document.read_text("utf-8"), flags=re.DOTALL).splitlines()
    titles = (line.lstrip("# ").strip().lower() for line in lines if line.startswith("#"))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "plugins/README.md", "greenchat/PROTOCOL.md"]
)
def test_links_lead_somewhere(name):
    document = ROOT / name
    targets = re.findall(r"\]\(([^)]+)\)", document.read_text("utf-8"))
    for path, _, heading in (target.partition("#") for target in targets if not target.startswith("https://")):
        where = document.parent / path if path else document
        assert where.exists(), path
        assert not heading or heading in headings(where), heading


def test_numbers_are_those_of_the_code():
    assert f"fails {FAILURES} times within a minute" in GUIDE
    assert FAILURE_SECONDS == 60
    told = " ".join(GUIDE.split())
    assert f"more than {cascade.DEEPEST} steps from" in told
    assert f"more than {cascade.MOST} of them follow from one thing, within a second" in told
    assert cascade.CASCADE_SECONDS == 1
    assert f"has {holds.HOLD_SECONDS:.0f} seconds to release it" in told
    assert f"may take {background.STARTUP_SECONDS:.0f} seconds" in told
    assert f"`greenchat_shutdown` {background.SHUTDOWN_SECONDS:.0f};" in told
    assert f"after {signals.HELD_SECONDS:.0f} seconds." in told
    assert f"takes longer than {HELD_SECONDS} seconds" in GUIDE
    assert f"the last {ledger.ENTRIES:,} refusals" in told
    assert ledger.DELAYED == HELD_SECONDS == 0.1
    assert f"in one go {Server().plugin_holds} times within a minute (`server.plugin_holds`)" in told
    assert dispatch.HELD_SECONDS == 60
    assert f"At most {FIRST_BYTES} bytes are shown" in GUIDE


def test_what_examples_import_is_public():
    for code in EXAMPLES.values():
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and node.module == "greenchat":
                assert {alias.name for alias in node.names} <= set(greenchat.__all__)
            elif isinstance(node, ast.ImportFrom):
                assert node.module in ("greenchat.testing", "collections", "datetime", "typing")


def test_attributes_in_the_tables_exist(server):
    server.join("ada")
    session = server.call(lambda: next(iter(server.server.sessions.values())))
    for heading, thing in (("session", session), ("member", session.member), ("chat", server.server.chat)):
        table = GUIDE.split(f"| of a `{heading}` | |\n|---|---|\n")[1].split("\n\n")[0]
        cells = [line.split("|")[1] for line in table.splitlines()]
        names = [name for cell in cells for name in re.findall(r"`(\w+)", cell)]
        assert len(names) >= 6
        missing = [name for name in names if not hasattr(thing, name)]
        assert missing == []


def test_the_bundled_plugins_are_all_in_it():
    assert set(re.findall(r"^\| \[(\w+)\]", GUIDE, re.MULTILINE)) == {plugin.name for plugin in Plugins(load())}


# --- the examples ---


def test_every_example_has_a_name_of_its_own():
    assert len(EXAMPLES) == sum(language == "python" for language, _ in BLOCKS)
    assert all(re.fullmatch(r"\w+\.py", name) for name in EXAMPLES)


@pytest.mark.parametrize("name", PLUGINS)
def test_an_example_is_loaded_by_a_server_and_has_a_test_below(name, directory):
    for other in PLUGINS:
        if other != name:
            (directory / f"{other}.py").unlink()
    (directory / "test_quiet.py").unlink()
    found = Plugins(load(flags={"server.plugins_dirs": [str(directory)]}))
    assert next(plugin.state for plugin in found if plugin.name == name) == "on"
    assert f'example("{name}")' in OWN or name == "shout"


def test_toml_examples_are_valid():
    for language, code in BLOCKS:
        if language == "toml":
            assert tomllib.loads(code)


def test_the_four_lines_do_what_the_guide_says(tmp_path):
    code = EXAMPLES["shout.py"].split("\n", 1)[1]
    assert len(code.splitlines()) == 4
    (tmp_path / "shout.py").write_text(code)
    with serving(settings={"server.plugins_dirs": [str(tmp_path)]}) as server:
        alice, bob = server.join("alice"), server.join("bob")
        alice.send("MSG|hello")
        bob.expect("MSG|alice|HELLO")


def test_bell(example):
    with serving(example("bell"), settings={"plugins.bell.seconds": 0.05}) as server:
        ada = server.join("ada")
        ada.expect("INFO|Another hour has passed.", "INFO|Another hour has passed.")


def test_clock(example):
    with serving(example("clock")) as server:
        peer = server.connect()
        peer.send("TIME")
        assert re.fullmatch(r"INFO\|It is \d\d:\d\d UTC\.", peer.read())


def test_no_thumbs(example):
    with serving(example("no_thumbs")) as server:
        ada = Program(server, "ada")
        ada.ask("It rains.")
        refused = ada.request(type="react", seq=1, emoji="👎")
        assert refused["text"] == "Say what you do not like about it."
        assert ada.request(type="react", seq=1, emoji="👍")["type"] == "ack"


def test_regrets(example):
    with serving(example("regrets")) as server:
        ada = Program(server, "ada")
        ada.ask("It rains.")
        assert ada.request(type="delete", seq=1)["type"] == "ack"
        assert ada.ask("/regrets")[0]["text"] == "1"


def test_first_words(example):
    with serving(example("first_words"), settings=without_plugins("history")) as server:
        bob = Program(server, "bob")
        assert bob.request(type="say", text="I am.", reply_to=1)["seq"] == 2
        assert bob.request(type="react", seq=1, emoji="👍")["rev"] == 3
        assert bob.request(type="delete", seq=1)["code"] == "not_allowed"


def test_once(example, tmp_path):
    plugin, settings = example("once"), without_plugins("history")
    say = {"type": "say", "room": "lobby", "text": "Hello!", "key": "k1"}
    with serving(plugin, settings=settings, data_dir=tmp_path) as server:
        bob = Program(server, "bob")
        first = bob.request(**say)
    with serving(plugin, settings=settings, data_dir=tmp_path) as server:
        again = Program(server)
        again.join(token=bob.welcome["token"])
        assert again.request(**say)["id"] == first["id"]


def test_last_words(example, tmp_path):
    store = SessionStore(tmp_path)
    store.came(account_id("ada"), "lobby")
    store.read(account_id("ada"), "lobby", 1)
    store.close()
    with serving(
        Anybody(), example("last_words"), settings=without_plugins("accounts", "history"), data_dir=tmp_path
    ) as server:
        welcome = device(server, "ada").welcome
        assert (welcome["read"], welcome["unread"], welcome["mentions"]) == (1, 2, 1)


def test_real_names(example):
    with serving(example("real_names")) as server:
        peer = server.connect()
        peer.send("JOIN|123", "JOIN|ada_l")
        peer.expect("ERROR|A number is no name. Choose another.")
        assert peer.read().startswith("INFO|Welcome to lobby, ada-l.")


def test_quiet_by_its_own_test(example):
    assert example("quiet")
    example("test_quiet").test_shouting_is_refused()


def test_chatterbox(example):
    with serving(example("chatterbox")) as server:
        ada = server.join("ada")
        ada.send("MSG|one", "MSG|two", "MSG|/ping")
        ada.expect("INFO|Pong.")  # all of it has been said before bob comes
        bob = server.join("bob")
        bob.send("MSG|three")
        ada.expect("INFO|bob has joined the chat.", "MSG|bob|three")
        bob.send("MSG|/top")
        bob.expect("INFO|ada: 2", "INFO|bob: 1")


def test_doorman(example):
    with serving(example("doorman")) as server:
        peer = server.connect()
        peer.send("JOIN|ada")
        peer.expect("INFO|Be kind. JOIN|yourname lets you in.")


def test_stays(example, caplog):
    caplog.set_level("INFO")
    with serving(example("stays")) as server:
        peer = server.join("ada")
        peer.send("LEAVE")
        peer.expect_closed()
    assert any(re.fullmatch(r"#1 stayed for \d seconds: left", message) for message in caplog.messages)


def test_dice(example):
    with serving(example("dice")) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|/roll")
        assert re.fullmatch(r"MSG\|ada\|\* ada rolls a [1-6]", bob.read())


def test_health(example):
    with serving(example("health")) as server:
        peer = server.connect()
        peer.send("HEALTH")
        peer.expect("OK", "")


def test_oracle(example, directory, monkeypatch):
    assert example("oracle")
    monkeypatch.setenv("GREENCHAT_SERVER_PLUGINS_DIRS", f'["{directory}"]')
    (directory / "test_quiet.py").unlink()
    result = CliRunner().invoke(main, ["oracle", "Will it rain?"])
    assert result.output in ("Yes.\n", "No.\n", "Ask again.\n")
    assert result.exit_code == 0


def test_house_rules(example, tmp_path):
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    module = example("house_rules")
    with serving(module) as server:
        state = next(plugin.state for plugin in server.server.plugins if plugin.name == "house_rules")
        assert re.fullmatch(
            r"off: .*rules\.txt cannot be read: No such file or directory\. Write your rules there\.", state
        )
        ada = server.join("ada")
        ada.send("MSG|/rules")
        assert ada.read().startswith("ERROR|There is no command /rules.")

    class WithRules:
        """Writes the file before the example looks for it."""

        @greenchat.hookimpl
        def greenchat_startup(self, server):
            (server.data_dir / "rules.txt").write_text("Be kind.\nBe brief.\n")

    with serving(WithRules(), module) as server:
        ada = server.join("ada")
        ada.send("MSG|/rules")
        ada.expect("INFO|Be kind.", "INFO|Be brief.")


def test_visitors(example):
    module = example("visitors")
    with serving(module) as server:
        server.join("ada")
        server.join("bob")
        running = server.server
        file = running.data_dir / "visitors.txt"
        assert not file.exists()
        plugin = next(plugin.bearer for plugin in running.plugins if plugin.name == "visitors")
        server.call(lambda: plugin.greenchat_shutdown(running))
        assert file.read_text() == "2"


def test_karma(example):
    with serving(example("karma")) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        bob.send("MSG|/praise ada", "MSG|/praise Ada")
        ada.expect("MSG|bob|* bob praises ada, who has 1 now", "MSG|bob|* bob praises ada, who has 2 now")


def test_no_status(example):
    with serving(example("no_status")) as server:
        peer = server.connect()
        peer.send('{"type":"status","ref":1}')
        assert json.loads(peer.read())["text"] == "How this server is stays a secret."


def test_slow_acks(example):
    with serving(example("slow_acks")) as server:
        peer = server.connect()
        peer.send('{"type":"join","name":"ada"}', '{"type":"say","text":"hi","ref":1}', '{"type":"ping","ref":2}')
        answers = [json.loads(peer.read()) for _ in range(4)]
        assert [(answer["type"], answer.get("ref")) for answer in answers] == [
            ("welcome", None),
            ("conversations", None),
            ("ack", 1),
            ("pong", 2),
        ]


def test_staff_room(example):
    with serving(example("staff_room")) as server:
        peer = server.connect()
        peer.send("JOIN|ada|staff")
        peer.expect("ERROR|This room is for operators.")


def test_late(example):
    now = datetime(2026, 1, 31, 21, 59, tzinfo=UTC)
    with serving(example("late").Late(lambda: now)) as server:
        ada, bob = Program(server, "ada", "library"), Program(server, "bob")
        now = datetime(2026, 1, 31, 22, 0, tzinfo=UTC)
        assert bob.join(room="library")["text"] == "The library opens in the morning."
        ada.peer.close()
        assert Program(server).join(token=ada.welcome["token"])["room"] == "library"


def test_tally(example):
    tally = example("tally").Tally()
    with serving(tally, Anybody) as server:
        laptop, phone = Program(server), Program(server)
        for device in laptop, phone:
            device.ask("/become ada")
            device.join(name="ada")
        for device, number in (laptop, 1), (phone, 2):
            assert device.ask("/count")[-2]["text"] == f"{number}, on all of your devices."
        assert laptop.read_until("notice")["text"] == "2, on all of your devices."
        laptop.leave()
        assert phone.ask("/count")[-2]["text"] == "3, on all of your devices."
        phone.leave()
        eventually(lambda: server.call(lambda: not tally.counts))


def test_deaf(example):
    with serving(example("deaf")) as server:
        ada, bob = Program(server, "ada", "void"), server.join("bob", "void")
        ada.read_until("joined", name="bob")
        texts = ["one", "/who", "two"]
        ada.peer.send(*(json.dumps({"type": "say", "room": "void", "text": text}) for text in texts))
        said = 0
        while said < len(texts):
            said += int(ada.read_until("notice")["text"].split()[0])
        bob.send("MSG|heard")
        assert ada.read_until("message")["sender"] == "bob"


def test_shrug(example):
    with serving(example("shrug")) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|/shrug", "MSG| /shrug ", "MSG|//shrug")
        bob.expect("MSG|ada|¯\\_(ツ)_/¯", "MSG|ada|¯\\_(ツ)_/¯", "MSG|ada|/shrug")


def test_no_links(example):
    with serving(example("no_links")) as server:
        ada, bob, cy, dan = server.join("ada"), server.join("bob"), server.join("cy", "a"), server.join("dan", "a")
        ada.read_until("INFO|bob has joined the chat.")
        cy.read_until("INFO|dan has joined the chat.")
        ada.send("MSG|one", "MSG|see http://x", "MSG|two")
        ada.expect("ERROR|No links in the lobby, please.")
        bob.expect("MSG|ada|one", "MSG|ada|two")
        cy.send("MSG|one", "MSG|see http://x", "MSG|two")
        dan.expect("MSG|cy|one", "MSG|cy|see [link]", "MSG|cy|two")


def test_word_count(example):
    with serving(example("word_count")) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.send("MSG|one two", "MSG|three")
        bob.expect("MSG|ada|one two", "MSG|ada|three")
        bob.send("MSG|/words")
        bob.expect("INFO|3 words")


def test_mottos(example):
    with serving(example("mottos")) as server:
        peer = server.connect()
        peer.send("JOIN|ada|roses")
        assert peer.read().endswith("The topic is: All about roses")


def test_tips(example):
    with serving(example("tips")) as server:
        server.join("ada").expect("INFO|Ask right away: somebody will read it.")


def test_hello_again(example):
    class Admission:
        """Logs in whoever connects."""

        @greenchat.hookimpl
        def greenchat_connected(self, session):
            session.log_in("ada", 4711)

    with serving(example("hello_again"), Admission()) as server:
        peer = server.connect()
        peer.send("JOIN|ada")
        peer.expect("INFO|Hello again, ada.")


def test_staff(example, directory, monkeypatch):
    settings = {"server.disabled_plugins": ["accounts"]}
    monkeypatch.setenv("GREENCHAT_SERVER_PLUGINS", '["staff"]')
    monkeypatch.setenv("GREENCHAT_SERVER_DISABLED_PLUGINS", '["accounts"]')
    data = directory / "data"
    data.mkdir()
    (data / "staff.txt").write_text("4711 Ada\n4712 Bob\n")
    with serving(example("staff"), settings=settings, data_dir=data) as server:
        assert server.call(lambda: server.server.accounts.name_of(4712)) == "Bob"
        server.join("eve").send("MSG|/ban mallory")
    (data / "server.lock").touch()
    result = CliRunner().invoke(main, ["operators", "add", "ada", "--data-dir", str(data)])
    assert result.output == "Ada is an operator from now on, when logged in.\n"


def test_logbook(example, directory, monkeypatch):
    monkeypatch.setenv("GREENCHAT_SERVER_PLUGINS", f'["{example("logbook").__name__}"]')
    data = directory / "data"
    data.mkdir()
    enrol(data, "ada")
    result = CliRunner().invoke(main, ["accounts", "remove", "ada", "--data-dir", str(data)])
    assert result.exit_code == 0, result.output
    assert (data / "logbook.txt").read_text().endswith(" unregister ada\n")


def test_scores(example, tmp_path):
    scores = example("scores")
    with serving(scores, data_dir=tmp_path) as server:
        ada = server.join("ada", "cellar")
        ada.send("MSG|one", "MSG|/ping")
        ada.read_until("INFO|Pong.")
        assert server.call(lambda: scores.said["cellar"]) == 1
        server.call(lambda: gevent.spawn(server.server.forget_room, "cellar"))
        eventually(lambda: server.call(lambda: "cellar" not in scores.said))


def test_tattle(example, caplog):
    caplog.set_level("INFO")
    with serving(example("tattle")) as server:
        server.call(lambda: server.server.chat.audit("ada", "kick", "bob"))
    assert "ada: kick bob" in caplog.messages


def test_coin(example):
    with serving(example("coin")) as server:
        plain = server.join("ada")
        plain.send("MSG|/toss")
        assert plain.read() in ("INFO|Heads.", "INFO|Tails.")
        program = Program(server, "bob")
        program.send(type="say", text="/toss")
        assert program.read()["type"] == "tossed"


def test_egg(example):
    with serving(example("egg")) as server:
        ada = Program(server, "ada")
        assert [(frame.get("text"), frame["ref"]) for frame in ada.ask("/egg")] == [("It boils.", 2), (None, 2)]
        assert ada.read() == {"type": "notice", "text": "It is done.", "ref": 2}


OWN = Path(__file__).read_text("utf-8")
