"""What the import contracts of pyproject.toml cannot hold: which modules of tests, and which words, stay apart."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import ROOT, tracked

CONTRACT = ROOT / "loadtest" / "canary_loadtest" / "core" / "contract.py"
FOLDERS = {"loadtest", "scripts"}
SOURCES = {".py", ".js", ".html", ".css", ".sh"}


def imported(file: Path) -> Iterator[str]:
    """Yield the names of all modules that a file imports, and of what it takes from them."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_test_module_is_imported_by_another() -> None:
    """What two of them need is in a module of helpers or in tests/support, so that each can be moved alone."""
    found = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in sorted((ROOT / "tests").rglob("*.py"))
        for name in imported(file)
        if name.startswith("tests.") and any(part.startswith("test_") for part in name.split("."))
    ]
    assert found == []


@pytest.mark.parametrize("words", ["V3|", "无依赖测试接口返回", "V3 (canary", "plain (stable"])
def test_only_the_contract_knows_the_body_of_micro_api(words: str) -> None:
    """Another service is measured by replacing one module: the rest of the load test, and the scripts, know no body."""
    files = [file for file in tracked() if file.suffix in SOURCES and file.relative_to(ROOT).parts[0] in FOLDERS]
    found = {file for file in files if words in file.read_text(encoding="utf-8")}
    assert found <= {CONTRACT}
