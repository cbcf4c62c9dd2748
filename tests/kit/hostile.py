"""Texts that are as hard as can be for whoever has to look at them: hostile_texts.json has their parts.

Each is as long as the longest frame may be, or many times as long, to tell what takes its time from what takes too
much: whoever looks again at all the rest for each letter takes 64 times as long for a text of 8 frames.
"""

import json
from pathlib import Path

# By name: parts, and how often each comes one after the other; 0 for once, however long the text is.
PARTS: dict[str, list[tuple[str, int]]] = json.loads(Path(__file__).with_name("hostile_texts.json").read_text())


def hostile_texts(frames: int = 1) -> dict[str, str]:
    """All of them by name, each as long as `frames` frames."""
    return {name: _text(parts, frames) for name, parts in PARTS.items()}


def _text(parts: list[tuple[str, int]], frames: int) -> str:
    text = "".join(part * (count * frames or 1) for part, count in parts)
    return text if any(count for _, count in parts) else text * frames
