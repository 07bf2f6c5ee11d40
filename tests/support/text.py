"""What a program has printed, as the tests compare it."""

import re
from typing import Final
from unicodedata import east_asian_width

COLUMNS: Final = 80
CONTINUED: Final = re.compile(r"\n {10}(?=\S)")


def unwrapped(printed: str) -> str:
    """Return the text with the lines of a verdict joined that were broken at 80 columns."""
    return CONTINUED.sub(" ", printed)


def too_long(printed: str) -> list[str]:
    """Return the lines of more than 80 columns, each after its width; a Chinese character takes two."""
    widths = {line: sum(2 if east_asian_width(one) in "WF" else 1 for one in line) for line in printed.splitlines()}
    return [f"{width}: {line}" for line, width in widths.items() if width > COLUMNS]
