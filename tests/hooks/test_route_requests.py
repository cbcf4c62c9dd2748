"""What whoever asks over HTTP must send: a token, and JSON of a kind."""

import hmac

import pytest

from greenchat import HttpRequest, Reject, http
from greenchat.testing import Chat

SIGNED = hmac.new(b"sesame", b"{}", "sha256").hexdigest()
FORM = "application/x-www-form-urlencoded"


class Guarded:
    @http("POST", "/guarded")
    def guarded(self, request):
        request.require_token("sesame")
        return request.json(dict[str, int])


@pytest.mark.parametrize(
    ("headers", "body", "status", "told"),
    [
        ({"Authorization": "Bearer sesame"}, '{"a": 1}', 200, '{"a":1}'),
        ({"authorization": "bearer  sesame "}, "{}", 200, "{}"),
        ({"X-Token": "sesame"}, "{}", 200, "{}"),
        ({"X-Gitlab-Token": "sesame"}, "{}", 200, "{}"),
        ({"X-Hub-Signature-256": f"sha256={SIGNED}"}, "{}", 200, "{}"),
        ({"X-Hub-Signature-256": f"sha256={SIGNED}"}, '{"a": 1}', 403, "This needs a token"),
        ({"X-Hub-Signature-256": "sesame", "X-Token": "sesame"}, "{}", 403, "This needs a token"),
        ({"X-Token": "sesame", "Content-Type": FORM}, "payload=%7B%22a%22%3A1%7D", 200, '{"a":1}'),
        ({"X-Token": "sesame", "Content-Type": FORM}, "a=1", 400, "The body is no JSON."),
        ({"X-Token": "sesam\u00e9"}, "{}", 403, "This needs a token"),
        ({"Authorization": "Basic sesame"}, "{}", 403, "This needs a token"),
        ({}, "{}", 403, "This needs a token"),
        ({"X-Token": "sesame"}, '{"a": "x"}', 400, "The body is not as it should be: Expected `int`, got `str`"),
        ({"X-Token": "sesame"}, "{", 400, "The body is no JSON."),
    ],
)
def test_a_token_and_a_kind_of_json_are_asked_for(headers, body, status, told):
    answer = Chat(Guarded).asks("POST", "/guarded", body=body, headers=headers)
    assert answer.status == status
    assert answer.text.startswith(told)


def test_an_empty_token_lets_nobody_in():
    for headers in ({}, {"x-token": ""}, {"authorization": "Bearer "}):
        with pytest.raises(Reject, match="needs a token"):
            HttpRequest(method="GET", path="/", headers=headers).require_token("")


@pytest.mark.parametrize(("query", "status"), [("?token=sesame", 200), ("?token=", 403), ("?token=sesam", 403)])
def test_who_sends_no_headers_may_send_it_behind_the_path(query, status):
    assert Chat(Guarded).asks("POST", f"/guarded{query}", body="{}").status == status


@pytest.mark.parametrize(
    ("code", "status"),
    [("not_allowed", 403), ("unknown_room", 404), ("too_long", 413), ("try_later", 429), ("rejected", 400)],
)
def test_a_refusal_has_the_status_that_says_what_to_do(code, status):
    class Refusing:
        @http("GET", "/no")
        def no(self):
            raise Reject("No.", code=code)

    answer = Chat(Refusing).asks("GET", "/no")
    assert (answer.status, answer.text) == (status, "No.\n")
    assert ("retry-after" in answer.headers) == (status == 429)
