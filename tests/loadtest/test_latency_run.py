"""The canary's latency within a run: no go-ahead without it where it is asked for, and a slow canary is taken back."""

import html
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote
from xml.etree.ElementTree import fromstring

import pytest

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.health.rule import Health
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.recorder import Recorder
from canary_loadtest.core.refusal import ExpectationError
from canary_loadtest.core.session import Session
from canary_loadtest.core.slowness import Slowness
from canary_loadtest.core.verdict import Verdict
from canary_loadtest.core.workers import Workers
from canary_loadtest.output.about import About
from canary_loadtest.output.annotations import annotation
from canary_loadtest.output.junit import junit
from canary_loadtest.output.report import as_dict, summary, table
from canary_loadtest.output.why import row_of
from tests.loadtest.locust_process import BOTH_FINDINGS, Ended, end_of, forked_workers, locust, run
from tests.loadtest.misbehaviour import answers_later
from tests.loadtest.schema import checked, read
from tests.loadtest.server import serving
from tests.loadtest.simulation import fed, timed
from tests.loadtest.traffic import Handler, split
from tests.support.text import unwrapped

pytestmark = pytest.mark.live

EXPECTATION = Expectation(30, next_weight_percent=100, slowness=Slowness(1.2))
ERROR = "status_503"


def verdict_on(answers: Iterable[Answer], expectation: Expectation = EXPECTATION) -> Verdict:
    """Return the verdict on these answers."""
    return fed(Session(expectation), answers).verdict()


def test_a_slow_canary_is_refuted_where_latency_is_asked_for() -> None:
    """The reason says that it is slower, and what to do; where it is not asked for the same canary passes."""
    answers = list(timed(20_000, times=2))
    verdict = verdict_on(answers)
    assert verdict.outcome is Outcome.REFUTED
    assert "the canary is slower than stable: " in verdict.reason
    assert "would be called slower in at most 0.0333333 % of runs" in verdict.reason  # a third of 0.1 %
    assert verdict.next_step == "take the weight back from the canary, then find out what makes it slow"
    assert verdict.health is not None
    assert verdict.health.latency is not None
    assert verdict.health.latency.health is Health.WORSE
    assert verdict.health.worse_after == verdict.decided_after
    assert row_of(verdict) == "slower"
    assert verdict_on(answers, replace(EXPECTATION, slowness=None)).outcome is Outcome.CONFIRMED


def test_a_go_ahead_takes_all_three_findings() -> None:
    """A canary that is as fast passes once its latency is known, which takes longer than its errors; both are named."""
    session, without = Session(EXPECTATION), Session(replace(EXPECTATION, slowness=None))
    waited = 0
    for one in timed(20_000):
        session.add(one)
        without.add(one)
        waited += without.decided and not session.decided
    verdict = session.verdict()
    assert verdict.outcome is Outcome.CONFIRMED
    assert waited > 100
    claim = "the canary's 95th percentile is less than 1.2 times stable's"
    assert verdict.reason.endswith(f"the canary is at most 1 point worse than stable, and {claim}")


def test_while_latency_is_not_known_the_split_alone_is_no_go_ahead() -> None:
    """The verdict says which finding is awaited, and about how many answers it takes."""
    session = Session(EXPECTATION)
    for one in timed(20_000):
        session.add(one)
        verdict = session.verdict()
        if verdict.split is Outcome.CONFIRMED and verdict.health and verdict.health.health is Health.NOT_WORSE:
            break
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "the split is right, but" in verdict.reason
    assert "too few to know that the canary's 95th percentile is less than 1.2 times stable's" in verdict.reason
    to_go = session.to_go()
    assert to_go is not None
    assert to_go > 0


def test_errors_of_the_canary_are_no_quick_answers() -> None:
    """A canary that fails fast is worse by its errors, and its errors count as slow answers."""
    verdict = verdict_on(timed(20_000, times=0.1, errors=0.02))
    assert verdict.outcome is Outcome.REFUTED
    assert verdict.health is not None
    assert verdict.health.latency is not None
    assert verdict.health.latency.answers.canary.above >= verdict.health.latency.answers.canary.errors > 0


def test_an_answer_that_contradicts_itself_is_of_no_known_version() -> None:
    """Its time is charged to neither version."""
    odd = [Answer(STABLE, "70-30", None, CANARY, 9.0)] * 5
    session = fed(Session(EXPECTATION), [*timed(400), *odd])
    health = session.verdict().health
    assert health is not None
    assert health.latency is not None
    assert health.latency.answers.unknown_errors == 5


def test_what_stands_against_latency_holds_it_by_name() -> None:
    """A missed schedule is neither WORSE nor NOT WORSE; without it the same answers are judged."""
    for times in (1, 2):
        session = Session(EXPECTATION)
        session.hold_latency(lambda: "the schedule was missed")
        verdict = fed(session, timed(20_000, times)).verdict()
        assert verdict.outcome is Outcome.INCONCLUSIVE
        assert verdict.reason == "the split is right, but the schedule was missed"


@pytest.mark.parametrize("workers", [1, 4, 8])
@pytest.mark.parametrize("times", [1.0, 2.0])
def test_many_workers_find_what_one_finds(workers: int, times: float) -> None:
    """Slow failures included, and though each worker reports its answers late, the findings are those of one order."""
    answers = list(timed(12_000, times, errors=0.002))
    alone = fed(Session(EXPECTATION), answers).verdict()
    clock = iter(range(10**9))
    recorders = {f"w{number}": Recorder(lambda: 0) for number in range(workers)}
    together, gathered = Session(EXPECTATION), Workers()
    for recorder in recorders.values():
        recorder._clock = clock.__next__  # noqa: SLF001 - one clock, so that one order is known
    for name in recorders:
        gathered.expect(name)
    names = list(recorders)
    for start in range(0, len(answers), 50):
        tickets = [(names[number % workers], one) for number, one in enumerate(answers[start : start + 50], start)]
        awaited = [(name, recorders[name].start(), one) for name, one in tickets]
        for name, ticket, one in reversed(awaited):
            recorders[name].finish(ticket, one)
        for name, recorder in recorders.items():
            recorder.acknowledge(gathered.take(name, type(recorder.report()).from_dict(recorder.report().to_dict()), 0))
        for one in gathered.in_order(recorders):
            together.add(one)
    found = together.verdict()
    assert found.outcome is alone.outcome is (Outcome.CONFIRMED if times == 1 else Outcome.REFUTED)
    assert (found.reason, found.decided_after) == (alone.reason, alone.decided_after)


def test_each_output_says_it() -> None:
    """Table, JSON, Markdown, JUnit and annotation have the finding; the JSON, with both versions' times, its schema."""
    verdict = verdict_on(timed(20_000, times=2))
    data = checked(as_dict(verdict, About("")))
    latency = data["health"]["latency"]
    assert latency["finding"] == "WORSE"
    assert latency["sentence"] in data["reason"]
    assert latency["milliseconds"]["canary"]["p50"] > 1.5 * latency["milliseconds"]["stable"]["p50"]
    assert data["expected"]["max_slowdown"] == 1.2
    assert data["expected"]["slow_percentile"] == 95
    assert "latency:  WORSE - from the send " in unwrapped(table(verdict))
    assert "\nLatency: WORSE - from the send " in summary(verdict, About(""))
    assert max(map(len, table(verdict).splitlines())) <= 80
    (failure,) = fromstring(junit(verdict, About(""))).iter("failure")
    assert latency["sentence"] in failure.attrib["message"]
    assert failure.text == table(verdict)
    assert unquote(annotation(verdict, About(""))).count(latency["sentence"]) == 1


@pytest.mark.parametrize(("times", "finding"), [(1, "NOT WORSE"), (2, "WORSE")])
def test_each_output_of_a_run_says_it(tmp_path: Path, times: int, finding: str) -> None:
    """The real process writes the finding to each file that is asked for, be it a go-ahead or a stop."""
    files = "--junit junit.xml --summary summary.md --report report.html --annotations"
    handler = split(3) if times == 1 else answers_later(CANARY, 40)
    ended = run_against(tmp_path, handler, f"--max-slowdown {20 if times == 1 else 2} -t 60s {files}")
    latency = ended.verdict["health"]["latency"]
    assert latency["finding"] == finding
    claim = "is less than 20 times stable's" if times == 1 else "the canary is slower than stable: "
    said = f"latency:  {finding} - "
    assert said in unwrapped(ended.stdout)
    (command,) = (line for line in ended.stdout.splitlines() if line.startswith("::"))
    assert claim in command
    assert said in unwrapped(fromstring((tmp_path / "junit.xml").read_bytes()).findtext(".//system-out") or "")
    assert f"\nLatency: {finding} - " in (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert read(tmp_path / "report.json")["health"]["latency"] == latency
    assert said in unwrapped(html.unescape((tmp_path / "report.html").read_text(encoding="utf-8")))


def test_latency_and_the_split_alone_are_not_asked_for_together() -> None:
    """One of them makes no sense with the other."""
    with pytest.raises(ExpectationError, match="ask for one of them"):
        Expectation(30, slowness=Slowness())


def run_against(folder: Path, handler: Handler, options: str) -> Ended:
    """Return how a run of the real process ended."""
    with serving(handler) as server:
        return run(folder, f"-u 2 --expect-canary 30 --host {server.url} {options}", environment=BOTH_FINDINGS)


def test_a_slow_canary_ends_a_run(tmp_path: Path) -> None:
    """The real process ends by itself with exit code 10, and the times are those that the server took."""
    ended = run_against(tmp_path, answers_later(CANARY, 40), "--max-slowdown 2 -t 60s")
    assert ended.exit_code == 10, ended.stdout
    latency = ended.verdict["health"]["latency"]
    assert latency["finding"] == "WORSE"
    assert latency["milliseconds"]["canary"]["p50"] >= 40 > latency["milliseconds"]["stable"]["p50"]
    assert "the canary is slower than stable" in ended.verdict["reason"]
    assert latency["milliseconds_from_schedule"] == {"canary": {}, "stable": {}}


def test_a_slow_canary_ends_a_run_of_two_workers(tmp_path: Path) -> None:
    """The workers' answers bring their times to the master; the options are variables, too."""
    variables = {"LOCUST_USERS": "4", "LOCUST_MAX_SLOWDOWN": "2", "LOCUST_SLOW_PERCENTILE": "90"}
    with serving(answers_later(CANARY, 40)) as server:
        options = forked_workers(server, "--expect-canary 30 -t 60s")
        with locust(tmp_path, options, environment=variables | BOTH_FINDINGS) as process:
            ended = end_of(process, tmp_path)
    assert ended.exit_code == 10, ended.stderr
    assert ended.verdict["health"]["latency"]["finding"] == "WORSE"
    assert (ended.verdict["expected"]["max_slowdown"], ended.verdict["expected"]["slow_percentile"]) == (2, 90)


def test_a_canary_as_fast_gets_its_go_ahead(tmp_path: Path) -> None:
    """The verdict says so in each of its parts; the margin is wide, since a busy machine adds to both."""
    ended = run_against(tmp_path, split(3), "--max-slowdown 20 -t 60s")
    assert ended.exit_code == 0, ended.stdout
    assert ended.verdict["health"]["latency"]["finding"] == "NOT WORSE"
    assert "the canary's 95th percentile is less than 20 times stable's" in ended.verdict["reason"]


def test_a_schedule_that_is_missed_is_named(tmp_path: Path) -> None:
    """One user cannot send a thousand requests a second to a version that takes 20 ms: no finding on the latency."""
    ended = run_against(tmp_path, answers_later(CANARY, 20), "-u 1 --max-rate 1000 --max-slowdown 2 -t 8s")
    assert ended.exit_code == 11, ended.stdout
    assert "the schedule was missed" in ended.verdict["health"]["latency"]["sentence"]


def test_the_time_from_the_scheduled_start_is_shown_beside(tmp_path: Path) -> None:
    """With a rate, an answer has a moment when its request should have been sent."""
    ended = run_against(tmp_path, split(3), "--max-rate 100 --max-slowdown 20 --keep-going -t 3s")
    latency = ended.verdict["health"]["latency"]
    from_send, from_schedule = (latency[name]["stable"] for name in ("milliseconds", "milliseconds_from_schedule"))
    assert from_schedule["p99"] >= from_send["p50"] > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--slow-percentile 99", "have no effect without --max-slowdown"),
        ("--max-slowdown 2 --slow-percentile 99 --slow-above 100", "give one of them"),
        ("--max-slowdown 0.5", "the slowdown is 0.5 times: give a number from 1.01 to 100"),
        ("--max-slowdown 2 --only-split", "ask for one of them"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path: Path, options: str, said: str) -> None:
    """The exit code is 2, and nothing is sent."""
    with serving(split(3)) as server:
        ended = run(tmp_path, f"--expect-canary 30 --host {server.url} {options}", environment=BOTH_FINDINGS)
    assert ended.exit_code == 2
    assert said in " ".join(ended.stderr.split())
    assert server.sent.total() == 0
