"""What a program has printed, as the tests compare it."""

import re
from typing import Final

CONTINUED: Final = re.compile(r"\n {10}(?=\S)")


def unwrapped(printed: str) -> str:
    """Return the text with the lines of a verdict joined that were broken at 80 columns."""
    return CONTINUED.sub(" ", printed)
