"""webhooks, as other servers post to them, and are posted to."""

import base64
import hmac
import json
import re
import socket
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

import pytest
from greenchat_plugins import webhooks

from greenchat import PluginError
from greenchat.testing import DEADLINE, Chat, serving

TOKEN = "a long random word"
IN = {"plugins.webhooks.incoming.ci.token": TOKEN, "plugins.webhooks.may": ["speak"]}
BEARER = {"Authorization": f"Bearer {TOKEN}"}
FORM = {"Content-Type": "application/x-www-form-urlencoded", **BEARER}
JSON = {"Content-Type": "application/json", **BEARER}


@pytest.fixture
def chat():
    return Chat(webhooks, settings=IN)


def said(chat, body, headers=BEARER, path="/webhooks/ci"):
    """Who says what in the lobby once this was posted; or the status, and what was answered."""
    bob = chat.join("bob", kind="json")
    answer = chat.asks("POST", path, body=body, headers=headers)
    if answer.status != 204:
        assert not bob.heard
        return answer.status, answer.text
    return next((one["sender"], one["text"]) for one in bob.heard if one["type"] == "message")


@pytest.mark.parametrize(
    ("body", "headers", "sender", "text"),
    [
        ("It is green.", BEARER, "ci", "It is green."),
        ("Two\nlines\n", BEARER, "ci", "Two\nlines"),
        (json.dumps({"text": "It is green."}), JSON, "ci", "It is green."),
        (json.dumps({"text": "a < b &amp; c", "name": "Build Bot"}), JSON, "Build-Bot", "a < b &amp; c"),
        (urlencode({"text": "It is green.", "name": "bot"}), FORM, "bot", "It is green."),
        # As curl -d sends any words.
        ("It is green.", FORM, "ci", "It is green."),
        ("100% green & load=5", FORM, "ci", "100% green & load=5"),
        # As Slack has it: links and entities are undone.
        (
            json.dumps({"username": "grafana", "text": "<https://x.example/1|Alert 1> &lt;now&gt; <!here>"}),
            JSON,
            "grafana",
            "Alert 1 (https://x.example/1) <now> here",
        ),
        (
            urlencode({"payload": json.dumps({"username": "old", "text": "up <https://x.example>"})}),
            FORM,
            "old",
            "up https://x.example",
        ),
        (
            json.dumps({"attachments": [{"title": "Disk", "text": "full"}, {"fallback": "CPU hot"}, 7]}),
            JSON,
            "ci",
            "full\nCPU hot",
        ),
    ],
)
def test_what_is_posted_is_said(chat, body, headers, sender, text):
    assert said(chat, body, headers) == (f"{sender} (webhooks)", text)


GITHUB = {
    "repository": {"full_name": "ada/engine"},
    "sender": {"login": "ada"},
}
PUSH = {
    **GITHUB,
    "ref": "refs/heads/main",
    "compare": "https://github.example/c",
    "commits": [{"id": f"{at}" * 40, "message": f"Turn {at}\n\nWhy."} for at in range(5)],
}
ISSUE = {"number": 7, "title": "It rattles", "html_url": "https://github.example/7"}


@pytest.mark.parametrize(
    ("event", "body", "text"),
    [
        (
            "push",
            PUSH,
            "[ada/engine] ada pushed 5 commits to main https://github.example/c\n"
            "0000000 Turn 0\n1111111 Turn 1\n2222222 Turn 2",
        ),
        ("push", {**PUSH, "deleted": True, "commits": [], "compare": ""}, "[ada/engine] ada removed main"),
        (
            "issues",
            {**GITHUB, "action": "opened", "issue": ISSUE},
            "[ada/engine] ada issues opened #7 It rattles https://github.example/7",
        ),
        (
            "issue_comment",
            {**GITHUB, "action": "created", "issue": ISSUE, "comment": {"html_url": "https://github.example/7#1"}},
            "[ada/engine] ada issue comment created #7 It rattles https://github.example/7#1",
        ),
        (
            "workflow_run",
            {**GITHUB, "action": "completed", "workflow_run": {"name": "tests", "conclusion": "failure"}},
            "[ada/engine] ada workflow run completed failure tests",
        ),
        ("ping", {**GITHUB, "zen": "Keep it logically awesome."}, "[ada/engine] ada ping"),
        ("strange", {"repository": [], "sender": 7, "issue": "x"}, "[] somebody strange"),
    ],
)
def test_what_github_posts_is_told_in_a_line(chat, event, body, text):
    data = json.dumps(body).encode()
    signature = hmac.new(TOKEN.encode(), data, "sha256").hexdigest()
    headers = {"X-GitHub-Event": event, "X-Hub-Signature-256": f"sha256={signature}"}
    assert said(chat, data, {**headers, "Content-Type": "application/json"}) == ("github (webhooks)", text)
    form = urlencode({"payload": json.dumps(body)}).encode()
    signature = hmac.new(TOKEN.encode(), form, "sha256").hexdigest()
    headers = {"X-GitHub-Event": event, "X-Hub-Signature-256": f"sha256={signature}"}
    chat.asks("POST", "/webhooks/ci", body=form, headers={**headers, "Content-Type": FORM["Content-Type"]})
    assert chat.join("eve", kind="json").is_in


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        ({}, "/webhooks/ci"),
        ({"Authorization": "Bearer another long word"}, "/webhooks/ci"),
        (BEARER, "/webhooks/cd"),
        ({}, "/webhooks/ci?token="),
        ({"X-Hub-Signature-256": "sha256=" + "0" * 64}, "/webhooks/ci"),
        ({"X-Hub-Signature-256": TOKEN}, "/webhooks/ci"),
    ],
)
def test_who_has_no_token_says_nothing_nor_learns_which_there_are(chat, headers, path):
    status, text = said(chat, "It is red.", headers, path)
    assert status == 403
    assert text == "This needs a token: send it as Authorization: Bearer TOKEN.\n"


def test_who_can_send_no_headers_has_the_token_in_the_address(chat):
    path = "/webhooks/ci?" + urlencode({"token": TOKEN})
    assert said(chat, "It is green.", {}, path) == ("ci (webhooks)", "It is green.")


@pytest.mark.parametrize(
    ("body", "headers", "status", "told"),
    [
        ("", BEARER, 400, "There is no text in it."),
        ("  \n ", BEARER, 400, "There is no text in it."),
        (b"\xff", BEARER, 400, "no text in UTF-8"),
        ("{", JSON, 400, "no JSON"),
        ("[1]", JSON, 400, "not as it should be"),
        (json.dumps({"text": {"a": 1}}), JSON, 400, "There is no text in it."),
        (urlencode({"payload": "{"}), FORM, 400, "no JSON"),
        ("x" * 100_000, BEARER, 413, "long"),
    ],
)
def test_what_cannot_be_said_is_refused_with_why(chat, body, headers, status, told):
    found, text = said(chat, body, headers)
    assert found == status
    assert told in text


def test_no_control_codes_get_through(chat):
    sender, text = said(chat, json.dumps({"text": "\x1b[31mred\x07\nx\u202e", "name": "a\x1b[1m\nb"}), JSON)
    assert "\x1b" not in sender + text
    assert "\x07" not in text
    assert "\u202e" not in text


def test_where_nobody_is_in_the_room_the_sender_is_told():
    answer = Chat(webhooks, settings=IN).asks("POST", "/webhooks/ci", body="Hello?", headers=BEARER)
    assert answer.status >= 400
    assert "nobody is in it" in answer.text


def test_who_posts_too_much_is_asked_to_wait(chat):
    chat.join("ada")
    answers = [chat.asks("POST", "/webhooks/ci", body="again", headers=BEARER) for _ in range(102)]
    assert {one.status for one in answers[:100]} == {204}
    assert answers[-1].status == 429
    assert answers[-1].headers["retry-after"] == "1"


def test_without_the_right_it_says_which_it_needs():
    with pytest.raises(PluginError, match=r'may = \["speak"\]'):
        Chat(webhooks, settings={"plugins.webhooks.incoming.ci.token": TOKEN})


# --- to others ---


class Them(ThreadingHTTPServer):
    """Another server: what it was sent is in `got`, and it answers with `status`."""

    def __init__(self):
        self.got, self.status = [], 204
        super().__init__(("127.0.0.1", 0), Taker)

    @property
    def texts(self):
        return [data["text"] for _, data in self.got if data["type"] == "message"]


class Taker(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), json.loads(body)))
        self.server.got[-1][0]["body"] = body.decode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def them():
    with Them() as them:
        threading.Thread(target=them.serve_forever, daemon=True).start()
        yield them
        them.shutdown()


def sending(them, **more):
    out = {"url": f"http://127.0.0.1:{them.server_port}/x", "rooms": ["#Lobby"], "secret": "hush", **more}
    return {"plugins.webhooks.outgoing": {"log": out}, "plugins.webhooks.may": ["http"]}


def test_chosen_events_of_chosen_rooms_go_out_signed_and_nothing_else(them):
    chat = Chat(webhooks, settings=sending(them, events=["message", "topic", "edited", "deleted"]))
    ada, bob = chat.join("ada", kind="json"), chat.join("bob", kind="json")
    eve = chat.join("eve", room="garden")
    ada.says("Hello!")
    ada.says("a secret", to="bob")
    eve.says("Elsewhere")
    bob.says("/who")
    assert [(data["type"], data.get("text")) for _, data in them.got] == [("message", "Hello!")]
    headers = {name.lower(): value for name, value in them.got[0][0].items()}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{headers['body']}"
    expected = base64.b64encode(hmac.digest(b"hush", signed.encode(), "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert them.got[0][1]["sender"] == "ada"


def test_what_was_not_taken_is_tried_again_less_and_less_often_and_in_its_order(them, caplog):
    chat = Chat(webhooks, settings=sending(them))
    ada = chat.join("ada")
    them.status = 503
    for text in ("one", "two", "three"):
        ada.says(text)
    tries = [len(them.got)]
    for _ in range(40):
        chat.tick("1s")
        tries.append(len(them.got))
    assert [at for at in range(1, 41) if tries[at] > tries[at - 1]] == [1, 3, 7, 15, 31]
    assert set(them.texts) == {"one"}
    assert len({headers["webhook-id"] for headers, _ in them.got}) == 1
    them.status = 204
    them.got.clear()
    chat.tick("1m")
    assert them.texts == ["one", "two", "three"]
    warned = [record.message for record in caplog.records if "posted" in record.message]
    assert warned == [
        "what is posted is not taken: the answer was 503; it is tried again",
        "what is posted is taken again; 0 had to be dropped",
    ]


def test_what_waits_outlasts_a_restart(them, tmp_path):
    them.status = 500
    with Chat(webhooks, settings=sending(them), data_dir=tmp_path) as chat:
        ada = chat.join("ada")
        ada.says("one")
        ada.says("two")
    them.status = 204
    them.got.clear()
    chat = Chat(webhooks, settings=sending(them), data_dir=tmp_path)
    chat.join("ada").says("three")
    assert them.texts == ["one", "two", "three"]
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"hush" not in kept


def test_what_will_never_be_taken_keeps_nothing_up(them):
    chat = Chat(webhooks, settings=sending(them))
    ada = chat.join("ada")
    them.status = 400
    ada.says("one")
    them.status = 204
    ada.says("two")
    assert them.texts == ["one", "two"]
    chat.tick("4d")
    assert them.texts == ["one", "two"]


def test_after_three_days_it_is_given_up(them):
    chat = Chat(webhooks, settings=sending(them))
    ada = chat.join("ada")
    them.status = 503
    ada.says("one")
    chat.tick("3d2h")
    them.status = 204
    them.got.clear()
    ada.says("two")
    chat.tick("2h")
    assert them.texts == ["two"]


def test_what_has_waited_for_three_days_is_not_posted_by_a_server_that_was_away(them, tmp_path):
    them.status = 503
    with Chat(webhooks, settings=sending(them), data_dir=tmp_path) as chat:
        chat.join("ada").says("one")
    them.status = 204
    them.got.clear()
    later = chat.clock.now() + timedelta(days=3)
    chat = Chat(webhooks, settings=sending(them), data_dir=tmp_path, start=later)
    chat.join("ada").says("two")
    assert them.texts == ["two"]


def test_who_does_not_answer_keeps_no_reload_from_happening():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        settings = {
            "plugins.webhooks": {"on": True, "may": ["http"], "outgoing": {"log": {"url": url, "rooms": ["lobby"]}}}
        }
        with serving(settings=settings) as server:
            server.join("ada").send("MSG|Hello!")
            silent.settimeout(DEADLINE)
            asked, _ = silent.accept()
            asked.settimeout(DEADLINE)
            assert asked.recv(1)
            assert server.call(server.server.plugin_lifecycle.plugins_busy) == []
            asked.close()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"incoming": {"ci": {"token": "short"}}}, "token"),
        ({"outgoing": {"log": {"url": "ftp://x", "rooms": ["lobby"]}}}, "url"),
        ({"outgoing": {"log": {"url": "http://x", "rooms": []}}}, "rooms"),
        ({"outgoing": {"log": {"url": "http://x", "rooms": ["lobby"], "events": ["private"]}}}, "events"),
    ],
)
def test_wrong_settings_are_refused_with_their_path(settings, told):
    tables = {f"plugins.webhooks.{name}": value for name, value in settings.items()}
    with pytest.raises(Exception, match=re.escape("plugins.webhooks.")) as error:
        Chat(webhooks, settings={**tables, "plugins.webhooks.may": ["http", "speak"]})
    assert told in str(error.value)
