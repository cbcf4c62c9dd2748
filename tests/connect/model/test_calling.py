"""What calls for somebody in each conversation: from the server, to it, and what comes of it here."""

from kit.accounts import SECRET, accounts
from kit.models import Person, told
from kit.programs import Program

from greenchat.connect.model.calling import HERE
from greenchat.protocol.replies import Error
from greenchat.testing import serving


def test_it_is_the_same_on_all_devices_and_after_a_loss(tmp_path):
    with accounts(data_dir=tmp_path) as server, Person(server, "ada") as ada, Program(server, "bob") as bob:
        ada.say(f"/register {SECRET}")
        ada.settled()
        with Person(server, "ada", login=SECRET) as phone:
            phone.say("/notify none")
            phone.until(lambda: phone.place.level == "none")
            ada.until(lambda: ada.place.level == "none")
            assert "Nothing in lobby calls you." in told(phone.place)
            assert "Nothing in lobby calls you." not in told(ada.place)
            bob.request(type="say", text="ada, where are you?")
            ada.until(lambda: "bob: ada, where are you?" in ada.words())
            assert not ada.chats.alerts
            phone.say("/notify all")
            ada.until(lambda: ada.place.level == "all")
            bob.request(type="say", text="Anybody?")
            ada.until(lambda: len(ada.chats.alerts) == 1)
            ada.lose()
            phone.say("/notify mentions")
            phone.settled()
        ada.come_back()
        ada.until(lambda: ada.place.level == "mentions")
        count = len(told(ada.place))
        ada.settled()
        assert len(told(ada.place)) == count, "nobody is told what was asked for them"


def test_for_guests_and_where_nobody_keeps_it_it_holds_here():
    with serving() as server, Person(server, "ada") as ada:
        ada.say("/notify none")
        ada.until(lambda: ada.place.level == "none")
        ada.settled()
        assert told(ada.place) == [HERE.format("lobby", "none")]
    with serving(settings={"server.disabled_plugins": ["people"]}) as server, Person(server, "ada") as ada:
        ada.until(lambda: ada.model.commands.told)
        assert not ada.model.calling.is_kept
        ada.model.calling.choose(ada.place, "mentions")
        assert ada.place.level == "mentions"


def test_the_same_refusal_of_something_else_is_none_of_its_business(server):
    with Person(server, "ada") as ada:
        refused = []
        ada.sender.react(ada.place, 1, "👍", done=refused.append)
        (ref,) = ada.sender._asked
        ada.model.hear([Error("not_logged_in", "Log in first.", ref)])
        assert refused == ["Log in first."]
