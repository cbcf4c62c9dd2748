"""What an operator may set of files."""

from typing import Annotated

import greenchat
from greenchat import Meta

MB = 1_000_000


class Settings(greenchat.Settings, frozen=True):
    """Files and pictures that people send."""

    guests: Annotated[bool, Meta(description="Whether who is not logged in may send files.")] = False
    file_bytes: Annotated[int, Meta(ge=1000, le=100 * MB, description="The largest file.")] = 10 * MB
    keep_bytes: Annotated[int, Meta(ge=1000, description="How much there may be in all.")] = 1000 * MB
    account_bytes: Annotated[int, Meta(ge=1000, description="... of one account.")] = 200 * MB
    address_bytes: Annotated[int, Meta(ge=1000, description="... from one address.")] = 200 * MB
    room_bytes: Annotated[int, Meta(ge=1000, description="... in one room, or between two people.")] = 500 * MB
    pixels: Annotated[
        int,
        Meta(
            ge=0,
            le=200 * MB,
            description="The largest picture that is shown: each million takes some 10 MB of memory for a second. "
            "Others are sent as files; 0: all are.",
        ),
    ] = 24 * MB
    link_hours: Annotated[
        float, Meta(gt=0, le=8760, description="How long an address of a file holds: who has it may read the file.")
    ] = 24.0
    address: Annotated[
        str,
        Meta(
            pattern=r"^(https?://[^\s/?#]+(/[^\s?#]*)?)?$",
            description="By which address people reach this server, such as https://chat.example.org: for links to "
            "files. Empty: as well as it can be known here.",
        ),
    ] = ""
