"""Who is logged in to which account: shows that it is theirs, takes its name back, and goes out of it again."""

import itertools
import logging
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

import gevent

from greenchat import ChatServer, Member, Reject, Session, guest_name, host_of, network_of

from .devices import Devices, put_out
from .passwords import FAILURE_SECONDS, Hashing, Tally
from .refusals import wrong
from .registry import Registry
from .settings import Settings
from .store import Account, home_of

log = logging.getLogger("greenchat.accounts")

# How often it is looked whether somebody else, such as the command line, has changed an account, in seconds: soon
# enough for who has just done so, and seldom enough to cost nothing.
LOOK_SECONDS = 1.0

# How often it is noted who is logged in on a device without coming and going, in seconds: a device goes by days.
NOTE_SECONDS = 3600.0


class Logins:
    """The sessions of one server and their accounts."""

    def __init__(
        self, server: ChatServer, settings: Settings, registry: Registry, hashing: Hashing, devices: Devices
    ) -> None:
        self._server = server
        self._devices = devices
        self._settings = settings
        self._registry = registry
        self._hashing = hashing
        self.failures = Tally(FAILURE_SECONDS)
        self._waiting: Counter[str] = Counter()  # to be looked at, by account, from elsewhere than its home
        self._arriving: dict[int, str] = {}  # by session: whose it is, as is known for sure, but not told everywhere

    # --- in ---

    def verified(self, session: Session, key: str, password: str) -> Account:
        """The account `key`, if this is its password. Raises `Reject`, and counts how often."""
        network = network_of(host_of(session.address))
        counted = {f"address {network}": self._settings.failures_per_address}
        is_home = self._is_home(session, key)
        if not is_home:  # else, whoever fails often enough could keep the owner out
            counted[f"account {key}"] = self._settings.failures_per_account
        with self._one_of_few(key, is_home=is_home), self._hashing.turn(session, key):
            if any(most and self.failures[who] >= most for who, most in counted.items()):
                raise Reject("Too many failed logins. Try again in a minute.", code="login_failed")
            account = self._registry.find(key)
            if self._hashing.is_right(password, account.hash if account else None) and account is not None:
                return account
            for who in counted:
                self.failures.add(who)
        # A name that nobody has may be a password in the wrong place.
        who = f" as {key}" if account else ""
        log.info("#%d from %s failed to log in%s", session.id, session.address, who, extra=session.fields)
        raise wrong()

    def log_in(self, session: Session, key: str, password: str) -> Account:
        """Let `session` be `key` from now on. Raises `Reject` unless this is the password."""
        account = self.verified(session, key, password)
        renewed = None
        if self._hashing.is_outdated(account.hash):
            with self._hashing.turn(session, key):
                renewed = self._hashing.hash(password)
        self._registry.note_login(key, account, renewed, home(session, account.id))
        self.welcome(session, key, account.id)
        return account

    def come_back(self, session: Session, token: str) -> None:
        """Let `session` be whose device it is. Raises `Reject` unless the token is good."""
        device, fresh = self._devices.come_back(session, token)
        self.welcome(session, device.key, device.account_id)
        self._devices.set_device(session, device, fresh)

    def welcome(self, session: Session, key: str, account_id: int) -> None:
        """`session` is `key`, as is known for sure."""
        if session.account_id != account_id:  # on the device of another account it is not any more
            for one in session.member.sessions if session.member is not None else [session]:
                one.device, one.device_id, one.device_token = "", 0, ""
        self._arriving[session.id] = key
        try:
            session.log_in(key, account_id)
        finally:
            del self._arriving[session.id]
        self._expel([key])
        log.info("#%d is logged in as %s", session.id, key, extra=session.fields)

    def _is_home(self, session: Session, key: str) -> bool:
        """Whether `session` comes from where the account was logged in to last."""
        account, known = self._server.accounts.find(key), self._registry.registered.get(key)
        return account is not None and known is not None and known.home == home(session, account.id)

    @contextmanager
    def _one_of_few(self, key: str, *, is_home: bool) -> Iterator[None]:
        """Whoever has many machines try one account at a time has them refused, not queued before others."""
        most = self._settings.failures_per_account
        if is_home or not most:
            yield
            return
        if self._waiting[key] >= most:
            raise Reject("Too many logins at once. Try again in a minute.", code="login_failed")
        self._waiting[key] += 1
        try:
            yield
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]

    # --- out ---

    def log_out(self, session: Session, text: str) -> None:
        """Let `session` be nobody, told by `text`, and without the name if that is somebody's."""
        account = session.account
        session.device, session.device_id = "", 0
        session.log_in("")
        session.info(text)
        log.info("#%d is logged out of %s", session.id, account, extra=session.fields)
        self._expel([account])

    def leave_device(self, session: Session) -> None:
        """Nobody is logged in on the device of `session` any more, but for itself. Raises `Reject`."""
        device = session.device_id
        if device:
            self._devices.remove(session.account_id, [device])
            session.device, session.device_id = "", 0
            self._devices.end([device], "You are logged out on this device.")

    def end(self, session: Session, text: str) -> None:
        """End `session`, told by `text`; on its device nobody is logged in any more. Raises `Reject` where that cannot
        be: nothing happens then."""
        self.leave_device(session)
        if session.codec.many_rooms or session.call is None:
            put_out(session, text)
        else:
            # By an error, a program knows that it must not come back by itself. People have done nothing wrong.
            log.info("#%d is logged out", session.id, extra=session.fields)
            session.info(text)
            session.close("logged out")

    def end_all(self, keys: Collection[str], text: str, besides: Session | None = None) -> None:
        """End all sessions that are logged in to these accounts, told by `text`, but for one. What they stay logged in
        by is void already."""
        for session in list(self._server.sessions.values()):
            if session.account in keys and session is not besides:
                put_out(session, text)
        if besides is not None:
            besides.device, besides.device_id = "", 0

    def look_again_and_again(self) -> None:
        """Have what another process changes take effect: for a greenlet of its own, which somebody kills."""
        noted = float("-inf")
        while True:
            gevent.sleep(LOOK_SECONDS)
            try:
                self._look()
                if time.monotonic() - noted >= NOTE_SECONDS:
                    noted = time.monotonic()
                    self._devices.note_use()
            except Reject:
                pass  # the file cannot be used, as the log says
            except Exception:
                log.exception("accounts: it was looked in vain for what another process has changed")

    def _look(self) -> None:
        changed, devices = self._registry.look(self._devices.watched)
        self.end_changed(changed)
        # Not only those that have changed: nobody has a name of somebody else's for longer than this.
        self._expel(self._registry.registered.keys() & self._server.chat.members.keys())
        self._devices.ended(devices)

    def end_changed(self, keys: Iterable[str]) -> None:
        """End all sessions of these accounts, which another process has removed, or given another password."""
        for key in keys:
            why = "Whoever runs the server has removed your account."
            if key in self._registry.registered:
                why = "Whoever runs the server has changed your password. Log in again with the new one."
            self.end_all([key], why)

    def _expel(self, keys: Iterable[str]) -> None:
        """Have nobody be called by these registered names without being logged in to them."""
        for key in keys:
            member = self._server.chat.members.get(key)
            if member is None or key not in self._registry.registered or member.account == key:
                continue
            if not any(self._arriving.get(session.id) == key for session in self._sessions_of(member)):
                self._make_guest(member)

    def _make_guest(self, member: Member) -> None:
        """Call `member` guest-N, the first that is free; where that is not allowed, say good-bye."""
        chat, name = self._server.chat, member.name
        if not member.sessions:  # they have lost their connection
            chat.leave(member, f"{name} is somebody else's")
            return
        for number in itertools.count(1):
            guest = guest_name(number)
            if guest in chat.members or guest in self._registry.registered:
                continue
            try:
                chat.rename(member, guest)
            except Reject as verdict:
                if verdict.code == "name_taken":  # just now
                    continue
                text = f"{name} is for who is logged in to it, and you cannot be {guest}: {verdict.text}"
                sessions = self._sessions_of(member)
                chat.leave(member, f"{name} is somebody else's")
                for session in sessions:
                    session.refuse(Reject(text, code="name_reserved"))
                    session.close(f"{name} is somebody else's")
            else:
                for session in self._sessions_of(member):
                    session.info(f"You are called {guest} now: {name} is for who is logged in to it.")
            return

    def _sessions_of(self, member: Member) -> list[Session]:
        return [session for session in self._server.sessions.values() if session.member is member]


def home(session: Session, account_id: int) -> int:
    """Where `session` comes from, as it is kept of an account."""
    return home_of(account_id, network_of(host_of(session.address)))
