"""What can be set of accounts, each with its reason."""

from typing import Annotated, Literal

from argon2 import PasswordHasher

import greenchat
from greenchat import Meta

# RFC 9106 (4.), for machines that do not have 2 GiB for each login.
RFC_MEMORY_MIB, RFC_PASSES = 64, 3


class Settings(greenchat.Settings, frozen=True, kw_only=True):
    """Names that belong to who has registered them. 0 is no limit where a limit is meant."""

    registration: Annotated[
        Literal["open", "closed"],
        Meta(
            description="open: anybody may /register a name. closed: whoever runs the server makes the accounts, by "
            "greenchat accounts add; guests come in as ever, so a chat for these alone has a pass phrase as well."
        ),
    ] = "open"
    password_length: Annotated[
        int,
        Meta(ge=1, le=64, description="The shortest password, in characters: what NIST SP 800-63B asks for at least."),
    ] = 8
    memory_mib: Annotated[
        int,
        Meta(
            ge=1,
            le=4096,
            description="The memory that a login takes, for about a tenth of a second, two logins at a time. Whoever "
            "has stolen the file needs as much for every password that they try. 64, with 3 passes, is what RFC 9106 "
            "recommends where there are no 2048 to spare; the log warns of less.",
        ),
    ] = RFC_MEMORY_MIB
    passes: Annotated[
        int, Meta(ge=1, le=100, description="How often a login goes over that memory: its time, and that of a guess.")
    ] = RFC_PASSES
    threads: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="The cores that a login takes. More make it quicker, and guessing no harder; with one, the "
            "others are left to the chat.",
        ),
    ] = 1
    failures_per_address: Annotated[
        int,
        Meta(
            ge=0,
            description="Failed logins from one address (or /64) within a minute; then it has to wait. An office "
            "behind one router counts as one; a program that guesses gets through a word list in years.",
        ),
    ] = 10
    failures_per_account: Annotated[
        int,
        Meta(
            ge=0,
            description="Failed logins to one account within a minute, from all addresses; then they have to wait, but "
            "for the one that has logged in to it last. Many machines together guess no faster than that.",
        ),
    ] = 20
    registrations_per_hour: Annotated[
        int,
        Meta(ge=0, description="Names registered from one address (or /64) within an hour: a table full of friends."),
    ] = 10
    device_days: Annotated[
        int,
        Meta(
            ge=0,
            le=36500,
            description="Who has asked to stay logged in on a device is asked for the password again after so many "
            "days without it: who comes once a season stays, and what was sold or lost does not for ever.",
        ),
    ] = 90
    devices_per_account: Annotated[
        int,
        Meta(
            ge=0,
            description="Devices on which one account stays logged in; of more, the one that was not used for longest "
            "is logged out. Each browser counts, and so does each private window.",
        ),
    ] = 20

    @property
    def is_weak(self) -> bool:
        """Whether passwords are kept with less work than recommended."""
        return self.memory_mib < RFC_MEMORY_MIB or self.passes < RFC_PASSES

    def hasher(self) -> PasswordHasher:
        return PasswordHasher(time_cost=self.passes, memory_cost=self.memory_mib * 1024, parallelism=self.threads)
