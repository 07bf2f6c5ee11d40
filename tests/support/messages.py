"""The messages in the source, and the catalogues that translate them."""

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Final, NamedTuple

from tests.support.repository import ROOT, tracked

LOAD_TEST: Final = ROOT / "loadtest" / "canary_loadtest"
SCRIPTS: Final = ROOT / "scripts"


class Found(NamedTuple):
    """A message in the source.

    Attributes:
        place: its file and line.
        template: its text with placeholders, None where that is no literal.
        names: the names of its values.
    """

    place: str
    template: str | None
    names: frozenset[str]


def messages(folder: Path) -> Iterator[Found]:
    """Yield each message that the source in a folder makes."""
    for file in tracked():
        if file.suffix == ".py" and folder in file.parents and file.name != "message.py":
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Message":
                    (template,) = node.args
                    literal = template.value if isinstance(template, ast.Constant) else None
                    assert literal is None or isinstance(literal, str)
                    names = frozenset(keyword.arg for keyword in node.keywords if keyword.arg)
                    yield Found(f"{file.relative_to(ROOT)}:{node.lineno}", literal, names)


def placeholders(template: str) -> dict[str, tuple[str | None, str | None]]:
    """Return how each placeholder of a text is formatted, by its name."""
    return {name: (spec, conversion) for _, name, spec, conversion in Formatter().parse(template) if name is not None}
