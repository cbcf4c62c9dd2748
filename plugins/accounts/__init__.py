"""Names that belong to somebody: /register makes one yours, /login takes it back. Passwords are kept by argon2id.

Nothing here tells a password to the log, to an event, or to anybody.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import click
import gevent

from greenchat import Account as Entitled
from greenchat import (
    Advice,
    Call,
    ChatServer,
    Command,
    Context,
    Join,
    Meta,
    Reject,
    Request,
    Secret,
    Session,
    hookimpl,
    host_of,
    network_of,
    new_account_id,
    require_name,
    typed_command,
)

from . import store
from .devices import PREFIX, Devices, require_device_name
from .logins import Logins, home
from .passwords import Hashing, Tally, check_password
from .refusals import how_to_log_in, reserved, usage, wrong
from .registry import Registry
from .sessions import Sessions
from .settings import Settings as Settings
from .store import Account

log = logging.getLogger("greenchat.accounts")

# Over how long registrations are counted, in seconds.
REGISTRATION_SECONDS = 3600.0


SessionNumber = Annotated[int, Meta(ge=0)]


# The files of the data directory that it keeps: their migrations are tried before a reload.
DATABASES = {store.FILE: store.MIGRATIONS}


class Accounts:
    """The hooks and commands."""

    def __init__(self, settings: Settings, ctx: Context) -> None:
        self._settings = settings
        self._ctx = ctx
        ctx.carry_state()
        self._registrations = Tally(REGISTRATION_SECONDS)
        self._wanted: dict[int, str] = {}  # by session: the registered name that it was refused last
        self._server: ChatServer
        self._hashing: Hashing
        self._registry: Registry
        self._devices: Devices
        self._logins: Logins
        self._sessions: Sessions
        self._looking: Any = None
        self._missed: set[str] = set()  # whose accounts are others than before a reload, until all are here

    # --- hooks ---

    @hookimpl
    def greenchat_startup(self, server: ChatServer) -> None:
        if self._settings.is_weak:
            log.warning("plugins.accounts: memory_mib and passes are below what RFC 9106 recommends for passwords")
        self._server = server
        self._hashing = Hashing(self._settings.hasher(), self._ctx.in_thread)
        self._registry = Registry(server.data_dir / store.FILE, server.accounts)
        self._registry.go_on(self._ctx.state.get("passwords", {}))
        self._missed = self._registry.look().accounts
        self._devices = Devices(server, self._settings, self._registry)
        self._logins = Logins(server, self._settings, self._registry, self._hashing, self._devices)
        self._sessions = Sessions(server, self._devices, self._logins)
        state = self._ctx.state
        for name, tally in self._tallies.items():
            tally.go_on(state.get(name))
        self._wanted = {int(number): name for number, name in state.get("wanted", {}).items()}
        state.clear()
        self._looking = gevent.spawn(self._logins.look_again_and_again)

    @hookimpl
    def greenchat_shutdown(self, server: ChatServer) -> None:
        if self._looking is not None:
            self._looking.kill()
            self._ctx.state["passwords"] = self._registry.passwords_of(
                {one.account for one in server.sessions.values()}
            )
            self._registry.close()
            self._ctx.state.update({name: tally.state for name, tally in self._tallies.items()})
            self._ctx.state["wanted"] = {str(number): name for number, name in self._wanted.items()}

    @hookimpl
    def greenchat_carried(self, session: Session) -> None:
        # All of them are here, once the first is told of. Who has lost an account meanwhile, to the shell say, goes.
        missed, self._missed = self._missed, set()
        self._logins.end_changed(missed)

    @property
    def _tallies(self) -> dict[str, Tally]:
        """Nobody gets to guess, or to register, more often by a reload."""
        return {"registrations": self._registrations, "logins": self._logins.failures, "tokens": self._devices.wrong}

    @hookimpl
    def greenchat_cli(self, group: click.Group) -> None:
        from .cli import commands

        group.add_command(commands)

    @hookimpl
    def greenchat_accounts(self, data_dir: Path) -> Sequence[Entitled]:
        from .cli import look

        return look(data_dir, store.entitled, [])

    @hookimpl(trylast=True)  # other plugins may make another name of it before
    def greenchat_check_join(self, session: Session, name: str) -> None:
        _, key = require_name(name, 0)
        if key in self._registry.registered and session.account != key:
            self._wanted[session.id] = name
            raise reserved(session, name)

    @hookimpl
    def greenchat_request(self, session: Session, frame: Request) -> bool:
        """Log in who joins with a password, or on a device. The join itself is the core's."""
        if type(frame) is Join:
            member = session.member
            if frame.token.startswith(PREFIX):
                if member is None:  # else the core refuses it
                    self._come_back_to_join(session, frame)
            elif frame.login and (member is None or frame.name in ("", member.name)):  # else the core refuses it
                self._log_in_to_join(session, frame)
        return False

    @hookimpl
    def greenchat_disconnected(self, session: Session) -> None:
        self._wanted.pop(session.id, None)

    @hookimpl
    def greenchat_commands(self) -> Sequence[Command]:
        return [
            typed_command(
                self.register,
                help="Make your name yours: nobody else can have it then.\nExample: /register correct-horse-battery",
            ),
            typed_command(
                self.log_in,
                "login",
                "Take the name that is yours.\n"
                "Where you are in the chat already, this is one more session of yours.\n"
                "A guest who has the name meanwhile gets another one.\n"
                "Without NAME it is the one that you were refused last.\nExample: /login ada correct-horse-battery",
                usage="NAME PASSWORD",
            ),
            typed_command(
                self.passwd,
                help="Change your password. Your other sessions end.\nExample: /passwd old-secret new-secret",
            ),
            typed_command(self.log_out, "logout", "Log out on this device, and leave. Your name stays yours."),
            typed_command(
                self.sessions,
                help="List where you are connected or stay logged in, or end one of these.\nExample: /sessions end 4",
                usage="[end NUMBER]",
            ),
            typed_command(
                self.unregister,
                help="Give your name up: anybody can have it then. Your other sessions end.\n"
                "Example: /unregister correct-horse-battery",
            ),
        ]

    # --- commands ---

    def register(self, call: Call, password: Secret) -> None:
        session, member = call.session, call.member
        self._registry.require_loaded()
        name, key, network = member.name, member.key, network_of(host_of(session.address))
        if session.account == key:
            raise Reject(f"{name} is yours already. /passwd OLD NEW changes the password.", code="registered")
        if key in self._registry.registered:
            raise reserved(session, name)
        session.require_no_other_device()
        if self._settings.registration == "closed":
            raise Reject(
                "Names are registered by whoever runs this server. Ask them for an account, then: "
                f"{how_to_log_in(session, name)}",
                code="registration_closed",
            )
        check_password(password, name, self._settings.password_length)
        most = self._settings.registrations_per_hour
        with self._hashing.turn(session, key):
            if most and self._registrations[network] >= most:
                raise Reject("Too many names were registered from your address. Try again later.", code="try_later")
            account = Account(name, self._hashing.hash(password), store.now(), new_account_id())
            if session.chat.members.get(key) is not member:
                raise Reject("You have another name meanwhile. Try again.", code="not_joined")
            self._registry.add(key, account, home(session, account.id))
            self._registrations.add(network)
        log.info("#%d has registered %s", session.id, name, extra=session.fields)
        self._logins.welcome(session, key, account.id)
        session.info(f"{name} is yours now. Next time: /login {name} PASSWORD")

    def log_in(self, call: Call, name: str | None, password: Secret) -> None:
        session, given = call.session, name
        self._registry.require_loaded()
        if session.needs_password:
            session.authenticate("")  # refuses: who may not come in does not get to guess either
        how = usage("/login NAME PASSWORD")
        if len(password.split()) > 1:
            raise how
        name = given or self._wanted.get(session.id) or session.name
        try:
            _, key = require_name(name, self._server.config.limits.name_length)
        except Reject:
            # What it says would quote what may be a password, in the wrong place.
            raise (wrong() if given else how) from None
        if not given and key not in self._registry.registered:
            raise how
        if session.account == key:
            raise Reject(f"You are logged in as {key} already.", code="already_logged_in")
        member = session.member
        session.require_no_other_device()
        account = self._logins.log_in(session, key, password)
        self._wanted.pop(session.id, None)
        now = "" if member else f" {session.advise(Advice.JOIN_NOW, name=account.name)}"
        session.info(f"You are logged in as {account.name}.{now}")
        # Unless it has become one more session of who is there already, whatever they call themselves; or its client
        # tells names from accounts.
        keeps_name = getattr(session.codec, "keeps_names", False)
        if member is not None and session.member is member and member.key != key and not keeps_name:
            session.chat.rename(member, account.name)

    def passwd(self, call: Call, old: Secret, new: Secret) -> str:
        session = call.session
        key = require_account(session)
        if len(new.split()) > 1:
            raise usage("/passwd OLD NEW")
        account = self._logins.verified(session, key, old)
        check_password(new, account.name, self._settings.password_length)
        with self._hashing.turn(session, key):
            hashed = self._hashing.hash(new)
        self._registry.set_password(key, account, hashed)
        others = f"The password of {account.name} was changed on another device. Log in again with the new one."
        self._logins.end_all([key], others, besides=session)
        log.info("#%d has changed the password of %s", session.id, account.name, extra=session.fields)
        return f"{account.name} has a new password."

    def log_out(self, call: Call) -> None:
        session = call.session
        require_account(session)
        if session.member is not None:
            self._logins.end(session, "You are logged out.")
        else:
            self._logins.leave_device(session)
            self._logins.log_out(session, "You are logged out.")

    def sessions(self, call: Call, act: Literal["end"] | None = None, number: SessionNumber | None = None) -> None:
        self._sessions.run(call.session, number, ends=act is not None)

    def unregister(self, call: Call, password: Secret) -> None:
        session = call.session
        key = require_account(session)
        account = self._logins.verified(session, key, password)
        self._registry.remove(key, account)
        self._logins.end_all([key], f"{account.name} was given up on another device.", besides=session)
        session.chat.audit(account.name, "unregister", account.name)
        log.info("#%d has given up %s", session.id, account.name, extra=session.fields)
        self._logins.log_out(session, f"{account.name} is not yours any more: anybody can have it now.")

    def _log_in_to_join(self, session: Session, join: Join) -> None:
        self._registry.require_loaded()
        if session.needs_password:
            session.authenticate(join.password)
        device = require_device_name(join.device) if join.device else ""
        name, key = require_name(join.name or session.name, self._server.config.limits.name_length)
        if session.account == key and not device:
            return
        if key not in self._registry.registered:
            raise Reject(f"Nobody has registered {name}. Join without a login, then /register.", code="login_failed")
        if session.account == key:
            account = self._logins.verified(session, key, join.login)
        else:
            account = self._logins.log_in(session, key, join.login)
        if device:
            self._devices.stay(session, account, device)

    def _come_back_to_join(self, session: Session, join: Join) -> None:
        self._registry.require_loaded()
        if session.needs_password:
            session.authenticate(join.password)
        self._logins.come_back(session, join.token)


def require_account(session: Session) -> str:
    if not session.account:
        raise Reject("You are not logged in. Type /login NAME PASSWORD.", code="not_logged_in")
    return session.account


greenchat_plugin = Accounts
