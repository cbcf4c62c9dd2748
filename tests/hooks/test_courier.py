"""What plugins post to other servers by `ctx.courier`: kept, in order, bounded. See the tests of webhooks, too."""

import pytest

from greenchat import Context, HttpAnswer, HttpError, PluginError
from greenchat.hooks import courier as couriers


class Answers:
    """In place of `ctx.http`: takes all, or fails as `answer` says."""

    def __init__(self):
        self.answer = 204
        self.got = []

    def post(self, url, data, headers):
        if isinstance(self.answer, Exception):
            raise self.answer
        self.got.append(data)
        return HttpAnswer(self.answer, {}, b"")


@pytest.fixture
def answers():
    return Answers()


@pytest.fixture
def open_courier(around, answers):
    """Opens a courier, as after a start; the one before has ended."""
    open_now = []

    def begin(secret=""):
        while open_now:
            open_now.pop().end()
        ctx = Context("tester", None, around, frozenset({"http"}))
        ctx._couriers._rest = (answers, *ctx._couriers._rest[1:])
        ctx.begin()
        open_now.append(ctx)
        found = ctx.courier("them", "http://them.example/", secret)
        ctx.started()
        return found

    yield begin
    open_now.pop().end()


def test_it_is_bounded_and_the_oldest_go(open_courier, answers, clock, monkeypatch):
    monkeypatch.setattr(couriers, "MOST", 3)
    answers.answer = HttpError("nobody is there")
    courier = open_courier()
    for number in range(10):
        courier.post(number)
    assert len(courier) == 3
    clock.advance(1)
    answers.answer = 204
    clock.advance(10)
    assert answers.got == ["7", "8", "9"]
    assert len(courier) == 0


def test_it_is_bounded_in_bytes(open_courier, answers, monkeypatch):
    monkeypatch.setattr(couriers, "MOST_BYTES", 1000)
    answers.answer = HttpError("nobody is there")
    courier = open_courier()
    for _ in range(100):
        courier.post("x" * 300)
    assert len(courier) == 3
    courier.post("x" * 5000)
    assert len(courier) == 1


def test_all_of_a_plugin_are_bounded_and_where_the_most_waits_the_oldest_go(around, answers):
    answers.answer = HttpError("nobody is there")
    ctx = Context("tester", None, around, frozenset({"http"}))
    ctx._couriers._rest = (answers, *ctx._couriers._rest[1:])
    ctx.begin()
    loud = [ctx.courier(f"them{number}", "http://them.example/") for number in range(6)]
    quiet = ctx.courier("quiet", "http://quiet.example/")
    ctx.started()
    quiet.post("at the beginning")
    for _ in range(85):
        for courier in loud:
            courier.post('漢"' * 20_000)  # more than three times as many bytes as characters
    quiet.post("at the end")
    assert len(quiet) == 2
    assert max(map(len, loud)) - min(map(len, loud)) <= 2
    assert sum(map(len, loud)) > 300
    ctx.store["more"] = "of the plugin's own"
    ctx.end()


def test_it_goes_on_after_a_restart_in_its_order(open_courier, answers, clock):
    answers.answer = 503
    courier = open_courier()
    for number in range(12):
        courier.post(number)
    clock.advance(1)
    answers.got.clear()
    answers.answer = 204
    courier = open_courier()
    courier.post("new")
    clock.advance(1)
    assert answers.got == [*map(str, range(12)), '"new"']


def test_the_longest_wait_is_an_hour(open_courier, answers, clock):
    answers.answer = 500
    open_courier().post(1)
    for _ in range(2880):
        clock.advance(30)
    assert len(answers.got) == 13 + 22  # in the first two hours by and by, and then once an hour


def test_what_is_wrong_with_it_is_told_at_once(ctx, open_courier):
    with pytest.raises(PluginError, match='may = \\["http"\\]'):
        ctx.courier("them", "http://them.example/")
    courier = open_courier("whsec_c2VjcmV0")
    with pytest.raises(PluginError, match="no JSON"):
        courier.post(object())
    with pytest.raises(PluginError, match="goes on in base64"):
        open_courier("whsec_?")


def test_a_name_is_one_couriers(around):
    ctx = Context("tester", None, around, frozenset({"http"}))
    ctx.courier("them", "http://them.example/")
    with pytest.raises(PluginError, match="a name of its own"):
        ctx.courier("them", "http://others.example/")
    ctx.end()


def test_how_often_is_counted_for_each(ctx, clock):
    assert [ctx.allows("2/10s", who) for who in ("ada", "ada", "ada", "bob")] == [True, True, False, True]
    clock.advance(5)
    assert [ctx.allows("2/10s", "ada"), ctx.allows("2/10s", "ada")] == [True, False]
    assert ctx.allows("1/1h", "ada")
    with pytest.raises(PluginError, match="no rate"):
        ctx.allows("often", "ada")
