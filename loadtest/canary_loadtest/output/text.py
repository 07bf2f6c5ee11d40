"""Text for a terminal: lines of at most 80 columns, without control characters from outside."""

import re
from textwrap import wrap
from typing import Final

from canary_loadtest.core.labels import visible

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


def one_line(text: str) -> str:
    """Return text from outside, such as the name of a route, in one line: what is not printable as its escape.

    So it can neither begin a line of its own nor control a terminal, nor GitHub Actions, whose commands begin with `::`
    or `##[`. Any file of UTF-8 or XML can hold it.
    """
    return re.sub(r"(?<!\S):(?=:)|#(?=#\[)", lambda found: rf"\x{ord(found[0]):x}", visible(text))
