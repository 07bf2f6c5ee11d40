"""The verdict as an annotation of GitHub Actions: `canary_loadtest.output.annotations`, with `--annotations`."""

from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.session import Session
from canary_loadtest.core.tally import Tally
from canary_loadtest.judge.command import main
from canary_loadtest.output.about import About
from canary_loadtest.output.annotations import annotation
from tests.loadtest.locust_process import run
from tests.loadtest.server import serving
from tests.loadtest.traffic import split
from tests.support.text import unwrapped

COUNTS = {"CONFIRMED": (600, 1400), "REFUTED": (500, 500), "INCONCLUSIVE": (3, 7)}
LEVELS = {"CONFIRMED": "notice", "REFUTED": "error", "INCONCLUSIVE": "warning"}


def commands(printed: str) -> list[str]:
    """Return the lines that GitHub Actions takes for commands."""
    return [line for line in printed.splitlines() if line.lstrip().startswith("::")]


@pytest.mark.parametrize("outcome", COUNTS)
def test_the_judge_prints_one_annotation(capsys: pytest.CaptureFixture[str], outcome: str) -> None:
    """Its level fits the verdict, and its message names what was judged, why and what to do."""
    canary, stable = COUNTS[outcome]
    counts = f"--expect-canary 30 --canary {canary} --stable {stable} --other 0".split()
    main([*counts, "--annotations"])
    printed = capsys.readouterr().out
    (command,) = commands(printed)
    assert command.startswith(f"::{LEVELS[outcome]} title=Canary split%3A {outcome}::counts: 30 %25 canary%0A")
    table, _, _ = printed.partition("::")
    reason, _, next_step = unwrapped(table).partition(f"verdict:  {outcome} - ")[2].partition("\nnext:     ")
    assert unquote(command).endswith(f" canary\n{reason}\nNext: {next_step.rstrip()}")
    main(counts)
    assert capsys.readouterr().out == table, "without the option there is none"


def test_no_name_from_outside_is_a_command() -> None:
    """A route cannot end the message, nor begin a command on a line of its own."""
    session = Session(Expectation(30))
    session.add_all(Tally(canary=2, stable=7, routes=Counter({"a\n::stop-commands::x\r%0A::error::b": 5, "c": 4})))
    line = annotation(session.verdict(), About("http://127.0.0.1", "d\n::error::e"))
    assert len(line.splitlines()) == 1
    assert line.count("%0A") == 2
    assert r"a\n::stop-commands::x\r%250A::error::b: 5" in line
    assert r"http://127.0.0.1, route d\n::error::e: 30 %25 canary%0A" in line


@pytest.mark.parametrize("option", ["", "--json"])
def test_a_run_prints_its_annotation_with_the_table(tmp_path: Path, option: str) -> None:
    """It follows the table, which with --json leaves standard output to Locust; GitHub Actions reads both."""
    with serving(split(3)) as server:
        ended = run(tmp_path, f"--host {server.url} --expect-canary 30 --annotations {option}")
    printed, other = (ended.stderr, ended.stdout) if option else (ended.stdout, ended.stderr)
    (command,) = commands(printed)
    assert command.startswith(f"::notice title=Canary split%3A CONFIRMED::{server.url}: 30 %25 canary%0A")
    assert printed.rstrip().endswith(command)
    assert commands(other) == []
