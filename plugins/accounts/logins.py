"""Who is logged in to which account: shows that it is theirs, takes its name back, and goes out of it again."""

import itertools
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import gevent

from greenchat import ChatServer, Member, Reject, Session, guest_name, host_of, network_of

from .passwords import Hashing, Tally
from .refusals import how_to_log_in, wrong
from .registry import Registry
from .settings import Settings
from .store import Account, home_of

log = logging.getLogger("greenchat.accounts")

# Over how long failed logins are counted, in seconds.
FAILURE_SECONDS = 60.0

# How often it is looked whether somebody else, such as the command line, has changed an account, in seconds: soon
# enough for who has just done so, and seldom enough to cost nothing.
LOOK_SECONDS = 1.0

# Why one leaves whose place another connection of the same account takes.
ELSEWHERE = "logged in from elsewhere"


class Logins:
    """The sessions of one server and their accounts."""

    def __init__(self, server: ChatServer, settings: Settings, registry: Registry, hashing: Hashing) -> None:
        self._server = server
        self._settings = settings
        self._registry = registry
        self._hashing = hashing
        self._failures = Tally(FAILURE_SECONDS)
        self._waiting: Counter[str] = Counter()  # to be looked at, by account, from elsewhere than its home

    # --- in ---

    def verified(self, session: Session, key: str, password: str) -> Account:
        """The account `key`, if this is its password. Raises `Reject`, and counts how often."""
        network = network_of(host_of(session.address))
        counted = {f"address {network}": self._settings.failures_per_address}
        is_home = self._is_home(session, key)
        if not is_home:  # else, whoever fails often enough could keep the owner out
            counted[f"account {key}"] = self._settings.failures_per_account
        with self._one_of_few(key, is_home=is_home), self._hashing.turn(session, key):
            if any(most and self._failures[who] >= most for who, most in counted.items()):
                raise Reject("Too many failed logins. Try again in a minute.", code="login_failed")
            account = self._registry.find(key)
            if self._hashing.is_right(password, account.hash if account else None) and account is not None:
                return account
            for who in counted:
                self._failures.add(who)
        # A name that nobody has may be a password in the wrong place.
        who = f" as {key}" if account else ""
        log.info("#%d from %s failed to log in%s", session.id, session.address, who, extra=session.fields)
        raise wrong()

    def log_in(self, session: Session, key: str, password: str) -> Account:
        """Let `session` be `key` from now on, and nobody else. Raises `Reject` unless this is the password."""
        account = self.verified(session, key, password)
        renewed = None
        if self._hashing.is_outdated(account.hash):
            with self._hashing.turn(session, key):
                renewed = self._hashing.hash(password)
        self._registry.note_login(key, account, renewed, home(session, account.id))
        for other in list(self._server.sessions.values()):
            if other.account == key and other is not session:
                if other.member is not None:
                    self._server.chat.leave(other.member, ELSEWHERE)
                # An error, not a notice: by its code a program knows that it must not come back to take the name again.
                other.refuse(Reject("You have logged in from elsewhere.", code="logged_in_elsewhere"))
                other.close(ELSEWHERE)
        self.welcome(session, key, account)
        return account

    def welcome(self, session: Session, key: str, account: Account) -> None:
        """`session` is `key`, as is known for sure."""
        session.log_in(key, account.id)
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
        session.log_in("")
        session.info(text)
        log.info("#%d is logged out of %s", session.id, account, extra=session.fields)
        self._expel([account])

    def look_again_and_again(self) -> None:
        """Have what another process changes take effect: for a greenlet of its own, which somebody kills."""
        while True:
            gevent.sleep(LOOK_SECONDS)
            try:
                self._look()
            except Exception:
                log.exception("accounts: it was looked in vain for what another process has changed")

    def _look(self) -> None:
        changed = self._registry.look()
        for session in list(self._server.sessions.values()) if changed else ():
            if session.account in changed:
                why = "Whoever runs the server has removed your account."
                if session.account in self._registry.registered:
                    again = how_to_log_in(session, session.account)
                    why = f"Whoever runs the server has changed your password. Log in again: {again}"
                self.log_out(session, why)
        # Not only those that have changed: nobody has a name of somebody else's for longer than this.
        self._expel(self._registry.registered.keys() & self._server.chat.members.keys())

    def _expel(self, keys: Iterable[str]) -> None:
        """Have nobody be called by these registered names without being logged in to them."""
        for key in keys:
            member = self._server.chat.members.get(key)
            if member is not None and key in self._registry.registered and member.account != key:
                self._make_guest(member)

    def _make_guest(self, member: Member) -> None:
        """Call `member` guest-N, the first that is free; where that is not allowed, say good-bye."""
        chat, session, name = self._server.chat, next(iter(member.sessions), None), member.name
        if not isinstance(session, Session):
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
                chat.leave(member, f"{name} is somebody else's")
                text = f"{name} is for who is logged in to it, and you cannot be {guest}: {verdict.text}"
                session.refuse(Reject(text, code="name_reserved"))
                session.close(f"{name} is somebody else's")
            else:
                session.info(f"You are called {guest} now: {name} is for who is logged in to it.")
            return


def home(session: Session, account_id: int) -> int:
    """Where `session` comes from, as it is kept of an account."""
    return home_of(account_id, network_of(host_of(session.address)))
