"""moderation over a real server, and its command line."""

import logging
import time
from importlib.metadata import entry_points

import pytest
from click.testing import CliRunner
from kit.programs import without_plugins
from kit.socketless import serving

from greenchat import ConfigError
from greenchat.cli import main
from greenchat.testing import DEADLINE

WORD = "ERROR|This has a word that is not used here. Say it in other words."
REPEATED = "ERROR|You have said this already. Say something else, or wait a while."
BUSY = "ERROR|Too much is said in this room at once. Wait a moment, and say it again."


def moderated(**settings):
    """A server with these settings of the plugin, and without those that greet and replay."""
    own = {f"plugins.moderation.{name}": value for name, value in settings.items()}
    return serving(settings=without_plugins("history", "people", "rooms", "web") | own)


def verdict(server, text):
    """What becomes of `text`: what the others read, or the sender's ERROR."""
    with server.connect() as ada, server.connect() as bob:
        ada.send("JOIN|ada")
        ada.read()
        bob.send("JOIN|bob")
        bob.read()
        ada.expect("INFO|bob has joined the chat.")
        ada.send(f"MSG|{text}", "MSG|that was it")
        lines = bob.read_until("MSG|ada|that was it") or [ada.read()]
        bob.send("LEAVE")
        bob.expect_closed()
        ada.send("LEAVE")
        return lines[0].removeprefix("MSG|ada|")


# --- words ---

DISGUISES = [
    "darn",
    "well, DARN!",
    "ＤＡＲＮ it",  # full-width
    "dàrñ",  # accented letters of their own
    "da\u0301rn\u0303",  # combining accents
    "d\u0336a\u0336r\u0336n\u0336",  # struck out
    "da\u200brn",  # a zero-width space
    "d\u200da\u2060r\ufeffn",  # zero-width joiners
    "d\u00adarn",  # a soft hyphen
    "da\ufe0frn",  # a variation selector
    "𝒹𝒶𝓇𝓃",  # mathematical script
    "ⓓⓐⓡⓝ",  # circled
    "_darn_ and *darn*",
    "'darn'",
    "голова darn",
]

INNOCENT = ["darned", "a darning needle", "sodarn", "dar n", "dаrn with a Cyrillic а", "darn1", "d-a-r-n"]


@pytest.fixture(scope="module")
def no_darn():
    with moderated(words=["darn"]) as server:
        yield server


@pytest.mark.parametrize("text", DISGUISES)
def test_a_listed_word_is_refused_in_every_disguise(no_darn, text):
    assert verdict(no_darn, text) == WORD


@pytest.mark.parametrize("text", INNOCENT)
def test_only_whole_words_are_refused(no_darn, text):
    assert verdict(no_darn, text) == text


@pytest.mark.parametrize(
    ("word", "text", "refused"),
    [
        ("Straße", "STRASSE", True),
        ("strasse", "Straße", True),
        ("Ｄａｒｎ", "darn", True),
        ("café", "cafe", True),
        ("cafe", "CAFÉ!", True),
        ("hot dog", "a Hot \t\u3000DOG.", True),
        ("hot dog", "hot dogs", False),
        ("hot dog", "hotdog", False),
        ("hot dog", "hot\u2800dog", True),  # blanks that are no white space
        ("dog", "hot\u3164dog", True),
        ("hotdog", "h\u2060o\u180et\U000e0041d\u034fo\u17b4g\ufff9", True),
        ("a.c", "abc", False),
        ("a.c", "a.c!", True),
        ("f***", "oh f*** it", True),
        ("🖕", "🖕🏽 you", True),
        ("坏话", "这是坏话吗", True),  # no spaces between words
        ("ばか", "はか", False),  # another word, though only the mark differs
        ("कम", "कमी", False),  # the vowel sign makes another word
        ("कम", "कम है", True),
        ("שלום", "שָׁלוֹם", True),  # points
        ("ﬁne", "fine", True),
    ],
)
def test_words_of_all_scripts(word, text, refused):
    with moderated(words=[word]) as server:
        assert verdict(server, text) == (WORD if refused else text)


def test_the_longest_and_the_shortest_of_words_that_begin_alike():
    with moderated(words=["ass", "assess me", "as", "b"], action="mask") as server:
        assert verdict(server, "assess me, ass, as assess asse b") == "*********, ***, ** assess asse *"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("well, darn!", "well, ****!"),
        ("darn darn", "**** ****"),
        ("Dàrn x", "**** x"),
        ("da\u0301rn\u0303 x", "****** x"),
        ("é darn é", "é **** é"),
        ("x\u200b da\u200brn y", "x\u200b ***** y"),
        ("hot \u3000 dog ｄａｒｎ", "********* ****"),
        ("ﬁﬁ darn ﬁ", "ﬁﬁ **** ﬁ"),
        ("℀ darn", "℀ ****"),
        ("darned", "darned"),
    ],
)
def test_a_mask_covers_what_was_written_and_keeps_its_length(text, masked):
    with moderated(words=["darn", "hot dog"], action="mask") as server:
        assert len(masked) == len(text)
        assert verdict(server, text) == masked


def test_a_warning_lets_it_pass_and_is_logged_without_the_words(caplog):
    with caplog.at_level(logging.INFO), moderated(words=["darn"], action="warn") as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        ada.send("MSG|darn it")
        bob.expect("MSG|ada|darn it")
        ada.expect("INFO|This has a word that is not welcome here. Please say it in other words.")
    assert "#1 ada was warned in lobby" in caplog.text
    assert "darn" not in caplog.text


def test_private_messages_and_actions_are_checked_too():
    with moderated(words=["darn"]) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        ada.send("MSG|/msg bob darn", "MSG|/me says darn", "MSG|//darn", "MSG|bye")
        ada.expect(WORD, WORD, WORD)
        bob.expect("MSG|ada|bye")


@pytest.mark.parametrize("action", ["block", "mask", "warn"])
@pytest.mark.parametrize("name", ["Darn", "mr_darn", "d\u00e0rn"])
def test_names_are_checked_whatever_the_action(action, name):
    with moderated(words=["darn"], action=action) as server:
        peer = server.connect()
        peer.send(f"JOIN|{name}", "JOIN|darnell", f"MSG|/nick {name}")
        refusal = "ERROR|This username has a word that is not used here. Choose another."
        peer.expect(refusal)
        assert peer.read().startswith("INFO|Welcome to lobby, darnell.")
        peer.expect(refusal)


def test_words_come_from_a_file_too(tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("\ufeffdarn\n\n# heck is fine\n  hot dog  \n", "utf-8")
    with moderated(words=["blast"], words_file=str(file)) as server:
        for text in ("darn", "hot dog", "blast"):
            assert verdict(server, text) == WORD
        for text in ("heck", "heck is fine"):
            assert verdict(server, text) == text


def test_thousands_of_words_are_all_found(tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("\n".join(f"{number:x}" for number in range(0x1000, 0x3000)))
    with moderated(words_file=str(file), action="mask") as server:
        assert (
            verdict(server, "fff 1000 1fff 100 2abc 2abcd 2fff 3000 10000")
            == "fff **** **** 100 **** 2abcd **** 3000 10000"
        )


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file or directory"), (b"\xff\xfe\x00", "it is not UTF-8 text"), ("directory", "Is a directory")],
)
def test_a_word_list_that_cannot_be_read_stops_the_start(tmp_path, content, why):
    file = tmp_path / "words.txt"
    if content == "directory":
        file.mkdir()
    elif content is not None:
        file.write_bytes(content)
    with (
        pytest.raises(ConfigError, match=rf"plugins\.moderation\.words_file: .*{why}"),
        moderated(words_file=str(file)),
    ):
        pass


@pytest.mark.parametrize(
    ("setting", "value", "why"),
    [
        ("words", ["fine", " \u200b"], r"moderation\.words: .* has nothing that can be seen"),
        ("words", ["x" * 101], r"moderation\.words: .* is longer than 100 characters"),
        ("action", "shout", r"moderation\.action: .*'shout'"),
        ("repeat", 51, r"moderation\.repeat: expected `int` <= 50"),
        ("wrds", ["x"], r"moderation\.wrds: there is no such setting\. Did you mean words\?"),
    ],
)
def test_a_wrong_setting_stops_the_start(setting, value, why):
    with pytest.raises(ConfigError, match=why), moderated(**{setting: value}):
        pass


# --- repeats and floods ---


def test_by_default_nothing_is_checked():
    others = {entry.name for entry in entry_points(group="greenchat")} - {"moderation"}
    with serving(settings=without_plugins(*others)) as server:
        hooks = server.server.hooks
        for hook in ("check_message", "check_join", "check_enter", "connected", "entered", "room_opened", "event"):
            assert getattr(hooks, hook) is None, hook
        assert not list(server.server.data_dir.glob("moderation*"))


def test_the_same_again_and_again_is_refused():
    with moderated(repeat=2, repeat_seconds=DEADLINE) as server:
        ada, bob, eve = server.join("ada"), server.join("bob"), server.join("eve")
        ada.expect("INFO|bob has joined the chat.", "INFO|eve has joined the chat.")
        ada.send("MSG|buy!", "MSG|other", "MSG|BUY!", "MSG|buy\u200b!", "MSG|/msg eve buy!", "MSG|other")
        ada.expect(REPEATED, REPEATED)
        bob.expect("INFO|eve has joined the chat.")
        bob.expect("MSG|ada|buy!", "MSG|ada|other", "MSG|ada|BUY!", "MSG|ada|other")
        bob.send("MSG|buy!")  # somebody else's first time
        eve.expect("MSG|ada|buy!", "MSG|ada|other", "MSG|ada|BUY!", "MSG|ada|other", "MSG|bob|buy!")


def test_after_a_while_it_is_no_repeat_any_more():
    with moderated(repeat=1, repeat_seconds=0.2) as server:
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        ada.send("MSG|so", "MSG|so")
        ada.expect(REPEATED)
        bob.expect("MSG|ada|so")
        end = time.monotonic() + DEADLINE
        answers = []
        while "INFO|Pong." not in answers[:1] and time.monotonic() < end:
            ada.send("MSG|so", "MSG|/ping")
            answers = [ada.read()]
            if answers == [REPEATED]:
                ada.expect("INFO|Pong.")
        bob.expect("MSG|ada|so")


def test_what_was_said_is_forgotten_with_the_connection():
    with moderated(repeat=1, repeat_seconds=DEADLINE) as server:
        bob = server.join("bob")
        for _ in range(2):
            ada = server.join("ada")
            bob.expect("INFO|ada has joined the chat.")
            ada.send("MSG|same", "LEAVE")
            bob.expect("MSG|ada|same", "INFO|ada has left the chat.")
            ada.expect_closed()
        plugin = next(plugin.bearer for plugin in server.server.plugins if plugin.name == "moderation")
        assert server.call(lambda: len(plugin._repeats._said)) == 0


def test_a_room_that_talks_too_fast_is_slowed_down_by_all_its_members():
    with moderated(room_rate=0.001, room_seconds=4000) as server:  # four at once, and then one in a thousand seconds
        ada, bob, eve = server.join("ada"), server.join("bob"), server.join("eve", "garden")
        ada.expect("INFO|bob has joined the chat.")
        ada.send("MSG|1", "MSG|2")
        bob.expect("MSG|ada|1", "MSG|ada|2")
        bob.send("MSG|3", "MSG|4", "MSG|5")
        ada.expect("MSG|bob|3", "MSG|bob|4")
        bob.expect(BUSY)
        ada.send("MSG|6", "MSG|/msg bob in private one may")
        ada.expect(BUSY, "INFO|To bob: in private one may")
        bob.expect("MSG|ada (private)|in private one may")
        eve.send("MSG|another room is another room", "MSG|/ping")
        eve.expect("INFO|Pong.")


def test_a_room_can_be_talked_in_again_after_a_moment():
    with moderated(room_rate=20, room_seconds=0.05) as server:  # one at once, and twenty a second
        ada, bob = server.join("ada"), server.join("bob")
        ada.expect("INFO|bob has joined the chat.")
        ada.send("MSG|1", "MSG|2")
        ada.expect(BUSY)
        bob.expect("MSG|ada|1")
        end = time.monotonic() + DEADLINE
        answer = ""
        while answer != "INFO|Pong." and time.monotonic() < end:
            ada.send("MSG|3", "MSG|/ping")
            answer = ada.read()
            if answer == BUSY:
                ada.expect("INFO|Pong.")
        bob.expect("MSG|ada|3")


def test_a_room_that_is_gone_is_forgotten():
    with moderated(room_rate=1) as server:
        ada = server.join("ada", "garden")
        ada.send("MSG|hello", "LEAVE")
        ada.expect_closed()
        plugin = next(plugin.bearer for plugin in server.server.plugins if plugin.name == "moderation")
        assert server.call(lambda: dict(plugin._flood._left)) == {}


# --- the command line ---


@pytest.fixture
def config(tmp_path):
    def write(text):
        file = tmp_path / "chat.toml"
        file.write_text(f"[plugins.moderation]\n{text}\n")
        return str(file)

    return write


@pytest.mark.parametrize(
    ("settings", "text", "output", "code"),
    [
        ('words = ["darn"]', "oh d\u00e0rn", "It is refused.", 1),
        ('words = ["darn"]', "fine", "It passes.", 0),
        ('words = ["darn"]\naction = "mask"', "oh darn", "It passes as: oh ****", 0),
        ('words = ["darn"]\naction = "warn"', "oh darn", "It passes, and its sender is warned.", 0),
        ("", "oh darn", "It passes: the word list is empty.", 0),
    ],
)
def test_try_tells_what_the_word_list_makes_of_a_text(config, settings, text, output, code):
    result = CliRunner().invoke(main, ["moderation", "try", "--config", config(settings), text])
    assert (result.output, result.exit_code) == (f"{output}\n", code)


def test_try_reads_the_environment(monkeypatch):
    monkeypatch.setenv("GREENCHAT_PLUGINS_MODERATION__WORDS", '["darn"]')
    result = CliRunner().invoke(main, ["moderation", "try", "darn"])
    assert (result.output, result.exit_code) == ("It is refused.\n", 1)


def test_try_says_in_a_sentence_what_is_wrong_with_the_settings(config):
    result = CliRunner().invoke(main, ["moderation", "try", "--config", config('words_file = "/nowhere"'), "darn"])
    assert result.exit_code == 2
    assert result.output.startswith("Error: plugins.moderation.words_file: /nowhere cannot be read: No such file")
    assert len(result.output.splitlines()) == 1
