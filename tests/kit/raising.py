"""A plugin for each hook there is, which raises in there while its server is replaced."""

import inspect
from pathlib import Path

from greenchat.hooks import specs

HOOKS = {
    name: list(inspect.signature(hook).parameters)
    for name, hook in inspect.getmembers(specs, inspect.isfunction)
    if name.startswith("greenchat_")
}

# What they have to return.
OTHERWISE = {"greenchat_commands": "return []", "greenchat_routes": "return []"}

# It is well at first, and while it is tried; it raises from its end on, and in the next process.
RAISING = """
import os
from pathlib import Path
from greenchat import hookimpl

CARRIED = Path(__file__).with_name("carried")
if "_GREENCHAT_TRIAL_MARK" in os.environ:
    CARRIED = Path("/nothing/of/this/name")

@hookimpl
def {hook}({arguments}):
    if CARRIED.exists():
        raise {error}
    {otherwise}
"""


def write(directory: Path, error: str) -> None:
    for hook, arguments in HOOKS.items():
        text = RAISING.format(
            hook=hook, arguments=", ".join(arguments), error=error, otherwise=OTHERWISE.get(hook, "pass")
        )
        (directory / f"raises_in_{hook.removeprefix('greenchat_')}.py").write_text(text)


def begin(directory: Path) -> None:
    (directory / "carried").touch()


def end(directory: Path) -> None:
    (directory / "carried").unlink()
