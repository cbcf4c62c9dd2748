"""`greenchat plugins try`, as a process: what one may have it do, and what is wrong."""

from kit.dry_runs import GENTLE, history, run_try, write
from kit.machine import eventually
from kit.processes import serve_process


def test_it_shows_the_first_of_each_kind_or_all(tmp_path):
    data_dir = history(tmp_path, *(f"lobby ada: LOUD {number}" for number in range(15)))
    plugin = write(tmp_path, GENTLE, "gentle.py")
    _, told, _ = run_try(plugin, "--data-dir", data_dir)
    assert told.count("No shouting") == 10
    assert "and 5 more: --all" in told
    _, told, _ = run_try(plugin, "--data-dir", data_dir, "--all")
    assert told.count("No shouting") == 15


def test_settings_of_one_that_the_server_does_not_have_are_taken(tmp_path):
    code = "import greenchat\n" + GENTLE.replace('"d***"', "ctx.settings.mask").replace("(text)", "(text, ctx)")
    plugin = write(
        tmp_path, f"{code}\nclass Settings(greenchat.Settings, frozen=True):\n    mask: str = ''\n", "gentle.py"
    )
    data_dir = history(tmp_path)
    code, told, _ = run_try(plugin, "--data-dir", data_dir, "--set", "plugins.gentle.mask=heck")
    assert '"damn it" -> "heck it"' in told
    code, told, _ = run_try(plugin, "--data-dir", data_dir, "--set", "plugins.gentle.mast=heck")
    assert code == 1
    assert "plugins.gentle.mast: there is no such setting. Did you mean mask?" in told


def test_two_states_of_it_are_compared(tmp_path):
    data_dir, old = history(tmp_path), write(tmp_path, GENTLE, "gentle.py")
    (tmp_path / "new").mkdir()
    new = write(tmp_path / "new", GENTLE.replace("d***", "darn"), "gentle.py")
    code, told, _ = run_try(new, "--against", old, "--data-dir", data_dir)
    assert code == 0
    assert told.startswith("gentle: over 7 messages it would do otherwise to 1 message of 7.\n")
    assert '  message 1 of ada in dev: "damn it" -> "d*** it"; and then: "damn it" -> "darn it"\n' in told
    _, told, _ = run_try(old, "--against", old, "--data-dir", data_dir)
    assert told.startswith("gentle: over 7 messages it would do the same.\n")


def test_what_is_not_there_is_told(tmp_path):
    plugin, data_dir = write(tmp_path, GENTLE, "gentle.py"), history(tmp_path)
    for arguments, told in (
        ((plugin, "--data-dir", tmp_path), "There is no history in"),
        ((plugin, "--data-dir", data_dir, "--room", "attic"), "Nothing was said in attic in"),
        (("moderatio", "--data-dir", data_dir), "no plugin of this name. Did you mean moderation?"),
    ):
        code, _, error = run_try(*arguments)
        assert code == 1
        assert told in error


def test_a_server_may_run_on_it_and_what_was_said_alone_is_not_shown(tmp_path):
    plugin = write(tmp_path, "from greenchat import check\n@check\ndef c(text): return text + '!'\n", "loud.py")
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    with serve_process(data_dir) as server, server.join("ada") as ada, server.join("bob") as bob:
        bob.send("MSG|/msg ada a secret", "MSG|hello, all")
        ada.read_until("MSG|bob|hello, all")
        eventually(lambda: run_try(plugin, "--data-dir", data_dir, "--json")[0] == 0, "it is in the history")
        code, (report,), error = run_try(plugin, "--data-dir", data_dir, "--json")
        assert code == 0, error
        assert [(one["sender"], one["after"]) for one in report["outcomes"]] == [("bob", "hello, all!")]
        bob.send("MSG|still here")
        ada.expect("MSG|bob|still here")
        server.stop()
