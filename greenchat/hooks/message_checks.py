"""The hook that checks each message: on the way of all of them, and so as quick as can be."""

from collections.abc import Callable

from msgspec.structs import replace

from greenchat.chat.outlet import Outlet
from greenchat.errors import Reject
from greenchat.hooks.calls import Calls, Failed
from greenchat.hooks.checks import LONGEST, log_rewritten, text_of, verdict_of
from greenchat.hooks.ledger import DELAYED, Ledger
from greenchat.hooks.meters import Beat, clock
from greenchat.protocol.events import Message

CheckMessage = Callable[[Outlet, Message], str]
Pair = tuple[CheckMessage | None, CheckMessage | None]


def check_message(calls: Calls, failed: Failed, ledger: Ledger, turn: Beat) -> Pair:
    """What is said in the end. Two ways through the same plugins: one that reads the clock, and one that does not, for
    those that follow in a run."""
    if not calls:
        return None, None
    quickly = [(call.plugin, call.hook, call.function, call.meter) for call in calls]

    def check(session: Outlet, message: Message) -> str:
        began = turn.began
        text, changed = message.text, False
        for plugin, name, call, meter in quickly:
            try:
                new = call(session, message)
                if turn.began is not began:
                    spent = clock() - began  # it has waited, or held the loop: so long at most
                    began = turn.began
                    meter.add(spent)
                    if spent >= DELAYED:
                        ledger.delayed(session, plugin, name, text, message.room, spent)
                if new is None or new is text:
                    continue
                if type(new) is not str or not new.isascii() or len(new) > LONGEST:
                    new = text_of(name, new, text)
            except BaseException as error:
                raise refusal(session, plugin, name, message, error, 0.0) from None
            if new != text:
                log_rewritten(plugin, message.sender, message.room)
                ledger.changed(session, plugin, name, text, message.room, 0.0, more=changed)
                text, message, changed = new, replace(message, text=new), True
        return text

    def check_timed(session: Outlet, message: Message) -> str:
        text, changed = message.text, False
        began = clock()
        for plugin, name, call, _, meter in calls:
            try:
                new = call(session, message)
                if (
                    new is not None
                    and new is not text
                    and (type(new) is not str or not new.isascii() or len(new) > LONGEST)
                ):
                    new = text_of(name, new, text)
            except BaseException as error:
                spent = clock() - began
                meter.add(spent)
                raise refusal(session, plugin, name, message, error, spent) from None
            now = clock()
            spent = now - began
            began = now
            meter.add(spent)
            if spent >= DELAYED:
                ledger.delayed(session, plugin, name, text, message.room, spent)
            if new is not None and new is not text and new != text:
                log_rewritten(plugin, message.sender, message.room)
                ledger.changed(session, plugin, name, text, message.room, spent, more=changed)
                text, message, changed = new, replace(message, text=new), True
        return text

    def refusal(
        session: Outlet, plugin: str, name: str, message: Message, error: BaseException, spent: float
    ) -> BaseException:
        verdict = verdict_of(plugin, name, error, failed)
        if isinstance(verdict, Reject):
            ledger.refused(session, plugin, name, (message.text,), message.room, verdict, spent)
        return verdict

    return check_timed, check
