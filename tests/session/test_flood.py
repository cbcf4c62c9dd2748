"""What a client has sent in one go is handled in parts."""

from greenchat.session.flood import PART_FRAMES
from greenchat.testing import serving


def test_nothing_is_said_after_a_leave_however_much_came_with_it():
    with serving() as server:
        ada, bob = server.join("ada"), server.join("bob")
        bob.send("MSG|first", "LEAVE", *(f"MSG|{number}" for number in range(3 * PART_FRAMES)))
        ada.expect("INFO|bob has joined the chat.", "MSG|bob|first", "INFO|bob has left the chat.")
