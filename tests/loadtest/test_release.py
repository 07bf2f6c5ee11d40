"""A release over several runs: its evidence adds up, its counts survive, and no run of it is a second try."""

import json
import random
import re
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.health.rule import Health
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.refusal import ExpectationError
from canary_loadtest.core.release import Release
from canary_loadtest.core.session import Session
from canary_loadtest.core.slowness import Slowness
from tests.loadtest.locust_process import BOTH_FINDINGS, locust, run, wait_until
from tests.loadtest.server import Reply, Request, serving
from tests.loadtest.traffic import held_after, split

ERROR = "status_503"
STEPS = (10.0, 25.0, 50.0)


def question(weight_percent: float, next_percent: float = 100, slowness: Slowness | None = None) -> Expectation:
    """Return what a step of a release of three weights asks."""
    return Expectation(weight_percent, next_weight_percent=next_percent, release_steps=3, slowness=slowness)


def drawn(count: int, weight_percent: float, errors: float = 0.0, seed: int = 1) -> Iterator[Answer]:
    """Yield answers of a step whose canary errs that often."""
    draw = random.Random(seed)
    for _ in range(count):
        version = CANARY if 100 * draw.random() < weight_percent else STABLE
        label = ERROR if version == CANARY and draw.random() < errors else version
        yield Answer(label, f"{weight_percent:g}", None, version, draw.lognormvariate(-4, 0.5))


def gone_on(release: Release, expectation: Expectation, answers: Iterable[Answer]) -> tuple[Session, Release]:
    """Return a run that went on with a release, and the release with what it has counted, as a file keeps it."""
    session = Session(expectation)
    session.go_on_with(release)
    for one in answers:
        session.add(one)
    return session, Release.from_dict(json.loads(json.dumps(session.added_to(release).to_dict())))


def test_a_step_that_was_cut_off_goes_on_with_its_counts() -> None:
    """In three runs the counts are those of one, and so is the interval: no answer is forgotten or counted twice."""
    expectation, answers = question(10), list(drawn(900, 10))
    whole, _ = gone_on(Release.begin(expectation), expectation, answers)
    release = Release.begin(expectation)
    for part in range(3):
        session, release = gone_on(release, expectation, answers[300 * part : 300 * (part + 1)])
    assert session.tally == whole.tally
    assert session.interval_percent == whole.interval_percent
    assert [epoch.canary.total + epoch.stable.total for epoch in release.epochs] == [300, 300, 300]


def with_errors(count: int, weight_percent: float, errors: int) -> Iterator[Answer]:
    """Yield answers of a step; this number of the canary's, evenly spread, are errors."""
    answers = list(drawn(count, weight_percent))
    of_canary = [number for number, one in enumerate(answers) if one.destination == CANARY]
    failing = set(of_canary[len(of_canary) // (2 * errors) :: len(of_canary) // errors])
    for number, one in enumerate(answers):
        yield one._replace(label=ERROR) if number in failing else one


def test_what_is_too_mild_for_a_step_is_worse_over_several() -> None:
    """The errors of three steps together refute, of which none does alone."""
    alone, release = [], Release.begin(question(STEPS[0]))
    for weight, after, errors in zip(STEPS, (25, 50, 100), (2, 3, 6), strict=True):
        answers = list(with_errors(2000, weight, errors))
        alone.append(gone_on(Release.begin(question(weight)), question(weight, after), answers)[0].verdict())
        together, release = gone_on(release, question(weight, after), answers)
    assert all(verdict.outcome is not Outcome.REFUTED for verdict in alone)
    assert together.verdict().outcome is Outcome.REFUTED
    assert release.stopped == (50, "errors")


@pytest.mark.parametrize("stopped", ["split", "errors", "latency"])
def test_a_second_try_is_none(stopped: str) -> None:
    """A step that was refuted stays refuted by any later answers, and the release has no other step."""
    expectation = question(25, slowness=Slowness(2))
    answers = {
        "split": drawn(3000, 50),
        "errors": drawn(3000, 25, errors=0.5),
        "latency": (
            one._replace(seconds=(one.seconds or 0) * (4 if one.label == CANARY else 1)) for one in drawn(9000, 25)
        ),
    }[stopped]
    refuted, release = gone_on(Release.begin(expectation), expectation, answers)
    assert refuted.verdict().outcome is Outcome.REFUTED
    assert release.stopped == (25, stopped)
    again, later = gone_on(release, expectation, drawn(5000, 25, seed=2))
    assert again.verdict().outcome is Outcome.REFUTED
    assert again.tally == refuted.tally
    assert later.stopped == release.stopped
    with pytest.raises(ExpectationError, match=f"the release was stopped at 25 % by its {stopped}"):
        Session(question(50, slowness=Slowness(2))).go_on_with(later)


def test_a_step_passes_by_its_own_answers_alone() -> None:
    """However many right answers came before, a weight begins without a go-ahead for its canary."""
    first = question(10, 25)
    passed, release = gone_on(Release.begin(first), first, drawn(30_000, 10))
    assert passed.verdict().outcome is Outcome.CONFIRMED
    second, _ = gone_on(release, question(25), drawn(60, 25))
    health = second.verdict().health
    assert health is not None
    assert health.health is Health.UNDECIDED
    assert second.tally.total == 60


def test_the_probability_of_a_false_stop_is_shared_by_all_tests_of_a_release() -> None:
    """Three splits, the errors, and the latency where it is compared."""
    assert question(10).stop_tests == 4
    assert question(10, slowness=Slowness()).stop_tests == 5
    assert Expectation(10, release_steps=3).stop_tests == 3


def test_slow_answers_are_kept_with_what_is_learnt() -> None:
    """The threshold of an interrupted run counts from the first answer of the next one."""
    expectation = question(25, slowness=Slowness(2))
    _, release = gone_on(Release.begin(expectation), expectation, drawn(900, 25))
    session, release = gone_on(release, expectation, drawn(10, 25, seed=2))
    assert release.latency is not None
    assert [epoch.canary.total + epoch.stable.total for epoch in release.latency.all][-1] == 10
    assert session.verdict().health is not None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (Expectation(25, next_weight_percent=100, release_steps=4), "begun with --release-steps 3, not .* 4"),
        (Expectation(25, alpha_stop=0.01, next_weight_percent=100, release_steps=3), "begun with --alpha-stop 0.001"),
        (question(25, slowness=Slowness(2)), "begun with no --max-slowdown, not --max-slowdown 2"),
    ],
)
def test_another_question_is_refused(changed: Expectation, said: str) -> None:
    """The bounds of a release rest on what it was begun with."""
    with pytest.raises(ExpectationError, match=said):
        Session(changed).go_on_with(Release.begin(question(10)))


@pytest.mark.parametrize("steps", [0, 100])
def test_steps_out_of_range_are_refused(steps: int) -> None:
    """The message names the number and what is allowed."""
    with pytest.raises(ExpectationError, match=f"the release has {steps} steps: give 1 to 99"):
        Expectation(25, release_steps=steps)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is cut off, or no JSON: begin the release again, with another file"),
        ('{"format": 1, "steps": [', "it is cut off, or no JSON"),
        ("[]", "it does not have the counts of a release"),
        ('{"format": 2}', "its format is 2, and not 1"),
        ('{"format": 1, "tested": {}}', "it does not have the counts of a release"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """The exit code is 2, the message names the file, and the file stays as it is."""
    file = tmp_path / "release.json"
    file.write_text(text, encoding="utf-8")
    with serving(split(3)) as server:
        ended = run(tmp_path, f"--expect-canary 30 --host {server.url} --release {file}", environment=BOTH_FINDINGS)
    assert ended.exit_code == 2
    assert said in " ".join(ended.stderr.split())
    assert file.read_text(encoding="utf-8") == text
    assert server.sent.total() == 0


def test_a_run_that_was_killed_goes_on(tmp_path: Path) -> None:
    """After kill -9 the next run has at least what was counted a second before, and its verdict is of all."""
    file = tmp_path / "release.json"
    options = f"-u 1 --expect-canary 30 --release {file} --release-steps 1 --keep-going -t 60s"

    def counted() -> int:
        found = Release.from_dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None
        return found.tally_at(30).total if found else 0

    killed, before, after = threading.Event(), held_after(400, split(3)), split(3)

    def reply(request: Request) -> Reply:
        return after(request) if killed.is_set() else before(request)

    with serving(reply) as server:
        with locust(tmp_path, f"{options} --host {server.url}", environment=BOTH_FINDINGS) as process:
            wait_until(lambda: counted() == 400, process)
            process.kill()
            process.wait()
        killed.set()
        again = f"-u 1 --expect-canary 30 --release {file} --host {server.url}"
        ended = run(tmp_path, again, environment=BOTH_FINDINGS)
    assert ended.exit_code == 0, ended.stdout
    assert ended.verdict["decided_after"] == counted() > 400
    assert counted() <= server.sent.total()
    assert "--release: goes on with 400 answers of the file" in " ".join(ended.stderr.split())


def test_counts_of_another_address_are_refused(tmp_path: Path) -> None:
    """Of another server, or of another Host at the same one: they say nothing of this canary."""
    file = tmp_path / "release.json"
    options = f"--expect-canary 30 --only-split --release {file}"
    with serving(split(3)) as first, serving(split(3)) as second:
        assert run(tmp_path, f"{options} --host {first.url}").exit_code == 0
        kept = file.read_text(encoding="utf-8")
        for other in (second.url, f"{first.url} --host-header shop.test"):
            ended = run(tmp_path, f"{options} --host {other}")
            assert ended.exit_code == 2
            assert f"its counts are of {first.url}, and this is {other.replace(' --host-header', '')}" in " ".join(
                ended.stderr.split()
            )
    assert second.sent.total() == 0
    assert file.read_text(encoding="utf-8") == kept


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"canary": -5}, "its counts at 30 % have canary -5: no number of answers"),
        ({"canary": 5000}, "have drawn.canary - canary -"),
        ({"stable": 1.5}, "have stable 1.5"),
        ({"routes": {"70-30": True}}, "have routes.70-30 True"),
    ],
)
def test_counts_that_no_run_makes_are_refused(change: dict[str, object], said: str) -> None:
    """Somebody has edited the file."""
    expectation = Expectation(30)
    session = Session(expectation)
    session.add(Answer(CANARY, destination=CANARY))
    found = session.added_to(Release.begin(expectation)).to_dict()
    found["steps"][0]["counts"].update(change)
    with pytest.raises(ExpectationError, match=re.escape(said)):
        Release.from_dict(found)
    found["steps"] *= 2
    with pytest.raises(ExpectationError, match="it has a weight twice"):
        Release.from_dict(found)
