"""The command line: every section runs, and a mistake is said in a line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.bench.__main__ import SECTIONS
from tests.support.repository import ROOT

DEADLINE_SECONDS = 240


def bench(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m scripts.bench` from the repository."""
    return subprocess.run(
        [sys.executable, "-m", "scripts.bench", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("section", [name for name in SECTIONS if name != "images"])
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


def test_without_an_engine_the_images_are_left_out(tmp_path: Path) -> None:
    """No Docker is no failure of the benchmark: the page says that they were not measured, and why."""
    page = tmp_path / "page.md"
    ended = bench("--quick", "--only", "images", "--output", str(page), DOCKER_HOST="unix:///nowhere")
    assert ended.returncode == 0, ended.stderr
    assert "## The images\n\nNot measured: no container engine answers.\n" in page.read_text(encoding="utf-8")


def test_one_section_is_measured_into_a_page(tmp_path: Path) -> None:
    """With --update all that was not measured stays, and the new section says when it was."""
    page = tmp_path / "page.md"
    before = "# Benchmarks\n\nOld.\n\n## The images\n\nOld.\n\n## The end\n\nOld.\n"
    page.write_text(before)
    ended = bench("--quick", "--only", "images", "--update", "--output", str(page), DOCKER_HOST="unix:///nowhere")
    assert ended.returncode == 0, ended.stderr
    head, images, end = page.read_text(encoding="utf-8").split("\n## ")
    assert (head, end) == ("# Benchmarks\n\nOld.\n", "The end\n\nOld.\n")
    assert images.startswith("The images\n\nNot measured: ")
    assert "\n\nMeasured alone: " in images


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
        (["--quick", "--update", "--output", "/nowhere/page.md"], 1, "/nowhere/page.md: No such file"),
    ],
)
def test_a_mistake_is_said_in_a_line(arguments: list[str], code: int, message: str) -> None:
    """Wrong usage exits with 2, and what cannot be written with 1, without a traceback."""
    ended = bench(*arguments)
    assert ended.returncode == code
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
