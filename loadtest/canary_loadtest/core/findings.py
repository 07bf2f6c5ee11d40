"""Why a measurement ends as it does: what stands against a verdict first, then what the rules said."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.health.comparison import CanaryHealth
from canary_loadtest.core.health.latency_finding import claim
from canary_loadtest.core.health.rule import Health
from canary_loadtest.core.message import Message, joined
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.percent import percent_above, percent_range, points_text, range_beyond, share_of
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
        routes = joined(
            Message(", "),
            [
                Message("{route}: {count}", route=route or Message("(none named)"), count=count)
                for route, count in sorted(tally.routes.items())
            ],
        )
        return Finding(
            Outcome.INCONCLUSIVE,
            Message(
                "answers came by more than one route ({routes}): the weights changed, or some bypassed the mesh",
                routes=routes,
            ),
            Remedy.NAME_ROUTE,
        )
    if tally.pinned:
        pairs, changes = tally.connections.pairs, tally.connections.changes
        times = Message("once") if changes == 1 else Message("{changes} times", changes=changes)
        return Finding(
            Outcome.INCONCLUSIVE,
            Message(
                "connections are pinned to a version: the answer changed {times} in {pairs} pairs, far "
                "less often than chance predicts: too few independent samples",
                times=times,
                pairs=pairs,
            ),
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
        would = Message("confirm")
    elif evidence.outcome is Outcome.REFUTED and not evidence.expectation.one_way:
        would = Message("refute")
    else:
        return None
    return Finding(
        Outcome.INCONCLUSIVE,
        Message(
            "these answers would {would} the share, but requests without an answer are not among them", would=would
        ),
        Remedy.COUNT_REQUESTS,
    )


def _worse(evidence: Evidence) -> Finding | None:
    """Return a finding where the canary errs more often or is slower than stable, be the split right or not."""
    health = evidence.health
    if health is None or health.worse_after is None:
        return None
    split = Message("the split is right, but ") if _would_confirm(evidence) else ""
    later = evidence.tally.total > health.worse_after
    after = Message("after {answers}: ", answers=_answers(health.worse_after)) if later else ""
    remedy = Remedy.TAKE_BACK if health.health is Health.WORSE else Remedy.TAKE_BACK_SLOW
    return Finding(Outcome.REFUTED, joined("", [split, after, health.worse_reason]), remedy)


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
    before = Message("confirmed after {answers}, but", answers=_answers(evidence.decided.total))
    if least < low_percent or high_percent < most:
        reason = Message(
            "{before} over all {total} the canary's share may be anywhere from {range}",
            before=before,
            total=tally.total,
            range=range_beyond((least, most), expectation),
        )
        return Finding(Outcome.INCONCLUSIVE, reason, remedy)
    undecided = evidence.health.undecided_reason if evidence.health else ""
    if undecided:
        return Finding(
            Outcome.INCONCLUSIVE,
            Message("{before} over all {total}: {undecided}", before=before, total=tally.total, undecided=undecided),
            remedy,
        )
    return None


def _too_many_errors(evidence: Evidence) -> Finding | None:
    """Return a finding where the split is right, and more of the answers are errors than are allowed."""
    tally, expectation = evidence.tally, evidence.expectation
    errors, total = errors_against(tally, expectation), tally.total
    if not _would_confirm(evidence) or expectation.allows_errors(errors, total):
        return None
    percent = percent_above(expectation.errors_percent(errors, total), expectation.most_errors_percent)
    if expectation.one_way:
        part = Message("{percent} of all", percent=percent)
    else:
        part = Message("as many as {percent} of what the canary should have answered", percent=percent)
    enough = expectation.answers_for_errors(errors)
    more = "" if enough is None else Message("; {count} more without an error would do", count=enough - total)
    return Finding(
        Outcome.INCONCLUSIVE,
        Message(
            "the split is right; {errors} of {answers} {_are}, {part} (at most {most:g} % are allowed{more})",
            errors=errors,
            answers=_answers(total),
            _are="is an error" if errors == 1 else "are errors",
            part=part,
            most=expectation.most_errors_percent,
            more=more,
        ),
        Remedy.EXPLAIN_OTHERS,
    )


def _not_known_to_be_fit(evidence: Evidence) -> Finding | None:
    """Return a finding where the split is right, and the canary neither known to be worse nor to be no worse."""
    health = evidence.health
    if health is None or evidence.decided is not None or not evidence.confirms or not evidence.tally.labelled:
        return None
    remedy = Remedy.EXPLAIN_OTHERS if evidence.tally.other else Remedy.MORE_FOR_THE_CANARY
    reason = health.undecided_reason or health.reason
    return Finding(Outcome.INCONCLUSIVE, Message("the split is right, but {reason}", reason=reason), remedy)


def _decided(evidence: Evidence) -> Finding | None:
    """Return what a rule that fired has found."""
    decided, later, expectation = evidence.decided, evidence.refuted_later, evidence.expectation
    if decided is None:
        return None
    expected = f"{expectation.canary_percent:g} %"
    if later is not None:
        found = (
            Message("the share did not stay")
            if evidence.changed
            else Message("the share is not {expected}", expected=expected)
        )
        return Finding(
            Outcome.REFUTED,
            Message(
                "confirmed after {answers} ({before} canary), but refuted after {total} ({after} canary): {found}",
                answers=_answers(decided.total),
                before=_share_of(decided, expectation),
                total=later.total,
                after=_share_of(later, expectation),
                found=found,
            ),
            Remedy.STOP,
        )
    the_share = _found(decided, expectation)
    if evidence.outcome is Outcome.REFUTED:
        reason = Message(
            "{found}: the share is not {expected} (a correct split would be refuted in at most {percent:g} % of runs)",
            found=the_share,
            expected=expected,
            percent=100 * expectation.alpha_stop,
        )
        return Finding(Outcome.REFUTED, reason, Remedy.STOP)
    points = points_text(expectation.points)
    tested = [f"{edge:g}" for edge in expectation.tested_edges_percent if edge is not None]
    edges = joined(Message(" or "), tested)
    split = Message(
        "{found}: within {points} of {expected}{not_exactly} ({edges} % would pass in at most {percent:g} % of runs)",
        found=the_share,
        points=points,
        expected=expected,
        not_exactly=_not_exactly(evidence),
        edges=edges,
        percent=100 * expectation.alpha,
    )
    if evidence.health is None:
        remedy = Remedy.CONTINUE if expectation.one_way else Remedy.CONTINUE_SPLIT
        return Finding(Outcome.CONFIRMED, split, remedy)
    margin = points_text(float(f"{evidence.health.gate.margin_points:.3g}"))
    reason = Message("{split}; and the canary is at most {margin} worse than stable", split=split, margin=margin)
    if expectation.slowness is not None:
        reason = Message("{reason}, and {claim}", reason=reason, claim=claim(expectation.slowness))
    return Finding(Outcome.CONFIRMED, reason, Remedy.GO_ON)


def _found(tally: Tally, expectation: Expectation) -> str:
    """Return which share of the answers, or of the requests where errors name their destination, is the canary's."""
    share = _share_of(tally, expectation)
    if tally.canary_errors + tally.stable_errors:
        return Message(
            "{drawn} of {total} requests ({share}) drawn for the canary",
            drawn=tally.canary_drawn,
            total=tally.total,
            share=share,
        )
    return Message(
        "{canary} of {answers} ({share}) {_are} from the canary",
        canary=tally.canary,
        answers=_answers(tally.total),
        share=share,
        _are="is" if tally.canary == 1 else "are",
    )


def _not_exactly(evidence: Evidence) -> str:
    """Return what is to be added where the counts confirm a share within the tolerance and refute the exact one."""
    if not evidence.refutes or evidence.interval_percent is None:
        return ""
    expectation = evidence.expectation
    interval = percent_range(evidence.interval_percent, expectation)
    return Message(
        ", but not exactly {canary_percent:g} %: {interval}",
        canary_percent=expectation.canary_percent,
        interval=interval,
    )


def _undecided(evidence: Evidence) -> Finding:
    """Return why no rule has fired yet."""
    tally = evidence.tally
    if tally.total == 0:
        return _nothing_counted(evidence)
    kinds = joined(Message(", "), [f"{count} {kind}" for kind, count in tally.other.most_common(3)])
    remedy = Remedy.EXPLAIN_OTHERS if tally.other else Remedy.MORE_ANSWERS
    if tally.labelled == 0:
        reason = (
            Message("the one answer does not fit the contract ({kinds})", kinds=kinds)
            if tally.total == 1
            else Message("none of {total} answers fits the contract ({kinds})", total=tally.total, kinds=kinds)
        )
    elif 100 * tally.unknown / tally.total > evidence.expectation.points:
        reason = Message(
            "{unknown} of {answers} are neither canary nor stable ({kinds}): each may be of either "
            "version, and together they could move the share by more than the tolerance of {points}",
            unknown=tally.unknown,
            answers=_answers(tally.total),
            kinds=kinds,
            points=_points(evidence.expectation),
        )
    else:
        waits = evidence.unfinished > tally.total
        waiting = (
            Message(" ({unfinished} requests were not answered in order)", unfinished=evidence.unfinished)
            if waits
            else ""
        )
        to_go = evidence.to_go()
        more = Message("no verdict in sight") if to_go is None else Message("about {to_go} more needed", to_go=to_go)
        reason = Message(
            "{answers} {_are} too few{waiting}; {more}",
            answers=_answers(tally.total),
            _are="is" if tally.total == 1 else "are",
            waiting=waiting,
            more=more,
        )
    return Finding(Outcome.INCONCLUSIVE, reason, remedy)


def _nothing_counted(evidence: Evidence) -> Finding:
    settling = evidence.tally.settling
    if settling:
        return Finding(
            Outcome.INCONCLUSIVE,
            Message(
                "no answer named the route {route}; {answers} came by another route or by none",
                route=evidence.route,
                answers=_answers(settling),
            ),
            Remedy.COMPARE_ROUTE,
        )
    if evidence.unfinished:
        reason = Message(
            "no request was answered; {count} still wait{_s}",
            count=evidence.unfinished,
            _s="s" if evidence.unfinished == 1 else "",
        )
        return Finding(Outcome.INCONCLUSIVE, reason, Remedy.FIND_ANSWERS)
    return Finding(Outcome.INCONCLUSIVE, Message("no answer was counted"), Remedy.FIND_ANSWERS)


def _answers(count: int) -> str:
    return Message("{count} answer{_s}", count=count, _s="" if count == 1 else "s")


def _points(expectation: Expectation) -> str:
    return points_text(expectation.points)


def _share_of(tally: Tally, expectation: Expectation) -> str:
    """Return the canary's share as a person writes it."""
    return share_of(tally.canary_drawn, tally.total, expectation)
