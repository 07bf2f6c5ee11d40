"""The verdict as a JUnit report: `canary_loadtest.output.junit`, with `--junit` of both programs."""

from collections import Counter
from datetime import datetime
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.session import Session
from canary_loadtest.core.tally import Tally
from canary_loadtest.judge.command import main
from canary_loadtest.output.about import About
from canary_loadtest.output.junit import junit
from canary_loadtest.output.report import table
from tests.loadtest.locust_process import run
from tests.loadtest.server import serving
from tests.loadtest.traffic import split

COUNTS = {"CONFIRMED": (600, 1400), "REFUTED": (500, 500), "INCONCLUSIVE": (3, 7)}
PROBLEMS = {"CONFIRMED": [], "REFUTED": ["failure"], "INCONCLUSIVE": ["error"]}
# Of JUnit.xsd of windyroad, the strictest schema in use: the attributes that an element must and may have, and its
# children in their order. Jenkins' own schema (junit-10.xsd) allows all of this.
ATTRIBUTES = {
    "testsuites": ("", ""),
    "testsuite": ("name package id timestamp hostname tests failures errors time", "skipped"),
    "properties": ("", ""),
    "testcase": ("name classname time", ""),
    "failure": ("type", "message"),
    "error": ("type", "message"),
    "system-out": ("", ""),
    "system-err": ("", ""),
}
CHILDREN = {
    "testsuites": [["testsuite"]],
    "testsuite": [["properties", "testcase", "system-out", "system-err"]],
    "testcase": [[], ["failure"], ["error"]],
}
HOSTILE = "\x00\x1b[31m\x0b]]></testcase><error message='&'/>\n\r\ud800\ufffe\x85\u2028"


def fits(element: Element) -> bool:
    """Return whether an element and all below it have the shape of the schema."""
    required, optional = (set(names.split()) for names in ATTRIBUTES[element.tag])
    children = [child.tag for child in element]
    return (
        required <= element.attrib.keys() <= required | optional
        and children in CHILDREN.get(element.tag, [[]])
        and all(map(fits, element))
    )


def parts(text: str) -> tuple[Element, Element]:
    """Return suite and case of a report that has one each, and the shape of the schema."""
    root = fromstring(text.encode())
    assert fits(root), text
    (suite,) = root
    (case,) = suite.findall("testcase")
    return suite, case


def numbers(suite: Element) -> dict[str, int]:
    """Return how many tests the suite says that it has."""
    return {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}


@pytest.mark.parametrize("outcome", COUNTS)
def test_the_judge_writes_a_case_that_ends_as_the_verdict(tmp_path: Path, outcome: str) -> None:
    """CONFIRMED passes, REFUTED is a failure, INCONCLUSIVE an error; reason and table are there."""
    canary, stable = COUNTS[outcome]
    file = tmp_path / "junit.xml"
    counts = f"--expect-canary 30 --canary {canary} --stable {stable} --other 0"
    assert main([*counts.split(), "--junit", str(file)]) in {0, 10, 11}
    suite, case = parts(file.read_text(encoding="utf-8"))
    assert [problem.tag for problem in case] == PROBLEMS[outcome]
    assert [problem.get("type") for problem in case] == [outcome] * len(case)
    assert numbers(suite) == {
        "tests": 1,
        "failures": int(outcome == "REFUTED"),
        "errors": int(outcome == "INCONCLUSIVE"),
        "skipped": 0,
    }
    assert case.get("name") == "counts: 30 % canary"
    printed = suite.findtext("system-out") or ""
    assert printed.startswith("answers ")
    assert f"verdict:  {outcome} - " in printed
    assert all(problem.text == printed for problem in case)


def test_a_run_is_named_by_target_route_and_share(tmp_path: Path) -> None:
    """The name is the same for every run that asks for the same; start and length are attributes."""
    with serving(split(3, x_canary_route="70-30")) as server:
        options = "--expect-canary 50 --route 70-30 --junit junit.xml"
        ended = run(tmp_path, f"--host {server.url.replace('//', '//user:secret@')} {options}")
    text = (tmp_path / "junit.xml").read_text(encoding="utf-8")
    suite, case = parts(text)
    assert ended.exit_code == 10, ended.stderr
    assert case.get("name") == f"{server.url}, route 70-30: 50 % canary"
    assert [problem.get("message") for problem in case] == [ended.verdict["reason"]]
    began = datetime.fromisoformat(ended.verdict["started_at"]).replace(tzinfo=None)
    assert datetime.fromisoformat(suite.attrib["timestamp"]) == began
    assert float(suite.attrib["time"]) == float(case.attrib["time"]) == ended.verdict["seconds"] > 0
    assert "secret" not in text


def test_what_comes_from_outside_cannot_break_the_report() -> None:
    """Control characters, half a character and XML in a kind or a route are shown as text."""
    session = Session(Expectation(30))
    session.add_all(Tally(canary=3, stable=7, routes=Counter({HOSTILE: 10}), other=Counter({HOSTILE: 2})))
    verdict = session.verdict()
    suite, case = parts(junit(verdict, About(HOSTILE, HOSTILE)))
    assert suite.findtext("system-out") == table(verdict)
    assert case.attrib["name"].startswith(r"\x00\x1b[31m\x0b]]></testcase>")


def test_a_process_without_a_verdict_does_not_pass() -> None:
    """Where a file was not written, a confirmed share is an error, as the exit code is."""
    session = Session(Expectation(30))
    session.add_all(Tally(canary=300, stable=700))
    suite, case = parts(junit(session.verdict(), About("counts"), exit_code=1))
    assert [(problem.tag, problem.get("type")) for problem in case] == [("error", "exit code 1")]
    assert numbers(suite)["errors"] == 1
