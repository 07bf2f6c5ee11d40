"""The second verdict within a run: no go-ahead without it, and a canary that errs more often than stable stops it."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest

from canary_loadtest.core.answer import DESTINATION_HEADER, Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.rules import rule_for
from canary_loadtest.core.session import Session
from canary_loadtest.core.verdict import Verdict
from canary_loadtest.output.about import About
from canary_loadtest.output.report import as_dict, summary, table
from canary_loadtest.output.why import row_of
from tests.loadtest.locust_process import BOTH_FINDINGS, end_of, forked_workers, locust, run, run_until_held
from tests.loadtest.misbehaviour import fails_by_name
from tests.loadtest.schema import checked
from tests.loadtest.server import Reply, answer, cut_off, http, serving
from tests.loadtest.simulation import drawn, fed
from tests.loadtest.traffic import held_after, split
from tests.support.text import unwrapped

ERROR = "status_503"
EXPECTATION = Expectation(30, next_weight_percent=100)


def verdict_on(answers: Iterable[Answer], *, keep_going: bool = False) -> Verdict:
    """Return the verdict on these answers of an expected 30 %."""
    return fed(Session(EXPECTATION, keep_going=keep_going), answers).verdict()


def test_a_failing_canary_is_refuted_by_its_errors() -> None:
    """The reason says that it is the canary, and in what numbers; the run ends there, and the row is named."""
    session = fed(Session(EXPECTATION), drawn(3000, every=2))
    verdict = session.verdict()
    health = verdict.health
    assert health is not None
    assert verdict.outcome is Outcome.REFUTED
    canary, stable = health.counts.canary, health.counts.stable
    counted = f"{canary.errors} of {canary.total} canary answers"
    assert verdict.reason.startswith(f"the canary errs more often than stable: {counted}")
    assert f"against 0 of {stable.total} stable answers (0.0 %)" in verdict.reason
    assert "would be called worse in at most 0.05 % of runs" in verdict.reason
    assert health.worse_after == verdict.decided_after == verdict.tally.total < 100
    assert "take the weight back" in verdict.next_step
    assert row_of(verdict) == "worse"
    assert session.to_go() == 0


def test_a_failing_canary_is_refuted_where_the_split_is_confirmed() -> None:
    """At 5 % of errors the split alone is right by all that counts; the canary is stopped, and the split said to be."""
    answers = list(drawn(3000, every=20, seed=6))
    alone = fed(Session(Expectation(30)), answers).verdict()
    verdict = verdict_on(answers, keep_going=True)
    assert alone.outcome is Outcome.CONFIRMED
    assert (verdict.outcome, verdict.split) == (Outcome.REFUTED, Outcome.CONFIRMED)
    assert verdict.health is not None
    after = verdict.health.worse_after
    assert f"after {after} answers: the canary errs more often than stable" in verdict.reason


def test_worse_stays_live_after_confirmed() -> None:
    """Told to keep going, a canary that fails after the split was CONFIRMED is REFUTED, and stays it."""
    session = fed(Session(EXPECTATION, keep_going=True), drawn(2000))
    before = session.verdict()
    assert before.outcome is Outcome.CONFIRMED
    later = fed(session, drawn(300, every=3, seed=2)).verdict()
    assert later.outcome is Outcome.REFUTED
    assert later.reason.startswith("the split is right, but ")
    assert later.decided_after == before.decided_after
    assert fed(session, drawn(3000, seed=3)).verdict().outcome is Outcome.REFUTED


def test_a_go_ahead_takes_both_findings() -> None:
    """A right split is held until the canary is known to be no worse, and the go-ahead names the next weight."""
    session, split = Session(EXPECTATION), Session(Expectation(30))
    waited = 0
    for answer_ in drawn(3000):
        session.add(answer_)
        split.add(answer_)
        waited += split.decided and not session.decided
    verdict = session.verdict()
    assert waited > 200
    assert (verdict.outcome, verdict.split) == (Outcome.CONFIRMED, Outcome.CONFIRMED)
    assert verdict.reason.endswith("; and the canary is at most 1 point worse than stable")
    assert verdict.next_step.endswith("the canary may go on to 100 %")
    assert "canary:   NOT WORSE - " in table(verdict)
    assert split.verdict().health is None
    assert "\ncanary:" not in table(split.verdict())


def test_the_header_is_not_needed_where_there_is_no_error() -> None:
    """Right answers name their version themselves, so that the go-ahead is the same."""
    with_header, without = verdict_on(drawn(3000)), verdict_on(drawn(3000, named=False))
    assert with_header == without


def test_what_is_awaited_is_said() -> None:
    """Between the two findings the reason says which one is missing, how many answers it takes, and before less."""
    verdict = verdict_on(drawn(1100))
    assert (verdict.outcome, verdict.split) == (Outcome.INCONCLUSIVE, Outcome.CONFIRMED)
    assert verdict.reason.startswith(
        "the split is right, but 1100 answers are too few to know that the canary is at most"
    )
    assert "none before a weight of 50 %" in verdict.reason
    assert "--next-weight" in verdict.next_step
    smaller = fed(Session(replace(EXPECTATION, next_weight_percent=50)), drawn(1100)).verdict()
    assert smaller.outcome is Outcome.CONFIRMED
    assert "at most 2 points worse" in smaller.reason


def test_nothing_that_was_certain_earlier_is_kept() -> None:
    """A share that moves while the canary is awaited is not CONFIRMED by what was right before."""
    moved = [*drawn(900), *(Answer(CANARY, "70-30") for _ in range(90))]
    assert verdict_on(moved).split is not Outcome.CONFIRMED
    kept = fed(Session(EXPECTATION, keep_going=True), [*drawn(1600), *drawn(1200, every=30, seed=5)]).verdict()
    assert kept.decided_after is not None
    assert kept.outcome is not Outcome.CONFIRMED


def test_two_versions_that_mostly_fail_are_no_go_ahead() -> None:
    """Fewer than half of the answers are right: no worse than each other is not good enough."""
    answers = (
        one._replace(label=ERROR, destination=one.label) if number % 5 else one
        for number, one in enumerate(drawn(6000))
    )
    verdict = fed(Session(replace(EXPECTATION, margin_told=20)), answers).verdict()
    assert (verdict.outcome, verdict.split) == (Outcome.INCONCLUSIVE, Outcome.CONFIRMED)
    assert "are right: that is no reason to go on" in verdict.reason


@pytest.mark.parametrize("fails", [STABLE, ""])
def test_errors_that_are_not_the_canarys_own_do_not_stop_the_run(fails: str) -> None:
    """A stable version that fails, and errors of no known version, are no evidence against the canary."""
    answers = drawn(3000, every=2, fails=fails) if fails else errors_of_either()
    verdict = verdict_on(answers)
    assert verdict.health is not None
    assert verdict.health.worse_after is None
    assert "errs more often" not in verdict.reason


def errors_of_either() -> Iterator[Answer]:
    """Yield a healthy split in which one connection in ten is lost."""
    for number, one in enumerate(drawn(3000)):
        yield Answer("connection_reset") if number % 10 == 9 else one


def test_a_body_that_contradicts_its_destination_is_an_error_of_no_known_version() -> None:
    """A route whose headers are swapped makes no failing canary a failing stable; the answers are named."""
    swapped = {CANARY: STABLE, STABLE: CANARY}
    answers = [one._replace(destination=swapped[one.destination]) for one in drawn(400, every=3)]
    verdict = verdict_on(answers, keep_going=True)
    health = verdict.health
    assert health is not None
    assert health.counts.unknown.errors == health.contradictions == verdict.tally.labelled
    assert health.worse_after is None
    assert verdict.outcome is not Outcome.CONFIRMED
    said = f"{health.contradictions} answers of one version name the other one as destination"
    assert said in unwrapped(table(verdict))


def test_the_split_counts_a_contradicting_body_as_what_it_is() -> None:
    """Swapped labels are seen as the share that they make, though the header says another one."""
    plain = list(drawn(800, named=False))
    odd = [one._replace(destination=STABLE if number % 50 == 0 else one.label) for number, one in enumerate(plain)]
    assert verdict_on(odd).tally == verdict_on(plain).tally


def test_the_split_is_that_of_the_requests_drawn_errors_included() -> None:
    """A canary that sheds a fourth of 40 % has 30 % of the right answers: the header shows the 40 %."""
    draw = random.Random(2)
    shedding = []
    for _ in range(4000):
        version = CANARY if draw.random() < 0.4 else STABLE
        shedding.append(Answer(ERROR if version == CANARY and draw.random() < 0.25 else version, destination=version))
    verdict = fed(Session(Expectation(30)), shedding).verdict()
    assert verdict.outcome is Outcome.REFUTED
    tally = verdict.tally
    drawn_line = f"drawn:    {tally.canary_drawn} of {tally.total} requests for the canary: "
    assert tally.canary_drawn > tally.canary
    assert drawn_line in unwrapped(table(verdict))
    assert f"{tally.canary_drawn} of {tally.total} requests" in verdict.reason
    unnamed = fed(Session(Expectation(30)), (one._replace(destination="") for one in shedding)).verdict()
    assert unnamed.outcome is Outcome.INCONCLUSIVE


def test_right_split_with_a_failing_canary_is_told_from_a_shedding_stable() -> None:
    """Errors of either version alone leave the share as it is, where they say whose they are."""
    for fails in (CANARY, STABLE):
        verdict = fed(Session(Expectation(30, max_errors_percent=100)), drawn(3000, every=2, fails=fails)).verdict()
        assert verdict.outcome is Outcome.CONFIRMED


def test_several_routes_and_pinned_connections_are_undecided_by_name() -> None:
    """Where answers are no samples of one split the errors cannot be compared either."""
    by_two = [one._replace(route=f"{number % 2}") for number, one in enumerate(drawn(400, every=2))]
    pinned = [
        Answer(one.destination, "", one.destination if number else "", one.destination)
        for one in drawn(60)
        for number in range(20)
    ]
    kept = [one._replace(previous="") for one in drawn(400, every=2)]
    for answers, why in (
        (by_two, "answers came by more than one route"),
        (pinned, "connections are pinned to a version"),
        (kept, "connections are kept, and whether each request is an independent sample is not known"),
    ):
        verdict = verdict_on(answers)
        assert verdict.outcome is Outcome.INCONCLUSIVE
        assert verdict.health is not None
        assert (verdict.health.health.value, verdict.health.reason) == ("UNDECIDED", why)
        shown = "UNDECIDED" if why in verdict.reason else f"UNDECIDED - {why}"
        assert f"canary:   {shown}" in unwrapped(table(verdict))


def test_answers_before_the_route_and_by_another_one_are_not_the_canarys() -> None:
    """With --route, settling answers are not compared, and a later one by another route is of no known version."""
    session = Session(EXPECTATION, "70-30")
    old = [one._replace(route="50-50") for one in drawn(50, every=2)]
    before = [one for one in old if one.label != ERROR]
    health = fed(session, [*before, *drawn(100), *before[:3]]).verdict().health
    assert health is not None
    assert health.counts.canary.total + health.counts.stable.total == 100
    assert health.counts.unknown.errors == 3


def test_alpha_stop_is_divided_by_the_tests_that_may_stop_a_run() -> None:
    """Where the versions are compared, the split is REFUTED at half of alpha_stop; alone at all of it."""
    labels = cycle([CANARY, STABLE])
    whole, half = Session(Expectation(30)), Session(EXPECTATION)
    for label in (next(labels) for _ in range(1000)):
        whole.add(Answer(label))
        half.add(Answer(label))
    for session, tests in ((whole, 1), (half, 2)):
        verdict = session.verdict()
        assert verdict.outcome is Outcome.REFUTED
        counts = (verdict.tally.canary, verdict.tally.stable, 0)
        assert rule_for(EXPECTATION, tests).refutes(*counts)
        before = (counts[0], counts[1] - 1, 0) if sum(counts) % 2 == 0 else (counts[0] - 1, counts[1], 0)
        assert not rule_for(EXPECTATION, tests).refutes(*before)
    assert whole.tally.total < half.tally.total


def test_the_least_alpha_stop_can_be_divided() -> None:
    """What an expectation may have, half of it may be tested with."""
    assert (
        fed(Session(replace(EXPECTATION, alpha_stop=1e-12)), drawn(400, every=1)).verdict().outcome is Outcome.REFUTED
    )


@pytest.mark.parametrize("expected", [0, 100])
def test_there_is_no_finding_where_one_version_gets_all(expected: int) -> None:
    """At 0 and 100 % there is nothing to compare with."""
    version = CANARY if expected else STABLE
    session = fed(Session(Expectation(expected, next_weight_percent=100)), [Answer(version, destination=version)] * 400)
    assert session.verdict().outcome is Outcome.CONFIRMED
    assert session.verdict().health is None


def test_each_output_says_it() -> None:
    """Table, JSON and Markdown have the finding; the JSON fits its schema."""
    verdict = verdict_on(drawn(3000, every=2))
    data = checked(as_dict(verdict, About("")))
    assert data["health"]["finding"] == "WORSE"
    assert data["health"]["sentence"] in data["reason"]
    errors, episodes = (data["health"]["counts"]["canary"][name] for name in ("errors", "episodes"))
    line = f"WORSE - {errors} errors of the canary came in {episodes} episode"
    assert f"canary:   {line}" in unwrapped(table(verdict))
    assert f"Canary: {line}" in summary(verdict, About(""))
    assert max(map(len, table(verdict).splitlines())) <= 80


def test_a_failing_canary_ends_a_run(tmp_path: Path) -> None:
    """The real process ends by itself with exit code 10, with what the server sent by version."""
    with serving(fails_by_name(CANARY, 2)) as server:
        ended = run(tmp_path, f"-u 1 --expect-canary 30 -t 60s --host {server.url}", environment=BOTH_FINDINGS)
    assert ended.exit_code == 10, ended.stderr
    health = ended.verdict["health"]
    assert health["finding"] == "WORSE"
    assert "the canary errs more often than stable" in ended.verdict["reason"]
    assert health["counts"]["canary"]["errors"] == ended.counts["other_by_kind"][ERROR]
    assert health["counts"]["stable"]["errors"] == health["counts"]["unknown_errors"] == 0
    assert "canary:   WORSE - " in ended.stdout


@pytest.mark.live
def test_a_failing_canary_ends_a_run_of_two_workers(tmp_path: Path) -> None:
    """The workers' answers bring their destination to the master."""
    with serving(fails_by_name(CANARY, 2)) as server:
        options = forked_workers(server, "--expect-canary 30 -t 60s")
        with locust(tmp_path, options, environment={"LOCUST_USERS": "4"} | BOTH_FINDINGS) as process:
            ended = end_of(process, tmp_path)
    assert ended.exit_code == 10, ended.stderr
    counts = ended.verdict["health"]["counts"]
    assert counts["canary"]["errors"] == ended.counts["other_by_kind"][ERROR]
    assert counts["canary"]["right"] == ended.counts["canary"]
    assert counts["stable"]["right"] == ended.counts["stable"]


NAMED = {DESTINATION_HEADER.replace("-", "_"): CANARY}


@pytest.mark.parametrize(
    "lost",
    [
        Reply(
            "truncated_body",
            cut_off(b"half", b"body").replace(b"\r\n\r\n", f"\r\n{DESTINATION_HEADER}: canary\r\n\r\n".encode(), 1),
            close=True,
        ),
        Reply("status_503", http(b"", "503 Service Unavailable", "text/plain", **NAMED)),
        Reply("unexpected_body", http(b"", **NAMED)),
    ],
    ids=lambda reply: reply.label,
)
def test_an_answer_that_breaks_off_after_its_headers_keeps_its_destination(tmp_path: Path, lost: Reply) -> None:
    """What the proxy drew is known as soon as the headers are there."""
    with serving(held_after(40, fails_by_name(CANARY, 4, lost))) as server:
        ended = run_until_held(tmp_path, server, "--expect-canary 30", environment=BOTH_FINDINGS)
    counts = ended.verdict["health"]["counts"]
    assert counts["canary"]["errors"] == server.sent[lost.label] == ended.counts["other_by_kind"][lost.label]
    assert counts["unknown_errors"] == 0


def test_a_header_of_ones_own_names_the_destination(tmp_path: Path) -> None:
    """With its name and values as options, an error of the canary is the canary's."""
    failing = fails_by_name(CANARY, 4, named_as=("X-Version", {CANARY: "v2", STABLE: "v1"}))
    own = "--destination-header X-Version --canary-destination v2 --stable-destination v1"
    with serving(held_after(40, failing)) as server:
        ended = run_until_held(tmp_path, server, f"--expect-canary 30 {own}", environment=BOTH_FINDINGS)
    counts = ended.verdict["health"]["counts"]
    assert counts["canary"]["errors"] == server.sent[ERROR] == ended.counts["other_by_kind"][ERROR] > 0
    assert counts["unknown_errors"] == 0


def test_the_header_of_another_value_names_nothing(tmp_path: Path) -> None:
    """A mesh of somebody else may use the name for something else."""
    named = {DESTINATION_HEADER.replace("-", "_"): "v2"}
    with serving(held_after(20, lambda _: answer(STABLE, **named))) as server:
        ended = run_until_held(tmp_path, server, "--expect-canary 30", environment=BOTH_FINDINGS)
    assert ended.verdict["health"]["counts"]["stable"]["right"] == 20
    assert ended.counts["other_by_kind"] == {}


@pytest.mark.live
def test_a_go_ahead_of_the_real_process(tmp_path: Path) -> None:
    """By default the load test gives no go-ahead before it knows both, and says so in every output."""
    with serving(split(3)) as server:
        ended = run(tmp_path, f"-u 1 --expect-canary 30 -t 60s --host {server.url}", environment=BOTH_FINDINGS)
    assert ended.exit_code == 0, ended.stderr
    assert (ended.verdict["split"], ended.verdict["health"]["finding"]) == ("CONFIRMED", "NOT WORSE")
    assert ended.verdict["health"]["margin_points"] == 1
    assert "the canary may go on to 100 %" in ended.stdout
