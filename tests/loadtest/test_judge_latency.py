"""The canary's latency in a finished record: the judge finds what the load test finds in the same answers."""

import random
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.health.latency import Latency
from canary_loadtest.core.health.latency_finding import LOGGED, MEASURED
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.session import Session
from canary_loadtest.core.slowness import Slowness
from canary_loadtest.output.annotations import LEVELS
from tests.loadtest.judging import Judge, judge_with
from tests.loadtest.records import json_line, record_of, vegeta_record_of
from tests.loadtest.schema import read
from tests.loadtest.timed_records import BY_VALUE, FORMS, Sent, by_end, in_jsonl, in_vegeta, traffic
from tests.support.repository import ROOT
from tests.support.text import unwrapped

RECORDED = ROOT / "tests" / "data" / "answers"
ENOUGH = 4000
SLOW = "the canary is slower than stable: "
FAST = "the canary's 95th percentile is less than 1.2 times stable's"
ANY_FORM = pytest.mark.parametrize("form", FORMS)
Judged = Callable[..., dict[str, Any]]


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Return a function that judges what is on standard input, and returns the exit code."""
    return judge_with(monkeypatch, "--expect-canary", "30")


@pytest.fixture
def judged(judge: Judge, tmp_path: Path) -> Judged:
    """Return a function that judges requests in a form with the latency, and returns the verdict as JSON."""

    def verdict_on(form: str, sent: Iterable[Sent], options: str = "--max-slowdown 1.2 --complete") -> dict[str, Any]:
        asked, line = FORMS[form]
        file = tmp_path / "verdict.json"
        judge(f"{asked} {options} --verdict-json {file}", b"".join(map(line, sent)))
        return read(file)

    return verdict_on


@ANY_FORM
def test_a_canary_three_times_as_slow_is_refuted(judge: Judge, judged: Judged, form: str) -> None:
    """The reason says that it is slower; where it is not asked for, the same record is CONFIRMED."""
    sent = traffic(ENOUGH, times=3)
    verdict = judged(form, by_end(sent))
    assert (verdict["verdict"], verdict["exit_code"], verdict["split"]) == ("REFUTED", 10, "CONFIRMED")
    assert verdict["reason"].startswith(f"the split is right, but {SLOW}")
    latency = verdict["health"]["latency"]
    assert (verdict["health"]["finding"], latency["finding"]) == ("NOT WORSE", "WORSE")
    assert latency["milliseconds"]["canary"]["p50"] > 2.5 * latency["milliseconds"]["stable"]["p50"]
    asked, line = FORMS[form]
    without = re.sub(r"--(started|ended|seconds|milliseconds)-field \S+", "", asked)
    assert judge(f"{without} --complete", b"".join(map(line, by_end(sent)))) == 0


@ANY_FORM
def test_a_canary_as_fast_passes_after_enough_answers(judged: Judged, form: str) -> None:
    """The verdict says so; with a tenth of the answers it is held, and says how many it takes."""
    verdict = judged(form, by_end(traffic(ENOUGH)))
    assert verdict["exit_code"] == 0
    assert f", and {FAST}" in verdict["reason"]
    assert verdict["health"]["latency"]["finding"] == "NOT WORSE"
    few = judged(form, by_end(traffic(ENOUGH // 10)))
    assert few["exit_code"] == 11
    assert f"too few to know that {FAST}" in few["health"]["latency"]["sentence"]


@ANY_FORM
@pytest.mark.parametrize("times", [1, 3])
def test_the_order_of_the_record_does_not_matter(judged: Judged, form: str, times: float) -> None:
    """By the end of the answers, as tools write it, or by chance: the findings are those of the requests' order."""
    sent = traffic(ENOUGH, times, errors=0.002)
    mixed = random.Random(2).sample(sent, len(sent))
    in_order, written, by_chance = (judged(form, record) for record in (sent, by_end(sent), mixed))
    assert by_end(sent) != sent
    assert in_order["health"]["latency"]["counts"]["canary"]["errors"] > 0
    assert written == in_order
    assert by_chance == in_order


@ANY_FORM
@pytest.mark.parametrize(("times", "errors"), [(1, 0), (3, 0), (0.1, 0.05)])
def test_the_load_test_finds_the_same_in_the_same_answers(
    judged: Judged, form: str, times: float, errors: float
) -> None:
    """Findings, thresholds, counts and remarks are those of a session that got the answers one by one."""
    sent = [one._replace(seconds=round(one.seconds, 3)) for one in traffic(ENOUGH, times, errors)]  # as logs have it
    verdict = judged(form, by_end(sent))
    expectation = Expectation(30, next_weight_percent=100, slowness=Slowness())
    session, latency = Session(expectation, keep_going=True), Latency(30, Slowness())
    for one in sent:
        session.add(one.answer)
        latency.add(one.version, one.seconds, is_error=one.is_error)
    live, found = session.verdict(), verdict["health"]["latency"]
    assert live.health is not None
    assert live.health.latency is not None
    assert verdict["verdict"] == live.outcome.value
    assert found["finding"] == live.health.latency.health.value
    assert verdict["health"]["finding"] == live.health.health.value
    assert live.health.latency.remarks[-1] == MEASURED
    assert found["remarks"][-1] == (MEASURED if form in {"vegeta", "jsonl"} else LOGGED)
    canary, stable = latency.all[-1].canary, latency.all[-1].stable
    for name, counted in ((CANARY, canary), (STABLE, stable)):
        assert found["counts"][name] == {
            "answers": counted.total,
            "above": counted.above,
            "beyond": counted.beyond,
            "errors": counted.errors,
        }
    assert found["thresholds_milliseconds"] == pytest.approx(
        [1000 * seconds for seconds in latency.all[-1].thresholds_seconds or ()]
    )


def test_requests_of_one_moment_stay_in_the_order_of_the_record(judged: Judged) -> None:
    """A log with whole seconds has many of them; the threshold is learnt from the first 200 that it names."""
    one_moment = [one._replace(started=0.0) for one in traffic(2000)]
    found = judged("jsonl", one_moment)["health"]["latency"]
    latency = Latency(30, Slowness())
    for one in one_moment:
        latency.add(one.version, one.seconds)
    assert found["counts"][CANARY]["above"] == latency.all[-1].canary.above


def test_times_of_a_log_are_not_called_the_clients(judged: Judged) -> None:
    """What was measured is said, and how to take it."""
    remarks = judged("istio", traffic(2000))["health"]["latency"]["remarks"]
    assert remarks[-1] == LOGGED
    assert remarks[0].startswith("from the arrival 50 / 95 / 99 % of right answers took at most about ")


def test_a_percentile_or_a_time_of_ones_own(judged: Judged) -> None:
    """The options mean what they mean for the load test."""
    sent = traffic(ENOUGH, times=3)
    percentile = judged("vegeta", sent, "--max-slowdown 2 --slow-percentile 50")
    assert (percentile["expected"]["max_slowdown"], percentile["expected"]["slow_percentile"]) == (2, 50)
    assert "stable's 50th percentile" in percentile["health"]["latency"]["sentence"]
    told = judged("vegeta", sent, "--max-slowdown 1.2 --slow-above 40")
    assert told["health"]["latency"]["thresholds_milliseconds"] == [40, 40]
    assert told["health"]["latency"]["counts"][CANARY]["answers"] == sum(one.version == CANARY for one in sent)


def test_a_missing_request_may_have_been_a_slow_one_of_either_version(judged: Judged) -> None:
    """What --sent, or a gap in vegeta's numbers, shows to be missing holds a canary that is as fast."""
    sent = traffic(ENOUGH)
    lost = [one for number, one in enumerate(sent) if number % 25]
    missing = ENOUGH - len(lost)
    for form, options in (("vegeta", ""), ("jsonl", f"--sent {ENOUGH}")):
        verdict = judged(form, lost, f"--max-slowdown 1.2 {options}")
        latency = verdict["health"]["latency"]
        assert verdict["exit_code"] == 11
        assert (latency["finding"], latency["counts"]["unknown_errors"]) == ("UNDECIDED", missing)
    unknown = judged("jsonl", lost, "--max-slowdown 1.2")["health"]["latency"]
    assert unknown["finding"] == "UNDECIDED"
    assert unknown["sentence"] == "requests without an answer are not among these"


def test_a_threshold_that_is_not_known_is_said_also_where_requests_are_missing(judged: Judged) -> None:
    """Requests that are missing are no answers of either version."""
    sent = traffic(150)
    latency = judged("vegeta", [*sent[:100], *sent[110:]])["health"]["latency"]
    assert latency["counts"]["unknown_errors"] == 10
    assert "95th percentile is not known yet: it is learnt from 200 right stable answers" in latency["sentence"]


def lines_of(records: Iterable[dict[str, Any]]) -> bytes:
    """Return records as lines of JSON."""
    return b"".join(map(json_line, records))


def test_answers_without_their_times_hold_the_finding(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    """A version whose slow answers have no time could pass: they are named, and where the first one is."""
    records = [in_jsonl(one) for one in traffic(ENOUGH)]
    for record in records[100:103]:
        del record["seconds"]
    assert judge("--format jsonl --complete --max-slowdown 1.2", lines_of(records)) == 11
    printed = unwrapped(capsys.readouterr().out)
    said = "3 answers have no time: --max-slowdown takes started_at and seconds on each line (the first without:"
    assert f"{said} standard input, line 101)" in printed
    assert "canary:   NOT WORSE - " in printed
    assert "next:     record the times of every answer, or compare the errors alone" in printed


@pytest.mark.parametrize(("recorded", "form"), [("vegeta", "vegeta"), ("k6", "jsonl")])
def test_the_times_of_a_real_record_are_read(
    judge: Judge, capsys: pytest.CaptureFixture[str], recorded: str, form: str
) -> None:
    """All 19 right answers of stable, in what the tool itself has written, are part of the first stretch."""
    file = RECORDED / f"{recorded}.jsonl"
    assert judge(f"--format {form} --sent 30 --max-slowdown 1.2 {file}") == 11
    said = "95th percentile is not known yet: it is learnt from 200 right stable answers, of which there are 19"
    assert said in unwrapped(capsys.readouterr().out)


def test_errors_that_name_no_version_need_no_time(judged: Judged, judge: Judge, tmp_path: Path) -> None:
    """A lost connection, and a line that is no record, may be slow answers of either version."""
    lost = {"status": 0, "headers": {}, "body": ""}
    file = tmp_path / "verdict.json"
    text = b"curl: (52) Empty reply\n" * 2 + lines_of([lost] * 7 + [in_jsonl(one) for one in traffic(2000)])
    judge(f"--format jsonl --complete --max-slowdown 1.2 --verdict-json {file}", text)
    counts = read(file)["health"]["latency"]["counts"]
    assert counts["unknown_errors"] == 9
    assert counts == judged("jsonl", traffic(2000))["health"]["latency"]["counts"] | {"unknown_errors": 9}


@pytest.mark.parametrize(
    ("options", "record", "takes"),
    [
        ("--format jsonl", record_of(CANARY), "started_at and seconds on each line"),
        ("--format jsonl", record_of(CANARY) | {"started_at": 1, "seconds": "soon"}, "started_at and seconds"),
        ("--format vegeta", vegeta_record_of(CANARY), "timestamp and latency on each line"),
        (FORMS["istio"][0], {"upstream_cluster": "canary", "response_code": 200}, "start_time and duration on each"),
    ],
)
def test_a_record_without_any_time_is_no_record_for_it(
    judge: Judge, capsys: pytest.CaptureFixture[str], options: str, record: dict[str, Any], takes: str
) -> None:
    """The exit code is 2, and the message says which members or columns it takes, and which line has none."""
    assert judge(f"{options} --max-slowdown 1.2", lines_of([record] * 3)) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert "none of the 3 answers has a time: --max-slowdown takes" in error
    assert takes in error
    assert "standard input, line 1" in error


NEEDS = "--max-slowdown needs when each request was sent and how long its answer took"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--max-slowdown 1.2", [NEEDS, "--format bodies has neither", "--format jsonl, --format vegeta or an access"]),
        ("--max-slowdown 1.2 --format lines", [NEEDS, "--format lines has neither"]),
        ("--max-slowdown 1.2 --format service-log", [NEEDS, "--format service-log has neither"]),
        ("--max-slowdown 1.2 --canary 3 --stable 7 --other 0", [NEEDS, "counts have neither"]),
        (
            f"--max-slowdown 1.2 --field version {BY_VALUE}",
            [NEEDS, "name the fields with --started-field or --ended-field, and --seconds-field or --milliseconds-"],
        ),
        (f"--max-slowdown 1.2 --field v {BY_VALUE} --started-field t", [NEEDS, "name the fields with"]),
        (f"--max-slowdown 1.2 --field v {BY_VALUE} --seconds-field t", [NEEDS, "name the fields with"]),
        (
            f"--max-slowdown 2 --field v {BY_VALUE} --started-field a --ended-field b --seconds-field c",
            ["--started-field and --ended-field", "give one of them"],
        ),
        (
            f"--max-slowdown 2 --field v {BY_VALUE} --started-field a --seconds-field b --milliseconds-field c",
            ["--seconds-field and --milliseconds-field", "give one of them"],
        ),
        (
            f"--max-slowdown 2 --field v {BY_VALUE} --started-field 1 --seconds-field 2",
            ["both columns, or both members"],
        ),
        (f"--field v {BY_VALUE} --started-field a --seconds-field b", ["have no effect without --max-slowdown"]),
        ("--format jsonl --max-slowdown 2 --started-field a", ["--started-field", "go with --field NAME"]),
        ("--format vegeta --slow-percentile 99", ["have no effect without --max-slowdown"]),
        ("--format vegeta --max-slowdown 2 --slow-percentile 99 --slow-above 9", ["give one of them"]),
        ("--format vegeta --max-slowdown 0.5", ["the slowdown is 0.5 times: give a number from 1.01 to 100"]),
        ("--format vegeta --max-slowdown 2 --only-split", ["ask for one of them"]),
    ],
)
def test_what_makes_no_sense_is_refused(
    judge: Judge, capsys: pytest.CaptureFixture[str], options: str, words: list[str]
) -> None:
    """The message names the option, what lacks, and what to do; nothing is read."""
    assert judge(options) == 2
    lines = capsys.readouterr().err.splitlines()
    message = " ".join(" ".join(lines).split())
    assert all(word in message for word in words), message
    assert max(map(len, lines)) <= 80


def test_errors_are_counted_in_episodes_of_the_requests_order(judged: Judged) -> None:
    """Ten failures in a row that end at different times are one episode, and not ten."""
    sent = traffic(2000)
    canary = [number for number, one in enumerate(sent) if one.version == CANARY][100:110]
    for number in canary:
        sent[number] = sent[number]._replace(is_error=True, seconds=0.5 + number % 7)
    counts = judged("vegeta", by_end(sent))["health"]["counts"]
    assert counts[CANARY] == {"errors": 10, "right": sum(one.version == CANARY for one in sent) - 10, "episodes": 1}


@pytest.mark.parametrize("form", ["istio", "envoy", "nginx"])
def test_an_error_of_a_log_is_that_of_the_version_that_its_field_names(judged: Judged, form: str) -> None:
    """A canary that fails is REFUTED by an access log, and its errors are slow answers of its own."""
    verdict = judged(form, by_end(traffic(3000, errors=0.2)))
    assert verdict["exit_code"] == 10
    assert "the canary errs more often than stable" in verdict["reason"]
    counts = verdict["health"]["latency"]["counts"]
    assert counts[CANARY]["errors"] > 100
    assert counts["unknown_errors"] == counts[STABLE]["errors"] == 0


@pytest.mark.parametrize("times", [1, 3])
def test_each_output_says_it(judge: Judge, capsys: pytest.CaptureFixture[str], tmp_path: Path, times: float) -> None:
    """Table, Markdown, JUnit, annotation and JSON carry the finding on the latency."""
    junit, summary, file = (tmp_path / name for name in ("junit.xml", "summary.md", "verdict.json"))
    files = f"--junit {junit} --summary {summary} --verdict-json {file} --annotations"
    lines = b"".join(json_line(in_vegeta(one)) for one in by_end(traffic(ENOUGH, times)))
    judge(f"--format vegeta --max-slowdown 1.2 {files}", lines)
    printed = capsys.readouterr().out
    latency, outcome = ("WORSE", "REFUTED") if times > 1 else ("NOT WORSE", "CONFIRMED")
    claim = SLOW if times > 1 else FAST
    assert f"latency:  {latency} - " in unwrapped(printed)
    markdown = summary.read_text(encoding="utf-8")
    assert f"\nLatency: {latency} - " in markdown
    assert claim in markdown
    (case,) = ET.parse(junit).iter("testcase")
    assert [problem.tag for problem in case] == ["failure"] * (outcome == "REFUTED")
    assert all(claim in problem.attrib["message"] for problem in case)
    shown = unwrapped(ET.parse(junit).findtext(".//system-out") or "")
    assert f"latency:  {latency} - " in shown
    assert claim in shown
    (annotation,) = (text for text in printed.splitlines() if text.startswith("::"))
    assert annotation.startswith(f"::{LEVELS[Outcome(outcome)]} ")
    assert claim in annotation
    assert read(file)["health"]["latency"]["finding"] == latency
