"""`greenchat plugins try`, as a process; more of it is in tests/system/test_tries_at_length.py."""

from kit import ROOT
from kit.dry_runs import GENTLE, history, run_try, write
from kit.processes import run_greenchat

from greenchat.server.dry_run import TRY_SECONDS
from greenchat.server.interrupter import HELD_SECONDS
from greenchat.testing.dry_child import MESSAGE_SECONDS
from greenchat.testing.isolation import MEMORY_BYTES


def test_it_tells_what_would_have_been_otherwise_and_what_it_costs(tmp_path):
    data_dir, plugin = history(tmp_path), write(tmp_path, GENTLE, "gentle.py")
    code, told, _ = run_try(plugin, "--data-dir", data_dir)
    assert code == 0
    assert told.startswith("gentle: 7 messages in ")
    assert '  1 refused\n    message 2 of bob in lobby: refused (rejected): "DAMN LOUD": No shouting.\n' in told
    assert '  1 changed\n    message 1 of ada in dev: "damn it" -> "d*** it"\n' in told
    assert "  greenchat_check_messages        7 " in told
    code, (report,), _ = run_try(plugin, "--data-dir", data_dir, "--room", "dev", "--history", "1", "--json")
    assert (code, report["plugin"], report["tried"], report.get("counts", {})) == (0, "gentle", 1, {})


def test_one_that_fails_makes_the_exit_code_1(tmp_path):
    plugin = write(tmp_path, "from greenchat import check\n@check\ndef c(text): 1 / 0\n", "bad.py")
    code, told, _ = run_try(plugin, "--data-dir", history(tmp_path))
    assert code == 1
    assert (
        "message 1 of ada in lobby: greenchat_check_messages fails: ZeroDivisionError: division by zero in bad.py:3"
        in (told)
    )


def test_an_installed_one_is_tried_with_the_settings_of_the_server(tmp_path):
    data_dir = history(tmp_path)
    config = tmp_path / "chat.toml"
    config.write_text(
        '[plugins.moderation]\nwords = ["dice"]\naction = "mask"\non = false\n[plugins.history]\nkeep_days = 3\n'
    )
    code, (report,), _ = run_try("moderation", "--config", config, "--data-dir", data_dir, "--json")
    assert code == 0
    assert [(one["kind"], one["before"], one["after"]) for one in report["outcomes"]] == [
        ("changed", "roll the dice", "roll the ****")
    ]


def test_the_guide_has_the_bounds_right():
    guide = " ".join((ROOT / "plugins" / "README.md").read_text("utf-8").split())
    assert f"`--seconds` ({TRY_SECONDS:g}), where one message takes longer than {MESSAGE_SECONDS:g} seconds" in guide
    assert f"takes more than {MEMORY_BYTES >> 30} GiB" in guide
    assert f"[default: {TRY_SECONDS:g};" in " ".join(run_greenchat("plugins", "try", "--help").stdout.split())
    assert MESSAGE_SECONDS == HELD_SECONDS
