"""What one has sent, kept over restarts."""

import stat

import pytest
from kit.terminals import CTRL_D, ENTER, UP

from greenchat.connect.past import LONGEST_KEPT, MOST_BYTES, REMEMBERED, past_of

pytest_plugins = ["kit.terminal_fixtures"]

SERVER = "chat.example.org 9999 tls"


def files(directory):
    return [path for path in directory.rglob("*") if path.is_file()]


def test_it_is_there_again_at_the_same_server_only(tmp_path):
    first, second = past_of(SERVER, tmp_path), past_of(SERVER, tmp_path)
    for past, text in ((first, "Hello"), (second, "two\nlines"), (first, "世界 👩‍👩‍👧"), (first, "世界 👩‍👩‍👧")):
        past.add(text)
    assert past_of(SERVER, tmp_path).texts == ["Hello", "two\nlines", "世界 👩‍👩‍👧"]
    assert past_of("chat.example.org 9999", tmp_path).texts == []
    [file] = files(tmp_path)
    assert file.name.startswith("chat.example.org-9999-tls-")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_it_stays_small(tmp_path):
    past_of(SERVER, tmp_path).add("x" * (LONGEST_KEPT + 1))
    assert not files(tmp_path)
    past_of(SERVER, tmp_path).add("first")
    [file] = files(tmp_path)
    file.write_bytes(b"".join(b'"%d"\n' % number for number in range(3 * REMEMBERED)))
    texts = past_of(SERVER, tmp_path).texts
    assert (len(texts), texts[-1]) == (REMEMBERED, str(3 * REMEMBERED - 1))
    assert file.read_bytes().count(b"\n") == REMEMBERED
    file.write_bytes(b"".join(b'"%s"\n' % (b"y" * LONGEST_KEPT) for _ in range(1 + MOST_BYTES // LONGEST_KEPT)))
    past_of(SERVER, tmp_path)
    assert file.stat().st_size <= MOST_BYTES


def test_whatever_is_in_the_file_one_can_chat(tmp_path):
    past_of(SERVER, tmp_path).add("first")
    [file] = files(tmp_path)
    with file.open("ab") as damaged:
        damaged.write(b'\xff\xfe\n{"a": 1}\n"cut o')
    assert past_of(SERVER, tmp_path).texts == ["first"]


@pytest.mark.parametrize("unix", ["unix:/run/" + "deep/" * 60 + "socket", "unix:/tmp/../x"])
def test_any_address_has_a_file(tmp_path, unix):
    past_of(unix, tmp_path).add("Hello")
    assert past_of(unix, tmp_path).texts == ["Hello"]
    assert len(files(tmp_path / "sent")) == 1


def test_where_nothing_can_be_kept_it_is_known_for_now(tmp_path):
    (tmp_path / "file").touch()
    past = past_of(SERVER, tmp_path / "file")
    past.add("Hello")
    assert past.texts == ["Hello"]


def test_searching(tmp_path):
    past = past_of(SERVER, tmp_path)
    for text in ("one two", "Two three", "one two", "four"):
        past.add(text)
    assert past.search("two") == ["one two", "Two three"]
    assert past.search("TWO one") == ["one two"]
    assert past.search("") == ["four", "one two", "Two three"]
    assert past.search("nothing") == []


def test_lines_have_it_after_a_restart(open_terminal, server, state_home):
    for number in range(2):
        ada = open_terminal(server.host, server.port, "--name", "ada")
        ada.wait(lambda lines: lines[-1] == ">")
        if number:
            ada.type(UP)
            ada.wait_for("> My words")
            ada.type(ENTER)
        else:
            ada.type(f"/login bob a-password{ENTER}")
            ada.wait_for("[ERROR] Name or password is wrong.", ">")
            ada.type(f"My words{ENTER}")
        ada.wait_for("> My words", ">")
        ada.type(CTRL_D)
        assert ada.end() == 0
        [file] = files(state_home / "greenchat" / "sent")
        assert file.read_text() == '"My words"\n', "no secret, and no line twice in a row"
