"""What a program has printed, as the tests compare it."""

import re
from typing import Final

COLUMNS: Final = 80
CONTINUED: Final = re.compile(r"\n {10}(?=\S)")


def unwrapped(printed: str) -> str:
    """Return the text with the lines of a verdict joined that were broken at 80 columns."""
    return CONTINUED.sub(" ", printed)


def too_long(printed: str) -> list[str]:
    """Return the lines of more than 80 columns, each after its length."""
    return [f"{len(line)}: {line}" for line in printed.splitlines() if len(line) > COLUMNS]
