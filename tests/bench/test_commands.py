"""The command line: every section runs, and mistakes are reported without a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.bench.__main__ import PAGE, SECTIONS
from tests.support.repository import ROOT

pytestmark = pytest.mark.live

TIMEOUT_SECONDS = 240


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m scripts.bench` from the repository."""
    return subprocess.run(
        [sys.executable, "-m", "scripts.bench", *arguments],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_is_measured_and_printed(section: str, tmp_path: Path) -> None:
    """A smoke run of one section prints what it writes to the file, under the heading that docs/benchmarks.md has."""
    page = tmp_path / "page.md"
    ended = bench("--quick", "--only", section, "--output", str(page))
    assert (ended.returncode, ended.stderr) == (0, "")
    heading = ended.stdout.partition("\n")[0]
    assert f"\n{heading}\n" in PAGE.read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8").partition(heading)[2].strip() in ended.stdout
    assert "\n| " in ended.stdout


def test_a_smoke_run_does_not_change_the_page() -> None:
    """Without --output a smoke run writes nothing, since its figures mean nothing."""
    before = PAGE.read_bytes()
    assert bench("--quick", "--only", "service").returncode == 0
    assert PAGE.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--only", "nothing"], 2, "invalid choice: 'nothing'"),
        (["--quick", "--only", "judge", "--output", "/nowhere/page.md"], 1, "/nowhere/page.md: No such file"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], code: int, message: str) -> None:
    """Wrong usage exits with 2 and a file that cannot be written with 1, before anything is measured."""
    ended = bench(*arguments)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
