"""people, as people on netcat and programs in JSON use it together, over a real server."""

from datetime import UTC, datetime, timedelta

import pytest
from greenchat_plugins.people import People
from kit.programs import Anybody, Program, leave, says, sync, without_plugins
from kit.socketless import serving

from greenchat import Reject, hookimpl

# These would answer, log in and keep things, too.
OTHERS = ("accounts", "history", "moderation", "web")
ALONE = without_plugins(*OTHERS)

COMMANDS = ["away", "back", "ignore", "unignore", "whois"]


@pytest.fixture
def server():
    with serving(Anybody, settings=ALONE) as running:
        yield running


@pytest.fixture
def room(server):
    """ada and bob, plain, and cy, a program, in the lobby, having read all that was told."""
    ada, bob, cy = server.join("ada"), server.join("bob"), Program(server, "cy")
    sync(ada)
    sync(bob)
    return ada, bob, cy


def test_each_command_needs_a_join_and_has_an_example(server):
    peer = server.connect()
    for name in COMMANDS:
        peer.send(f"MSG|/{name}" if name == "back" else f"MSG|/{name} bob")
        peer.expect("ERROR|You have not joined yet. Send JOIN|<username> first.")
        help_lines = says(peer, f"/help {name}")
        assert help_lines[0].startswith(f"INFO|/{name}")
        assert help_lines[-1].startswith(f"INFO|Example: /{name}")


# --- away and back ---


def test_away_and_back_are_told_to_all_in_all_rooms_and_to_who_comes(server, room):
    ada, bob, cy = room
    eve = Program(server, "eve", "garden")
    cy.join(room="garden")
    cy.ask("/away  Lunch | back at two")
    away = "INFO|cy is away: Lunch | back at two"
    assert sync(ada) == sync(bob) == [away]
    told = eve.read_until("away")
    assert (told["room"], told["name"], told["why"]) == ("garden", "cy", "Lunch | back at two")
    assert Program(server, "dan").welcome["away"] == {"cy": "Lunch | back at two"}
    cy.ask("said while away", "lobby")
    assert says(ada, "/names")[-1].endswith("cy (away: Lunch | back at two), dan")
    cy.ask("/back")
    assert eve.read_until("away").get("why", "") == ""
    assert sync(bob)[-1] == "INFO|cy is back."
    assert "away" not in Program(server, "fay").welcome


def test_away_without_a_reason_and_once_more_with_another(room):
    ada, bob, _ = room
    assert says(ada, "/away") == ["INFO|ada is away: away"]
    assert says(ada, "/away Tea") == ["INFO|ada is away: Tea"]
    assert says(ada, "/back") == ["INFO|ada is back."]
    assert says(ada, "/back") == ["ERROR|You are not away. /away WHY tells that you are."]
    assert sync(bob) == ["INFO|ada is away: away", "INFO|ada is away: Tea", "INFO|ada is back."]


def test_who_comes_again_is_not_away(server, room):
    ada, bob, _ = room
    says(ada, "/away Lunch")
    leave(ada)
    server.join("ada")
    assert "INFO|ada: in lobby; a guest; connected for 0 seconds" in says(bob, "/whois ada")


def test_a_reason_has_a_longest(room):
    ada, bob, _ = room
    assert says(ada, f"/away {'x' * 301}") == ["ERROR|The reason is longer than 300 characters. Make it shorter."]
    assert sync(bob) == []


class NoShouting:
    @hookimpl
    def greenchat_check_message(self, message):
        if message.text.isupper():
            raise Reject("No shouting, please.")


def test_reasons_and_topics_are_checked_as_messages_are():
    with serving(NoShouting, settings=ALONE) as server:
        ada, bob = server.join("ada"), server.join("bob")
        sync(ada)
        assert says(ada, "/away HA", "/topic HA") == ["ERROR|No shouting, please."] * 2
        assert says(ada, "/away ha") == ["INFO|ada is away: ha"]
        assert sync(bob) == ["INFO|ada is away: ha"]


def test_who_whispers_to_somebody_away_is_told_so_once(server, room):
    ada, bob, cy = room
    says(ada, "/away Lunch")
    sync(bob)
    assert says(bob, "/msg ada one", "/msg ada two") == [
        "INFO|To ada: one",
        "INFO|ada is away: Lunch",
        "INFO|To ada: two",
    ]
    says(ada, "/away Tea")
    assert says(bob, "/msg ada three")[-2:] == ["INFO|To ada: three", "INFO|ada is away: Tea"]
    assert says(ada, "/reply four")[-1] == "INFO|To bob: four"
    cy.ask("/away Nap")
    assert says(bob, "/msg cy five")[-1] == "INFO|cy is away: Nap"
    assert cy.told("/reply six", "whispered")["lines"] == ["To bob: six"]
    assert cy.told("/msg ada seven", "whispered")["away"] == "Tea"
    says(ada, "/back")
    assert says(bob, "/msg ada eight")[-1] == "INFO|To ada: eight"
    says(ada, "/away Tea")
    assert says(bob, "/msg ada nine")[-1] == "INFO|ada is away: Tea"


# --- ignore ---


def test_who_is_ignored_is_not_read_and_hears_so_in_private_alone(room):
    ada, bob, cy = room
    assert says(ada, "/ignore BOB") == ["INFO|You read nothing more of bob. /unignore bob ends it."]
    bob.send("MSG|one", "MSG|/me waves", "MSG|/msg ada psst")
    bob.expect("ERROR|ada does not take messages from you.")
    assert [cy.read_until("message")["text"] for _ in range(2)] == ["one", "waves"]
    cy.ask("two")
    assert sync(ada) == ["MSG|cy|two"]
    assert says(ada, "/msg bob yes?") == ["INFO|To bob: yes?"]
    assert says(ada, "/unignore Bob") == ["INFO|You read again what bob says."]
    bob.send("MSG|three")
    assert ada.read() == "MSG|bob|three"


def test_a_program_ignores_in_all_its_rooms_and_reads_in_order_what_the_others_say(server, room):
    ada, bob, cy = room
    cy.join(room="garden")
    says(bob, "/join garden")
    says(ada, "/join garden")
    cy.ask("/ignore bob")
    for number in range(3):
        says(bob, f"bob {number}")
        says(ada, f"ada {number}")
    assert [cy.read_until("message")["text"] for _ in range(3)] == ["ada 0", "ada 1", "ada 2"]
    leave(bob)
    assert cy.read_until("left", name="bob")["room"] == "garden"  # that one sees


def test_another_name_and_another_connection_are_no_way_to_be_heard(server, room):
    ada, bob, _ = room
    says(ada, "/ignore bob")
    says(bob, "/nick robert", "heard?")
    assert sync(ada) == ["INFO|bob is now known as robert."]
    assert says(ada, "/ignore") == ["INFO|You ignore robert."]
    leave(bob)
    for name in ("bob", "Robert"):
        again = server.join(name)
        says(again, "heard now?")
        leave(again)
    assert [line for line in sync(ada) if line.startswith("MSG|")] == []


def test_nobody_fills_the_list_of_others_by_changing_names(server, room):
    ada, bob, cy = room
    says(ada, "/ignore bob")
    cy.ask("/ignore bob")
    for number in range(111):
        says(bob, f"/nick bob{number}")
    says(bob, "heard?", "/me waves")
    assert [line for line in sync(ada) if line.startswith("MSG|")] == []
    assert says(ada, "/ignore") == ["INFO|You ignore bob110."]
    assert cy.told("/ignore", "ignored")["names"] == ["bob110"]
    eve = server.join("bob50")  # who has nothing to do with it
    says(eve, "hello")
    assert [line for line in sync(ada) if line.startswith("MSG|")] == ["MSG|bob50|hello"]
    leave(bob)
    says(server.join("bob110"), "heard now?")
    assert [line for line in sync(ada) if line.startswith("MSG|")] == []
    assert says(ada, "/unignore bob110") == ["INFO|You read again what bob110 says."]
    assert says(ada, "/ignore") == ["INFO|You ignore nobody. /ignore USER begins to."]


def test_what_one_says_of_being_away_is_not_read_by_who_ignores_one(server, room):
    ada, bob, cy = room
    says(ada, "/ignore bob")
    cy.ask("/ignore bob")
    eve = Program(server, "eve")
    says(bob, "/away BUY THIS", "/nick rob")
    assert eve.read_until("away")["why"] == "BUY THIS"
    assert [line for line in sync(ada) if "BUY" in line] == []
    assert "BUY" not in str([cy.ask("/names"), cy.ask("/whois rob")])
    assert "BUY" in str(eve.ask("/whois rob"))
    cy.ask("/join garden")
    says(bob, "/join garden")
    assert "BUY" in str(eve.ask("/names garden"))
    assert "BUY" not in str(cy.ask("/names garden"))
    cy.ask("/part garden", "garden")
    assert "BUY" not in str(cy.join(room="garden"))
    assert "BUY" in str(eve.join(room="garden"))


def test_an_account_is_ignored_whatever_it_is_called_when_it_comes_back():
    with serving(Anybody, settings=ALONE) as server:
        ada, bob = server.join("ada"), server.join("bob")
        says(bob, "/become bob", "/nick robert")
        says(ada, "/ignore robert")
        leave(bob)
        guest = server.join("robert")
        says(guest, "I am another")
        bob = server.join("bobby")
        says(bob, "/become bob", "heard?")
        assert [line for line in sync(ada) if line.startswith("MSG|")] == ["MSG|robert|I am another"]
        assert says(bob, "/msg ada psst") == ["ERROR|ada does not take messages from you."]


def test_ignoring_goes_on_under_a_new_name_of_ones_own(server, room):
    ada, bob, _ = room
    says(ada, "/ignore bob", "/nick countess", "/join garden")
    says(bob, "/join garden", "heard?")
    assert [line for line in sync(ada) if line.startswith("MSG|")] == []


def test_somebody_who_is_not_there_can_be_ignored_beforehand(server, room):
    ada, _, cy = room
    assert says(ada, "/ignore eve")[0].startswith("INFO|You read nothing more of eve.")
    cy.ask("/ignore Eve")
    assert cy.told("/ignore", "ignored") == {"type": "ignored", "names": ["Eve"], "lines": ["You ignore Eve."]}
    eve = server.join("EVE")
    says(eve, "hello")
    assert sync(ada) == ["INFO|EVE has joined the chat."]


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("/ignore", "INFO|You ignore nobody. /ignore USER begins to."),
        ("/ignore ada", "ERROR|This is you."),
        (
            "/ignore a b",
            "ERROR|The username 'a b' is not valid. "
            "Use letters, digits and signs such as - _ and ., without spaces or |.",
        ),
        ("/unignore bob", "ERROR|You do not ignore bob. /ignore lists whom you do."),
        ("/unignore", "ERROR|Something is missing. Type it so: /unignore USER"),
        ("/whois", "ERROR|Something is missing. Type it so: /whois USER"),
        ("/whois nobody", "ERROR|Nobody here is called nobody. Look with /who."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(room, typed, answer):
    ada, _, _ = room
    (told,) = says(ada, typed)
    assert told.startswith(answer)


def test_one_ignores_no_more_than_a_hundred(room):
    ada, _, _ = room
    says(ada, *(f"/ignore u{number}" for number in range(100)))
    assert says(ada, "/ignore bob") == ["ERROR|You ignore 100 people, as many as one may. /unignore one."]
    assert says(ada, "/ignore u7") == ["ERROR|You ignore u7 already. /unignore u7 ends it."]
    assert says(ada, "/unignore u7", "/ignore bob")[-1].startswith("INFO|You read nothing more of bob.")


# --- whois ---


def test_whois_tells_what_there_is_to_know(server, room):
    ada, _, cy = room
    cy.join(room="garden")
    cy.ask("/become cy")
    cy.ask("/away Lunch")
    expected = "cy: in lobby, garden; owner of garden; logged in; away: Lunch; connected for "
    (line,) = says(ada, "/whois CY")[-1:]
    assert line.startswith(f"INFO|{expected}")
    assert "127.0.0.1" not in line
    answer = cy.told("/whois ada", "whois")
    assert answer.pop("lines")[0].startswith("ada: in lobby; a guest; connected for ")
    assert answer.pop("seconds", 0) < 60
    assert answer == {"type": "whois", "name": "ada", "rooms": ["lobby"]}
    own = cy.told("/whois cy", "whois")
    assert (own["logged_in"], own["owner_of"], own["away"]) == (True, ["garden"], "Lunch")


def test_whois_tells_operators_the_address_and_everybody_who_they_are(room):
    ada, bob, cy = room
    says(ada, "/crown")
    (line,) = says(ada, "/whois bob")
    assert ";" in line
    assert line.rpartition("; ")[2].startswith("from 127.0.0.1:")
    assert cy.told("/whois ada", "whois")["role"] == "operator"
    assert "address" not in cy.told("/whois bob", "whois")
    assert says(bob, "/whois ada")[-1].startswith("INFO|ada: in lobby; operator; a guest; connected for ")


def test_whois_tells_no_room_that_the_asker_may_not_come_into(server, room):
    ada, bob, cy = room
    cy.join(room="secret")
    cy.join(room="garden")
    cy.ask("/room invite-only on", "secret")
    assert says(ada, "/whois cy")[-1].startswith("INFO|cy: in lobby, garden; owner of garden; a guest; connected for ")
    assert cy.told("/whois cy", "whois")["rooms"] == ["lobby", "secret", "garden"]
    says(bob, "/crown")
    assert says(bob, "/whois cy")[-1].startswith("INFO|cy: in lobby, secret, garden; owner of secret, garden; a guest")


def test_how_long_somebody_is_connected_is_told_in_one_unit():
    now = datetime.now(UTC)
    with serving(People(lambda: now), settings=without_plugins(*OTHERS, "people")) as server:
        ada = server.join("ada")
        since = server.call(lambda: server.server.chat.find("ada").sessions[0].since)
        told = []
        for seconds in (-1, 1, 119, 120, 7199, 7200, 172799, 172800):
            now = since + timedelta(seconds=seconds)
            told.append(says(ada, "/whois ada")[-1].rpartition("connected for ")[2])
        units = ["0 seconds", "1 second", "119 seconds", "2 minutes", "119 minutes", "2 hours", "47 hours", "2 days"]
        assert told == units
