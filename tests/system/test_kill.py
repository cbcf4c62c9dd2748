"""The real server, killed under load again and again on one data directory: what was acknowledged is there after it."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

from click.testing import CliRunner
from killing import ONE_PAGE, ROOMS, Ledger, Plain, Program, kill_under_load
from kit.histories import history
from kit.processes import serve_process

from greenchat.cli import main

KILLS, FULL_KILLS = 20, 300

# From so many frames that clients were sent, up to that many, a server lives.
FEWEST, MOST = 500, 6000

PASSWORD = "correct-horse-battery"
SETTINGS = [
    argument
    for setting in (
        "limits.flood_rate=0",
        "limits.connections_per_address=0",
        "plugins.history.replay=20",
        "plugins.accounts.memory_mib=1",
        "plugins.accounts.passes=1",
        "plugins.accounts.registrations_per_hour=0",
    )
    for argument in ("--set", setting)
]


def test_what_was_acknowledged_outlasts_kill_9_under_load(tmp_path, full, seed):
    moments, kills = random.Random(seed), FULL_KILLS if full else KILLS
    ledger = begin(tmp_path)
    for _ in range(kills):
        with serve_process(tmp_path, *SETTINGS) as server:
            check(server, tmp_path, ledger)
            kind = moments.choice([None, 0, 1, 2])
            kill_under_load(server, ledger, PASSWORD, moments.randrange(FEWEST, MOST), kind)
    with serve_process(tmp_path, *SETTINGS) as server:
        check(server, tmp_path, ledger)
        log = server.stop()[1]
    assert "Traceback" not in log
    check_files(tmp_path, ledger, kills)


def begin(data_dir):
    """Make op an operator with an account."""
    with serve_process(data_dir, *SETTINGS) as server, closing(Program(server.port, "op")) as op:
        op.run(f"/register {PASSWORD}")
        server.stop()
    result = CliRunner().invoke(main, ["operators", "add", "op", "--data-dir", str(data_dir)])
    assert result.exit_code == 0, result.output
    with serve_process(data_dir, *SETTINGS) as server, closing(Program(server.port, "op", login=PASSWORD)) as op:
        acts = acts_in(op)
        server.stop()
    return Ledger(acts)


def check(server, data_dir, ledger):
    """All that was acknowledged in the life before this one is there, and in force; and nothing that nobody asked."""
    with closing(Program(server.port, "op", login=PASSWORD)) as op:
        assert op.welcomes[0]["account"] == "op"
        replay = told_before(op)
        for room in ROOMS:
            check_history(op, room, ledger)
        assert op.welcomes[0]["seq"] == len(ledger.stored["lobby"])
        assert [as_stored(message) for message in replay] == ledger.stored["lobby"][-20:]
        check_search(op, ledger)
        check_order(op, server.port, ledger)
    check_accounts(server.port, ledger)
    for path in sorted(data_dir.glob("*.sqlite3")):
        assert is_whole(path) == "ok", path
    verdict = history(data_dir, "verify")
    assert verdict.exit_code == 0, verdict.output
    ledger.next_life()


def as_stored(message):
    return message["seq"], message["id"], message["sender"], message["text"]


def told_before(program):
    """What newcomers are told: it comes behind the welcome, and before the answer to what they ask next."""
    frames = program.frames
    program.ask(type="ping")
    return next((frame["events"] for frame in frames + program.frames if frame["type"] == "history"), [])


def check_history(op, room, ledger):
    stored = ledger.stored[room]
    upto, newest = stored[-1][:2] if stored else (0, 0)
    new = [as_stored(message) for message in pages(op, room, upto)]
    assert [seq for seq, *_ in new] == list(range(upto + 1, upto + len(new) + 1))
    ids = [number for _, number, *_ in new]
    assert [newest, *ids] == sorted({newest, *ids})
    by_seq = {seq: rest for seq, *rest in new}
    lost = {seq: tuple(by_seq.get(seq, ())) for seq, promised in ledger.acked[room].items()}
    assert lost == ledger.acked[room]
    # What was on its way may have got lost, but for each sender only the last of it, and nothing comes twice.
    for sender in {sender for _, sender, _ in map(tuple, by_seq.values())}:
        texts = [text for _, _, who, text in new if who == sender]
        assert texts == ledger.sent[room, sender][: len(texts)]
    for seq, heard in ledger.heard[room].items():
        assert seq not in by_seq or tuple(by_seq[seq]) == heard
    stored.extend(new)


def pages(op, room, after):
    """All messages behind `after`, page by page."""
    more = True
    while more:
        page = op.ask(type="history", room=room, after=after, since="2000-01-01T00:00:00Z", limit=ONE_PAGE)
        yield from page["events"]
        more = page.get("more", False)
        after = page["events"][-1]["seq"] if page["events"] else after


def check_search(op, ledger):
    """The last that was acknowledged in each room is found."""
    for room in ROOMS:
        if ledger.acked[room]:
            seq, (number, sender, text) = max(ledger.acked[room].items())
            found = op.ask(type="search", text=text.replace("-", " "))
            assert [as_stored(message) for message in found["messages"]] == [(seq, number, sender, text)]


def acts_in(op):
    return [(act["act"], act["target"]) for act in op.told(f"/audit {ONE_PAGE}", "audit")["acts"]]


def check_order(op, port, ledger):
    done = [*ledger.acts, *ledger.ordered]
    found, last = acts_in(op), ledger.asked_last.get("order")
    if last is not None and last not in done and found[-1] == last:
        done.append(last)  # it was done, and the kill came before the acknowledgement
    assert found == done[-ONE_PAGE:]
    ledger.acts = done
    # What is on record is in force, and nothing else.
    banned, muted = {}, {}
    for act, target in done:
        match act:
            case "ban":
                banned[target] = True
            case "unban":
                del banned[target]
            case "mute":
                muted[target] = True
    listed = op.told("/bans", "bans")
    assert sorted(ban["what"] for ban in listed["bans"]) == sorted(banned)
    assert sorted(mute["what"] for mute in listed["mutes"]) == sorted(muted)
    assert all(entry["by"] == "op" and entry["why"] and entry["until"] for entry in listed["bans"] + listed["mutes"])
    for _, target in ledger.ordered[-3:]:
        check_verdict(port, target, is_banned=target in banned, is_muted=target in muted)


def check_verdict(port, name, *, is_banned, is_muted):
    with closing(Plain(port, name)) as client:
        if is_banned:
            assert client.first.startswith(f"ERROR|{name} is banned from this chat for ".encode()), client.first
            assert b": reason " in client.first
        else:
            assert client.first.startswith(b"INFO|Welcome"), client.first
        if is_muted:
            client.send("MSG|let me speak")
            while not (errors := [line for line in client.receive() if line.startswith(b"ERROR")]):
                pass
            assert errors[0].startswith(b"ERROR|You are muted")


def check_accounts(port, ledger):
    for name, password in ledger.registered.items():
        with closing(Program(port, name, login=password)) as client:
            assert client.welcomes[0].get("account") == name, client.welcomes
        with closing(Plain(port, name)) as stranger:
            assert stranger.first.startswith(f"ERROR|The username {name} belongs to somebody.".encode())
    ledger.accounts.update(ledger.registered)


def is_whole(path: Path):
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        return verdict


def check_files(data_dir, ledger, kills):
    """The same without a server, by SQLite alone."""

    def rows(file, query):
        with closing(sqlite3.connect(data_dir / file)) as connection:
            return connection.execute(query).fetchall()

    for room in ROOMS:
        query = f"SELECT seq, messages.id, sender, text FROM messages JOIN rooms ON room = rooms.id AND name = '{room}'"
        assert rows("history.sqlite3", f"{query} ORDER BY seq") == ledger.stored[room]
    texts = [text for room in ROOMS for *_, text in ledger.stored[room]]
    assert len(texts) == len(set(texts))
    assert rows("moderation.sqlite3", "SELECT act, target FROM audit ORDER BY id") == ledger.acts
    names = {name for (name,) in rows("accounts.sqlite3", "SELECT name FROM accounts")}
    assert {"op", *ledger.accounts} <= names
    # Of each life, at the most what was asked for last came without an acknowledgement.
    assert len(names) <= len(ledger.accounts) + 1 + kills
