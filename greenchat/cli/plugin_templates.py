"""What `greenchat plugins new` writes. `$name` is the plugin's, `$module` what is imported of it, `$dashed` the name of
its package."""

PLUGIN = '''\
"""$title: say here in a sentence what it does."""

from typing import Annotated

import greenchat
from greenchat import Call, Context, Message, Meta, Reject, check, command, every, example


class Settings(greenchat.Settings, frozen=True):
    """$title."""

    longest: Annotated[int, Meta(ge=1, description="The longest message that may be said, in characters.")] = 1000


@example("/$name 21", "42")
@command("$name")
def double(call: Call, number: int) -> str:
    """Tell twice a number."""
    store = call.ctx.store
    store["doubled"] = store.get("doubled", 0) + 1
    return str(2 * number)


@check
def not_too_long(message: Message, ctx: Context) -> None:
    """Refuse what is longer than the operator wants it."""
    if len(message.text) > ctx.settings.longest:
        raise Reject(f"That is longer than {ctx.settings.longest} characters. Say it in parts.", code="too_long")


@every("1h")
def tell(ctx: Context) -> None:
    """Tell everybody how often somebody has asked."""
    ctx.chat.announce(f"{ctx.store.get('doubled', 0)} numbers were doubled.")
'''

TESTS = '''\
"""Tests of $name, without sockets and in some milliseconds each: see "Test it" in the guide to plugins."""

from greenchat.testing import Chat

import $module


def test_the_examples_of_its_commands_are_right() -> None:
    Chat($module).try_examples()


def test_a_number_is_doubled() -> None:
    ada = Chat($module).join("ada")
    assert ada.asks("/$name 4") == "8"
    assert ada.asks("/$name four").endswith("Type it so: /$name NUMBER")


def test_what_is_too_long_is_not_said() -> None:
    chat = Chat($module, settings={"plugins.$name.longest": 5})
    ada, bob = chat.join("ada"), chat.join("bob")
    ada.says("much too long")
    assert ada.hears("That is longer than 5 characters. Say it in parts.")
    ada.says("short")
    assert bob.hears("short", by="ada")
    assert not bob.hears("much too long")


def test_everybody_is_told_once_an_hour() -> None:
    chat = Chat($module)
    ada = chat.join("ada")
    ada.says("/$name 1")
    chat.tick("1h")
    assert ada.hears("1 numbers were doubled.")
'''

PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "greenchat-$dashed"
version = "0.1.0"
description = "$title: a plugin for greenchat"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["greenchat>=$version"]

[project.optional-dependencies]
test = ["mypy>=1.13", "pytest>=8.2", "ruff>=0.8"]

# By this line a server that has it installed finds it.
[project.entry-points.greenchat]
$name = "$module"

[tool.setuptools.packages.find]
where = ["src"]

[tool.setuptools.package-data]
$module = ["py.typed"]

[tool.pytest.ini_options]
testpaths = ["tests"]

[tool.ruff]
line-length = 120

[tool.ruff.lint]
select = ["E", "F", "W", "I", "B", "UP"]

[tool.mypy]
strict = true
files = ["src", "tests"]
plugins = ["greenchat.testing.mypy_plugin"]  # misspelt hooks, and wrong arguments of theirs
"""

README = """\
# greenchat-$dashed

A plugin for [greenchat](https://github.com/greenchat/greenchat): say here what it does.

| | |
|---|---|
| `/$name NUMBER` | tells twice a number |

## Install

```console
pip install greenchat-$dashed
greenchat plugins show $name
```

Its settings, in the configuration of the server:

```toml
[plugins.$name]
longest = 1000
```

## Work on it

```console
pip install -e '.[test]'
pytest
mypy
ruff check
greenchat plugins check .
greenchat serve --watch
```
"""

GITIGNORE = """\
__pycache__/
*.egg-info/
.mypy_cache/
.pytest_cache/
.ruff_cache/
.venv/
build/
dist/
"""
