"""New code of a plugin is looked at, taken up by `--yes`, and is what the next is compared with: a real server."""

from kit.dry_runs import run_try
from kit.machine import eventually
from kit.processes import run_greenchat, serve_process

from greenchat.storage.plugin_choice import read_choice
from greenchat.testing import DEADLINE

GENTLE = "from greenchat import check\n@check\ndef gentle(text): return text.replace('damn', '{}')\n"


def test_it_is_compared_taken_up_and_compared_again(tmp_path):
    (tmp_path / "plugins").mkdir()
    file = tmp_path / "plugins" / "gentle.py"
    file.write_text(GENTLE.format("damn"))
    with serve_process(tmp_path) as server, server.join("ada") as ada, server.join("bob") as bob:
        ada.send("MSG|/register correct-horse")
        ada.read_until("INFO|ada is yours now. Next time: /login ada PASSWORD")
        assert run_greenchat("operators", "add", "ada", "--data-dir", str(tmp_path)).returncode == 0
        ada.read_until("INFO|ada is an operator now.")
        bob.send("MSG|damn it")
        ada.read_until("MSG|bob|damn it")
        eventually(lambda: run_try(file, "--data-dir", tmp_path)[0] == 0, "it is in the history")
        to_take_up = "INFO|To take it up: /plugin reload gentle --yes"

        file.write_text(GENTLE.format("d***"))
        ada.send("MSG|/plugin reload gentle --try")
        told = ada.read_until(to_take_up)
        assert 'INFO|  message 1 of bob in lobby: said as it was; and then: "damn it" -> "d*** it"' in told
        ada.send("MSG|/plugin reload gentle --yes")
        ada.read_until("INFO|Changed: plugin gentle: gentle.py has changed")
        bob.send("MSG|damn again")
        ada.read_until("MSG|bob|d*** again")

        file.write_text(GENTLE.format("darn"))
        ada.send("MSG|/plugin reload gentle --try")
        told = ada.read_until(to_take_up)
        assert 'INFO|  message 1 of bob in lobby: "damn it" -> "d*** it"; and then: "damn it" -> "darn it"' in told
        server.stop()


def test_two_plugins_that_are_disabled_in_one_breath_are_off_both(tmp_path):
    with serve_process(tmp_path) as server, server.join("ada") as ada:
        ada.send("MSG|/register correct-horse")
        ada.read_until("INFO|ada is yours now. Next time: /login ada PASSWORD")
        assert run_greenchat("operators", "add", "ada", "--data-dir", str(tmp_path)).returncode == 0
        ada.read_until("INFO|ada is an operator now.")
        ada.send("MSG|/plugin disable moderation", "MSG|/plugin disable polls")
        log = tmp_path / "stderr.log"
        eventually(lambda: log.read_text().count("another program goes on with") == 2, log.read_text, DEADLINE)
        assert read_choice(tmp_path).disabled == ("moderation", "polls")
        server.stop()
