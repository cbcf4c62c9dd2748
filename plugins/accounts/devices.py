"""Staying logged in: a device comes back by a token instead of the password, until somebody ends that."""

import logging
from collections.abc import Collection

from greenchat import (
    ChatServer,
    FairQueue,
    Reject,
    Session,
    TokenChain,
    host_of,
    is_blank,
    network_of,
    printable,
)

from . import device_store
from .device_store import Device
from .passwords import FAILURE_SECONDS, Tally
from .registry import Registry
from .settings import Settings
from .store import Account, missing

log = logging.getLogger("greenchat.accounts")

# What the tokens of devices begin with. Those of sessions, which the core looks at, begin otherwise.
PREFIX = "gd_"

# The longest name of a device, in characters: one that is found again at a glance in a list.
NAME_LENGTH = 40


def require_device_name(given: str) -> str:
    """Raises `Reject` unless it can stand in a list, on one line."""
    name = given.strip()
    if is_blank(name) or printable(name, NAME_LENGTH) != name:
        raise Reject(
            f"A device is called by one line of at most {NAME_LENGTH} characters, such as laptop.",
            code="device_invalid",
        )
    return name


def put_out(session: Session, text: str) -> None:
    """End `session`, told by `text`. The others in its rooms need not know why."""
    log.info("#%d is ended: %s", session.id, text, extra=session.fields)
    session.refuse(Reject(text, code="logged_out"))
    session.close("logged out")


class Devices:
    """The devices of all accounts, and which sessions are on one: `Session.device_id` says so."""

    def __init__(self, server: ChatServer, settings: Settings, registry: Registry) -> None:
        self._server = server
        self._settings = settings
        self._registry = registry
        self.wrong = Tally(FAILURE_SECONDS)
        self._queue = FairQueue()  # one at a time, so that no more are tried than are counted
        # Those of which it is known that they are, or were when it was looked last. Somebody may come back to the chat
        # as who they were, on a device that was ended meanwhile: that one is not among them.
        self._known: set[int] = set()

    # --- in ---

    def stay(self, session: Session, account: Account, name: str) -> None:
        """Have `session`, which has just shown the password of `account`, stay logged in as the device `name`. Where
        the file cannot be written, it is logged in for this time only, and told so."""
        chain, token = TokenChain.begin(PREFIX)
        before, most = session.device_id, self._settings.devices_per_account
        try:
            work = device_store.add(account, name, chain, most, self.oldest, before)
            added, gone = self._registry.ask(work)
        except Reject:
            added, gone = 0, []
        if not added:
            session.info("You are logged in, but this device cannot be remembered at the moment.")
            return
        for one in self._on([before]) if before else ():  # another window, say
            one.device, one.device_id = name, added
        if before:
            self._server.end_devices([before])
        self._known.difference_update([before, *gone])
        self._set_device(session, added, name, token)
        log.info("#%d stays logged in to %s", session.id, account.name, extra=session.fields)
        self.end(gone, f"You stay logged in on {most} devices at most, and this one was not used for longest.")

    def come_back(self, session: Session, token: str) -> tuple[Device, str]:
        """The device of which `token` is good, and the next token. Raises `Reject`, and counts how often."""
        network, most = network_of(host_of(session.address)), self._server.config.limits.token_failures
        with self._queue.turn(network, ""):
            if most and self.wrong[network] >= most:
                raise Reject("Too many wrong tokens. Try again in a minute.", code="try_later")
            back = self._registry.come_back(token, network, self.oldest)
            if back is None:
                self.wrong.add(network)
                log.info("#%d from %s came with a wrong token", session.id, session.address, extra=session.fields)
                raise Reject("This device is not logged in any more. Log in again.", code="token_invalid")
        device = back.device
        if back.token == token:
            log.warning("#%d came back by a token that stays, as no new one can be kept", session.id)
        return device, back.token

    def set_device(self, session: Session, device: Device, token: str) -> None:
        """`session` is on `device` from now on, and gets the next token with its welcome."""
        self._set_device(session, device.id, device.name, token)

    def _set_device(self, session: Session, number: int, name: str, token: str) -> None:
        session.device, session.device_id, session.device_token = name, number, token
        self._known.add(number)

    # --- out ---

    def remove(self, account_id: int, ids: Collection[int]) -> None:
        """Have the tokens of these devices of an account let nobody in any more. Raises `Reject`."""
        self._registry.ask(device_store.remove(account_id, ids))
        self._known.difference_update(ids)

    def end(self, ids: Collection[int], text: str) -> None:
        """End the sessions on these devices, told by `text`, and let nobody come back to those that are lost."""
        for session in self._on(ids):
            put_out(session, text)
        if ids:
            self._server.end_devices(ids)

    def _on(self, ids: Collection[int]) -> list[Session]:
        return [session for session in self._server.sessions.values() if session.device_id in ids] if ids else []

    # --- look ---

    @property
    def oldest(self) -> int:
        """What was used before then is forgotten."""
        return device_store.oldest(self._settings.device_days)

    @property
    def watched(self) -> set[int]:
        """Those of which it is to be told when they are gone."""
        return set(self._known)

    def ended(self, gone: Collection[int]) -> None:
        """These are gone, which others have ended: so is who is on them, or comes back to one. Raises `Reject`."""
        self._known.difference_update(gone)
        new = self._used - self._known
        if new:
            gone = {*gone, *self._registry.ask(lambda connection: missing(connection, new), writes=False)}
            self._known |= new.difference(gone)
        self.end(gone, "This device was logged out. Log in again.")

    def of_account(self, account_id: int) -> list[Device]:
        """Raises `Reject`."""
        return self._registry.ask(device_store.of_account(account_id, self.oldest), writes=False)

    def note_use(self) -> None:
        """Those on which somebody is are not unused; what is too old goes. Raises `Reject`."""
        self._registry.ask(device_store.note_use(self._used, self.oldest))

    @property
    def _used(self) -> set[int]:
        """Those on which somebody is at the moment."""
        return {session.device_id for session in self._server.sessions.values() if session.device_id}
