"""The page of a measurement, live and as a report: `canary_loadtest.output.page`. See also tests/browser."""

import hashlib
import html
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.history import History
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.session import Session
from canary_loadtest.output import page, report
from canary_loadtest.output.about import About

ABOUT = About("http://127.0.0.1:8080", "70-30", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), 3.0)
HOSTILE = "</script><script>alert(1)</script><!-- {{ 7 * 7 }}"


def measured(route: str = "70-30") -> tuple[Session, History]:
    """Return a measurement of a few answers by this route, and how it went on."""
    session, history = Session(Expectation(30)), History()
    for second, label in enumerate([CANARY, STABLE, STABLE, "status_503"]):
        session.add(Answer(label, route))
        history.record(second, session)
    return session, history


def report_of(session: Session, history: History) -> tuple[str, dict[str, object]]:
    """Return a report and what it should hold."""
    verdict = session.verdict()
    data = page.data_of(verdict, history, state="ended", to_go=session.to_go(), about=ABOUT)
    return page.render(data, report.table(verdict)), data


def carried(text: str) -> object:
    """Return the data that a report carries."""
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found)


def test_the_data_are_the_verdict_file_and_the_course() -> None:
    """A program that reads the verdict file can read the report's JSON, which ends with the same counts."""
    session, history = measured()
    _, data = report_of(session, history)
    verdict = report.as_dict(session.verdict(), ABOUT)
    assert {name: data[name] for name in verdict} == verdict
    columns = history.columns()
    assert data["history"] == columns
    assert (columns["canary"][-1], columns["stable"][-1], columns["other"][-1]) == (1, 2, 1)
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_a_report_carries_its_data() -> None:
    """The page asks for nothing: it contains what it shows, and a table for readers without scripts."""
    session, history = measured()
    text, data = report_of(session, history)
    assert carried(text) == data
    assert html.escape(report.table(session.verdict())) in text
    assert "canary-split/report" not in text.split("<script>")[0]


def test_what_comes_from_outside_is_text() -> None:
    """A route's name can neither end the data nor become HTML or a template."""
    text, data = report_of(*measured(HOSTILE))
    assert carried(text) == data
    assert HOSTILE not in text
    assert "<script>alert" not in text
    assert "{{_7_*_7_}}" in text


@pytest.mark.parametrize("is_report", [True, False])
def test_the_page_needs_nothing_beside_it(is_report: bool) -> None:  # noqa: FBT001 - pytest gives it
    """No script, style or picture is loaded from anywhere, and the page's own policy forbids it."""
    text = report_of(*measured())[0] if is_report else page.render()
    assert re.findall(r"<(?:script|link|img)[^>]* (?:src|href)=\"(?!data:)", text) == []
    assert "default-src 'none'" in text
    assert text.count("</script>") == (2 if is_report else 1)
    assert ('id="data"' in text) is is_report


def test_the_report_and_its_data_are_written_whole(tmp_path: Path) -> None:
    """Two files, each in place of an older one, and nothing else."""
    session, history = measured()
    text, data = report_of(session, history)
    (tmp_path / "split.html").write_text("old")
    page.write_report(data, report.table(session.verdict()), str(tmp_path / "split.html"))
    assert (tmp_path / "split.html").read_text(encoding="utf-8") == text
    assert json.loads((tmp_path / "split.json").read_text(encoding="utf-8")) == data
    assert sorted(file.name for file in tmp_path.iterdir()) == ["split.html", "split.json"]


def test_the_charts_library_is_the_published_one() -> None:
    """The files of uPlot are those whose sums are in the file next to them, with their licence."""
    notes = (page.FOLDER / "README.md").read_text(encoding="utf-8")
    sums = dict(re.findall(r"\| `(uPlot\S+)` \| ([0-9a-f]{64}) \|", notes))
    assert set(sums) == {"uPlot.iife.min.js", "uPlot.min.css"}
    for name, expected in sums.items():
        assert hashlib.sha256((page.FOLDER / name).read_bytes()).hexdigest() == expected
    assert "MIT" in (page.FOLDER / "uPlot.LICENSE").read_text(encoding="utf-8")
