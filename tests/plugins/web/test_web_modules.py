"""The page's source: whoever reads it in the order that its guide tells knows all that comes next."""

import re
from pathlib import Path

from greenchat_plugins import web

HERE = Path(web.__file__).parent
STATIC = HERE / "static"


def test_the_guide_has_every_module_behind_those_that_it_imports():
    guide = (HERE / "PAGE.md").read_text()
    rows = re.findall(r"^\| ((?:\w+\.js(?:, )?)+) \|", guide, re.MULTILINE)
    order = [name for row in rows for name in row.split(", ")]
    assert sorted(order) == sorted(path.name for path in STATIC.glob("*.js"))
    known: set[str] = set()
    for name in order:
        imported = set(re.findall(r'^(?:import|\} from) .*"\./(\w+\.js)"', (STATIC / name).read_text(), re.MULTILINE))
        assert imported <= known, f"{name} comes before {imported - known}"
        known.add(name)


def test_the_guide_names_every_style():
    guide = (HERE / "PAGE.md").read_text()
    assert all(f"{path.name}" in guide for path in STATIC.glob("*.css"))


def test_no_module_wants_to_be_two():
    for path in STATIC.iterdir():
        assert len(path.read_text().splitlines()) <= 400, path.name
