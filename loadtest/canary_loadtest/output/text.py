"""Text for a terminal: lines of at most 80 columns."""

from textwrap import wrap
from typing import Final

COLUMNS: Final = 80


def wrapped(head: str, text: str, indent: int | None = None) -> str:
    """Return `head` and `text` in lines of at most 80 columns; a word that is longer than a line is left whole.

    Args:
        head: what the first line begins with.
        text: what follows.
        indent: the indentation of later lines in columns; None for the width of the head.
    """
    indentation = " " * (len(head) if indent is None else indent)
    lines = wrap(head + text, COLUMNS, subsequent_indent=indentation, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)
