"""What is seen as one character, however many code points that is."""

from functools import lru_cache

from rich.cells import split_graphemes


@lru_cache(32)  # each key asks several times
def edges(line: str) -> tuple[int, ...]:
    """Where in a line the cursor may stand: at its start, its end, and between what is seen as one character each."""
    if line.isascii():
        return tuple(range(len(line) + 1))
    spans, _ = split_graphemes(line)
    found = [0]
    flag = False  # two of these letters are one flag
    for start, end, cells in spans:
        is_flag = end - start == 1 and "\U0001f1e6" <= line[start] <= "\U0001f1ff"
        if (not cells and len(found) > 1) or (flag and is_flag):
            found[-1] = end  # it is drawn nowhere, or with the one before
            flag = False
            continue
        flag = is_flag
        found.append(end)
    return tuple(found)
