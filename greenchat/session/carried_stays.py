"""The places to which people may come back, and what flood control and admission have counted, in plain data for the
process that takes this one's place. All moments are of this machine's clock that never goes back: it goes on there.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import gevent
from msgspec import Struct

from greenchat.chat.carried import CarriedPerson, NotAtRestError, carry_ignored, restore_ignored
from greenchat.chat.carried_logs import NOBODY
from greenchat.chat.outlet import Login
from greenchat.chat.presence import Kept
from greenchat.chat.room import Member, Room
from greenchat.chat.tokens import Stored as StoredChain
from greenchat.chat.tokens import TokenChain
from greenchat.hooks.token_bucket import TokenBucket
from greenchat.protocol.address import host_of, network_of
from greenchat.session.stay import Resumable, Stay
from greenchat.session.stays import LOST, Stays


class CarriedKept(Struct, array_like=True, gc=False):
    """As `Kept`; `owned` are the names of rooms that are still there."""

    rooms: dict[str, datetime]
    owned: list[str]
    away: str
    ignored: list[CarriedPerson] | None
    reads: dict[str, int]


class CarriedStay(Struct, array_like=True, gc=False):
    """As `Stay`. `member` is a number, and `session` the id of one, 0 where that is lost. `login` is the key, the id
    and the role of an account; None for what its member has."""

    id: bytes
    chain: StoredChain
    member: int
    session: int
    login: tuple[str, int, str] | None
    lost_at: float | None
    is_overdue: bool
    network: str
    only: str
    password_set: int
    device: str
    device_id: int
    name: str
    kept: CarriedKept | None


class CarriedStays(Struct, array_like=True, gc=False):
    """`withdrawn` are those whose absence was told, and `allowances` what flood control lets members send, both by
    their numbers. Of the window of admission: since when, and how many have tried to connect, to guess the pass phrase,
    to come back, by their networks. No token can be made of this."""

    stays: list[CarriedStay]
    withdrawn: dict[int, CarriedKept]
    allowances: dict[int, tuple[float, float]]
    window: float
    tries: dict[str, int]
    failures: dict[str, int]
    wrong_tokens: dict[str, int]


class Found:
    """The stays that were carried over whose sessions are not there yet: by the ids of those."""

    def __init__(self, stays: Stays, members: Sequence[Member], by_session: dict[int, Stay]) -> None:
        self._stays = stays
        self._members = members
        self._by_session = by_session

    def give(self, session: Resumable) -> None:
        """`session` is there again, and has its place, if it had one."""
        stay = self._by_session.pop(session.id, None)
        if stay is not None:
            stay.session, session.stay = session, stay

    def end(self) -> None:
        """All sessions are there that could be carried over. The others are lost; and who has none, and is not
        awaited, leaves. May wait."""
        stays, host = self._stays, self._stays._host
        lost, self._by_session = self._by_session, {}
        for stay in lost.values():
            stays._lose(stay)
            if stay.member is not None:
                stay.count_awaited(stay.member)
                stays.changed(stay.member)
        for member in self._members:
            if host.chat.people.has(member) and not member.sessions:
                stays._settle(member, LOST)
        host.accounts.watch(stays._accounts_changed)
        talks = host.chat.conversations  # an account may have been removed meanwhile
        talks.accounts_gone([end for end in list(talks._of) if isinstance(end, int) and talks.is_gone(end)])


def carry_stays(stays: Stays, index: Mapping[Member, int]) -> CarriedStays:
    """`index` is as `carried.carry` returns it. Raises `NotAtRestError`."""
    found = dict.fromkeys([stay for member in index for stay in member.stays] + list(stays._by_hash.values()))
    if stays._leaving or any(stay.is_busy for stay in found):
        raise NotAtRestError("Somebody is leaving or coming back at this moment. Let the event loop turn first.")
    rooms, admission = stays._host.chat.rooms, stays._admission
    return CarriedStays(
        [_carry_stay(stay, index, rooms) for stay in found],
        {index[member]: _carry_kept(kept, index, rooms) for member, kept in stays._kept.items()},
        {index[member]: member.allowance.stored for member in index if member.allowance is not None},
        admission._window,
        dict(admission._tries),
        dict(admission._failures),
        dict(admission._wrong_tokens),
    )


def restore_stays(stays: Stays, carried: CarriedStays, members: Sequence[Member]) -> Found:
    """Have `stays` be as those were; `members` are as `carried.restore` returns them. It is in the place of
    `Stays.open`: nothing is read. The sessions are to be given their places, and then it has to `end`."""
    rooms = stays._host.chat.rooms
    by_session: dict[int, Stay] = {}
    for number, kept in carried.withdrawn.items():
        stays._kept[members[number]] = _restored_kept(kept, members, rooms)
    for one in carried.stays:
        stay = _restored_stay(one, members, rooms)
        stays._register(stay)
        if one.session:
            by_session[one.session] = stay
        elif one.lost_at is not None:
            gevent.spawn(stays._await, stay, stay.lost_at)
            if stay.network and not stay.login.account_id:
                stays._absent_guests[stay.network].add(stay)
    for number, stored in carried.allowances.items():
        members[number].allowance = TokenBucket.restored(stored)
    for member in members:
        Stay.count_awaited(member)
    admission = stays._admission
    admission._window = carried.window
    for counted, counts in (
        (admission._tries, carried.tries),
        (admission._failures, carried.failures),
        (admission._wrong_tokens, carried.wrong_tokens),
    ):
        counted.update(counts)
    return Found(stays, members, by_session)


def _carry_stay(stay: Stay, index: Mapping[Member, int], rooms: Mapping[str, Room]) -> CarriedStay:
    member, login, session, network, only = stay.member, stay.login, stay.session, stay.network, stay.only
    if session is not None:  # it may be lost on the way
        network = network_of(host_of(session.address))
        only = session.only if member is not None and member.rooms.keys() == {session.only} else ""
    device = session or stay
    return CarriedStay(
        stay.id,
        stay.chain.stored,
        index[member] if member is not None else NOBODY,
        session.id if session is not None else 0,
        None if member is not None and member.login is login else (login.account, login.account_id, login.role),
        stay.lost_at,
        stay.is_overdue,
        network,
        only,
        stay.password_set,
        device.device,
        device.device_id,
        stay.name,
        _carry_kept(stay.kept, index, rooms) if stay.kept is not None else None,
    )


def _restored_stay(one: CarriedStay, members: Sequence[Member], rooms: Mapping[str, Room]) -> Stay:
    member = members[one.member] if one.member != NOBODY else None
    if one.login is not None:
        login = Login(*one.login)
    else:
        assert member is not None
        login = member.login
    stay = Stay(TokenChain.restore(one.chain), login)
    stay.id, stay.member, stay.lost_at, stay.is_overdue = one.id, member, one.lost_at, one.is_overdue
    stay.network, stay.only, stay.password_set = one.network, one.only, one.password_set
    stay.device, stay.device_id, stay.name = one.device, one.device_id, one.name
    stay.kept = _restored_kept(one.kept, members, rooms) if one.kept is not None else None
    stay.is_new = False  # its keys are read again
    if member is not None:
        member.stays += (stay,)
    return stay


def _carry_kept(kept: Kept, index: Mapping[Member, int], rooms: Mapping[str, Room]) -> CarriedKept:
    owned = [room.name for room in kept.owned if rooms.get(room.name) is room]
    return CarriedKept(kept.rooms, owned, kept.away, carry_ignored(kept.ignored, index), kept.reads)


def _restored_kept(one: CarriedKept, members: Sequence[Member], rooms: Mapping[str, Room]) -> Kept:
    owned = [rooms[name] for name in one.owned if name in rooms]
    return Kept(one.rooms, owned, one.away, restore_ignored(one.ignored, members), one.reads)
