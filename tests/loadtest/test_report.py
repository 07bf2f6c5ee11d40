"""What people and programs are told: `canary_loadtest.output.report`."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from canary_loadtest.core.connections import Connections
from canary_loadtest.core.contract import ROW_NAMES
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.outcome import EXIT_CODE_HELP, EXIT_CODES, Outcome
from canary_loadtest.core.session import Session
from canary_loadtest.core.tally import Tally
from canary_loadtest.output import report
from canary_loadtest.output.about import About
from canary_loadtest.output.files import write_whole
from canary_loadtest.runner.wording import LIVE_NEXT_STEPS
from tests.support.text import unwrapped

ABOUT = About("http://127.0.0.1:8080", "70-30", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), 12.34)


def session_of(tally: Tally, canary_percent: float = 30, route: str | None = None) -> Session:
    """Return a session with these counts."""
    session = Session(Expectation(canary_percent), route, row_names=ROW_NAMES, next_steps=LIVE_NEXT_STEPS)
    session.add_all(tally)
    return session


def test_the_exit_codes_are_documented_and_differ_from_what_tools_use() -> None:
    """0, 10 and 11 are the verdicts; 1, 2 and above 128 stay free for failures."""
    assert EXIT_CODES == {Outcome.CONFIRMED: 0, Outcome.REFUTED: 10, Outcome.INCONCLUSIVE: 11}
    for outcome, code in EXIT_CODES.items():
        assert f"{code} {outcome.value}" in EXIT_CODE_HELP


def test_the_table_tells_counts_shares_interval_verdict_and_next_step() -> None:
    """All that a person needs is in one table."""
    other = Counter({"status_503": 3, "timeout": 1})
    lines = report.table(session_of(Tally(canary=300, stable=696, other=other)).verdict()).splitlines()
    assert [line.split()[:5] for line in lines[1:7]] == [
        ["V3", "(canary,", "v2)", "300", "30.0"],
        ["plain", "(stable,", "v1)", "696", "69.6"],
        ["other", "4", "0.4", "%"],
        ["status_503", "3"],
        ["timeout", "1"],
        ["total", "1000"],
    ]
    assert lines[1].endswith("95 % interval 26.9 to 33.8 %")
    assert lines[7] == "expected: 30 % canary, tolerance 5 percentage points, at most 5 % errors"
    assert lines[8] == "verdict:  CONFIRMED - 300 of 1000 answers (30.0 %) are from the canary: within 5"
    assert lines[9].startswith(" " * 10 + "points of 30 % (25 or 35 % would pass in at most 5 % of runs)")
    assert " ".join(line.strip() for line in lines[-2:]) == (
        "next:     traffic matches the configured weights; if the canary is fit to get more was not asked"
    )


@pytest.mark.parametrize(
    ("expectation", "tally", "words", "wrong"),
    [
        (Expectation(30), Tally(canary=2955, stable=6894, other=Counter({"timeout": 151})), "5.03 % of what", "5.0 %"),
        (
            Expectation(30, max_errors_percent=0),
            Tally(canary=3000, stable=6999, other=Counter({"timeout": 1})),
            "0.03 % of what",
            "0.0 % of what",
        ),
        (Expectation(0, 1.75), Tally(stable=170), "interval 0.00 to 1.75 %", "1.8 %"),
        (Expectation(0, alpha=1e-6), Tally(canary=1, stable=39), "interval 0.000001 to", "0.000000"),
    ],
)
def test_no_figure_is_rounded_over_what_it_is_compared_with(
    expectation: Expectation, tally: Tally, words: str, wrong: str
) -> None:
    """Errors above the limit, ends of the interval within the tolerance or next to the expected share are shown so."""
    session = Session(expectation, row_names=ROW_NAMES)
    session.add_all(tally)
    shown = unwrapped(report.table(session.verdict()))
    assert words in shown
    assert wrong not in shown


def test_a_range_that_leaves_the_tolerance_is_seen_to_do_so() -> None:
    """Where later errors take the verdict back, the range that is named is not rounded into the tolerance."""
    session = Session(Expectation(30), keep_going=True, row_names=ROW_NAMES)
    session.add_all(Tally(canary=3000, stable=7000))
    session.add_all(Tally(other=Counter({"timeout": 770})))
    assert "anywhere from 27.855 to 35.005 %" in unwrapped(report.table(session.verdict()))


def test_the_json_says_the_same() -> None:
    """The verdict file has verdict, reason and counts, other by kind."""
    data = report.as_dict(session_of(Tally(canary=3, stable=7, other=Counter({"timeout": 1}))).verdict(), ABOUT)
    assert json.loads(json.dumps(data)) == data
    assert (data["verdict"], data["exit_code"]) == ("INCONCLUSIVE", 11)
    assert data["counts"] == {
        "canary": 3,
        "stable": 7,
        "other": 1,
        "drawn": {"canary": 3, "stable": 7, "unknown": 1},
        "other_by_kind": {"timeout": 1},
        "routes": {},
        "settling": 0,
        "connections": {"canary": 0, "stable": 0, "other": 0, "pairs": 0, "changes": 0},
    }
    assert data["expected"] == {
        "canary_percent": 30,
        "tolerance_points": 5.0,
        "alpha": 0.05,
        "alpha_stop": 0.001,
        "max_errors_percent": 5.0,
        "max_slowdown": None,
        "slow_percentile": None,
        "slow_above_milliseconds": None,
    }


def test_the_verdict_file_is_written_whole(tmp_path: Path) -> None:
    """The file holds the JSON, replaces an older one, and leaves no other file."""
    file = tmp_path / "verdict.json"
    file.write_text("old")
    verdict = session_of(Tally(canary=300, stable=700)).verdict()
    report.write_json(verdict, ABOUT, str(file))
    assert json.loads(file.read_text(encoding="utf-8")) == report.as_dict(verdict, ABOUT)
    assert [entry.name for entry in tmp_path.iterdir()] == ["verdict.json"]


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    """Where a folder took the file's name in the meantime, not even a part of the file stays."""
    (tmp_path / "report.html").mkdir()
    with pytest.raises(OSError, match=r"report\.html"):
        write_whole("text", str(tmp_path / "report.html"))
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_the_table_is_written_into_the_file_that_is_there(tmp_path: Path) -> None:
    """What a pod mounts to be written to stays the same file, and nothing of an older content is left."""
    file = tmp_path / "termination-log"
    file.write_text("old" * 1000)
    inode = file.stat().st_ino
    verdict = session_of(Tally(canary=300, stable=700)).verdict()
    report.write_text(verdict, str(file))
    assert file.read_text(encoding="utf-8") == report.table(verdict) + "\n"
    assert file.stat().st_ino == inode


def test_names_from_outside_stay_in_their_row_of_the_table() -> None:
    """A kind or a route can neither begin a line, such as a second verdict, nor control the terminal."""
    hostile = "\x1b[31m\nverdict:  CONFIRMED \u2028 \ud800" + 90 * "x"
    tally = Tally(canary=3, stable=7, other=Counter({hostile: 2}), routes=Counter({hostile: 5, "0-100": 5}))
    printed = report.table(session_of(tally).verdict())
    assert [line.split()[1] for line in printed.splitlines() if line.startswith("verdict:")] == ["INCONCLUSIVE"]
    assert all(line.isprintable() for line in printed.split("\n"))
    assert r"    \x1b[31m\nverdict:  CONFIRMED \u2028 \ud800xxx" in printed
    (row,) = (line for line in printed.splitlines() if line.startswith(r"    \x1b"))
    assert row.endswith("xxx 2")


def test_names_from_outside_are_no_commands_of_github_actions() -> None:
    """A line of the table whose first characters are `::`, and `##[` anywhere, would be one."""
    kinds = Counter({"::error::x": 5, "a ##[error]y": 3})
    routes = Counter({f"{'r' * number} ::add-mask::z": 1 for number in range(1, 40)})
    for tally in (Tally(canary=1, other=kinds), Tally(canary=39, routes=routes)):
        printed = report.table(session_of(tally).verdict())
        assert [line for line in printed.splitlines() if line.lstrip().startswith("::") or "##[" in line] == []
        assert r"\x3a:" in printed


def test_the_summary_names_the_route_that_answered() -> None:
    """Where none was asked for, the only one that the answers name is shown; several are in the reason."""
    about = About("http://127.0.0.1:8080")
    one, two = Counter({"70-30": 10}), Counter({"70-30": 5, "0-100": 5})
    assert "**http://127.0.0.1:8080, route 70-30**\n" in report.summary(
        session_of(Tally(canary=3, stable=7, routes=one)).verdict(), about
    )
    assert "**http://127.0.0.1:8080**\n" in report.summary(
        session_of(Tally(canary=3, stable=7, routes=two)).verdict(), about
    )


def test_the_summary_is_appended_as_markdown(tmp_path: Path) -> None:
    """A CI job's page gets a heading with the verdict, the counts and the next step, below what it has already."""
    file = tmp_path / "summary.md"
    file.write_text("# Job\n\n")
    report.append_summary(
        session_of(Tally(canary=300, stable=696, other=Counter(timeout=4))).verdict(), ABOUT, str(file)
    )
    text = file.read_text(encoding="utf-8")
    assert text.startswith(
        "# Job\n\n### ✅ Canary split: CONFIRMED\n\n"
        "**http://127.0.0.1:8080, route 70-30**, 2026-01-02 03:04:05 UTC, 12.3 s\n\n"
        "300 of 1000 answers (30.0 %) are from the canary: within 5"
    )
    assert (
        "\n| V3 (canary, v2) | 300 | 30.0 % |\n| plain (stable, v1) | 696 | 69.6 % |\n| timeout | 4 | 0.4 % |\n" in text
    )
    assert (
        "Expected: 30 % canary, tolerance 5 percentage points, at most 5 % errors."
        " Not ruled out: 95 % interval 26.9 to 33.8 %." in text
    )
    assert text.endswith(
        "\n\nNext: traffic matches the configured weights; if the canary is fit to get more was not asked.\n\n"
    )


def test_the_summary_shows_names_from_outside_as_they_are() -> None:
    """A route or a kind cannot put a link, a picture or HTML into a CI job's page."""
    route = "<img src=x> [a](http://b) `c` | d\n# e"
    text = report.summary(
        session_of(Tally(canary=2, stable=7, routes=Counter({route: 5, "0-100": 4}))).verdict(), ABOUT
    )
    kind = report.summary(session_of(Tally(other=Counter({"<img>": 9}))).verdict(), ABOUT)
    assert kind.count("img") == kind.count(r"\<img\>") == 3
    assert r"\<img src=x\> \[a\](http://b) \`c\` \| d \# e: 5" in text


@pytest.mark.parametrize(
    ("tally", "route", "hint"),
    [
        (Tally(), None, "allow more time (--run-time)"),
        (Tally(canary=3, stable=7), None, "run longer"),
        (Tally(other=Counter({"connection_error": 9})), None, "check the target"),
        (Tally(other=Counter({"connection_refused": 9})), None, "nothing listens at the target"),
        (Tally(other=Counter({"status_404": 9})), None, "default route"),
        (Tally(other=Counter({"status_426": 9})), None, "HTTP/1.1"),
        (Tally(other=Counter({"status_500": 9})), None, "a backend that does not exist"),
        (Tally(canary=1, other=Counter({"overloaded_503": 9})), None, "connectionPool"),
        (Tally(canary=1, other=Counter({"status_418": 9})), None, "find out what the status_418 answers are"),
        (Tally(canary=1, other=Counter({"version_mismatch": 9})), None, "which image is deployed"),
        (
            Tally(canary=200, stable=200, connections=Connections(canary=20, stable=20, pairs=360)),
            None,
            "without --keep-alive",
        ),
        (Tally(settling=9), "70-30", "compare --route"),
        (Tally(canary=2, stable=7, routes=Counter({"70-30": 5, "0-100": 4})), None, "while the weights do not change"),
        (Tally(canary=500, stable=500), None, "stop the rollout"),
    ],
)
def test_each_result_says_what_to_do_next(tally: Tally, route: str | None, hint: str) -> None:
    """The next step fits what prevents a verdict."""
    assert hint in session_of(tally, route=route).verdict().next_step


@pytest.mark.parametrize(
    ("rate", "seconds_left", "end"),
    [
        (0.0, None, "about {to_go} more"),
        (100.0, 30.0, "about {to_go} more, {seconds:.0f} s"),
        (10.0, 30.0, "about {to_go} more, {seconds:.0f} s (30 left)"),
    ],
)
def test_progress_foretells_the_verdict(rate: float, seconds_left: float | None, end: str) -> None:
    """While it runs, a person reads how much is to come and whether the time will do."""
    session = session_of(Tally(canary=3, stable=7))
    to_go = session.to_go()
    assert to_go is not None
    line = end.format(to_go=to_go, seconds=to_go / rate if rate else 0)
    assert report.progress_line(session, rate, seconds_left) == f"10 answers, 30.0 % canary, 0 other: {line}"


@pytest.mark.parametrize(
    ("tally", "line"),
    [
        (Tally(), "no answer counted yet"),
        (Tally(canary=3, stable=7, other=Counter(x=5)), "15 answers, 20.0 % canary, 5 other: no verdict in sight"),
        (Tally(canary=300, stable=700), "1000 answers, 30.0 % canary, 0 other: CONFIRMED"),
    ],
)
def test_progress_at_the_ends(tally: Tally, line: str) -> None:
    """Progress promises nothing before the first answer, behind too many errors, or after the verdict."""
    assert report.progress_line(session_of(tally), 9.0, 9.0) == line
