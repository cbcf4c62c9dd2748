"""What the chat on a terminal says by itself."""

from greenchat.connect.common import error_line, info_line

COMING_BACK = info_line("Coming back as soon as the server can be reached. What you type waits; Ctrl-C leaves.")
NO_RECEIPTS = info_line("Plain frames have no receipts: what you said last may not have arrived.")
SAYING_NOW = info_line("What has waited is said now.")
ON_THEIR_WAY = info_line("Some messages are still on their way. Ctrl-C leaves at once.")
NOT_KEPT = error_line("That you stay logged in cannot be kept on this computer: next time you are asked again.")
LOCKED = info_line("Your keyring, in which it is kept that you stay logged in, does not answer: perhaps it is locked.")
LOGGED_OUT_HERE = info_line(
    "You are logged out on this computer, but the server could not be told: /sessions may still list it, and ends it."
)
AGAIN = "The same again"
NOTHING_SENT = info_line("Nothing was sent.")
NOT_THE_SAME = error_line("These two are not the same. Nothing was sent: try again.")
