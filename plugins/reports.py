"""Reports: /report MESSAGE WHY shows a message to who keeps order in the chat, and /reports is what waits for them.

The message is kept as it was then, whatever becomes of it. Of what two people say alone, the one who reports it has
disclosed this one message, and nothing else. Whom it is about is never told, also where that is an operator.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Struct, field

import greenchat
from greenchat import (
    Answer,
    Call,
    ChatServer,
    Command,
    Context,
    Member,
    Meta,
    Reject,
    Rest,
    Session,
    amount,
    hookimpl,
    host_of,
    network_of,
    printable,
    typed_command,
)

# Characters of a reason: some sentences.
WHY_LENGTH = 500

# Characters of a reported message that are shown in a line; programs get all of it.
SHOWN = 200

# Lines in one answer: as many as one goes through at a time.
LISTED = 20

# So often one reports something, and all at one address do, many of whom may be guests of one person.
EACH = "5/10m"
ADDRESS = "30/1h"

# Where the number of the last report is in the store. The reports themselves are there by their numbers.
LAST = "last"

Number = Annotated[int, Meta(ge=1)]


class Settings(greenchat.Settings, frozen=True):
    """What people report."""

    most: Annotated[
        int,
        Meta(ge=1, le=10_000, description="How many reports may wait for operators. Past that no more are taken."),
    ] = 500


class Report(Struct, frozen=True, omit_defaults=True):
    """One report, as it is kept, and told to operators. The message `seq` of `room`, or what was said alone, where
    that is empty, was by `sender`, of an `account` if so, and said `text` at `time`. `alone`: with whom it was said."""

    number: int
    by: str
    why: str
    at: datetime
    seq: int
    id: int
    sender: str
    text: str
    time: datetime
    room: str = ""
    account: str = ""

    @property
    def line(self) -> str:
        where = f"in {self.room}" if self.room else "to them alone"
        text = printable(" ".join(self.text.split()), SHOWN)
        return f"{self.number}. {self.by} reports message {self.seq} of {self.sender} {where}: {self.why} | {text}"


class ReportList(Answer, frozen=True, kw_only=True, tag="reports"):
    """The answer to /reports, the earliest first. `more`: how many there are besides."""

    reports: list[Report] = field(default_factory=list)
    more: int = 0


class Reports:
    """The commands, and who is told of what waits."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._told: set[Member] = set()  # operators who know that there are some

    # --- the hooks ---

    @hookimpl
    def greenchat_startup(self, server: ChatServer) -> None:
        self._rest()

    @hookimpl
    def greenchat_commands(self) -> Sequence[Command]:
        return [
            typed_command(
                self.report,
                help="Show a message of this room or conversation to those who keep order in the chat, and say why.\n"
                "/history tells its number. Nobody else hears of it. Example: /report 12 Spam",
            ),
            typed_command(
                self.reports,
                help="List what people have reported; or take one off the list, with the message in it.\n"
                "Example: /reports done 3",
                operator=True,
            ),
        ]

    @hookimpl
    def greenchat_entered(self, session: Session) -> None:
        self._remind(session)

    @hookimpl(trylast=True)  # moderation says first who is an operator
    def greenchat_account(self, session: Session) -> None:
        if session.is_welcome:
            self._remind(session)

    @hookimpl
    def greenchat_gone(self, member: Member) -> None:
        self._told.discard(member)

    # --- the commands ---

    def report(self, call: Call, number: Number, why: Annotated[Rest, Meta(max_length=WHY_LENGTH)]) -> str:
        member, place, chat = call.member, call.place, self._ctx.chat
        message = chat.message(place, number)
        by = member.name_on_record
        kept = self._all()
        if any((one.id, one.by) == (message.id, by) for one in kept):
            raise Reject("You have reported this message, and nobody has dealt with it yet.", code="reported")
        if len(kept) >= self._ctx.settings.most:
            text = "There are as many reports as may wait. Tell somebody who keeps order here."
            raise Reject(text, code="too_many_reports")
        network = network_of(host_of(call.session.address))
        if not self._ctx.allows(EACH, member.identity) or not self._ctx.allows(ADDRESS, network):
            raise Reject("You have reported a lot of late. Go on in a while.", code="try_later")
        store = self._ctx.store
        report = Report(
            number=int(store.get(LAST, 0)) + 1,
            by=by,
            why=" ".join(why.split()),
            at=self._ctx.clock.now(),
            room=place.name,
            seq=message.seq,
            id=message.id,
            sender=message.sender,
            account=message.account,
            text=message.text,
            time=message.time,
        )
        store[LAST] = report.number
        store[str(report.number)] = msgspec.to_builtins(report)
        self._rest()
        about_operator = any(_is_about(report, one) for one in self._operators())
        chat.audit("somebody" if about_operator else by, "report", "", place.name)
        told = [one for one in self._operators() if not _is_about(report, one)]
        for one in told:
            self._told.add(one)
            one.info(report.line)
            one.info(f"/reports done {report.number} takes it off the list.")
        return "They are told." if told else "It is kept for those who keep order here: none of them is here now."

    def reports(self, call: Call, act: Literal["list", "done"] = "list", number: int = 0) -> ReportList | str:
        member = call.member
        found = [one for one in self._all() if not _is_about(one, member)]
        if act == "list":
            self._told.add(member)
            lines = [one.line for one in found[:LISTED]]
            if len(found) > LISTED:
                lines.append(f"... and {len(found) - LISTED} more.")
            return ReportList(
                reports=found[:LISTED],
                more=max(len(found) - LISTED, 0),
                lines=lines or ["Nothing is reported."],
            )
        done = next((one for one in found if one.number == number), None)
        if done is None:
            raise Reject("There is no report of this number. /reports lists them.", code="unknown_report")
        del self._ctx.store[str(number)]
        self._rest()
        details = f"message {done.seq}, reported by {done.by}: {done.why}"
        is_secret = any(_is_about(done, one) for one in self._operators())
        target, details = ("", f"number {number}") if is_secret else (done.sender, details)
        self._ctx.chat.audit(member.name_on_record, "report done", target, done.room, details)
        return f"Report {number} is off the list."

    # --- what there is ---

    def _all(self) -> list[Report]:
        """The earliest first."""
        kept = [value for key, value in self._ctx.store.items() if key != LAST]
        return sorted((msgspec.convert(one, Report) for one in kept), key=lambda one: one.number)

    def _operators(self) -> Iterable[Member]:
        return [one for one in self._ctx.chat.members.values() if one.role == "operator"]

    def _rest(self) -> None:
        """Who comes in is looked at only while there is something to be told."""
        some = len(self._ctx.store) > (LAST in self._ctx.store)
        for hook in ("greenchat_entered", "greenchat_account"):
            self._ctx.server.set_hook_enabled(self, hook, some)

    def _remind(self, session: Session) -> None:
        member = session.member
        if member is None or member.role != "operator" or member in self._told:
            return
        count = sum(not _is_about(one, member) for one in self._all())
        if count:
            self._told.add(member)
            session.info(f"{amount(count, 'report')} of people wait{'s' * (count == 1)}: /reports")


def _is_about(report: Report, member: Member) -> bool:
    """Whether it is about what `member` has said."""
    return (bool(report.account) and report.account == member.account) or report.sender == member.name


def greenchat_plugin(settings: Settings, ctx: Context) -> Reports:
    return Reports(ctx)
