"""Text for a terminal: lines of at most 80 columns."""

from textwrap import wrap
from typing import Final

COLUMNS: Final = 80


def wrapped(head: str, text: str) -> str:
    """Return `head` and `text` in lines of at most 80 columns; later lines are indented by the width of the head.

    A word that is longer than a line is left whole.
    """
    indent = " " * len(head)
    lines = wrap(head + text, COLUMNS, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)
