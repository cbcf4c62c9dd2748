"""What whoever asks over HTTP must send: a token, and JSON of a kind."""

import pytest

from greenchat import HttpRequest, Reject, http
from greenchat.testing import Chat


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
