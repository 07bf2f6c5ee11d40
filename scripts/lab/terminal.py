"""Lines for a terminal: in its user's language, and long ones wrapped, with a hanging indent."""

import os
import sys
import textwrap
from pathlib import Path
from typing import Final

try:
    from canary_loadtest.output.language import told as _told
    from canary_loadtest.output.text import filled as _filled
except ModuleNotFoundError:  # the image of `render` has this folder alone, and speaks English

    def _told(text: str, folder: Path = Path()) -> str:  # noqa: ARG001 - as the other one
        return text

    def _filled(text: str, later: str) -> str:
        return textwrap.fill(text, WIDTH, subsequent_indent=later, break_long_words=False, break_on_hyphens=False)


# How a reader of a message starts the next command: the same Python, by the shorter of its paths.
PROGRAM: Final = f"{min(sys.executable, os.path.relpath(sys.executable), key=len)} -m scripts.lab"
WIDTH: Final = 80
INDENT: Final = 4 * " "
LOCALE: Final = Path(__file__).parents[1] / "locale"
_NO_BREAK: Final = "\0"


def told(text: str) -> str:
    """Return a message in the user's language, and any other text as it is."""
    return _told(text, LOCALE)


def wrapped(text: str) -> str:
    """Return a text whose lines fit a terminal; a line that begins with a space (a command, a log) stays as it is."""
    return "\n".join(line if line.startswith(" ") else filled(line) for line in told(text).splitlines())


def filled(text: str, later: str = INDENT) -> str:
    """Return a text in lines that fit a terminal, of which all but the first begin with `later`."""
    return _filled(told(text), later)


def print_error(prefix: str, problem: object) -> None:
    """Print `prefix: problem` to standard error, wrapped, the prefix never on a line of its own."""
    print(wrapped(f"{prefix}:{_NO_BREAK}{told(str(problem))}").replace(_NO_BREAK, " "), file=sys.stderr)


def percent_of(text: str) -> float | None:
    """Return the percentage from 0 to 100 that a person typed, such as `35` or `35 %`, None where it is none."""
    try:
        percent = float(text.strip().removesuffix("%"))
    except ValueError:
        return None
    return percent if 0 <= percent <= 100 else None
