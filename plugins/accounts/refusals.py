"""What the plugin says in more than one place."""

from greenchat import Advice, Reject, Session


def how_to_log_in(session: Session, name: str) -> str:
    """As it has to be typed: people write frames by hand where their client does not."""
    return session.advise(Advice.COMMAND, line=f"/login {name} PASSWORD")


def wrong() -> Reject:
    """The same whether it is the name or the password, so that nobody learns by guessing who has registered."""
    return Reject("Name or password is wrong.", code="login_failed")


def reserved(session: Session, name: str) -> Reject:
    return Reject(
        f"The username {name} belongs to somebody. If that is you: {how_to_log_in(session, name)}",
        code="name_reserved",
    )


def usage(line: str) -> Reject:
    return Reject(f"Type it so: {line}. Neither has spaces in it.", code="usage")


def changed_meanwhile() -> Reject:
    return Reject("The account has changed meanwhile. Try again.", code="login_failed")


def unavailable() -> Reject:
    return Reject("Accounts cannot be used at the moment. Try again later.", code="accounts_unavailable")
