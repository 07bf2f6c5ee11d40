"""The second verdict as a person reads it: what the canary's errors prove, how much worse it may be, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from canary_loadtest.core.health.counts import Compared, Counts, Epoch, Epochs, Sample
from canary_loadtest.core.health.estimates import answers_to_go, excess_interval_points, smaller_step
from canary_loadtest.core.health.gate import Gate
from canary_loadtest.core.health.rule import Health, can_be_compared, look, mostly_errors
from canary_loadtest.core.message import Message, joined
from canary_loadtest.core.percent import decimals_for, points_text

FEW_EPISODES: Final = 0.5
"""Of the episodes that independent errors would have; from `LEAST_ERRORS` on fewer are a sign of bursts."""
LEAST_ERRORS: Final = 5


@dataclass(frozen=True)
class HealthFinding:
    """What the canary's errors prove so far.

    Attributes:
        health: WORSE, NOT WORSE or UNDECIDED.
        gate: what was tested.
        excess_points: by how many percentage points more often the canary may err, as far as the answers do not rule
            it out; at most the margin where NOT WORSE, at least 0 where WORSE.
        reason: why, in a sentence for a person.
        remarks: what else is to be known, each a sentence.
        to_go: about how many more answers a finding takes, 0 where there is one, None where none is in sight.
    """

    health: Health
    gate: Gate
    excess_points: tuple[float, float]
    reason: str
    remarks: tuple[str, ...]
    to_go: int | None


def finding_of(epochs: Epochs, gate: Gate) -> HealthFinding | None:
    """Return the finding so far, None at a weight of 0 or 100 %, where there is nothing to compare with.

    `look` alone is what is asked after each answer; this takes some hundredths of a second.
    """
    compared = epochs.compared
    if compared is None:
        return None
    health = look(compared, gate)
    is_worse = health is Health.WORSE
    told = [epoch for epoch in epochs.all if epoch.compares] if is_worse else epochs.at_this_weight
    excess_points = _excess_points(health, [epoch.counts for epoch in told], gate)
    to_go = _to_go(compared, gate)
    if is_worse:
        reason = _worse(told, excess_points, gate)
    elif health is Health.NOT_WORSE:
        reason = _not_worse(told, gate)
    else:
        reason = _undecided(compared, gate, to_go)
    remarks = [*_lottery(health, excess_points, gate), *_remarks(told)]
    return HealthFinding(health, gate, excess_points, reason, tuple(remarks), to_go)


def _excess_points(health: Health, told: Sequence[Counts], gate: Gate) -> tuple[float, float]:
    """Return the interval of the excess without what the finding rules out."""
    low, high = excess_interval_points(told, gate.alpha)
    if health is Health.WORSE:
        return max(low, 0.0), max(high, 0.0)
    if health is Health.NOT_WORSE:
        return min(low, gate.margin_points), min(high, gate.margin_points)
    return low, high


def _to_go(compared: Compared, gate: Gate) -> int | None:
    """Return about how many more answers a finding takes, None where none is in sight."""
    if mostly_errors(compared) and look(compared, gate) is Health.UNDECIDED:
        return None
    return answers_to_go(compared, gate)


def _worse(epochs: Sequence[Epoch], excess_points: tuple[float, float], gate: Gate) -> str:
    low, high = excess_points
    decimals = decimals_for(gate.margin_points)
    within = ""
    if high <= gate.margin_points:
        within = Message(", within the {points} allowed", points=_points(gate.margin_points))
    elif low <= gate.margin_points:
        within = Message(
            " where {points} {_are} allowed",
            points=_points(gate.margin_points),
            _are="is" if gate.margin_points == 1 else "are",
        )
    return Message(
        "the canary errs more often than stable: {both}, by {low} to {high} points{within} (a "
        "canary no worse would be called worse in at most {percent} % of runs)",
        both=_both(epochs, gate),
        low=f"{low:.{decimals}f}",
        high=f"{high:.{decimals}f}",
        within=within,
        percent=_percent(gate.alpha_stop),
    )


def _lottery(health: Health, excess_points: tuple[float, float], gate: Gate) -> list[str]:
    """Return what is to be said where both findings may be true."""
    low, _ = excess_points
    both = low < gate.margin_points if health is Health.WORSE else health is Health.NOT_WORSE and low > 0
    remark = Message(
        "an excess between none and the margin is WORSE and NOT WORSE at once: the first certain look decides"
    )
    return [remark] if both else []


def _not_worse(epochs: Sequence[Epoch], gate: Gate) -> str:
    points = _points(gate.margin_points)
    return Message(
        "the canary is at most {points} worse than stable: {both} (one that is {points} worse "
        "would pass in at most {percent:g} % of runs)",
        points=points,
        both=_both(epochs, gate),
        percent=100 * gate.alpha,
    )


def _undecided(compared: Compared, gate: Gate, to_go: int | None) -> str:
    """Return why neither finding is proved yet."""
    total = sum(int(counts.total) for counts in compared.at_this_weight)
    canary = sum(int(counts.canary) for counts in compared.at_this_weight)
    known = sum(int(counts.known) for counts in compared.at_this_weight)
    if not total:
        return Message("no answer was counted at this weight")
    if mostly_errors(compared):
        right = sum(int(counts.right) for counts in compared.at_this_weight)
        return Message(
            "only {right} of {answers} {_are} right: that is no reason to go on",
            right=right,
            answers=_answers(total),
            _are="is" if right == 1 else "are",
        )
    if not can_be_compared(compared):
        silent = Message("stable version") if canary and canary == known else Message("canary")
        return Message(
            "no answer of {answers} is known to be from the {silent}: there is nothing to compare",
            answers=_answers(total),
            silent=silent,
        )
    before = (
        ""
        if gate.margin_told is not None
        else Message(", as a weight of {weight_percent:g} % asks for", weight_percent=gate.next_weight_percent)
    )
    return Message(
        "{answers} {_are} too few to know that the canary is at most {points} worse than "
        "stable{before}; {still_needed}",
        answers=_answers(total),
        _are="is" if total == 1 else "are",
        points=_points(gate.margin_points),
        before=before,
        still_needed=_still_needed(compared, gate, to_go),
    )


def _still_needed(compared: Compared, gate: Gate, to_go: int | None) -> str:
    """Return how many more answers it takes, and how many before a smaller step."""
    more = Message("no finding in sight") if to_go is None else Message("about {to_go} more needed", to_go=to_go)
    step = smaller_step(compared, gate)
    if step is None or (to_go is not None and step[1] >= to_go):
        return more
    weight_percent, fewer = step
    if not fewer:
        return Message("{more}, none before a weight of {weight_percent:g} %", more=more, weight_percent=weight_percent)
    return Message(
        "{more}, about {count} before a weight of {weight_percent:g} %",
        more=more,
        count=fewer,
        weight_percent=weight_percent,
    )


def _remarks(epochs: Sequence[Epoch]) -> list[str]:
    """Return what else is to be known about the answers that the finding speaks of."""
    remarks: list[str] = []
    unknown = sum(epoch.unknown.errors for epoch in epochs)
    if unknown:
        remarks.append(
            Message(
                "{errors} {_name} no version, and may be of either: for WORSE counted as stable's, for NOT "
                "WORSE as the canary's",
                errors=_errors(unknown),
                _name="names" if unknown == 1 else "name",
            )
        )
    for name, samples in {
        Message("the canary"): [epoch.canary for epoch in epochs],
        Message("the stable version"): [epoch.stable for epoch in epochs],
        Message("no known version"): [epoch.unknown for epoch in epochs],
    }.items():
        errors = sum(sample.errors for sample in samples)
        if errors and all(sample.in_order for sample in samples):
            remarks.append(_episodes(name, errors, samples))
    return remarks


def _episodes(name: str, errors: int, samples: Sequence[Sample]) -> str:
    """Return in how many episodes errors came, and what that means where it is few."""
    episodes = sum(sample.episodes for sample in samples)
    expected = sum(sample.expected_episodes for sample in samples)
    text = Message(
        "{errors} of {name} came in {episodes} episode{_s}",
        errors=_errors(errors),
        name=name,
        episodes=episodes,
        _s="" if episodes == 1 else "s",
    )
    if errors < LEAST_ERRORS or episodes >= FEW_EPISODES * expected:
        return text
    return Message(
        "{text}, where independent errors come in about {expected:.0f}: bursts of one version's "
        "own make either finding wrong more often than is said",
        text=text,
        expected=expected,
    )


def _both(epochs: Sequence[Epoch], gate: Gate) -> str:
    """Return the errors of both versions in numbers."""
    decimals = decimals_for(min(gate.margin_points, 10))
    texts = []
    for name, samples in {
        Message("canary"): [epoch.canary for epoch in epochs],
        Message("stable"): [epoch.stable for epoch in epochs],
    }.items():
        errors, total = sum(sample.errors for sample in samples), sum(sample.total for sample in samples)
        percent = Message(" ({percent} %)", percent=f"{100 * errors / total:.{decimals}f}") if total else ""
        texts.append(
            Message(
                "{errors} of {total} {name} answers{percent}", errors=errors, total=total, name=name, percent=percent
            )
        )
    return joined(Message(" against "), texts)


def _answers(count: int) -> str:
    return Message("{count} answer{_s}", count=count, _s="" if count == 1 else "s")


def _errors(count: int) -> str:
    return Message("{count} error{_s}", count=count, _s="" if count == 1 else "s")


def _percent(alpha: float) -> str:
    """Return a probability in percent, without an exponent however small it is."""
    return format(Decimal(f"{100 * alpha:.6g}"), "f")


def _points(points: float) -> str:
    return points_text(float(f"{points:.3g}"))
