"""Why a measurement ends as it does: what stands against a verdict first, then what the rules said."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.health.comparison import CanaryHealth
from canary_loadtest.core.health.latency_finding import claim
from canary_loadtest.core.health.rule import Health
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.percent import percent_above, percent_range, range_beyond, share_of
from canary_loadtest.core.tally import Tally
from canary_loadtest.core.verdict import Remedy


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
        confirms: whether the counts as they are confirm the share.
        refutes: whether they refute it.
        changed: whether the share that a refutation found differs from the one that was confirmed before.
        interval_percent: the shares that the answers do not rule out, None where no single one fits them all.
        health: whether the canary errs more often than stable, None where the versions are not compared.
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
    confirms: bool
    refutes: bool
    changed: bool
    interval_percent: tuple[float, float] | None
    health: CanaryHealth | None = None
    requests_known: bool = True
    objection: str = ""


def finding_of(evidence: Evidence) -> Finding:
    """Return the finding: what stands against any verdict comes first, then what the rules said, then why they wait."""
    if evidence.objection:
        return Finding(Outcome.INCONCLUSIVE, evidence.objection, Remedy.MEASURE_AGAIN)
    return (
        _not_comparable(evidence)
        or _incomplete(evidence)
        or _worse(evidence)
        or _contradicted(evidence)
        or _too_many_errors(evidence)
        or _not_known_to_be_fit(evidence)
        or _decided(evidence)
        or _undecided(evidence)
    )


def errors_against(tally: Tally, expectation: Expectation) -> int:
    """Return how many errors `--max-errors` counts: all that may be the canary's; all where one version gets all."""
    return tally.other_total - (0 if expectation.one_way else tally.stable_errors)


def split_of(evidence: Evidence) -> Outcome:
    """Return the outcome of the split alone."""
    stands_against = evidence.objection or _not_comparable(evidence) or _incomplete(evidence)
    if stands_against or evidence.tally.total == 0:
        return Outcome.INCONCLUSIVE
    if evidence.outcome is Outcome.REFUTED:
        return Outcome.REFUTED
    return Outcome.CONFIRMED if evidence.confirms else Outcome.INCONCLUSIVE


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
        times = "once" if changes == 1 else f"{changes} times"
        return Finding(
            Outcome.INCONCLUSIVE,
            f"connections are pinned to a version: the answer changed {times} in {pairs} pairs, far less often"
            " than chance predicts: too few independent samples",
            Remedy.SAMPLE_EACH_ANSWER,
        )
    return None


def _incomplete(evidence: Evidence) -> Finding | None:
    """Return a finding where the answers would decide, and requests without an answer are not among them.

    Where 0 or 100 % is expected, nothing that is missing can undo an answer of the wrong version.
    """
    if evidence.requests_known or not evidence.tally.total:
        return None
    if _would_confirm(evidence):
        would = "confirm"
    elif evidence.outcome is Outcome.REFUTED and not evidence.expectation.one_way:
        would = "refute"
    else:
        return None
    return Finding(
        Outcome.INCONCLUSIVE,
        f"these answers would {would} the share, but requests without an answer are not among them",
        Remedy.COUNT_REQUESTS,
    )


def _worse(evidence: Evidence) -> Finding | None:
    """Return a finding where the canary errs more often or is slower than stable, be the split right or not."""
    health = evidence.health
    if health is None or health.worse_after is None:
        return None
    split = "the split is right, but " if _would_confirm(evidence) else ""
    later = evidence.tally.total > health.worse_after
    after = f"after {_answers(health.worse_after)}: " if later else ""
    remedy = Remedy.TAKE_BACK if health.health is Health.WORSE else Remedy.TAKE_BACK_SLOW
    return Finding(Outcome.REFUTED, f"{split}{after}{health.worse_reason}", remedy)


def _would_confirm(evidence: Evidence) -> bool:
    """Return whether the split is right, be there errors or not."""
    return evidence.outcome is Outcome.CONFIRMED or (evidence.decided is None and evidence.confirms)


def _contradicted(evidence: Evidence) -> Finding | None:
    """Return a finding where a confirmed share does not follow from all that was counted."""
    if evidence.outcome is not Outcome.CONFIRMED or evidence.decided is None:
        return None
    tally, expectation = evidence.tally, evidence.expectation
    low_percent, high_percent = expectation.band_percent
    least, most = 100 * tally.canary_drawn / tally.total, 100 * (tally.canary_drawn + tally.unknown) / tally.total
    remedy = Remedy.EXPLAIN_OTHERS if tally.other else Remedy.MORE_ANSWERS
    before = f"confirmed after {_answers(evidence.decided.total)}, but"
    if least < low_percent or high_percent < most:
        reason = f"over all {tally.total} the canary's share may be anywhere from"
        reason += f" {range_beyond((least, most), expectation)}"
        return Finding(Outcome.INCONCLUSIVE, f"{before} {reason}", remedy)
    undecided = evidence.health.undecided_reason if evidence.health else ""
    if undecided:
        return Finding(Outcome.INCONCLUSIVE, f"{before} over all {tally.total}: {undecided}", remedy)
    return None


def _too_many_errors(evidence: Evidence) -> Finding | None:
    """Return a finding where the split is right, and more of the answers are errors than are allowed."""
    tally, expectation = evidence.tally, evidence.expectation
    errors, total = errors_against(tally, expectation), tally.total
    if not _would_confirm(evidence) or expectation.allows_errors(errors, total):
        return None
    percent = percent_above(expectation.errors_percent(errors, total), expectation.most_errors_percent)
    if expectation.one_way:
        part = f"{percent} of all"
    else:
        part = f"as many as {percent} of what the canary should have answered"
    enough = expectation.answers_for_errors(errors)
    more = "" if enough is None else f"; {enough - total} more without an error would do"
    return Finding(
        Outcome.INCONCLUSIVE,
        f"the split is right; {errors} of {_answers(total)} {'is an error' if errors == 1 else 'are errors'}, {part}"
        f" (at most {expectation.most_errors_percent:g} % are allowed{more})",
        Remedy.EXPLAIN_OTHERS,
    )


def _not_known_to_be_fit(evidence: Evidence) -> Finding | None:
    """Return a finding where the split is right, and the canary neither known to be worse nor to be no worse."""
    health = evidence.health
    if health is None or evidence.decided is not None or not evidence.confirms or not evidence.tally.labelled:
        return None
    remedy = Remedy.EXPLAIN_OTHERS if evidence.tally.other else Remedy.MORE_FOR_THE_CANARY
    reason = health.undecided_reason or health.reason
    return Finding(Outcome.INCONCLUSIVE, f"the split is right, but {reason}", remedy)


def _decided(evidence: Evidence) -> Finding | None:
    """Return what a rule that fired has found."""
    decided, later, expectation = evidence.decided, evidence.refuted_later, evidence.expectation
    if decided is None:
        return None
    expected = f"{expectation.canary_percent:g} %"
    if later is not None:
        found = "the share did not stay" if evidence.changed else f"the share is not {expected}"
        return Finding(
            Outcome.REFUTED,
            f"confirmed after {_answers(decided.total)} ({_share_of(decided, expectation)} canary), but refuted after"
            f" {later.total} ({_share_of(later, expectation)} canary): {found}",
            Remedy.STOP,
        )
    found = _found(decided, expectation)
    if evidence.outcome is Outcome.REFUTED:
        runs = f"{100 * expectation.alpha_stop:g} % of runs"
        reason = f"{found}: the share is not {expected} (a correct split would be refuted in at most {runs})"
        return Finding(Outcome.REFUTED, reason, Remedy.STOP)
    points = _points(expectation)
    edges = " or ".join(f"{edge:g}" for edge in expectation.tested_edges_percent if edge is not None)
    split = (
        f"{found}: within {points} of {expected}{_not_exactly(evidence)}"
        f" ({edges} % would pass in at most {100 * expectation.alpha:g} % of runs)"
    )
    if evidence.health is None:
        remedy = Remedy.CONTINUE if expectation.one_way else Remedy.CONTINUE_SPLIT
        return Finding(Outcome.CONFIRMED, split, remedy)
    margin = f"{evidence.health.gate.margin_points:.3g} point{'' if evidence.health.gate.margin_points == 1 else 's'}"
    reason = f"{split}; and the canary is at most {margin} worse than stable"
    if expectation.slowness is not None:
        reason += f", and {claim(expectation.slowness)}"
    return Finding(Outcome.CONFIRMED, reason, Remedy.GO_ON)


def _found(tally: Tally, expectation: Expectation) -> str:
    """Return which share of the answers, or of the requests where errors name their destination, is the canary's."""
    share = _share_of(tally, expectation)
    if tally.canary_errors + tally.stable_errors:
        return f"{tally.canary_drawn} of {tally.total} requests ({share}) drawn for the canary"
    answers = f"{tally.canary} of {_answers(tally.total)}"
    return f"{answers} ({share}) {'is' if tally.canary == 1 else 'are'} from the canary"


def _not_exactly(evidence: Evidence) -> str:
    """Return what is to be added where the counts confirm a share within the tolerance and refute the exact one."""
    if not evidence.refutes or evidence.interval_percent is None:
        return ""
    expectation = evidence.expectation
    interval = percent_range(evidence.interval_percent, expectation)
    return f", but not exactly {expectation.canary_percent:g} %: {interval}"


def _undecided(evidence: Evidence) -> Finding:
    """Return why no rule has fired yet."""
    tally = evidence.tally
    if tally.total == 0:
        return _nothing_counted(evidence)
    kinds = ", ".join(f"{count} {kind}" for kind, count in tally.other.most_common(3))
    remedy = Remedy.EXPLAIN_OTHERS if tally.other else Remedy.MORE_ANSWERS
    if tally.labelled == 0:
        which = "the one answer does not fit" if tally.total == 1 else f"none of {tally.total} answers fits"
        reason = f"{which} the contract ({kinds})"
    elif 100 * tally.unknown / tally.total > evidence.expectation.points:
        reason = (
            f"{tally.unknown} of {_answers(tally.total)} are neither canary nor stable ({kinds}): each may be of"
            " either version, and together they could move the share by more than the tolerance of"
            f" {_points(evidence.expectation)}"
        )
    else:
        waits = evidence.unfinished > tally.total
        waiting = f" ({evidence.unfinished} requests were not answered in order)" if waits else ""
        to_go = evidence.to_go()
        more = "no verdict in sight" if to_go is None else f"about {to_go} more needed"
        few = "1 answer is" if tally.total == 1 else f"{tally.total} answers are"
        reason = f"{few} too few{waiting}; {more}"
    return Finding(Outcome.INCONCLUSIVE, reason, remedy)


def _nothing_counted(evidence: Evidence) -> Finding:
    settling = evidence.tally.settling
    if settling:
        return Finding(
            Outcome.INCONCLUSIVE,
            f"no answer named the route {evidence.route}; {_answers(settling)} came by another route or by none",
            Remedy.COMPARE_ROUTE,
        )
    if evidence.unfinished:
        waits = "1 still waits" if evidence.unfinished == 1 else f"{evidence.unfinished} still wait"
        reason = f"no request was answered; {waits}"
        return Finding(Outcome.INCONCLUSIVE, reason, Remedy.FIND_ANSWERS)
    return Finding(Outcome.INCONCLUSIVE, "no answer was counted", Remedy.FIND_ANSWERS)


def _answers(count: int) -> str:
    return f"{count} answer{'' if count == 1 else 's'}"


def _points(expectation: Expectation) -> str:
    return f"{expectation.points:g} point{'' if expectation.points == 1 else 's'}"


def _share_of(tally: Tally, expectation: Expectation) -> str:
    """Return the canary's share as a person writes it."""
    return share_of(tally.canary_drawn, tally.total, expectation)
