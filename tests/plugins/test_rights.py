"""Rights end with their owner: they hang on accounts, not on names, whatever becomes of either, or of the files."""

import os
import pty
import select
import shutil
import sqlite3
import threading
from contextlib import closing

import gevent
import pytest
from click.testing import CliRunner
from kit.accounts import CHEAP, SECRET, registered
from kit.machine import eventually
from kit.processes import GREENCHAT
from kit.programs import Program, enrol, says, sync
from kit.schemas import load
from kit.socketless import serving

from greenchat import hookimpl
from greenchat.cli import main
from greenchat.testing import DEADLINE

OPERATOR = "INFO|{} is an operator now."


def shell(data_dir, *arguments, code=0, given=""):
    result = CliRunner().invoke(main, [*arguments, "--data-dir", str(data_dir)], input=given)
    assert result.exit_code == code, result.output
    return result.output


def chat(data_dir):
    return serving(settings=CHEAP | {"plugins.history.replay": 20}, data_dir=data_dir)


@pytest.fixture
def server(tmp_path):
    with chat(tmp_path) as running:
        running.data_dir = tmp_path
        yield running


def logged_in(server, name, *, told=""):
    """A plain client that comes back to its account."""
    peer = server.connect()
    peer.send(f"MSG|/login {name} {SECRET}")
    peer.expect(f"INFO|You are logged in as {name}. Now send JOIN|{name}.")
    peer.send(f"JOIN|{name}")
    assert peer.read().startswith("INFO|Welcome")
    return peer


def gone(server, peer, key):
    """Wait until who has this name has left."""
    peer.send("LEAVE")
    eventually(lambda: server.call(lambda: key not in server.server.chat.members))


def operator(server, name="root"):
    peer = registered(server, name)
    shell(server.data_dir, "operators", "add", name)
    peer.read_until(OPERATOR.format(name))
    return peer


def may_order(peer):
    return "ERROR|You may not use /announce." not in says(peer, "/announce Hello")


# --- rooms ---


def test_a_room_is_not_for_who_registers_the_name_of_its_owner(server):
    root, bob = operator(server), server.join("bob")
    ada = registered(server)
    says(ada, "/join garden", "/room key open sesame", "the code is 4711")
    says(ada, f"/unregister {SECRET}", "LEAVE")
    ada.close()
    eventually(lambda: server.call(lambda: "ada" not in server.server.chat.members))
    other = registered(server)
    assert says(other, "/join garden")[-1].startswith("ERROR|garden needs a key.")
    assert not [line for line in says(other, "/history 20") if "4711" in line]
    assert [line for line in says(bob, "/join garden open sesame") if line.startswith("INFO|Welcome to garden, bob.")]
    assert "INFO|garden: its owner is nobody" in says(bob, "/room")
    assert says(bob, "/room key off")[-1] == "ERROR|Only the owner of garden and operators may change that."
    told = says(root, "/join garden", "/room")
    assert "INFO|garden: its owner is nobody" in told
    assert "INFO|key: open sesame" in told
    assert [line for line in told if "4711" in line], "its history stays"
    says(root, "/room owner bob")
    told = says(bob, "/room")
    assert "INFO|garden: its owner is bob" in told
    assert "INFO|key: open sesame" in told


def test_a_room_whose_owner_is_gone_stays_nobodys_over_a_restart(tmp_path):
    with chat(tmp_path) as server:
        ada = registered(server)
        says(ada, "/join garden", "/room key open sesame")
    shell(tmp_path, "accounts", "remove", "ada")
    with chat(tmp_path) as server:
        ada, bob = registered(server), server.join("bob")
        assert says(ada, "/join garden")[-1].startswith("ERROR|garden needs a key.")
        says(bob, "/join garden open sesame")
        assert "INFO|garden: its owner is nobody" in says(bob, "/room")


def test_an_account_owns_its_rooms_after_a_restart(tmp_path):
    with chat(tmp_path) as server:
        says(registered(server), "/join garden", "/room key open sesame")
    with chat(tmp_path) as server:
        assert "INFO|garden: its owner is ada" in says(logged_in(server, "ada"), "/join garden", "/room")


# --- operators ---


def test_nobody_is_made_an_operator_who_has_not_registered(server):
    for more in ((), ("--config", str(server.data_dir / "none.toml"))):
        if more:
            (server.data_dir / "none.toml").write_text("")
        told = shell(server.data_dir, "operators", "add", "ada", *more, code=1)
        assert told.startswith("Error: Nobody has registered ada")
    assert shell(server.data_dir, "operators", "list") == (
        "There are no operators yet. Add one: greenchat operators add NAME\n"
    )
    ada = registered(server)
    assert not may_order(ada)
    shell(server.data_dir, "operators", "add", "ada")
    ada.read_until(OPERATOR.format("ada"))


def test_where_no_plugin_keeps_accounts_nobody_can_be_an_operator(server, monkeypatch):
    registered(server)
    monkeypatch.setenv("GREENCHAT_SERVER_DISABLED_PLUGINS", '["accounts"]')
    assert "No plugin keeps accounts here" in shell(server.data_dir, "operators", "add", "ada", code=1)


@pytest.mark.parametrize("by_shell", [True, False])
def test_who_registers_the_name_of_an_operator_is_none(server, by_shell):
    ada = operator(server, "ada")
    if by_shell:
        shell(server.data_dir, "accounts", "remove", "ada")
        ada.read_until("ERROR|Whoever runs the server has removed your account.")
        ada.expect_closed()
    else:
        ada.send(f"MSG|/unregister {SECRET}")
        ada.read_until("INFO|ada is not yours any more: anybody can have it now.")
        assert not may_order(ada)
        gone(server, ada, "ada")
    other = registered(server)
    assert not may_order(other)
    listed = shell(server.data_dir, "operators", "list")
    assert listed.startswith("ada ")
    assert listed.endswith("the account is gone, and with it the right\n")
    shell(server.data_dir, "operators", "remove", "ada")
    assert not may_order(other)
    assert "There are no operators yet." in shell(server.data_dir, "operators", "list")


def test_ids_are_shown_to_nobody(server):
    root, ada = operator(server), Program(server)
    ada.join(name="ada")
    ada.send(type="say", text=f"/register {SECRET}")
    ada.send(type="say", text="/join garden")
    ada.send(type="say", text="/room key open sesame")
    says(root, "/mute ada 1h", "/ban eve", "/join garden")
    lines = says(root, "/bans", "/room", "/whois ada", "/audit 50", "/names")
    ada.send(type="say", text="/room")
    ada.send(type="say", text="/whois root")
    ada.send(type="say", text="/ping")
    while "Pong." not in (line := ada.peer.read()):
        lines.append(line)
    lines += shell(server.data_dir, "operators", "list").splitlines()
    lines += shell(server.data_dir, "accounts", "list").splitlines()
    lines += shell(server.data_dir, "audit", "--json").splitlines()
    ids = server.call(lambda: [server.server.accounts.find(key).id for key in ("root", "ada")])
    assert len(lines) > 20
    assert not [line for line in lines if any(str(number) in line for number in ids)]


def test_ids_are_random_and_never_used_again(tmp_path):
    enrol(tmp_path)
    ids = set()
    with chat(tmp_path) as server:
        for _ in range(3):
            ada = registered(server)
            ids.add(server.call(lambda: server.server.accounts.find("ada").id))
            says(ada, f"/unregister {SECRET}")
            gone(server, ada, "ada")
    assert len(ids) == 3
    assert all(0 < number < 2**62 for number in ids)
    assert max(ids) - min(ids) > 1000


# --- bans and mutes ---


def test_a_mute_of_an_account_follows_it_under_every_name(server):
    root, ada = operator(server), registered(server)
    says(ada, "/nick flower")
    says(root, "/mute flower 1h")
    gone(server, ada, "flower")
    ada = logged_in(server, "ada")
    assert says(ada, "hello")[-1].startswith("ERROR|You are muted ")
    ada.send("MSG|/logout")
    ada.read_until("INFO|You are logged out.")
    ada = logged_in(server, "ada")
    assert says(ada, "hello")[-1].startswith("ERROR|You are muted ")
    assert says(server.join("flower"), "hello")[-1].startswith("ERROR|You are muted ")
    assert "INFO|ada is not muted any more." in says(root, "/unmute ada")
    assert not [line for line in says(ada, "hello") if line.startswith("ERROR|")]


def test_giving_the_name_up_is_no_way_out_of_a_mute(server):
    root, ada = operator(server), registered(server)
    says(root, "/mute ada 1h")
    says(ada, f"/unregister {SECRET}")
    assert says(ada, "hello")[-1].startswith("ERROR|You are muted ")
    gone(server, ada, "ada")
    assert says(server.join("ada"), "hello")[-1].startswith("ERROR|You are muted ")


def test_a_mute_of_a_name_that_nobody_has_registered_holds_whoever_registers_it(server):
    root, bob = operator(server), server.join("bob")
    says(root, "/mute bob 1h")
    says(bob, f"/register {SECRET}")
    gone(server, bob, "bob")
    bob = logged_in(server, "bob")
    assert says(bob, "hello")[-1].startswith("ERROR|You are muted ")
    says(root, "/ban eve")
    eve = server.connect()
    eve.send("JOIN|eve")
    assert eve.read().startswith("ERROR|eve is banned ")


def test_a_guest_who_is_muted_and_logs_in_has_an_account_that_is_muted(server):
    root, ada = operator(server), registered(server)
    gone(server, ada, "ada")
    guest = server.join("flower")
    says(root, "/mute flower 1h")
    says(guest, f"/login ada {SECRET}")
    eventually(lambda: any("root: mute ada (for the account, too; for 1h" in line for line in says(root, "/audit")))
    gone(server, guest, "ada")
    ada = logged_in(server, "ada")
    eventually(lambda: any(line.startswith("ERROR|You are muted ") for line in says(ada, "hello")))
    assert [line.split()[0] for line in says(root, "/bans") if " is muted " in line] == ["INFO|flower"]
    says(root, "/unmute flower")
    assert not [line for line in says(ada, "hello") if line.startswith("ERROR|")]


def test_who_only_has_the_name_of_somebody_muted_keeps_an_account_that_is_not(server):
    root, ada = operator(server), registered(server)
    gone(server, ada, "ada")
    says(root, "/ban nobody", "/mute eve")
    flower = server.join("flower")
    says(root, "/mute flower 1h")
    gone(server, flower, "flower")
    other = server.join("flower")
    assert says(other, "hello")[-1].startswith("ERROR|You are muted ")
    says(other, f"/login ada {SECRET}")
    gone(server, other, "ada")
    assert not [line for line in says(logged_in(server, "ada"), "hello") if line.startswith("ERROR|")]


def test_who_is_away_is_banned_by_the_account(server):
    root, ada = operator(server), registered(server)
    gone(server, ada, "ada")
    says(root, "/ban ada 1h")
    peer = server.connect()
    peer.send(f"MSG|/login ada {SECRET}")
    assert "ERROR|You are banned from this chat " in "".join(iter(peer.read, "")), "and what else it may be told"
    with closing(sqlite3.connect(server.data_dir / "moderation.sqlite3")) as connection:
        assert connection.execute("SELECT kind, key FROM bans").fetchall() == [("account", "ada")]


# --- files of the time before, together and not ---


def before(data_dir, *dumps):
    for dump in dumps:
        load(dump, data_dir)


ALL = ("accounts-v1", "moderation-v1", "rooms-v2")


def state(server, name="ada"):
    """Whether `name`, logged in, is an operator, and whose the room garden is."""
    peer = logged_in(server, name)
    orders, told = may_order(peer), says(peer, "/join garden open sesame", "/room")
    owner = next(line.rpartition(" ")[2] for line in told if "its owner is" in line)
    return orders, owner


def test_what_was_kept_for_a_name_is_its_accounts_after_an_upgrade(tmp_path):
    before(tmp_path, *ALL)
    for _ in range(2):
        with chat(tmp_path) as server:
            assert state(server) == (True, "ada")
            bob = server.join("bob")
            assert says(bob, "hello")[-1].startswith("ERROR|You are muted ")
            bob.send("LEAVE")
    assert shell(tmp_path, "operators", "list").startswith("ada  since ")
    ids = rows(tmp_path, "accounts", "SELECT id FROM accounts WHERE key = 'ada'")
    assert rows(tmp_path, "moderation", "SELECT account FROM operators") == ids
    assert rows(tmp_path, "moderation", "SELECT DISTINCT account FROM bans") == ids
    assert rows(tmp_path, "rooms", "SELECT owner FROM rooms WHERE name = 'garden'") == ids


def rows(data_dir, plugin, query):
    with closing(sqlite3.connect(data_dir / f"{plugin}.sqlite3")) as connection:
        return connection.execute(query).fetchall()


def test_the_shell_may_be_the_first_to_open_the_files(tmp_path):
    before(tmp_path, *ALL)
    assert shell(tmp_path, "operators", "list").startswith("ada  since ")
    with chat(tmp_path) as server:
        assert state(server) == (True, "ada")


def test_what_was_kept_for_a_name_without_an_account_is_nobodys(tmp_path):
    before(tmp_path, *ALL)
    with closing(sqlite3.connect(tmp_path / "accounts.sqlite3")) as connection, connection:
        connection.execute("DELETE FROM accounts")
    with chat(tmp_path) as server:
        registered(server).send("LEAVE")
        eventually(lambda: server.call(lambda: "ada" not in server.server.chat.members))
        assert state(server) == (False, "nobody")
        told = says(server.join("bob"), "/join cellar vintage", "/room")
        assert "INFO|cellar: its owner is nobody" in told
        told = says(server.join("dan"), "/join attic dust", "/room")
        assert "INFO|attic: its owner is dan" in told, "that of a guest who has gone"
    with chat(tmp_path) as server:
        assert state(server) == (False, "nobody")
    assert "There are no operators yet." in shell(tmp_path, "operators", "list")


def test_files_of_the_time_before_beside_newer_accounts_give_nothing_to_who_came_later(tmp_path):
    with chat(tmp_path) as server:
        registered(server)
    for suffix in ("", "-wal", "-shm"):
        for plugin in ("moderation", "rooms"):
            (tmp_path / f"{plugin}.sqlite3{suffix}").unlink(missing_ok=True)
    before(tmp_path, "moderation-v1", "rooms-v2")
    with chat(tmp_path) as server:
        assert state(server) == (False, "nobody")


def test_accounts_of_the_time_before_beside_newer_files_have_no_rights_in_them(tmp_path):
    before(tmp_path, *ALL)
    with chat(tmp_path) as server:
        assert state(server) == (True, "ada")
    for file in tmp_path.glob("accounts.sqlite3*"):
        file.unlink()
    before(tmp_path, "accounts-v1")
    with chat(tmp_path) as server:
        assert state(server) == (False, "nobody")
    assert "the account is gone" in shell(tmp_path, "operators", "list")


def test_as_long_as_accounts_cannot_be_read_nothing_is_decided(tmp_path):
    before(tmp_path, *ALL)
    aside = tmp_path / "aside"
    shutil.move(tmp_path / "accounts.sqlite3", aside)
    (tmp_path / "accounts.sqlite3").write_bytes(b"rubbish" * 1000)
    with chat(tmp_path) as server:
        ada = server.join("ada")
        assert not may_order(ada)
        assert "INFO|garden: its owner is nobody" in says(ada, "/join garden open sesame", "/room")
        assert says(server.join("bob"), "hello")[-1].startswith("ERROR|You are muted ")
        shutil.move(aside, tmp_path / "accounts.sqlite3")
        ada.read_until("INFO|You are called guest-1 now: ada is for who is logged in to it.")
        ada = logged_in(server, "ada")
        eventually(lambda: may_order(ada))
        gone(server, ada, "ada")
        assert state(server) == (True, "ada")


# --- the audit trail, and the wrong directory ---


def acts(data_dir):
    return [line.split(" UTC ")[1] for line in shell(data_dir, "audit", "--limit", "100").splitlines()]


def test_what_the_shell_changes_is_in_the_audit_trail_and_no_secret_is(server):
    ada = registered(server)
    says(ada, "the code is 4711")
    eventually(lambda: "1 message" in shell(server.data_dir, "history", "verify"))  # it is on the disk
    other = "another-secret-of-hers"
    shell(server.data_dir, "accounts", "passwd", "ada", given=f"{other}\n{other}\n")
    shell(server.data_dir, "accounts", "passwd", "ada", "--password-file", "-", given=f"{other}\n")
    shell(server.data_dir, "operators", "add", "ada")
    shell(server.data_dir, "operators", "remove", "ada")
    shell(server.data_dir, "accounts", "remove", "ada")
    shell(server.data_dir, "history", "forget", "--user", "ada", "--yes")
    eve = server.join("eve")
    says(eve, f"/register {SECRET}", f"/unregister {SECRET}")
    eventually(lambda: "eve: unregister eve" in acts(server.data_dir))
    assert [act.split(" (")[0] for act in acts(server.data_dir)] == [
        "shell: passwd ada",
        "shell: passwd ada",
        "shell: op ada",
        "shell: deop ada",
        "shell: unregister ada",
        "shell: forget ada",
        "eve: unregister eve",
    ]
    for file in server.data_dir.glob("*.sqlite3*"):
        data = file.read_bytes()
        assert other.encode() not in data
        assert SECRET.encode() not in data


def test_what_was_done_but_cannot_be_put_on_record_is_told(server):
    registered(server)
    eventually(lambda: not (server.data_dir / "moderation.sqlite3").exists())
    (server.data_dir / "moderation.sqlite3").write_bytes(b"rubbish" * 1000)
    told = shell(server.data_dir, "accounts", "remove", "ada", code=1)
    assert told.startswith("Error: It was done, but is not on record everywhere. ")
    assert "Nobody has registered" in shell(server.data_dir, "accounts", "remove", "ada", code=1)


@pytest.mark.parametrize("failure", ["raise SystemExit(3)", "1 / 0"])
def test_a_plugin_that_cannot_keep_what_the_shell_does_is_named_and_the_others_keep_it(tmp_path, failure, monkeypatch):
    enrol(tmp_path, "ada")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "scribe.py").write_text(
        f"from greenchat import hookimpl\n@hookimpl\ndef greenchat_shell_acted(act):\n    {failure}\n"
    )
    monkeypatch.setenv("GREENCHAT_SERVER_PLUGINS_DIRS", f'["{tmp_path / "plugins"}"]')
    told = shell(tmp_path, "accounts", "remove", "ada", code=1)
    assert told.startswith(
        "Error: It was done, but is not on record everywhere. The plugin scribe has failed in greenchat_shell_acted: "
    )
    monkeypatch.delenv("GREENCHAT_SERVER_PLUGINS_DIRS")
    assert acts(tmp_path) == ["shell: unregister ada"]


@pytest.mark.parametrize(
    "command",
    [
        ["operators", "add", "ada"],
        ["operators", "remove", "ada"],
        ["accounts", "passwd", "ada"],
        ["accounts", "remove", "ada"],
        ["accounts", "add", "ada"],
        ["history", "forget", "--user", "ada"],
    ],
)
def test_a_directory_that_is_none_of_a_chat_stays_as_it_is(tmp_path, command):
    (tmp_path / "notes.txt").write_text("Buy milk.")
    result = CliRunner().invoke(main, [*command, "--data-dir", str(tmp_path)], input="secret-secret\nsecret-secret\n")
    assert result.exit_code in (1, 2)
    assert "Say where the server keeps its files with --data-dir." in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_what_is_said_to_an_account_alone_never_goes_to_who_has_its_name_later(server):
    ada, bob = registered(server), Program(server)
    bob.join(name="bob")
    bob.send(type="say", text="/register another-secret")
    bob.send(type="say", to="ada", text="for you alone", ref=2)
    conversation = bob.read_until("ack")["conversation"]
    says(ada, f"/unregister {SECRET}")
    gone(server, ada, "ada")
    other = registered(server)
    bob.send(type="say", conversation=conversation, text="the code is 4711", ref=3)
    assert bob.read_until("error")["ref"] == 3
    assert not [line for line in sync(other) if "4711" in line]


class Slow:
    """Lets eve in slowly."""

    def __init__(self):
        self.waits, self.goes_on = threading.Event(), threading.Event()

    @hookimpl(tryfirst=True)
    def greenchat_room_opened(self, room):
        if room.name == "garden" and self.waits is not None:
            self.waits.set()
            while not self.goes_on.is_set():
                gevent.sleep(0.001)


def test_who_is_banned_while_coming_in_is_not_told_what_was_said_there(tmp_path):
    with chat(tmp_path) as server:
        says(server.join("bob"), "/join garden", "the code is 4711")
    slow = Slow()
    with serving(slow, settings=CHEAP | {"plugins.history.replay": 20}, data_dir=tmp_path) as server:
        server.data_dir = tmp_path
        root, eve = operator(server), server.connect()
        eve.send("JOIN|eve|garden")
        assert slow.waits.wait(DEADLINE)
        says(root, "/ban eve")
        slow.goes_on.set()
        lines = list(iter(eve.read, ""))
        assert "ERROR|You are banned from this chat for good." in lines
        assert not [line for line in lines if "4711" in line]


# --- who has an account, where the server says so ---


def test_where_registration_is_closed_the_shell_makes_accounts(tmp_path):
    closed = {"plugins.accounts.registration": "closed"}
    cheap = tmp_path / "cheap.toml"
    cheap.write_text("[plugins.accounts]\nmemory_mib = 1\npasses = 1\n")
    with serving(settings=CHEAP | closed, data_dir=tmp_path) as server:
        (tmp_path / "server.lock").touch()
        ada = server.join("ada")
        ada.send(f"MSG|/register {SECRET}")
        ada.expect(
            "ERROR|Names are registered by whoever runs this server. Ask them for an account, then: "
            "MSG|/login ada PASSWORD"
        )
        told = shell(tmp_path, "accounts", "add", "Ada", "--config", str(cheap), given=f"{SECRET}\n")
        assert told == "Ada has an account.\n"
        ada.read_until("INFO|You are called guest-1 now: ada is for who is logged in to it.")
        ada.send(f"MSG|/login ada {SECRET}")
        ada.read_until("INFO|You are logged in as Ada.")
        again = shell(tmp_path, "accounts", "add", "ＡＤＡ", "--config", str(cheap), given=f"{SECRET}\n", code=1)
        assert again == "Error: ADA belongs to somebody already. See: greenchat accounts list\n"
        for name, password, why in (
            ("bob", "short", "is too short"),
            ("bob", "", "There is no password in the first line."),
            ("b ob", SECRET, "is not valid"),
            ("b" * 33, SECRET, "longer than 32 characters"),
        ):
            told = shell(tmp_path, "accounts", "add", name, "--config", str(cheap), given=f"{password}\n", code=1)
            assert why in told
            assert "Traceback" not in told
        assert "shell: register Ada" in acts(tmp_path)


def test_the_shell_asks_for_the_password_of_an_account_on_a_terminal(tmp_path):
    (tmp_path / "server.lock").touch()
    cheap = tmp_path / "cheap.toml"
    cheap.write_text("[plugins.accounts]\nmemory_mib = 1\npasses = 1\n")
    command = [*GREENCHAT, "accounts", "add", "ada", "--data-dir", str(tmp_path), "--config", str(cheap)]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    with open(terminal, "r+b", buffering=0) as screen:
        seen = b""
        for asked, given in ((b"New password: ", SECRET), (b"Repeat for confirmation: ", SECRET), (b"account.", "")):
            while asked not in seen:
                assert select.select([screen], [], [], 30)[0], seen
                try:
                    seen += screen.read(1000)
                except OSError:
                    raise AssertionError(seen) from None
            screen.write(f"{given}\n".encode() if given else b"")
        assert SECRET.encode() not in seen
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert "ada" in shell(tmp_path, "accounts", "list")
