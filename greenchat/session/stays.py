"""Who has lost their connection is still there for a while, and comes back with the token of their welcome.

Others are told of an absence after a while (`limits.absence_seconds`); nobody comes back after some time more
(`limits.resume_seconds`), nor where the stay was ended: by its own member, or by who has put them out.
"""

import time
from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

import gevent
import msgspec

from greenchat.chat.accounts import AccountDirectory
from greenchat.chat.chat import Chat
from greenchat.chat.presence import Kept
from greenchat.chat.reading import position
from greenchat.chat.room import Member
from greenchat.chat.tokens import TokenChain
from greenchat.config.schema import Config
from greenchat.errors import Reject
from greenchat.hooks.clock import Clock, Pauses
from greenchat.net.admission import Admission
from greenchat.protocol.address import host_of, network_of
from greenchat.session.stay import Resumable, Stay, elsewhere, encode_ignored, invalid, password_set, shows_few
from greenchat.storage.session_store import SessionStore

PREFIX = "gr_"

# How long to wait, again and again, for somebody who is leaving or coming back at this moment, in seconds.
MOMENT_SECONDS = 0.01

LOST = "connection lost"


class Host(Protocol):
    """What stays need of their server."""

    config: Config
    chat: Chat
    accounts: AccountDirectory

    def remembered(self, account_id: int) -> Kept: ...


class Stays:
    """All of a server. How long somebody is away goes by `clock`."""

    def __init__(self, host: Host, store: SessionStore, admission: Admission, clock: Clock) -> None:
        self._host = host
        self._store = store
        self._admission = admission
        self._clock, self._pauses = clock.monotonic, Pauses(clock)
        self._by_hash: dict[bytes, Stay] = {}
        self._kept: dict[Member, Kept] = {}  # those whose absence was told
        self._leaving: set[Member] = set()  # those whose absence is being told
        self._absent_guests: defaultdict[str, set[Stay]] = defaultdict(set)  # by network
        self._accounts: frozenset[int] = frozenset()  # those that there are
        self._is_over = False

    # --- the server's start and end ---

    def open(self) -> None:
        """Know those of before a restart: their clients may come back. May wait."""
        self._host.accounts.watch(self._accounts_changed)
        for number, data in self._store.stays():
            try:
                stay = Stay.restored(number, data)
            except msgspec.DecodeError:
                self._store.drop(number)
            else:
                self._register(stay)
                self._lose(stay)

    def close(self) -> None:
        """The server stops: all of them hold until it is there again."""
        self._is_over = True
        self._pauses.end()

    def _accounts_changed(self) -> None:
        """Of accounts that are gone nothing is kept; and whoever is connected has the password that there is now."""
        accounts = self._host.accounts
        before, self._accounts = self._accounts, frozenset(accounts.ids)
        if gone := before - self._accounts:
            self._store.forget(gone)
        for member in self._host.chat.members.values():
            for stay in member.stays if member.account_id else ():
                since = password_set(stay.login, accounts)
                if stay.session is not None and stay.password_set != since:
                    stay.password_set = since
                    self._store.keep(stay.id, partial(self._stored, stay))

    # --- a session comes and goes ---

    def begin(self, session: Resumable) -> str:
        """A place for a session that has come in, and the token for it."""
        member = session.member
        assert member is not None
        chain, token = TokenChain.begin(PREFIX)
        stay = Stay(chain, member.login)
        stay.device, stay.device_id = session.device, session.device_id
        self._take_place(stay, member, session)
        return token

    def lost(self, session: Resumable, reason: str) -> None:
        """The connection of `session` is gone, and nobody has wanted that. May wait."""
        stay, member = session.stay, session.member
        if stay is None or member is None or self._is_over or not self._host.chat.people.has(member):
            self.over(session, reason)
            return
        self._host.chat.detach(session, member)
        session.stay = stay.session = None
        stay.device, stay.device_id = session.device, session.device_id
        stay.only = session.only if member.rooms.keys() == {session.only} else ""
        stay.password_set = password_set(stay.login, self._host.accounts)
        stay.network = network_of(host_of(session.address))
        self._lose(stay)
        Stay.count_awaited(member)
        self.changed(member)
        for room in member.rooms:
            self.read(member, room)
        self._settle(member, reason, at_once=self._is_crowded(stay))

    def over(self, session: Resumable, reason: str) -> None:
        """`session` has ended, and does not come back. May wait."""
        stay, member = session.stay, session.member
        session.stay = None
        if stay is not None and not self._is_over:
            self._end(stay, or_leave=False)
        if member is not None:
            for room in member.rooms:
                self.came(member, room)  # when they were there last
            if len(member.sessions) > 1 or member.awaited:
                self._host.chat.detach(session, member)
            self._settle(member, reason, by=session)

    def came(self, member: Member, room: str) -> None:
        """Somebody is in `room`: their account will be again, until they leave it."""
        if account_id := self._account_of(member):
            self._store.came(account_id, room)
            self.read(member, room)
        for stay in member.stays:
            if stay.only != room:
                stay.only = ""
        self.changed(member)

    def read(self, member: Member, room: str) -> None:
        """How far somebody has read `room`, in which they are, is to be kept."""
        if account_id := self._account_of(member):
            self._store.read(account_id, room, position(member, member.rooms[room]))

    def left(self, member: Member, room: str) -> None:
        """Somebody has left `room`, or was put out."""
        if member.account_id:
            self._store.left(member.account_id, room)
        self.changed(member)

    def ignores(self, member: Member) -> None:
        """Whom somebody ignores has changed."""
        if member.account_id and not self._is_over:
            self._store.ignores(member.account_id, encode_ignored(member.ignored))
        self.changed(member)

    def end_devices(self, devices: Collection[int]) -> None:
        """Whoever is lost on one of these devices does not come back. May wait."""
        for stay in [*dict.fromkeys(self._by_hash.values())]:
            if stay.session is None and stay.device_id in devices:
                self._end(stay)

    def changed(self, member: Member) -> None:
        """What is kept of `member` is another: a name, a room, an account."""
        if not self._is_over:
            for stay in member.stays:
                self._store.keep(stay.id, partial(self._stored, stay))

    # --- come back ---

    def resume(self, session: Resumable, token: str) -> tuple[Member, str, Kept]:
        """Let `session` be who had this token: who that is, the next token, and the rooms to which they are still to
        come back. May wait. Raises `Reject`."""
        stay, token = self._found(session, token)
        if stay.session is not None:
            stay.only = stay.session.only
        stay.is_busy = True
        try:
            member, kept = self._back(session, stay)
            if stay.is_over or not self._holds(stay):  # somebody has ended it while it was asked who may come in
                self._host.chat.detach(session, member)
                self._settle(member, LOST)
                raise invalid()
        except Reject:
            stay.is_busy = False
            if stay.member is not None and stay.is_overdue:
                self._settle(stay.member, LOST)
            raise
        finally:
            stay.is_busy = False
        session.device, session.device_id = stay.device, stay.device_id
        self._take_place(stay, member, session)
        stay.kept = kept
        return member, token, kept

    def arrived(self, session: Resumable) -> None:
        """Who has come back is in their rooms by now, as far as they may."""
        if session.stay is not None:
            session.stay.kept = None
            if session.member is not None:
                self.changed(session.member)

    def _found(self, session: Resumable, token: str) -> tuple[Stay, str]:
        """The stay of this token, and the next token. Raises `Reject`."""
        network = network_of(host_of(session.address))
        self._admission.require_tries(network, self._host.config.limits)
        stay = self._by_hash.get(TokenChain.hash_of(token))
        if stay is not None and stay.session is not None and session.id < stay.session.id:
            raise elsewhere()  # it was given up by its client, and comes late
        if stay is not None and stay.login.account_id and not self._host.accounts.known:
            raise Reject("It is not known at the moment who has which account. Try again later.", code="try_later")
        fresh = stay.chain.use(token, time.time_ns() // 1000) if stay is not None else None
        if stay is None or fresh is None or not self._holds(stay):
            self._admission.wrong_token(network)
            raise invalid()
        if stay.is_busy:
            raise Reject("You are coming back on another connection at this moment.", code="try_later")
        self._register(stay)
        return stay, fresh

    def _holds(self, stay: Stay) -> bool:
        """Whether nobody has ended it meanwhile: put them out, changed the password, or removed the account."""
        member, accounts = stay.member, self._host.accounts
        gone = member is not None and not self._host.chat.people.has(member) and member not in self._kept
        account_id = stay.login.account_id
        void = bool(account_id) and accounts.by_id(account_id) is None
        if stay.session is None:
            void = void or password_set(stay.login, accounts) != stay.password_set
        if gone or void:
            self._end(stay)
        return not gone and not void

    def _back(self, session: Resumable, stay: Stay) -> tuple[Member, Kept]:
        """Who comes back, and to which rooms. Nothing waits once they are here: whoever is ended meanwhile must be
        somebody's session by then, to leave."""
        chat, member = self._host.chat, stay.member
        while member is not None and member in self._leaving:
            gevent.sleep(MOMENT_SECONDS)
        if stay.login.account_id != session.login.account_id:
            session.log_in(stay.login.account, stay.login.account_id)
        rooms = Kept({})
        if shows_few(chat.people.of_account(stay.login.account_id)):
            rooms = Kept(self._host.remembered(stay.login.account_id).rooms)
        there = member if member is not None and chat.people.has(member) else None
        there = there or chat.people.of_account(stay.login.account_id)
        if there is not None:
            chat.attach(session, there)
            before = stay.session
            if before is not None and before is not session:
                before.stay = None
                chat.detach(before, there)
                before.end(elsewhere())
            # Of an account, it is known what it has not left; a guest may have been lost before they were in all rooms.
            return there, rooms if there.account_id or stay.kept is None else stay.kept
        account_id = stay.login.account_id
        of_account = self._host.remembered(account_id)
        kept = stay.kept if member is None else self._kept.get(member)
        if kept is None:
            self._end(stay)
            raise invalid()
        if account_id:  # other devices may have left rooms since, or ignored somebody
            kept = Kept(of_account.rooms, away=kept.away, ignored=of_account.ignored, reads=of_account.reads)
        there = chat.come_back(session, member or Member(stay.name, "", session.login), kept)
        if there is member:
            self._kept.pop(member, None)
        return there, kept

    def _take_place(self, stay: Stay, member: Member, session: Resumable) -> None:
        self._is_here(stay)
        if stay.member is not None and stay.member is not member:  # who came by another device meanwhile
            self._leave_place(stay, stay.member)
        stay.belongs_to(member, session)
        stay.password_set = password_set(stay.login, self._host.accounts)
        if stay not in member.stays:
            member.stays += (stay,)
        self._register(stay)
        Stay.count_awaited(member)
        self.changed(member)

    # --- absence ---

    def _lose(self, stay: Stay) -> None:
        stay.lost_at, stay.is_overdue = self._clock(), False
        gevent.spawn(self._await, stay, stay.lost_at)

    def _await(self, stay: Stay, lost_at: float) -> None:
        """Wait whether somebody comes back, in a greenlet of its own."""
        limits = self._host.config.limits
        absence = min(limits.absence_seconds, limits.resume_seconds)
        self._wait_until(lost_at + absence, stay)
        if stay.lost_at == lost_at and stay.member is not None and not self._is_over:
            stay.is_overdue = True
            self._settle(stay.member, LOST)
        self._wait_until(lost_at + limits.resume_seconds, stay)
        if stay.lost_at == lost_at and not self._is_over:
            self._end(stay)

    def _wait_until(self, moment: float, stay: Stay) -> None:
        """... of the clock that never goes back, and until nobody comes back to `stay` at this moment."""
        self._pauses.wait(moment - self._clock())
        while stay.is_busy:
            gevent.sleep(MOMENT_SECONDS)

    def _settle(self, member: Member, reason: str, *, at_once: bool = False, by: Resumable | None = None) -> None:
        """Have `member` leave who has no session but `by`; unless one of those that are lost is to come back before
        anybody is told."""
        chat = self._host.chat
        if any(session is not by for session in member.sessions) or not chat.people.has(member):
            return
        if any(stay.is_busy for stay in member.stays):
            return  # somebody comes back at this moment, or has this asked again
        lost = [stay for stay in member.stays if stay.lost_at is not None]
        if not lost or self._is_over:
            chat.leave(member, reason, breathe=True)
        elif at_once or all(stay.is_overdue for stay in lost):
            self._leaving.add(member)
            try:
                kept = self._kept[member] = chat.withdraw(member, reason)
                for stay in lost:  # who was lost once more before they were back in all rooms
                    kept.rooms = (stay.kept.rooms if stay.kept is not None else {}) | kept.rooms
            finally:
                self._leaving.discard(member)
            self.changed(member)

    def _is_crowded(self, stay: Stay) -> bool:
        """Whether as many guests of its address are absent, and hold their names, as may be."""
        most = self._host.config.limits.absent_per_address
        if stay.login.account_id or not most or not stay.network:
            return False
        absent = self._absent_guests[stay.network]
        people = self._host.chat.people
        absent.intersection_update([one for one in absent if one.lost_at and one.member and people.has(one.member)])
        absent.add(stay)
        return len(absent) > most

    def _end(self, stay: Stay, *, or_leave: bool = True) -> None:
        """From now on it has no token, and nobody comes back to it. Whoever has no other place in the chat is gone."""
        stay.is_over = True
        self._unregister(stay)
        self._is_here(stay)
        self._store.drop(stay.id)
        member = stay.member
        if member is not None:
            self._leave_place(stay, member)
            if or_leave and not member.stays and not member.sessions:
                self._host.chat.leave(member, LOST)

    def _is_here(self, stay: Stay) -> None:
        """It is not one of the absent any more."""
        absent = self._absent_guests.get(stay.network, set())
        absent.discard(stay)
        if not absent:
            self._absent_guests.pop(stay.network, None)

    def _leave_place(self, stay: Stay, member: Member) -> None:
        member.stays = tuple(one for one in member.stays if one is not stay)
        Stay.count_awaited(member)
        if not member.stays and self._kept.pop(member, None) is not None:
            self._host.chat.forget(member)

    # --- what is known of one ---

    @property
    def absent(self) -> list[Member]:
        found = dict.fromkeys(stay.member for stay in self._by_hash.values() if stay.member is not None)
        return [member for member in found if not self._host.chat.people.has(member)]

    def _account_of(self, member: Member) -> int:
        """The account for which something is kept; 0 for none, and for one that is gone."""
        accounts = self._host.accounts
        return 0 if accounts.known and accounts.by_id(member.account_id) is None else member.account_id

    def _register(self, stay: Stay) -> None:
        """Find it by all tokens that are good, and by no others."""
        self._unregister(stay)
        stay.known = stay.chain.hashes
        for known in stay.known:
            self._by_hash[known] = stay

    def _unregister(self, stay: Stay) -> None:
        for known in stay.known:
            self._by_hash.pop(known, None)

    def _stored(self, stay: Stay) -> bytes:
        member, coming = stay.member, stay.kept or Kept({})
        kept = coming if member is None else self._kept.get(member)
        if kept is None and member is not None:
            rooms = coming.rooms | dict.fromkeys(member.rooms, datetime.now(UTC))
            kept = Kept(rooms, away=member.away, ignored=member.ignored)
        return stay.stored(kept or coming)
