"""The room as an instructor sees it: how far all are with each step, in lines that fit a terminal."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final
from unicodedata import east_asian_width

# What a line of the summary counts: the letters of the table that belong to it.
LINES: Final[Mapping[str, str]] = {"done by hand": "d", "done by solve": "s", "open, not begun": "o-", "marked": "!"}
LABEL: Final = 18
CELL: Final = 4


def fitted(text: str, width: int) -> str:
    """Return a text, or its beginning and a mark where it takes more columns; a wide character takes two."""
    if _columns(text) <= width:
        return text
    while _columns(text) > width - 1:
        text = text[:-1]
    return f"{text}…"


def summary(letters: Sequence[str], minutes: Sequence[Mapping[int, float]]) -> list[str]:
    """Return the lines that count the learners by step.

    Args:
        letters: of each learner the letters of all steps, as the table has them.
        minutes: of each learner the minutes of each step done by hand, by the step's index.
    """
    rows = {
        label: [str(sum(one[index] in wanted for one in letters)) for index in range(len(letters[0]))]
        for label, wanted in LINES.items()
    }
    taken = [[one[index] for one in minutes if index in one] for index in range(len(letters[0]))]
    rows["median minutes"] = [_short(median(values)) if values else "-" for values in taken]
    head = _line("STEP", [str(number) for number, _ in enumerate(letters[0], 1)])
    return [head, *(_line(label, cells) for label, cells in rows.items())]


def _line(label: str, cells: Sequence[str]) -> str:
    return f"{label:<{LABEL}}{''.join(f'{cell:>{CELL}}' for cell in cells)}"


def _short(minutes: float) -> str:
    return f"{minutes:.1f}" if minutes < 100 else f"{minutes:.3g}"


def _columns(text: str) -> int:
    return sum(1 + (east_asian_width(one) in "WF") for one in text)
