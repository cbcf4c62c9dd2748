"""What plugins may rely on, as lines of text: what is public in `greenchat`, with its arguments, and the hooks.

`tests/api_surface.txt` has them as they were last, each with the API version in which it came or changed. This writes
it anew, where `api_version` has risen and the changelog names what has changed:

    PYTHONPATH=tests .venv/bin/python tests/kit/surface.py

`--baseline` takes all as they are for the present version: for one that nobody has got yet.
"""

import ast
import inspect
import re
import sys
from pathlib import Path

import msgspec

import greenchat
from greenchat.hooks import specs
from kit import ROOT, TESTS

SNAPSHOT = TESTS / "api_surface.txt"
CHANGELOG = ROOT / "CHANGELOG.md"

ADVICE = """\
What plugins may rely on has changed:

{changes}

Was it meant? Then
1. raise `api_version` in greenchat/version.py above {version}: MINOR where something was added, MAJOR where something
   was changed or taken away, which is deprecated for a while first: see "What is promised" in plugins/README.md,
2. name each of these in CHANGELOG.md, under "Unreleased",
3. run: PYTHONPATH=tests .venv/bin/python tests/kit/surface.py
"""


def surface():
    """Name -> what it is: by names and arguments, which no version of Python shows otherwise."""
    found = {}
    for name in sorted(greenchat.__all__):
        thing = getattr(greenchat, name)
        if inspect.isclass(thing):
            found |= _of_class(name, thing)
        elif inspect.isfunction(thing):
            found[name] = _arguments(thing)
        elif inspect.ismodule(thing):
            found[name] = "a module"
        else:
            found[name] = "a value"
    for node in ast.parse(Path(specs.__file__).read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("greenchat_"):
            found[node.name] = f"({ast.unparse(node.args)}) -> {ast.unparse(node.returns)}"
    return found


def _of_class(name, thing):
    fields = {}
    if issubclass(thing, msgspec.Struct):
        fields = {field.name: "" if field.required else "=" for field in msgspec.structs.fields(thing)}
        shown = ", ".join(field + default for field, default in fields.items())
        found = {name: f"a struct: {shown}"}
    else:
        found = {name: "a class"}
    for base in thing.__mro__:
        if not base.__module__.startswith("greenchat"):
            continue
        slots = base.__dict__.get("__slots__", ())
        names = [*inspect.get_annotations(base), *slots]
        members = {**dict.fromkeys(names), **base.__dict__}
        for member, value in members.items():
            value = getattr(value, "__func__", value)
            if not member.startswith("_") and f"{name}.{member}" not in found and member not in fields:
                found[f"{name}.{member}"] = _arguments(value) if inspect.isfunction(value) else "an attribute"
    return found


def _arguments(function):
    marks = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    shown, is_bare = [], False
    for parameter in inspect.signature(function).parameters.values():
        is_bare = is_bare or parameter.kind is inspect.Parameter.VAR_POSITIONAL
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not is_bare:
            shown.append("*")
            is_bare = True
        default = "" if parameter.default is inspect.Parameter.empty else "="
        shown.append(f"{marks.get(parameter.kind, '')}{parameter.name}{default}")
    return f"({', '.join(shown)})"


def snapshot():
    """Name -> what it was, and since which version."""
    found = {}
    for line in SNAPSHOT.read_text("utf-8").splitlines():
        since, name, what = line.split(" ", 2)
        found[name] = what, since
    return found


def changes(before, now):
    """What differs, a line each, by its name. What was taken away is there as "gone"."""
    found = {}
    for name in sorted({*before, *now}):
        old, new = before.get(name, ("gone", ""))[0], now.get(name, "gone")
        if old != new:
            found[name] = f"{name}: it was {old}, and is {new}" if old != "gone" else f"{name}: new, {new}"
    return found


def unnamed(names, changelog=None):
    """Which of `names` no line of the changelog has."""
    text = CHANGELOG.read_text("utf-8") if changelog is None else changelog
    return [name for name in names if not re.search(rf"(?<!\w){re.escape(name.rpartition('.')[2])}(?!\w)", text)]


def number(version):
    return tuple(map(int, version.split(".")))


def latest(before):
    return max((since for _, since in before.values()), key=number)


def main(baseline):
    now, version = surface(), greenchat.api_version
    before = {} if baseline or not SNAPSHOT.exists() else snapshot()
    found = changes(before, now)
    if before and found:
        if number(version) <= number(latest(before)):
            sys.exit(ADVICE.format(changes="\n".join(found.values()), version=latest(before)))
        if missing := unnamed(found):
            sys.exit(f"CHANGELOG.md does not name {', '.join(missing)}.")
    lines = []
    for name in sorted({*before, *now}):
        what = now.get(name, "gone")
        lines.append(f"{version if name in found else before[name][1]} {name} {what}")
    SNAPSHOT.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    print(f"{len(lines)} lines, {len(found)} of them new or changed in {version}")


if __name__ == "__main__":
    main("--baseline" in sys.argv[1:])
