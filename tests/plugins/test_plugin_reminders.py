"""reminders, as people have them."""

import pytest
from greenchat_plugins import reminders

from greenchat.testing import Chat


@pytest.fixture
def chat():
    return Chat(reminders)


@pytest.mark.parametrize(
    ("when", "told", "passes"),
    [
        ("10m", "Mon 5 Jan 2026, 12:10 UTC", "10m"),
        ("17:30", "Mon 5 Jan 2026, 17:30 UTC", "5h30m"),
        ("9:00", "Tue 6 Jan 2026, 09:00 UTC", "21h"),
        ("tomorrow", "Tue 6 Jan 2026, 09:00 UTC", "21h"),
        ("tomorrow 17:30", "Tue 6 Jan 2026, 17:30 UTC", "1d5h30m"),
        ("friday 8:15", "Fri 9 Jan 2026, 08:15 UTC", "3d20h15m"),
        ("2026-01-07", "Wed 7 Jan 2026, 09:00 UTC", "1d21h"),
    ],
)
def test_one_is_reminded_in_private_on_all_devices(chat, utc, when, told, passes):
    laptop, phone, bob = chat.join("ada", account=7), chat.join("ada", account=7, kind="json"), chat.join("bob")
    assert laptop.asks(f"/remind {when} Tea is ready") == f"You will be reminded on {told}."
    chat.tick(passes)
    assert laptop.hears("Remember: Tea is ready")
    assert phone.hears("Remember: Tea is ready")
    chat.tick("30d")
    assert not laptop.hears("Remember: Tea is ready")
    assert not bob.heard


def test_they_are_kept_over_restarts_and_for_who_is_away(utc, tmp_path):
    with Chat(reminders, data_dir=tmp_path) as chat:
        ada = chat.join("ada", account=7)
        ada.says("/remind 10m Tea is ready")
        ada.says("/remind 2h And drunk")
        ada.leaves()
        chat.tick("10m")
    chat = Chat(reminders, data_dir=tmp_path)
    ada = chat.join("ada", account=7)
    assert "INFO|Remember: Tea is ready" in ada.welcomed
    assert ada.asks("/reminders") == "1. Mon 5 Jan 2026, 14:00 UTC: And drunk"
    chat.tick("2h")
    assert ada.hears("Remember: And drunk")


def test_they_are_listed_in_their_order_and_cancelled(chat, utc):
    ada, bob = chat.join("ada", account=7), chat.join("bob", account=8)
    assert ada.asks("/reminders") == "There are none."
    ada.says("/remind 2h late")
    ada.says("/remind 1h soon")
    bob.says("/remind 5m bob's own")
    assert ada.asks("/reminders") == "1. Mon 5 Jan 2026, 13:00 UTC: soon\n2. Mon 5 Jan 2026, 14:00 UTC: late"
    assert ada.asks("/reminders cancel 1") == "You will not be reminded: soon"
    for wrong in ("3", "0", "-1"):
        told = ada.asks(f"/reminders cancel {wrong}")
        assert told == "You have no reminder of that number. /reminders tells which there are."
    chat.tick("2h")
    assert ada.hears("Remember: late")
    assert not ada.hears("Remember: soon")


@pytest.mark.parametrize("when", ["25:00", "12:60", "soonish", "10", "2026-02-30", "tomorow"])
def test_what_is_no_time_is_refused_with_what_is(chat, when):
    told = chat.join("ada", account=7).asks(f"/remind {when} Tea")
    assert told.startswith("WHEN is a time, such as 10m, 17:30, tomorrow, friday 9:00 or 2026-12-24, not ")


def test_one_that_is_too_long_to_be_told_is_refused_and_nobody_loses_theirs(chat, utc):
    ada, bob = chat.join("ada", account=7), chat.join("bob", account=8)
    bob.says("/remind 2m Tea is ready")
    for _ in range(25):
        assert "at most 1000 characters" in ada.asks(f"/remind 1m {'x' * 3995}")
    assert ada.asks("/reminders") == "There are none."
    ada.says(f"/remind 1m {'x' * 1000}")
    chat.tick("1m")
    assert ada.hears(f"Remember: {'x' * 1000}")
    chat.tick("1m")
    assert bob.hears("Remember: Tea is ready")


def test_guests_are_asked_to_log_in(chat):
    bob = chat.join("bob")
    for line in ("/remind 10m Tea", "/reminders", "/reminders cancel 1"):
        assert bob.asks(line) == "This is for who is logged in: /login, or /register to make this name yours."


def test_one_has_so_many(utc):
    chat = Chat(reminders, settings={"plugins.reminders.most": 2})
    ada, bob = chat.join("ada", account=7), chat.join("bob", account=8)
    ada.says("/remind 1h one")
    ada.says("/remind 1h two")
    assert ada.asks("/remind 1h three").startswith("You have as many as you may. /reminders cancel")
    assert bob.asks("/remind 1h one").startswith("You will be reminded")


def test_they_are_forgotten_with_the_account_and_others_are_not(chat):
    ada, bob = chat.join("ada", account=7), chat.join("bob", account=8)
    ada.says("/remind 10m Tea is ready")
    bob.says("/remind 10m Cake is ready")
    accounts = chat.server.accounts
    chat.run(lambda: accounts.replace([accounts.by_id(8)]))
    ctx = next(plugin.ctx for plugin in chat.server.plugins if plugin.name == "reminders")
    assert [job.arguments[1] for job in ctx.jobs] == ["Cake is ready"]
    chat.tick("10m")
    assert bob.hears("Remember: Cake is ready")
