"""Who is logged in to which account: shows that it is theirs, takes its name back, and goes out of it again."""

import itertools
import logging
from collections.abc import Iterable

import gevent

from greenchat import ChatServer, Member, Reject, Session, guest_name, host_of, network_of

from .passwords import Hashing, Tally
from .refusals import how_to_log_in, wrong
from .registry import Registry
from .settings import Settings
from .store import Account

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
        self._homes: dict[str, str] = {}  # the network from which one has logged in to each account last

    # --- in ---

    def verified(self, session: Session, key: str, password: str) -> Account:
        """The account `key`, if this is its password. Raises `Reject`, and counts how often."""
        network = network_of(host_of(session.address))
        counted = {f"address {network}": self._settings.failures_per_address}
        if self._homes.get(key) != network:  # else, whoever fails often enough could keep the owner out
            counted[f"account {key}"] = self._settings.failures_per_account
        with self._hashing.turn:
            if any(most and self._failures[who] >= most for who, most in counted.items()):
                raise Reject("Too many failed logins. Try again in a minute.", code="login_failed")
            account = self._registry.find(key)
            if self._hashing.is_right(password, account.hash if account else None) and account is not None:
                return account
            for who in counted:
                self._failures.add(who)
        # A name that nobody has may be a password in the wrong place.
        log.info("#%d from %s failed to log in%s", session.id, session.address, f" as {key}" if account else "")
        raise wrong()

    def log_in(self, session: Session, key: str, password: str) -> Account:
        """Let `session` be `key` from now on, and nobody else. Raises `Reject` unless this is the password."""
        account = self.verified(session, key, password)
        renewed = None
        if self._hashing.is_outdated(account.hash):
            with self._hashing.turn:
                renewed = self._hashing.hash(password)
        self._registry.note_login(key, account, renewed)
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
        self._homes[key] = network_of(host_of(session.address))
        session.log_in(key, account.id)
        self._expel([key])
        log.info("#%d is logged in as %s", session.id, key)

    # --- out ---

    def log_out(self, session: Session, text: str) -> None:
        """Let `session` be nobody, told by `text`, and without the name if that is somebody's."""
        account = session.account
        session.log_in("")
        session.info(text)
        log.info("#%d is logged out of %s", session.id, account)
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
                if session.account in self._registry.passwords_set:
                    again = how_to_log_in(session, session.account)
                    why = f"Whoever runs the server has changed your password. Log in again: {again}"
                self.log_out(session, why)
        # Not only those that have changed: nobody has a name of somebody else's for longer than this.
        self._expel(self._registry.passwords_set.keys() & self._server.chat.members.keys())

    def _expel(self, keys: Iterable[str]) -> None:
        """Have nobody be called by these registered names without being logged in to them."""
        for key in keys:
            member = self._server.chat.members.get(key)
            if member is not None and key in self._registry.passwords_set and member.outlet.account != key:
                self._make_guest(member)

    def _make_guest(self, member: Member) -> None:
        """Call `member` guest-N, the first that is free; where that is not allowed, say good-bye."""
        chat, session, name = self._server.chat, member.outlet, member.name
        assert isinstance(session, Session)
        for number in itertools.count(1):
            guest = guest_name(number)
            if guest in chat.members or guest in self._registry.passwords_set:
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
