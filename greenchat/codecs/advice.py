"""The words that people read of what they are to do, fit for each kind of client."""

from collections.abc import Mapping

from greenchat.errors import Advice, Reject

# What stands for a name that nobody has chosen yet.
NO_NAME = "<username>"

# For people who write frames by hand, on netcat say. `{name}` is theirs, `{line}` a command.
BY_HAND: Mapping[Advice, str] = {
    Advice.JOIN: "Send JOIN|{name}.",
    Advice.JOIN_FIRST: "Send JOIN|{name} first.",
    Advice.JOIN_NOW: "Now send JOIN|{name}.",
    Advice.JOIN_AGAIN: "Connect again and send JOIN|{name}.",
    Advice.NAME_ONE: "Send JOIN|<username> or JOIN|<username>|<room>.",
    Advice.ENTER_ROOM: "Send JOIN|{name}, or MSG|/join ROOM",
    Advice.PASS_PHRASE: "Say MSG|/password PHRASE first, or send it with a JSON join.",
    Advice.FRAME_TYPES: "Send JOIN|<username>, MSG|<text> or LEAVE.",
    Advice.ONE_LINE: "Send plain text, a frame for each line.",
    Advice.COMMAND: "MSG|{line}",
    Advice.TLS: "Connect with: greenchat connect --tls",
}

# For people whose client does that for them, and for those who write one.
BY_CLIENT: Mapping[Advice, str] = {
    Advice.JOIN: "Join, to use them.",
    Advice.JOIN_FIRST: "Join first.",
    Advice.JOIN_NOW: "Now join.",
    Advice.JOIN_AGAIN: "Connect again and join.",
    Advice.NAME_ONE: "Choose one.",
    Advice.ENTER_ROOM: "/join ROOM leads into one.",
    Advice.PASS_PHRASE: "Join with it; whoever invited you knows it.",
    Advice.FRAME_TYPES: "PROTOCOL.md has all that there are.",
    Advice.ONE_LINE: "Send plain text.",
    Advice.COMMAND: "{line}",
    Advice.TLS: "Connect with: greenchat connect --tls",
}

# For whoever looks at an answer in HTTP.
BY_BROWSER: Mapping[Advice, str] = {**BY_CLIENT, Advice.TLS: "Open it with https://."}


def advise(how: Mapping[Advice, str], advice: Advice, *, name: str = "", line: str = "") -> str:
    """What to do, in the words for a kind of client, of which `how` has them."""
    return how[advice].format(name=name or NO_NAME, line=line)


def in_full(verdict: Reject, how: Mapping[Advice, str], name: str = "") -> Reject:
    """`verdict` with what somebody called `name` is to do about it, in the words for their kind of client."""
    if verdict.advice is None:
        return verdict
    told = Reject(f"{verdict.text} {advise(how, verdict.advice, name=name)}", verdict.code)
    told.by = verdict.by
    return told
