"""The plugin guide tells the truth: every hook is in it, and every example in it runs."""

import ast
import importlib
import json
import re
import subprocess
import sys
import threading
import tomllib
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import gevent
import gevent.socket
import pytest
from click.testing import CliRunner
from greenchat_plugins.web.http import BODY_BYTES
from kit import ROOT, TESTS
from kit.clocks import HandClock
from kit.machine import eventually
from kit.programs import Anybody, Program, account_id, enrol, without_plugins
from kit.sessions import device

import greenchat
from greenchat.chat import cascade
from greenchat.cli import main
from greenchat.config.load import load
from greenchat.config.schema import Server
from greenchat.hooks import (
    background,
    carried,
    courier,
    dispatch,
    fetching,
    holds,
    in_turn,
    jobs,
    ledger,
    routes,
    specs,
    tasks,
    telling,
)
from greenchat.hooks.dispatch import FAILURE_SECONDS, FAILURES
from greenchat.hooks.loader import Plugins
from greenchat.server import signals
from greenchat.server.acceptor import FIRST_BYTES
from greenchat.server.lifecycle import Lifecycle
from greenchat.server.server import ChatServer
from greenchat.server.watchdog import HELD_SECONDS
from greenchat.storage import plugin_store
from greenchat.storage.session_store import SessionStore
from greenchat.testing import DEADLINE, Chat, serving

GUIDE = (ROOT / "plugins" / "README.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
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
    assert len(HOOKS) == 36


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
    assert mentioned - set(HOOKS) == {"greenchat_plugin", "greenchat_dice", "greenchat_chat", "greenchat_server"}


# Nothing that comes with greenchat looks at each frame, since all messages would be the slower for it; nor is anything
# served beside the page.
FOR_OTHERS = {"greenchat_frame", "greenchat_says", "greenchat_check_message", "greenchat_routes"}


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


def test_the_contents_have_every_section():
    contents = GUIDE.split("\n## ")[0]
    titles = re.findall(r"^## (.*)$", re.sub(r"```.*?```", "", GUIDE, flags=re.DOTALL), re.MULTILINE)
    links = re.findall(r"\[([^\]]*)\]\(#", contents.split("\n\n", 2)[2])
    assert links == [title.removesuffix(", and in which order") for title in titles]


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
    assert f"`greenchat_shutdown` has {background.CARRIED_SECONDS:.0f}, and so has `greenchat_carried`" in told
    assert f"`greenchat_shutdown` is called, and has {background.CARRIED_SECONDS:.0f} seconds." in told
    assert f"It is {carried.STATE_BYTES:,} bytes at most" in told
    assert f"not more than {carried.DEPTH} in each other" in told
    assert f"of which a number or a list takes {carried.LEAST_BYTES}," in told
    assert f"after {signals.HELD_SECONDS:.0f} seconds." in told
    assert f"takes longer than {HELD_SECONDS} seconds" in GUIDE
    assert f"at least {tasks.SHORTEST_SECONDS} seconds" in told
    assert f"at most {tasks.MOST:,} of all of these" in told
    assert f"keeps {plugin_store.MOST_BYTES >> 20} MB, {plugin_store.VALUE_BYTES >> 20} MB a value" in told
    assert f"under keys of 1 to {plugin_store.KEY_LENGTH} characters" in told
    assert f"At most {telling.MOST} texts, of {telling.LENGTH:,} characters" in told
    assert f"at most {fetching.TIMEOUT_SECONDS:.0f} seconds and {fetching.MOST_BYTES >> 20} MiB" in told
    assert f"at most {tasks.MOST_PER_SECOND:.0f} times a second" in told
    assert tasks.THREADS == 4
    assert f"the last {ledger.ENTRIES:,} refusals" in told
    assert ledger.DELAYED == HELD_SECONDS == 0.1
    assert f"in one go {Server().plugin_holds} times within a minute (`server.plugin_holds`)" in told
    assert dispatch.HELD_SECONDS == 60
    assert f"At most {in_turn.MOST:,} wait for it." in told
    assert f"a plugin has at most {jobs.MOST:,}." in told
    assert f"more than {courier.MOST:,}, or {courier.MOST_BYTES >> 20} MiB, the oldest" in told
    assert f"more than {courier.ALL_BYTES >> 20} MiB for all servers of a plugin" in told
    assert courier.LONGEST_WAIT == 3600
    assert courier.PATIENCE == 3 * 86_400
    assert f"but for {', '.join(map(str, courier.LATER[:-1]))} and {courier.LATER[-1]}." in told
    assert f"At most {FIRST_BYTES} bytes are shown" in GUIDE
    assert f"may wait: for {routes.ROUTE_SECONDS:.0f} seconds, then it is ended" in told
    assert f"Of one plugin, {routes.ROUTES_AT_ONCE} run at once" in told
    assert f"A body has {BODY_BYTES} bytes at most, an answer {routes.ANSWER_BYTES}." in told


def test_what_examples_import_is_public():
    for code in EXAMPLES.values():
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and node.module == "greenchat":
                assert {alias.name for alias in node.names} <= set(greenchat.__all__)
            elif isinstance(node, ast.ImportFrom):
                assert node.module in ("greenchat.testing", "collections", "datetime", "http.server", "typing")


def test_attributes_in_the_tables_exist(server):
    server.join("ada")
    session = server.call(lambda: next(iter(server.server.sessions.values())))
    ctx = server.server.plugin_lifecycle.ctx_of("history")
    things = {"session": session, "member": session.member, "chat": server.server.chat, "ctx": ctx}
    for heading, thing in things.items():
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


WHOLE = ["karma", "reminders", "webhook", "bridge", "sibyl"]


def test_whole_plugins_by_their_own_tests(directory):
    tests = [f"test_{name}.py" for name in WHOLE]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests], cwd=directory, capture_output=True
    )
    assert done.returncode == 0, done.stdout.decode()


@pytest.mark.parametrize("name", PLUGINS)
def test_an_example_is_loaded_by_a_server_and_has_a_test_below(name, directory):
    for other in PLUGINS:
        if other != name:
            (directory / f"{other}.py").unlink()
    found = Plugins(load(flags={"server.plugins_dirs": [str(directory)]}))
    assert next(plugin.state for plugin in found if plugin.name == name) == "on"
    assert f'example("{name}")' in OWN or name in ("double", *WHOLE)


def test_toml_examples_are_valid():
    for language, code in BLOCKS:
        if language == "toml":
            assert tomllib.loads(code)


def test_the_four_lines_do_what_the_guide_says_where_it_says(tmp_path):
    code = EXAMPLES["double.py"].split("\n\n\n", 1)[1]
    assert len(code.splitlines()) == 4
    (tmp_path / "plugins").mkdir(mode=0o700)
    (tmp_path / "plugins" / "double.py").write_text(EXAMPLES["double.py"])
    with serving(data_dir=tmp_path) as server:
        ada = server.join("ada")
        ada.send("MSG|/double 21", "MSG|/double x")
        ada.expect("INFO|42")
        refusal = "NUMBER is a whole number, such as 12, not 'x'. Type it so: /double NUMBER"
        assert f"`{refusal}`" in GUIDE
        ada.expect(f"ERROR|{refusal}")
        ada.send("MSG|/help double")
        ada.expect("INFO|/double NUMBER", "INFO|Tell twice a number.")


def test_the_readme_has_the_same_four_lines():
    (code,) = re.findall(r"```python\nfrom greenchat import command\n(.*?)```", README, re.DOTALL)
    assert EXAMPLES["double.py"].endswith(code.lstrip())


# --- decorators ---


DECORATORS = ["command", "on", "check", "every", "at", "job", "http", "example"]


@pytest.mark.parametrize("name", DECORATORS)
def test_a_decorator_has_a_section_with_an_example(name):
    (section,) = re.findall(rf"\n### [^\n]*`@{name}`[^\n]*\n(.*?)\n##", GUIDE, re.DOTALL)
    assert re.search(rf"```python\n(?:(?!```).)*^@{name}\b", section, re.DOTALL | re.MULTILINE)


def test_roll(example):
    with serving(example("roll")) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.read_until("INFO|bob has joined the chat.")
        ada.send("MSG|/roll 3d1", "MSG|/roll 1d0", "MSG|/roll two")
        bob.expect("MSG|ada|* ada rolls 3")
        ada.expect("INFO|You roll 3.", "ERROR|A die has a side at least.")
        assert ada.read() == "ERROR|DICE is dice, such as 2d6, not 'two'. Type it so: /roll [DICE]"


def test_welcome(example):
    with serving(example("welcome")) as server:
        ada = server.join("ada")
        ada.expect("INFO|Ask right away: somebody will read it.")
        ada.send("MSG|one", "MSG|two")
        store = server.call(lambda: server.server.plugin_lifecycle.ctx_of("welcome").store)
        eventually(lambda: server.call(lambda: store.get("said")) == 2)


def test_gentle(example):
    with serving(example("gentle")) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.read_until("INFO|bob has joined the chat.")
        ada.send("MSG|HELLO", "MSG|damn it")
        ada.expect("ERROR|No shouting, please.")
        bob.expect("MSG|ada|d*** it")


def test_tower(example, tmp_path):
    clock = HandClock()
    config = load(flags={"server.host": "127.0.0.1", "server.port": 0, "server.grace_seconds": 0.1})
    lifecycle = Lifecycle(ChatServer(config, tmp_path, [example("tower")], clock))
    lifecycle.start()
    try:
        host, _, port = lifecycle.server.addresses[0].rpartition(":")
        with closing(gevent.socket.create_connection((host, int(port)), DEADLINE)) as ada:
            ada.sendall(b"JOIN|ada\n")
            lines = ada.makefile("r", encoding="utf-8")
            assert lines.readline().startswith("INFO|Welcome")
            for _ in range(24):
                clock.advance(3600)
            told = sorted(lines.readline().rstrip() for _ in range(25))
            lines.close()
    finally:
        lifecycle.stop()
    assert told == ["INFO|Another hour has passed."] * 24 + ["INFO|It is noon."]


def asked(server, method, path, body=None, **headers):
    """Status and body of the answer to a request of HTTP."""
    with closing(HTTPConnection(server.host, server.port, timeout=DEADLINE)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_alerts(example):
    with serving(example("alerts")) as server:
        ada = server.join("ada")
        token, body = {"Authorization": "Bearer open sesame"}, "It burns."
        assert asked(server, "POST", "/alerts/lobby", body, **token) == (200, '{"told":1}')
        ada.expect("INFO|Alert: It burns.")
        assert asked(server, "POST", "/alerts/lobby", body)[0] == 403
        assert asked(server, "POST", "/alerts/cellar", body, **token)[0] == 404
        assert asked(server, "GET", "/alerts") == (200, "Alerts can be told in rooms.\n")


def test_echo(example):
    with serving(example("echo")) as server:
        assert asked(server, "GET", "/echo/hi?times=2") == (200, '{"word":"hi","times":2}')


def test_fortune(example):
    with serving(example("fortune")) as server:
        ada = server.join("ada")
        for line, told in server.call(lambda: server.server.commands.find("fortune").examples):
            ada.send(f"MSG|{line}")
            ada.expect(f"INFO|{told}")


def test_jokes(example):
    with serving(example("jokes")) as server:
        ada, bob = Program(server, "ada", "garden"), server.join("bob", "garden")
        ada.ask("/plugin off jokes", "garden")
        assert ada.ask("/joke", "garden")[-1]["code"] == "not_allowed"
        ada.ask("a pun", "garden")
        ada.ask("/plugin on jokes", "garden")
        ada.ask("a pun", "garden")
        ada.ask("/joke", "garden")
        assert "MSG|ada|a pun" in bob.read_until("MSG|ada|a p*n")
        bob.expect("MSG|ada|A chat server walks into a bar. Everybody reads it.")


def test_bell(example):
    chat = Chat(example("bell"), settings={"plugins.bell.seconds": 60})
    ada = chat.join("ada")
    chat.tick("2m")
    assert ada.heard == ["INFO|Another hour has passed."] * 2


def test_kettle(example, tmp_path):
    with Chat(example("kettle"), data_dir=tmp_path) as chat:
        chat.join("ada").says("/boil 4m")
    chat = Chat(example("kettle"), data_dir=tmp_path)
    bob = chat.join("bob")
    chat.tick("4m")
    assert bob.heard == ["INFO|The water boils, ada."]


def test_talkers(example, tmp_path):
    for _ in range(2):
        with Chat(example("talkers"), data_dir=tmp_path) as chat:
            chat.join("ada").sends("MSG|one", "MSG|two")
    chat = Chat(example("talkers"), data_dir=tmp_path)
    assert chat.join("ada").asks("/talkers") == "ada: 4"
    chat.tick("1h")


def test_weather(example, monkeypatch):
    class Sky(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"rain": true}')

        def log_message(self, *arguments):
            pass

    chat = Chat(example("weather"), settings={"plugins.weather.may": ["http"]})
    with HTTPServer(("127.0.0.1", 0), Sky) as sky:
        answering = threading.Thread(target=sky.handle_request)
        answering.start()
        monkeypatch.setattr(example("weather"), "URL", f"http://127.0.0.1:{sky.server_address[1]}/")
        assert chat.join("ada").asks("/weather") == "It rains."
        answering.join()


def test_praise(example):
    chat = Chat(example("praise"))
    ada, bob = chat.join("ada"), chat.join("bob")
    assert bob.asks("/praise ada") == "ada has 1 now."
    bob.says("/praise Ada")
    assert ada.hears("* bob praises ada, who has 1 now", by="bob")
    assert ada.hears("* bob praises ada, who has 2 now", by="bob")
    assert bob.asks("/praise eve").startswith("Nobody")


def test_multiples(example):
    ada = Chat(example("multiples")).join("ada")
    assert (ada.asks("/twice 2"), ada.asks("/thrice 2")) == ("4", "6")


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
    example("test_wire").test_shouting_is_refused()


def test_tea_by_its_own_tests(example):
    example("test_tea").test_tea_is_offered_each_hour()
    example("test_tea").test_what_fails_fails_the_test()


def test_the_kit_has_what_the_guide_says():
    chat = Chat()
    for heading, thing in (("test's `chat`", chat), ("person", chat.join("ada"))):
        table = GUIDE.split(f"| of a {heading} | |\n|---|---|\n")[-1].split("\n\n")[0]
        names = [name for line in table.splitlines() for name in re.findall(r"`(\w+)", line.split(" | ")[0])]
        assert len(names) >= 6
        assert [name for name in names if name != "Chat" and not hasattr(thing, name)] == []


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


def test_hands(example, directory):
    """By the test that the guide has."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_hands.py"],
        cwd=directory,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout.decode()
    example("hands")


def test_clients(example):
    chat = Chat(example("clients"))
    ada, bob = chat.join("ada"), chat.join("bob", kind="json")
    chat.reload()
    assert ada.asks("/clients") == "json: 1\nplain: 1"
    bob.vanishes()
    assert ada.asks("/clients") == "plain: 1"


def test_vote(example):
    chat = Chat(example("vote"))
    ada = chat.join("ada")
    ada.says("/vote yes")
    with pytest.raises(AssertionError, match="people are voting, for a minute at most"):
        chat.reload()
    chat.tick("1m")
    assert ada.hears("1 of 1 were for it.")
    chat.reload()
    assert ada.is_in


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


def plugin_of(server, name):
    return next(plugin.bearer for plugin in server.server.plugins if plugin.name == name)


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


def test_diary(example, tmp_path):
    diary = example("diary")
    with Chat(diary, data_dir=tmp_path) as chat:
        chat.join("ada").says("dear diary")
        chat.join("bob", "cellar").says("brrr")
    kept = diary.greenchat_last_messages(tmp_path, "", 10)
    assert [(past.message.room, past.message.sender, past.message.text) for past in kept] == [
        ("lobby", "ada", "dear diary"),
        ("cellar", "bob", "brrr"),
    ]
    assert len(diary.greenchat_last_messages(tmp_path, "cellar", 10)) == 1
    assert len(diary.greenchat_last_messages(tmp_path, "", 1)) == 1


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


def test_honeypot(example):
    with serving(example("honeypot"), settings={"plugins.honeypot.may": ["delete", "mute"]}) as server:
        ada, bob = Program(server, "ada"), server.join("bob")
        bob.send("MSG|The Casino is open!")
        seq = ada.read_until("message")["seq"]
        assert ada.read_until("deleted")["seq"] == seq
        assert any("You are muted by the plugin honeypot for 1h" in line for line in [bob.read() for _ in range(2)])


def test_warden(example):
    settings = {"plugins.honeypot.may": ["delete", "mute"], "server.disabled_plugins": ["moderation"]}
    with serving(example("honeypot"), example("warden"), settings=settings) as server:
        ada, bob = Program(server, "ada"), server.join("bob")
        bob.send("MSG|The casino is open!")
        ada.read_until("deleted")
        eventually(lambda: example("warden").muted == {"bob"})
        bob.send("MSG|hello")
        assert "ERROR|You are muted." in [bob.read() for _ in range(2)]


OWN = Path(__file__).read_text("utf-8")
