"""What is built: what belongs to it, and how indexes and containers show and make it."""

import fnmatch
import re
import runpy
import tomllib
from pathlib import Path

from kit.containerfile import instructions

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HOME = "https://github.com/greenchat/greenchat"


def test_all_packages_belong_to_it():
    names = {"greenchat": "greenchat", "plugins": "greenchat_plugins"}
    found = {
        ".".join([names[top], *path.parent.relative_to(ROOT / top).parts])
        for top in names
        for path in (ROOT / top).rglob("*.py")
    }
    assert set(PYPROJECT["tool"]["setuptools"]["packages"]) == found


def test_all_files_belong_to_it():
    data = PYPROJECT["tool"]["setuptools"]["package-data"]
    for package, top in ("greenchat", "greenchat"), ("greenchat_plugins", "plugins"):
        for path in (ROOT / top).rglob("*"):
            name = path.relative_to(ROOT / top).as_posix()
            if path.is_file() and path.suffix not in (".py", ".pyc") and path.stem != "screenshot":
                assert any(fnmatch.fnmatch(name, pattern) for pattern in data[package]), path


def test_all_entry_points_are_there():
    for module in PYPROJECT["project"]["entry-points"]["greenchat"].values():
        path = ROOT / module.replace("greenchat_plugins.", "plugins/").replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__init__.py").exists(), module


def test_who_made_it_and_where_it_lives():
    assert PYPROJECT["project"]["authors"] == [{"name": "The greenchat authors"}]
    assert "Copyright (c) 2026 The greenchat authors" in (ROOT / "LICENSE").read_text()
    assert all(url.startswith(HOME) for url in PYPROJECT["project"]["urls"].values())


def test_links_of_the_readme_lead_somewhere_from_wherever_it_is_shown():
    text = (ROOT / "README.md").read_text()
    shown = runpy.run_path(str(ROOT / "setup.py"), run_name="setup")["readme"]()
    assert shown != text
    links = re.findall(r"\]\(([^)]+)\)", shown)
    assert len(links) == len(re.findall(r"\]\(([^)]+)\)", text)) > 5
    for link in links:
        assert link.startswith("https://"), link
        for raw in f"{HOME}/blob/main/", "https://raw.githubusercontent.com/greenchat/greenchat/main/":
            if link.startswith(raw):
                assert (ROOT / link.removeprefix(raw).partition("#")[0]).exists(), link
    raw = "https://raw.githubusercontent.com/greenchat/greenchat/main"
    assert [link for link in links if link.endswith((".png", ".svg"))] == [
        f"{raw}/plugins/web/screenshot.png",
        f"{raw}/greenchat/connect/screen/screenshot.svg",
    ]


# --- the container; that it works is in tests/system/test_container.py ---


def test_what_is_copied_into_the_image_is_there_and_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert ignored[0] == "*"
    copied = {
        source
        for word, rest in instructions()
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    assert {f"!{source}" for source in copied} == {line for line in ignored if line.startswith("!")}
    assert all((ROOT / source).exists() for source in copied)
    # And all that an installation needs.
    assert copied >= {"README.md", "LICENSE", "pyproject.toml", "setup.py", "greenchat", "plugins"}


def test_the_image_is_made_for_nobody_in_particular():
    last = [index for index, (word, _) in enumerate(instructions()) if word == "FROM"][-1]
    final = instructions()[last:]
    assert {rest for word, rest in instructions() if word == "FROM"} == {
        "python:3.13-slim AS build",
        "python:3.13-slim",
    }
    (user,) = [rest for word, rest in final if word == "USER"]
    assert re.fullmatch(r"\d{5}:\d{5}", user), "a number, so that nobody has to look it up to see that it is not root"
    assert not [rest for word, rest in final if word == "RUN" and ("pip" in rest or "apt" in rest)]
    assert ("VOLUME", "/data") in final
    assert ("STOPSIGNAL", "SIGTERM") in final
