"""The commands of those who keep order: operators in the whole chat, and who has made a room in that room."""

import time
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from greenchat import (
    Call,
    Duration,
    Member,
    Meta,
    ModerationAction,
    Notice,
    Reject,
    Rest,
    Session,
    in_units,
    printable,
)

from .answers import Audit, BanList
from .enforcement import in_room
from .records import add_operator, lift, lift_network, put, remove_operator, set_slow
from .rules import A_PLUGIN, Mark, Operator, Sanction, Slow
from .steps import By, Steps, sanction_of
from .terms import (
    Network,
    address_of,
    because,
    network_in,
    reason,
    seconds_between,
    seconds_in,
    written,
)

# How long a mute is where nobody says: long enough to calm down.
MUTE_SECONDS = 600

# Bans and mutes that the owner of a room may have ordered at one time; what operators order is not limited.
MOST_OF_AN_OWNER = 500

# Acts that /audit tells: a screen of them by default, and at most as many lines as other answers have.
ACTS_TOLD = 20
MOST_ACTS_TOLD = 200


def is_operator(session: Session) -> bool:
    return session.role == "operator"


def keeps_order(session: Session) -> bool:
    """Whether `session` may keep order in the room that it is in."""
    return is_operator(session) or (session.member is not None and session.member.room.owned_by(session.member))


class Orders(Steps):
    """What is ordered is on the disk, and done, before it is confirmed. Each raises `Reject` where it may not be."""

    # --- operators ---

    def op(self, call: Call, user: str) -> str:
        session = call.session
        key, found = self.named(user)
        target = found or self._logged_in(key)
        if target is None:
            raise Reject(
                f"{printable(user)} is not here. On the server's shell: greenchat operators add NAME",
                "unknown_user",
            )
        self._require_other(session, key, target)
        account_id = target.account_id
        if not account_id:
            raise Reject(f"{target.name} is not logged in. /register makes the name theirs.", code="not_logged_in")
        operator = Operator(account_id, target.name_on_record, time.time(), session.name_on_record())
        if not self.do(_by(session), "op", operator.name, "", "", lambda file: add_operator(file, operator)):
            raise Reject(f"{operator.name} is an operator already.", code="already_operator")
        return f"{operator.name} is an operator from now on."

    def deop(self, call: Call, user: str) -> str:
        session = call.session
        key, found = self.named(user)
        self._require_other(session, key, found)
        operator = self._operator(key, found)
        nothing = Reject(f"{printable(user)} is no operator.", code="not_operator")
        if operator is None:
            raise nothing
        name = self._server.accounts.name_of(operator.account) or operator.name
        if not self.do(_by(session), "deop", name, "", "", lambda file: remove_operator(file, operator.account)):
            raise nothing
        return f"{name} is no operator any more."

    def _operator(self, key: str, found: Member | None) -> Operator | None:
        """The operator whose account has the name with this key, who is called so, or whose account of it is gone."""
        operators, accounts = self._records.rules.operators, self._server.accounts
        account = accounts.find(key)
        for account_id in (account.id if account else 0, found.account_id if found else 0):
            if account_id in operators:
                return operators[account_id]
        gone = (one for one in operators.values() if not accounts.name_of(one.account))
        return next((one for one in gone if self.named(one.name)[0] == key), None)

    # --- out of a room, or of the chat ---

    def kick(self, call: Call, user: Member, why: Rest = "") -> None:
        session, member = call.session, call.member
        target, room = self._may_act_on(session, user), member.room
        if room.name not in target.rooms:
            raise Reject(f"{target.name} is not in {room.name}.", code="not_in_room")
        why = self._sayable(session, reason(why), room.name)
        # Asking that may have taken its time.
        self._may_act_on(session, self._server.chat.find(target.name))
        self._server.chat.audit(session.name_on_record(), "kick", target.name, room.name, why)
        verdict = Reject(f"You were put out of {room.name} by {member.name}{because(why)}", code="kicked")
        notice = f"{target.name} was put out by {member.name}{because(why)}"
        told = Notice(notice, room.name, None, "kick", member.name, target.name, why)
        self._enforcement.put_out(target, room, verdict, told, why)

    def ban(self, call: Call, user: str, duration: Duration | None = None, why: Rest = "") -> None:
        session, seconds = call.session, seconds_in(duration, why)
        why = reason(why)
        network = network_in(user) if not self._is_among(user, self._server.chat.members) else None
        if network is None:
            self._ban_user(session, *self.named(user), seconds, why)
        elif is_operator(session):
            self._ban_network(session, network, seconds, why)
        else:
            raise Reject("Only operators ban addresses. Ban somebody by name.", code="not_allowed")

    def _ban_network(self, session: Session, network: Network, seconds: int | None, why: str) -> None:
        for other in (session, *filter(is_operator, self._server.sessions.values())):
            address = address_of(other.address)
            if address is None or address not in network:
                continue
            if other is session:
                raise Reject(f"{written(network)} holds your own address, {address}.", code="own_address")
            raise Reject(f"{other.name} is an operator, and comes from there. /deop {other.name} first.", "operator")
        why = self._sayable(session, why, "")
        ban = sanction_of(_by(session), "network", written(network), "", "", "", seconds, why)
        self.do(_by(session), "ban", ban.what, "", ban.details, lambda file: put(file, "bans", [ban]))
        session.info(f"{ban.what} is banned from the chat {ban.terms(ban.since)}")

    def _ban_user(self, session: Session, key: str, found: Member | None, seconds: int | None, why: str) -> None:
        self._require_other(session, key, found)
        self.require_no_operator(key, found)
        self._require_space(session)
        room, name = _scope(session), found.name if found is not None else key
        why = self._sayable(session, why, room)
        networks, left_out = self.networks_of(found, session) if found is not None and not room else ([], [])
        bans = self.sanctions(_by(session), key, found, room, seconds, why)
        whom = bans[0].whom
        bans += [sanction_of(_by(session), "network", network, "", room, whom, seconds, why) for network in networks]
        details = f"with {', '.join(networks)}, {bans[0].details}" if networks else bans[0].details
        self.do(_by(session), "ban", name, room, details, lambda file: put(file, "bans", bans))
        absent = "; nobody is called so at the moment" if found is None else ""
        session.info(f"{name} is banned from {room or 'the chat'} {bans[0].terms(bans[0].since)}{absent}")
        for line in left_out:
            session.info(line)

    def unban(self, call: Call, user: str) -> None:
        session, rules = call.session, self._records.rules
        nothing = Reject(f"{printable(user)} is not banned.", code="not_banned")
        network = network_in(user) if is_operator(session) and not self._is_among(user, rules.names) else None
        if network is None:
            self._lift(session, "bans", user, "unban", nothing)
            return
        what = written(network)
        if not self.do(_by(session), "unban", what, "", "", lambda file: lift_network(file, what)):
            wider = rules.ban_of_address(network.network_address, time.time())
            if wider is None:
                raise nothing
            raise Reject(f"{what} is banned as a part of {wider.what}. /unban {wider.what}", code="not_banned")
        session.info(f"{what} is not banned any more.")

    # --- mutes and slow rooms ---

    def mute(self, call: Call, user: Member, duration: Duration | None = None, why: Rest = "") -> None:
        session, seconds = call.session, seconds_in(duration, why)
        target, room = self._may_act_on(session, user), _scope(session)
        if room and room not in target.rooms:
            raise Reject(f"{target.name} is not in {room}.", code="not_in_room")
        self._require_space(session)
        why = self._sayable(session, reason(why), room)
        mutes = self.sanctions(_by(session), target.key, target, room, seconds or MUTE_SECONDS, why)
        terms = mutes[0].terms(mutes[0].since)
        self.do(
            _by(session),
            "mute",
            target.name,
            room,
            mutes[0].details,
            lambda file: put(file, "mutes", mutes),
        )
        session.info(f"{target.name} is muted{in_room(room)} {terms}")
        target.info(f"{session.name} has muted you{in_room(room)} {terms}")

    def unmute(self, call: Call, user: str) -> None:
        self._lift(call.session, "mutes", user, "unmute", Reject(f"{printable(user)} is not muted.", "not_muted"))

    def slow(self, call: Call, room: str, seconds: str) -> None:
        session, member, chat = call.session, call.member, self._server.chat
        key = chat.room_name(room)
        there = chat.rooms.get(key)
        if not is_operator(session) and (there is None or not there.owned_by(member)):
            raise Reject(f"Only the owner of {printable(room)} and operators may do that.", code="not_allowed")
        if there is None and key != chat.default_room:  # which is there, be there anybody in it or not
            raise Reject(f"There is no room {printable(room)}.", code="unknown_room")
        slow = Slow(key, seconds_between(seconds), session.account_id)
        every = f"one message every {in_units(slow.seconds)}" if slow.seconds else "off"
        if not self.do(_by(session), "slow", "", key, every, lambda file: set_slow(file, slow)):
            raise Reject(f"{key} is not slow.", code="not_slow")
        told = f"{key} is slow from now on: {every}." if slow.seconds else f"{key} is not slow any more."
        if there is not None:
            there.post(Notice(told, key))
        if there is not member.room:
            session.info(told)

    # --- tell ---

    def announce(self, call: Call, text: Rest) -> None:
        session = call.session
        text = self._sayable(session, text, "")
        self._server.chat.audit(session.name_on_record(), "announce", details=text)
        self._server.chat.announce(f"Announcement by {session.name}: {text}")

    def bans(self, call: Call) -> BanList:
        self._records.require_read()
        return BanList.of(self._records.rules, time.time(), _scope(call.session) or None)

    def audit(self, call: Call, n: Annotated[int, Meta(ge=1)] = ACTS_TOLD) -> Audit:
        return Audit.of(self._records.acts(min(n, MOST_ACTS_TOLD)))

    # --- whom it is about ---

    def _is_among(self, name: str, keys: Container[str]) -> bool:
        """Whether `name`, which may look like an address, is known as a name."""
        with suppress(Reject):
            return self.named(name)[0] in keys
        return False

    def _logged_in(self, account: str) -> Member | None:
        """Who is logged in to `account`, by whatever name."""
        members = self._server.chat.members.values()
        return next((member for member in members if member.account == account), None)

    def _may_act_on(self, session: Session, target: Member) -> Member:
        """`target`, where they may be acted on. Raises `Reject`."""
        self._require_other(session, target.key, target)
        self.require_no_operator(target.key, target)
        return target

    def _require_other(self, session: Session, key: str, found: Member | None) -> None:
        member = session.require_member()
        if found is member or key in (member.key, session.account):
            raise Reject("That is you. Ask another one who keeps order.", code="yourself")

    def _require_space(self, session: Session) -> None:
        room, account, rules = _scope(session), session.account_id, self._records.rules
        if not room:
            return
        ordered = (one for one in (*rules.bans, *rules.mutes) if one.room and one.account != A_PLUGIN)
        mine = sum(1 for one in ordered if one.room == room or (account and one.account == account))
        if mine >= MOST_OF_AN_OWNER:
            raise Reject(f"There are {mine} of your bans and mutes. Lift one first: /bans", code="too_many_bans")

    # --- the steps of an order ---

    def _sayable(self, session: Session, why: str, room: str) -> str:
        """`why` as it may be told to others: it is talk like any other. Raises `Reject`."""
        return self._server.chat.require_sayable(session.require_member(), why, room) if why else ""

    def follow(self, following: Mapping[str, Sequence[Sanction]]) -> None:
        """Put these into the tables of their names: what was ordered for somebody, for their account as well."""
        for table, sanctions in following.items():
            first = sanctions[0]
            details = f"for the account, too; {first.details}"
            act = ModerationAction(first.by, table.removesuffix("s"), first.key, first.room, details, datetime.now(UTC))
            with suppress(Reject):  # the log tells of it
                self._records.change(partial(put, table=table, sanctions=sanctions), act)

    def _lift(self, session: Session, table: str, name: str, act: str, nothing: Reject) -> None:
        key, found = self.named(name)
        self._require_other(session, key, found)
        marks: set[Mark] = {key} if found is None else {key, *self._enforcement.marks_of(found)}
        account = self._server.accounts.find(key)
        if account is not None:
            marks.add(account.id)
        room = session.require_member().room.name
        rooms = ("", room) if is_operator(session) else (room,)
        name = found.name if found is not None else key
        if not self.do(_by(session), act, name, _scope(session), "", lambda file: lift(file, table, marks, rooms)):
            raise nothing
        where = "" if is_operator(session) else in_room(room)
        session.info(f"{name} is not {'banned' if table == 'bans' else 'muted'}{where} any more.")
        if found is not None and table == "mutes":
            found.info(f"{session.name} has lifted your mute{where}. You may talk again.")


def _scope(session: Session) -> str:
    """Where the orders of `session` hold: in the whole chat (empty), or in its room."""
    return "" if is_operator(session) else session.require_member().room.name


def _by(session: Session) -> By:
    return By(session.name_on_record(), session.account_id)
