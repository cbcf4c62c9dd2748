"""Who may do what with an account, by the way in which they have come: by the password, by the token of a device, or
back by that of a lost connection. The whole table, over a real server."""

import itertools

import pytest
from kit.accounts import OTHER, SECRET
from kit.accounts import socketless_accounts as accounts
from kit.machine import eventually
from kit.programs import Program
from kit.sessions import PATIENT, back, codes, lose, rest, settled

# `again` and `device_again` have lost their connections, and are back by the tokens of these.
WAYS = ["guest", "password", "device", "again", "device_again"]

# What comes of it: "yes", or the code of the refusal. A token alone is never enough for what needs the password.
TABLE = """
act              guest            password         device           again            device_again

passwd           not_logged_in    yes              yes              yes              yes
passwd_wrong     not_logged_in    login_failed     login_failed     login_failed     login_failed
passwd_without   usage            usage            usage            usage            usage
unregister       not_logged_in    yes              yes              yes              yes
unregister_wrong not_logged_in    login_failed     login_failed     login_failed     login_failed
register_again   yes              registered       registered       registered       registered
stay             already_joined   yes              yes              yes              yes
stay_wrong       already_joined   login_failed     login_failed     login_failed     login_failed
stay_without     already_joined   already_joined   already_joined   already_joined   already_joined
sessions         yes              yes              yes              yes              yes
end_own_other    unknown_session  yes              yes              yes              yes
end_strangers    unknown_session  unknown_session  unknown_session  unknown_session  unknown_session
logout           not_logged_in    yes              yes              yes              yes
"""

# What ends the session in which it is done, and which makes others void.
ENDS_ITSELF = {"logout"}
ENDS_OTHERS = {"passwd", "unregister", "end_own_other"}

numbers = itertools.count()


def cases():
    _, *rows = (line.split() for line in TABLE.splitlines() if line)
    for act, *results in rows:
        for way, result in zip(WAYS, results, strict=True):
            yield pytest.param(act, way, "" if result == "yes" else result, id=f"{act}-by-{way}")


@pytest.fixture(scope="module")
def server():
    settings = PATIENT | {"plugins.accounts.failures_per_address": 0, "plugins.accounts.failures_per_account": 0}
    with accounts(settings=settings, registrations_per_hour=0) as running:
        yield running


def enrolled(server):
    """A name with an account, whom nobody is at the moment."""
    name = f"person{next(numbers)}"
    one = Program(server, name)
    assert one.ask(f"/register {SECRET}")[-1]["type"] == "ack"
    one.leave()
    eventually(lambda: server.call(lambda: name not in server.server.chat.members))
    return name


def come(server, way, name):
    if way == "guest":
        return Program(server, f"guest{next(numbers)}")
    if way in ("password", "again"):
        one = Program(server, name, login=SECRET)
    else:
        first = Program(server)
        welcome = first.join(name=name, login=SECRET, device="laptop")
        first.leave()
        one = back(server, welcome["device_token"])
    return back(server, lose(server, one)) if way.endswith("again") else one


def number_of(program):
    """Of the session of `program`, as its owner sees it."""
    return next(one["id"] for one in program.told("/sessions", "sessions")["sessions"] if one.get("this"))


def do(server, act, one, other, stranger, name):
    """The code of the refusal, or nothing."""
    match act:
        case "stay":
            return one.request(type="join", room=None, name=name, login=SECRET, device="phone").get("code", "")
        case "stay_wrong":
            return one.request(type="join", room=None, name=name, login=OTHER, device="phone").get("code", "")
        case "stay_without":
            return one.request(type="join", room="lobby", device="phone").get("code", "")
    line = {
        "passwd": f"/passwd {SECRET} {OTHER}",
        "passwd_wrong": f"/passwd {OTHER} {OTHER}",
        "passwd_without": f"/passwd {OTHER}",
        "unregister": f"/unregister {SECRET}",
        "unregister_wrong": f"/unregister {OTHER}",
        "register_again": f"/register {OTHER}",
        "sessions": "/sessions",
        "end_own_other": f"/sessions end {number_of(other)}",
        "end_strangers": f"/sessions end {number_of(stranger)}",
        "logout": "/logout",
    }[act]
    one.send(type="say", text=line, room="lobby", ref="done")
    while (frame := one.read()).get("ref") != "done" or frame["type"] not in ("ack", "error"):
        pass
    return frame.get("code", "")


@pytest.mark.parametrize(("act", "way", "expected"), list(cases()))
def test_who_may_do_what_with_an_account(server, act, way, expected):
    name = enrolled(server)
    one, stranger = come(server, way, name), Program(server, f"guest{next(numbers)}")
    other = Program(server, name, login=SECRET)
    assert do(server, act, one, other, stranger, name) == expected
    if act in ENDS_OTHERS and not expected:
        assert codes(rest(other.peer)) == ["logged_out"]
    else:
        assert codes(settled(other)) == []
    if act in ENDS_ITSELF and not expected:
        assert "logged_out" not in codes(rest(one.peer))
    else:
        settled(one)
    assert codes(settled(stranger)) == []
