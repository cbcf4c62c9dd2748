"""The command `greenchat` itself: the built-in commands, and those that plugins add."""

import os
from typing import Any

import click
from click.shell_completion import CompletionItem

from greenchat.cli import listing
from greenchat.errors import ConfigError, GreenchatError
from greenchat.version import __version__

EXAMPLES = """\b
Examples:
  greenchat serve                          a chat on port 9999
  greenchat connect                        join it
  greenchat say lobby done                 say one line from a script

Plugins may add commands: greenchat plugins list.
"""


class SettingError(click.ClickException):
    """A wrong setting, told like a wrong option."""

    exit_code = 2


class Commands(click.Group):
    """Plugins are loaded only when a command of theirs is run: `--help` and Tab know the names without them."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or _added().get(cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*self.commands, *_known()})

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        added = {name: click.Command(name, help=text) for name, text in _known().items()}
        longest = max(map(len, [*self.commands, *added]))
        for title, commands in (("Commands", self.commands), ("Commands of plugins", added)):
            if commands:
                with formatter.section(title):
                    width = formatter.width - longest - 6  # as click leaves it
                    formatter.write_dl(
                        [(name.ljust(longest), one.get_short_help_str(width)) for name, one in sorted(commands.items())]
                    )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        texts = _known() | {name: command.get_short_help_str() for name, command in self.commands.items()}
        fit = [CompletionItem(name, help=text) for name, text in sorted(texts.items()) if name.startswith(incomplete)]
        return [*fit, *click.Command.shell_complete(self, ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. What it raises on purpose becomes a sentence on standard error, and exit code 1 or 2."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            raise SettingError(str(error)) from None
        except GreenchatError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=Commands, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="greenchat %(version)s")
def main() -> None:
    """A chat server that you bend with plugins."""


def _added() -> dict[str, click.Command]:
    """The commands that plugins add, which are loaded for it."""
    from greenchat.cli.added import commands_of_plugins

    return commands_of_plugins(main.commands)


def _known() -> dict[str, str]:
    """The commands that plugins add, by names: what each is for. No plugin is loaded, unless there are others than the
    bundled ones, of which nothing is known yet."""
    mark = listing.fingerprint(os.environ)
    if not mark:
        return listing.bundled(os.environ)
    kept = listing.recall(mark, os.environ)
    if kept is None:
        from greenchat.cli.added import ask_plugins

        kept = ask_plugins(main.commands)
    return kept
