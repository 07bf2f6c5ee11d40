"""The command line: every section runs, and a mistake is said in a line."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.bench.__main__ import SECTIONS

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 240


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m scripts.bench` from the repository."""
    return subprocess.run(
        [sys.executable, "-m", "scripts.bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_measures_and_shows(section: str, tmp_path: Path) -> None:
    """A smoke run of one section ends well, and writes where it is told to what it shows."""
    page = tmp_path / "page.md"
    ended = bench("--quick", "--only", section, "--output", str(page))
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Benchmarks\n")
    heading, _, body = text.partition("\n## ")[2].partition("\n")
    assert f"## {heading}\n" in ended.stdout
    assert "| " in body


def test_a_smoke_run_never_touches_the_page() -> None:
    """Without --output nothing is written by a run whose figures mean nothing."""
    page = ROOT / "docs" / "benchmarks.md"
    before = page.read_bytes()
    assert bench("--quick", "--only", "judge").returncode == 0
    assert page.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--only", "nothing"], 2, "invalid choice: 'nothing'"),
        (["--quick", "--only", "judge", "--output", "/nowhere/page.md"], 1, "/nowhere/page.md: No such file"),
    ],
)
def test_a_mistake_is_said_in_a_line(arguments: list[str], code: int, message: str) -> None:
    """Wrong usage exits with 2, and what cannot be written with 1, without a traceback."""
    ended = bench(*arguments)
    assert ended.returncode == code
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
