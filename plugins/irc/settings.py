"""What the configuration says of IRC."""

from typing import Annotated

from greenchat import Meta
from greenchat import Settings as PluginSettings


class Settings(PluginSettings, frozen=True, kw_only=True):
    """plugins.irc."""

    listen: Annotated[
        tuple[str, ...],
        Meta(description='More addresses for IRC alone, such as "0.0.0.0:6667". All other ports speak it, too.'),
    ] = ()
