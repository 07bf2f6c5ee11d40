"""The promises of the service's README: each is held by tests that exist."""

import ast
import re
from collections.abc import Sequence
from typing import Final

import pytest

from tests.support.repository import ROOT, text_of

README: Final = "services/micro_api/README.md"
FOLDER: Final = "tests/micro_api/"


def _promises() -> Sequence[tuple[str, str]]:
    """Return each promise with what holds it, in the words of the table."""
    found = re.search(r"<!-- promises: begin -->\n(.*?)<!-- promises: end -->", text_of(README), re.DOTALL)
    assert found, f"{README} has no table of promises"
    _head, _line, *rows = found[1].splitlines()
    cells = [re.fullmatch(r"\| (.+) \| (.+) \|", row) for row in rows]
    assert all(cells), rows
    return [(cell[1], cell[2]) for cell in cells if cell]


def _exists(test: str) -> bool:
    """Return whether a test, named MODULE::FUNCTION, is in its file."""
    module, _, function = test.partition("::")
    file = ROOT / f"{module if '/' in module else FOLDER + module}.py"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in tree.body)


@pytest.mark.parametrize(("promise", "held_by"), _promises())
def test_a_promise_is_held_by_tests_that_exist(promise: str, held_by: str) -> None:
    """Each line names at least one test, by its present name; a figure names the page where it is measured."""
    tests = re.findall(r"`(\S+::\S+)`", held_by)
    assert tests or "docs/benchmarks.md" in held_by, promise
    assert [test for test in tests if not _exists(test)] == [], promise


def test_a_test_that_is_gone_is_noticed() -> None:
    """The check itself can fail: by name, not by file alone."""
    assert not _exists("test_worker::test_that_is_gone")
