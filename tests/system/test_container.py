"""The steps of the Containerfile, done by hand where there is no container engine, below another root."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kit.containerfile import instructions

from greenchat.testing import DEADLINE, Peer

ROOT = Path(__file__).parent.parent.parent

# For pip, which fetches what greenchat needs.
INSTALL_SECONDS = 300


class Image:
    """What the Containerfile makes, below `root`. Of the words in it, paths are those below."""

    def __init__(self, root: Path) -> None:
        self._root = root
        for place in "data", "opt", "src":
            (root / place).mkdir()
        # `python` of the image, with its pip.
        (root / "bin").mkdir()
        (root / "bin" / "python").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        (root / "bin" / "python").chmod(0o755)
        self.environment = {"PATH": f"{root}/bin:{os.environ['PATH']}"}
        self.words: dict[str, str] = {}

    def here(self, text: str) -> str:
        return re.sub(r"(?<![\w/.])/(src|opt|data)\b", rf"{self._root}/\1", text)

    def shell(self, line: str, **options: object) -> "subprocess.CompletedProcess[str]":
        command = ["sh", "-ec", self.here(line)]
        environment = PIP | self.environment
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=INSTALL_SECONDS, **options
        )

    def build(self) -> None:
        for word, rest in instructions():
            match word:
                case "COPY" if not rest.startswith("--from"):
                    *sources, target = rest.split()
                    for source in sources:
                        self._copy(ROOT / source, Path(self.here(target)))
                case "RUN":
                    # Whose the data is has no meaning without another user.
                    done = self.shell(re.sub(r" -[og] \d+", "", rest))
                    assert done.returncode == 0, done.stdout + done.stderr
                case "ENV":
                    for name, value in (pair.split("=", 1) for pair in shlex.split(self.here(rest))):
                        self.environment[name] = value.replace("$PATH", self.environment["PATH"])
                case _:
                    self.words[word] = rest

    def _copy(self, source: Path, target: Path) -> None:
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


# What tells pip where to look, on this machine.
PIP = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_CERT", "HTTP", "http"))}


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    made = Image(tmp_path_factory.mktemp("root"))
    made.build()
    return made


def test_it_serves_tells_that_it_is_well_and_stops_when_it_is_told_to(image, tmp_path):
    command = [*json.loads(image.words["ENTRYPOINT"]), *json.loads(image.words["CMD"])]
    environment = image.environment | {"GREENCHAT_SERVER_PORT": "0", "GREENCHAT_SERVER_HOST": "127.0.0.1", "HOME": "/"}
    data = Path(image.here("/data"))
    program = shutil.which(command[0], path=image.environment["PATH"])
    assert program == image.here("/opt/greenchat/bin/greenchat")
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [program, *command[1:]], env=environment, cwd=data, stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        port = int(process.stdout.readline().rpartition(":")[2])
        with Peer("127.0.0.1", port) as ada:
            ada.send("JOIN|ada")
            assert ada.read().startswith("INFO|Welcome to lobby, ada.")
            health = image.words["HEALTHCHECK"].partition(" CMD ")[2]
            image.environment["GREENCHAT_SERVER_PORT"] = str(port)
            well = image.shell(health)
            assert (well.returncode, well.stderr) == (0, "")
            assert "members   1 in 1 room" in well.stdout
            # Commands need not be told where the data is.
            assert image.shell("greenchat accounts list").stdout == "Nobody has registered a name yet.\n"
            assert image.shell("greenchat history verify").stdout.startswith(f"{data}/history.sqlite3: ")
        process.send_signal(getattr(signal, image.words["STOPSIGNAL"]))
        assert process.wait(DEADLINE) == 0
        assert image.shell(health).returncode != 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    written = (tmp_path / "log").read_text()
    assert "ada joined lobby" in written
    assert "Traceback" not in written
    assert {path.name for path in data.glob("*.sqlite3")} >= {"history.sqlite3", "accounts.sqlite3"}
    assert data.stat().st_mode & 0o777 == 0o700


def test_there_is_nothing_to_build_with_in_it(image):
    programs = {path.name for path in Path(image.here("/opt/greenchat/bin")).iterdir()}
    assert "greenchat" in programs
    assert not [name for name in programs if name.startswith("pip")]
    packages = {path.name for path in Path(image.here("/opt/greenchat/lib")).glob("python3*/site-packages/*")}
    assert not packages & {"pip", "setuptools", "wheel"}


def test_an_index_shows_whose_it_is_and_links_that_lead_somewhere(image):
    (metadata,) = Path(image.here("/opt/greenchat/lib")).glob("python3*/site-packages/greenchat-*.dist-info/METADATA")
    head, _, text = metadata.read_text().partition("\n\n")
    assert "Author: The greenchat authors" in head
    assert "Project-URL: Homepage, https://github.com/greenchat/greenchat" in head
    assert "Description-Content-Type: text/markdown" in head
    assert text.startswith("# greenchat\n")
    assert not re.findall(r"\]\((?!https://)[^)]*\)", text)
