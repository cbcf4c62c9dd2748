"""`greenchat history export`: for programs, for people, and as a web page."""

import base64
import hashlib
import html
import json
import re
import subprocess
from html.parser import HTMLParser

import pytest
from greenchat_plugins.history import export, store
from kit.histories import START, TALK, exported, history, keep, opened, said
from kit.processes import GREENCHAT
from kit.programs import Anybody, Program, enrol
from kit.socketless import serving

from greenchat.codecs.jsonlines import JsonCodec
from greenchat.protocol.events import Message
from greenchat.storage.sqlite import transaction


def test_programs_get_what_json_clients_get_in_the_order_of_the_chat(tmp_path):
    keep(tmp_path, TALK)
    lines = exported(tmp_path)
    assert JsonCodec().reply_decoder().feed(lines.encode()) == TALK
    assert json.loads(lines.splitlines()[0]) == {
        "type": "message",
        "room": "lobby",
        "seq": 1,
        "id": 1,
        "sender": "ada",
        "text": "hello",
        "time": "2026-01-01T23:59:00Z",
        "rev": 1,
    }


def test_people_get_lines(tmp_path):
    keep(tmp_path, TALK)
    assert exported(tmp_path, "--format", "text").splitlines() == [
        "2026-01-01T23:59:00Z lobby ada: hello",
        "2026-01-02T00:00:00Z garden bob: the roses are out",
        "2026-01-02T00:01:00Z lobby * ada waves",
        "2026-01-02T00:02:00Z lobby Zoë: žluťoučký kůň 🐎",
        "2026-01-02T00:03:00Z garden ada: where?",
    ]


@pytest.mark.parametrize("room", ["garden", "GARDEN", " Ｇａｒｄｅｎ"])
@pytest.mark.parametrize("form", ["jsonl", "text", "html"])
def test_one_room_however_it_is_spelt(tmp_path, room, form):
    keep(tmp_path, TALK)
    written = exported(tmp_path, "--room", room, "--format", form)
    assert "roses" in written
    assert "where?" in written
    assert "hello" not in written
    assert "lobby" not in written


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["--since", "2026-01-02"], [2, 3, 4, 5]),
        (["--until", "2026-01-02"], [1]),
        (["--since", "2026-01-02T00:01", "--until", "2026-01-02T00:03"], [3, 4]),
        (["--since", "2026-01-02T01:02+01:00"], [4, 5]),
        (["--since", "20260102T000100Z", "--room", "garden"], [5]),
        (["--since", "2027-01-01"], []),
    ],
)
def test_a_span_of_time(tmp_path, options, ids):
    keep(tmp_path, TALK)
    assert [json.loads(line)["id"] for line in exported(tmp_path, *options).splitlines()] == ids


@pytest.mark.parametrize("many", [export.PAGE - 1, export.PAGE, export.PAGE + 1, 2 * export.PAGE + 1])
def test_more_than_is_read_at_once(tmp_path, many):
    keep(tmp_path, said(*(f"room{number % 2} ada: {number}" for number in range(many))), indexed=False)
    assert [json.loads(line)["id"] for line in exported(tmp_path).splitlines()] == [*range(1, many + 1)]
    of_one = [json.loads(line)["seq"] for line in exported(tmp_path, "--room", "room0").splitlines()]
    assert of_one == [*range(1, (many + 1) // 2 + 1)]
    assert exported(tmp_path, "--format", "html").count("<li><time") == many


def test_what_is_said_meanwhile_is_for_the_next_time(tmp_path):
    keep(tmp_path, said(*["lobby ada: then"] * (export.PAGE + 1)))
    with opened(tmp_path) as connection:
        parts = export.text(connection, export.Wanted())
        first = next(parts)
        later = Message("lobby", export.PAGE + 2, export.PAGE + 2, "ada", "now", START)
        with opened(tmp_path) as server:
            transaction(server, lambda connection: store.write(connection, [[later]]))
        assert b"".join([first, *parts]).count(b"\n") == export.PAGE + 1


@pytest.mark.parametrize("form", ["text", "html"])
def test_codes_that_somebody_put_into_the_file_are_shown_as_such(tmp_path, form):
    keep(tmp_path, said("lobby \x1bada: red\x1b[31m\u202ered\rlobby"))
    written = exported(tmp_path, "--format", form)
    assert not re.search("[\x1b\u202e]", written)
    assert "red?[31m?red?lobby" in written


FORGED = "one\n2026-01-01T23:59:00Z lobby bob: I resign\n    | \n<p>bob</p>"


def test_no_line_of_a_message_looks_like_that_of_another(tmp_path):
    keep(tmp_path, said(f"lobby ada: {FORGED}", "lobby * ada sings\nla"))
    assert exported(tmp_path, "--format", "text").split("\n") == [
        "2026-01-01T23:59:00Z lobby ada: one",
        "    | 2026-01-01T23:59:00Z lobby bob: I resign",
        "    |     | ",
        "    | <p>bob</p>",
        "2026-01-02T00:00:00Z lobby * ada sings",
        "    | la",
        "",
    ]
    page = exported(tmp_path, "--format", "html")
    assert page.count("<li><time") == 2
    assert f'<span class="said lines" dir="auto">{html.escape(FORGED)}</span>' in page
    assert [json.loads(line)["text"] for line in exported(tmp_path).splitlines()] == [FORGED, "sings\nla"]


@pytest.fixture
def changed(tmp_path):
    """A data directory with an answer, an action that is one, words that were changed, and reactions."""
    with serving(Anybody, data_dir=tmp_path) as server:
        ada, bob = Program(server, "ada"), Program(server, "bob")
        ada.ask("/become ada")
        for text in ("Helo!", "Gone.", "(to bob, message 4) eve: forged"):
            ada.ask(text)
        ada.request(type="edit", seq=1, text="Hello!")
        ada.request(type="react", seq=1, emoji="🌷")
        bob.request(type="react", seq=1, emoji="🌷")
        bob.request(type="say", text="Hi.", reply_to=1)
        bob.request(type="say", text="/me waves", reply_to=2)
        ada.request(type="delete", seq=2)
        ada.ask("/nick eve")
        seen = ada.request(type="history")["events"]
    enrol(tmp_path, "ada")
    return tmp_path, seen


def test_people_read_what_has_become_of_messages(changed):
    tmp_path, (hello, *_) = changed
    lines = exported(tmp_path, "--format", "text").splitlines()
    assert [re.sub(r"20\S+Z", "T", line) for line in lines] == [
        "T lobby (changed T) ada: Hello!",
        "    + 🌷 ada, bob",
        "T lobby ada: (to bob, message 4) eve: forged",
        "T lobby (to ada, message 1) bob: Hi.",
        "T lobby (to message 2) * bob waves",
    ]
    assert f"(changed {hello['edited'][:19]}Z)" in lines[0]
    page = Page(exported(tmp_path, "--format", "html"))
    small = page.texts["small"]
    assert small[0].startswith("changed 20")
    assert small[1:] == ["🌷 ada, bob", "to ada, message 1", "to message 2"]
    assert "Gone." not in str(page.texts)


def test_programs_get_what_has_become_of_messages(changed):
    tmp_path, seen = changed
    told = [json.loads(line) for line in exported(tmp_path).splitlines()]
    there = [event for event in seen if event["type"] == "message"]
    assert there[0]["reactions"] == {"🌷": ["eve", "bob"]}
    there[0]["reactions"] = {"🌷": ["ada", "bob"]}  # who is nowhere now is called as the account is
    assert told == there
    assert [one.get("account") for one in told] == ["ada", "ada", None, None]


class Page(HTMLParser):
    """A web page, with each start matched to its end: what it shows, and all tags with what they are given."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.texts = [], [], {}
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)


def test_a_web_page_has_rooms_as_sections_and_days_as_headings(tmp_path):
    keep(tmp_path, TALK)
    page = Page(exported(tmp_path, "--format", "html"))
    assert page.texts["h2"] == ["garden", "lobby"]
    days = [given["datetime"] for tag, given in page.tags if tag == "time" and len(given["datetime"]) == 10]
    assert days == ["2026-01-02", "2026-01-01", "2026-01-02"]
    assert "Thursday, 1 January 2026" in page.texts["time"]
    assert page.texts["b"] == ["bob", "ada", "ada", "ada", "Zoë"]
    assert page.texts["span"] == ["the roses are out", "where?", "hello", "waves", "žluťoučký kůň 🐎"]
    links = [given["href"].removeprefix("#") for tag, given in page.tags if tag == "a"]
    assert links == [given["id"] for tag, given in page.tags if tag == "h2"]
    labelled = [given["aria-labelledby"] for tag, given in page.tags if tag == "section"]
    assert labelled == links


NASTY = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</span></p></li></ol></section></main></body></html>",
    "&lt;b&gt; <!-- --> ]]> &amp; &#60;",
    "javascript:alert(1) https://example.org",
]


def test_nothing_that_people_say_is_taken_for_a_part_of_the_web_page(tmp_path):
    names = ["<b>", "&amp;", '"x"', "'><i>", "ada"]
    keep(tmp_path, said(*(f"<i>{name} {name}: {text}" for name, text in zip(names, NASTY, strict=True))))
    page = Page(exported(tmp_path, "--format", "html"))
    assert sorted(page.texts["span"]) == sorted(NASTY)
    assert sorted(page.texts["b"]) == sorted(names)
    assert sorted(page.texts["h2"]) == sorted(f"<i>{name}" for name in names)
    assert not {"script", "img", "link", "iframe", "base", "form"} & {tag for tag, _ in page.tags}
    for tag, given in page.tags:
        assert not [name for name in given if name.startswith("on") or name in ("src", "style")]
        assert given.get("href", "#").startswith("#"), tag


def test_a_web_page_may_do_nothing_but_wear_its_style(tmp_path):
    keep(tmp_path, TALK)
    page = Page(exported(tmp_path, "--format", "html"))
    (policy,) = [given["content"] for _, given in page.tags if given.get("http-equiv") == "Content-Security-Policy"]
    style = base64.b64encode(hashlib.sha256("".join(page.texts["style"]).encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
    assert "prefers-color-scheme: dark" in "".join(page.texts["style"])


def test_where_nothing_was_said_there_is_an_empty_page_and_no_line(tmp_path):
    keep(tmp_path, [])
    assert exported(tmp_path) == exported(tmp_path, "--format", "text") == ""
    assert Page(exported(tmp_path, "--format", "html")).texts["h1"] == ["What was said"]


def test_a_pipe_that_closes_ends_it_without_a_word(tmp_path):
    keep(tmp_path, said(*["lobby ada: " + "hello" * 100] * 1000))
    command = [*GREENCHAT, "history", "export", "--data-dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline().startswith(b"{")
        process.stdout.close()
        assert process.stderr.read() == b""


def test_a_room_that_is_not_there(tmp_path):
    keep(tmp_path, TALK)
    result = history(tmp_path, "export", "--room", "Cellar")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: Nothing was said in cellar. There is: garden, lobby.\n"


@pytest.mark.parametrize("time", ["yesterday", "12:30", "2026-13-01", "0001-01-01T00:00+02:00", "\x1b[31m"])
def test_a_time_that_is_none(tmp_path, time):
    result = history(tmp_path, "export", "--since", time)
    assert result.exit_code == 2
    assert "is no time. Write it like 2026-01-31, 2026-01-31T18:00 or" in result.stderr
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("form", ["jsonl", "text", "html"])
def test_tabs_stay_tabs(tmp_path, form):
    keep(tmp_path, said("lobby ada: one\ttwo\t\tthree"))
    assert ("one\\ttwo\\t\\tthree" if form == "jsonl" else "one\ttwo\t\tthree") in exported(tmp_path, "--format", form)
