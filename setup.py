"""What pyproject.toml cannot say: the README as package indexes show it, where nothing lies beside it."""

import re
from pathlib import Path

from setuptools import setup

HOME = "https://github.com/greenchat/greenchat"
RAW = "https://raw.githubusercontent.com/greenchat/greenchat/main"


def readme() -> str:
    """README.md, whose links within the repository are those of its home."""
    text = Path(__file__).with_name("README.md").read_text("utf-8")
    text = re.sub(r"(!\[[^]]*\]\()(?![a-z]+:)", rf"\1{RAW}/", text)
    text = re.sub(r"((?<!!)\[[^]]*\]\()(?=#)", rf"\1{HOME}", text)
    return re.sub(r"((?<!!)\[[^]]*\]\()(?![a-z]+:)", rf"\1{HOME}/blob/main/", text)


if __name__ == "__main__":
    setup(long_description=readme(), long_description_content_type="text/markdown")
