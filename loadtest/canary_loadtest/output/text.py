"""Text for a terminal: lines of at most 80 columns, without control characters from outside."""

import re
from typing import Final
from unicodedata import east_asian_width

from canary_loadtest.core.labels import visible

COLUMNS: Final = 80
# White space, and what follows it up to the next place where a line may end: a run of narrow characters, or one wide
# character. Chinese marks stay with what they close or open.
PIECE: Final = re.compile(
    r"([ \t\n\r\f\v]*)"
    r"([（《「“]*(?:[^ \t\n\r\f\v\u2e80-\uffef]+|[^ \t\n\r\f\v])[，。、：；！？）》」”]*)"
)


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes: a wide character, such as a Chinese one, takes two."""
    return len(text) if text.isascii() else sum(1 + (east_asian_width(one) in "WF") for one in text)


def padded(text: str, width: int) -> str:
    """Return a text with spaces at its end up to a number of columns."""
    return text + " " * (width - columns(text))


def filled(text: str, later: str) -> str:
    """Return a text in lines of at most 80 columns; a word that is longer than a line is left whole.

    Args:
        text: what is to be broken into lines, at white space or next to a wide character.
        later: what all lines but the first begin with.
    """
    lines = [""]
    for gap, piece in PIECE.findall(text.expandtabs()):
        space = " " * len(gap)
        if lines[-1].strip() and columns(lines[-1] + space + piece) > COLUMNS:
            lines.append(later + piece)
        else:
            lines[-1] += space + piece
    return "\n".join(lines)


def wrapped(head: str, text: str, indent: int | None = None) -> str:
    """Return `head` and `text` in lines of at most 80 columns; a word that is longer than a line is left whole.

    Args:
        head: what the first line begins with.
        text: what follows.
        indent: the indentation of later lines in columns; None for the width of the head.
    """
    indentation = " " * (columns(head) if indent is None else indent)
    return filled(head + text, indentation)


def one_line(text: str) -> str:
    """Return text from outside, such as the name of a route, in one line: what is not printable as its escape.

    So it can neither begin a line of its own nor control a terminal, nor GitHub Actions, whose commands begin with `::`
    or `##[`. Any file of UTF-8 or XML can hold it.
    """
    return re.sub(r"(?<!\S):(?=:)|#(?=#\[)", lambda found: rf"\x{ord(found[0]):x}", visible(text))
