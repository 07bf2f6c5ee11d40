"""The verdict of a measurement: outcome, reason and next step, chosen once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, NamedTuple

from canary_loadtest.core.answer import ROUTE_HEADER
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.labels import RowNames, hint
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.tally import Tally


class Remedy(Enum):
    """What a person should do after a verdict."""

    CONTINUE = auto()
    STOP = auto()
    NAME_ROUTE = auto()
    COMPARE_ROUTE = auto()
    SAMPLE_EACH_ANSWER = auto()
    COUNT_REQUESTS = auto()
    FIND_ANSWERS = auto()
    MORE_ANSWERS = auto()
    EXPLAIN_OTHERS = auto()
    MEASURE_AGAIN = auto()


# Programs whose options differ replace the lines that name one.
NEXT_STEPS: Final[Mapping[Remedy, str]] = {
    Remedy.CONTINUE: "traffic matches the configured weights; continue the release",
    Remedy.STOP: "stop the rollout; compare the proxy's weights with the ones you applied",
    Remedy.NAME_ROUTE: "measure again while the weights do not change, and name the route with --route",
    Remedy.COMPARE_ROUTE: f"compare --route with the route that the answers name (response header {ROUTE_HEADER})",
    Remedy.SAMPLE_EACH_ANSWER: "measure with a new connection for each request, so that each answer is a sample",
    Remedy.COUNT_REQUESTS: "count the requests that were sent, not only the answers",
    Remedy.FIND_ANSWERS: "check that the target is up",
    Remedy.MORE_ANSWERS: "take more answers, or allow a wider --tolerance",
    Remedy.MEASURE_AGAIN: "measure again",
}


class Finding(NamedTuple):
    """What a measurement says, and what to do about it.

    Attributes:
        outcome: CONFIRMED, REFUTED or INCONCLUSIVE.
        reason: why, in a sentence for a person.
        remedy: what to do next.
    """

    outcome: Outcome
    reason: str
    remedy: Remedy


@dataclass(frozen=True)
class Verdict:
    """The result of a measurement.

    Attributes:
        outcome: CONFIRMED, REFUTED or INCONCLUSIVE.
        reason: why, in a sentence for a person.
        next_step: what to do next, in words of the program that prints it.
        tally: all answers counted.
        expectation: what was tested.
        row_names: what the two versions are called in tables.
        decided_after: how many answers had been counted when a rule first fired, None where none did.
        unfinished: requests started and not counted at the end: unanswered, or behind one that is.
    """

    outcome: Outcome
    reason: str
    next_step: str
    tally: Tally
    expectation: Expectation
    row_names: RowNames
    decided_after: int | None
    unfinished: int


@dataclass(frozen=True)
class Evidence:
    """All that a finding is chosen from.

    Attributes:
        tally: all answers counted.
        expectation: what was tested.
        route: the only route to count, None for any.
        outcome: what the rules said.
        decided: the tally when a rule first fired, None where none did.
        refuted_later: the tally when a confirmed share was refuted, None where it was not.
        unfinished: requests started and not counted.
        to_go: returns about how many more answers a verdict takes, None where none is in sight.
        requests_known: whether every request is counted, also those without an answer.
        objection: what else stands against a verdict, "" for nothing.
    """

    tally: Tally
    expectation: Expectation
    route: str | None
    outcome: Outcome
    decided: Tally | None
    refuted_later: Tally | None
    unfinished: int
    to_go: Callable[[], int | None]
    requests_known: bool = True
    objection: str = ""


def finding_of(evidence: Evidence) -> Finding:
    """Return the finding: what stands against any verdict comes first, then what the rules said, then why they wait."""
    if evidence.objection:
        return Finding(Outcome.INCONCLUSIVE, evidence.objection, Remedy.MEASURE_AGAIN)
    return _not_comparable(evidence) or _contradicted(evidence) or _decided(evidence) or _undecided(evidence)


def next_step_of(finding: Finding, tally: Tally, next_steps: Mapping[Remedy, str]) -> str:
    """Return what to do next, in words.

    Args:
        finding: what was found.
        tally: the answers counted.
        next_steps: the words of the program for each remedy but EXPLAIN_OTHERS, which is the hint of a label.
    """
    if finding.remedy is Remedy.EXPLAIN_OTHERS:
        return hint(tally.other.most_common(1)[0][0])
    return next_steps[finding.remedy]


def _not_comparable(evidence: Evidence) -> Finding | None:
    """Return a finding where the answers are not samples of one split."""
    tally = evidence.tally
    if tally.by_several_routes:
        routes = ", ".join(f"{route or '(none named)'}: {count}" for route, count in sorted(tally.routes.items()))
        return Finding(
            Outcome.INCONCLUSIVE,
            f"answers came by more than one route ({routes}): the weights changed, or some bypassed the mesh",
            Remedy.NAME_ROUTE,
        )
    if tally.pinned:
        pairs, changes = tally.connections.pairs, tally.connections.changes
        return Finding(
            Outcome.INCONCLUSIVE,
            f"connections are pinned to a version: the answer changed {changes} times in {pairs} pairs, far less often"
            " than chance predicts: too few independent samples",
            Remedy.SAMPLE_EACH_ANSWER,
        )
    return None


def _contradicted(evidence: Evidence) -> Finding | None:
    """Return a finding where a confirmed share does not follow from all that was counted."""
    if evidence.outcome is not Outcome.CONFIRMED or evidence.decided is None:
        return None
    tally = evidence.tally
    if not evidence.requests_known:
        return Finding(
            Outcome.INCONCLUSIVE,
            "these answers would confirm the share, but requests without an answer are not among them",
            Remedy.COUNT_REQUESTS,
        )
    low_percent, high_percent = evidence.expectation.band_percent
    least, most = 100 * tally.canary / tally.total, 100 * (tally.canary + tally.other_total) / tally.total
    if low_percent <= least and most <= high_percent:
        return None
    return Finding(
        Outcome.INCONCLUSIVE,
        f"confirmed after {evidence.decided.total} answers, but over all {tally.total} the canary's share may be"
        f" anywhere from {least:.1f} to {most:.1f} %",
        Remedy.EXPLAIN_OTHERS if tally.other else Remedy.MORE_ANSWERS,
    )


def _decided(evidence: Evidence) -> Finding | None:
    """Return what a rule that fired has found."""
    decided, later, expectation = evidence.decided, evidence.refuted_later, evidence.expectation
    if decided is None:
        return None
    if later is not None:
        return Finding(
            Outcome.REFUTED,
            f"confirmed after {decided.total} answers ({_share_of(decided)} canary), but refuted after"
            f" {later.total} ({_share_of(later)} canary): the share did not stay",
            Remedy.STOP,
        )
    expected, runs = f"{expectation.canary_percent:g} %", f"{100 * expectation.alpha:g} % of runs"
    found = f"{decided.canary} of {decided.total} answers ({_share_of(decided)}) are from the canary"
    if evidence.outcome is Outcome.REFUTED:
        reason = f"{found}: the share is not {expected} (a correct split would be refuted in at most {runs})"
        return Finding(Outcome.REFUTED, reason, Remedy.STOP)
    points = f"{expectation.points:g} point{'' if expectation.points == 1 else 's'}"
    reason = f"{found}: within {points} of {expected} (a split off by {points} would pass in at most {runs})"
    return Finding(Outcome.CONFIRMED, reason, Remedy.CONTINUE)


def _undecided(evidence: Evidence) -> Finding:
    """Return why no rule has fired yet."""
    tally = evidence.tally
    if tally.total == 0:
        return _nothing_counted(evidence)
    kinds = ", ".join(f"{count} {kind}" for kind, count in tally.other.most_common(3))
    remedy = Remedy.EXPLAIN_OTHERS if tally.other else Remedy.MORE_ANSWERS
    if tally.labelled == 0:
        reason = f"none of {tally.total} answers fits the contract ({kinds})"
    elif 100 * tally.other_total / tally.total > evidence.expectation.points:
        reason = (
            f"{tally.other_total} of {tally.total} answers are neither canary nor stable ({kinds}): each may be of"
            " either version, and together they could move the share by more than the tolerance of"
            f" {evidence.expectation.points:g} points"
        )
    else:
        waits = evidence.unfinished > tally.total
        waiting = f" ({evidence.unfinished} requests were not answered in order)" if waits else ""
        to_go = evidence.to_go()
        more = "no verdict in sight" if to_go is None else f"about {to_go} more needed"
        reason = f"{tally.total} answers are too few{waiting}; {more}"
    return Finding(Outcome.INCONCLUSIVE, reason, remedy)


def _nothing_counted(evidence: Evidence) -> Finding:
    settling = evidence.tally.settling
    if settling:
        return Finding(
            Outcome.INCONCLUSIVE,
            f"no answer named the route {evidence.route}; {settling} answers came by another route or by none",
            Remedy.COMPARE_ROUTE,
        )
    if evidence.unfinished:
        reason = f"no request was answered; {evidence.unfinished} still wait"
        return Finding(Outcome.INCONCLUSIVE, reason, Remedy.FIND_ANSWERS)
    return Finding(Outcome.INCONCLUSIVE, "no answer was counted", Remedy.FIND_ANSWERS)


def _share_of(tally: Tally) -> str:
    """Return the canary's share as a person writes it."""
    return f"{100 * tally.canary / tally.total:.1f} %"
