"""The finding on the canary's latency as a person reads it: what slow answers prove, and how slow both versions are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from math import log
from operator import add
from typing import Any, Final, NamedTuple

from canary_loadtest.core.health.gate import Gate
from canary_loadtest.core.health.histogram import Histogram
from canary_loadtest.core.health.latency import STRETCH, Latency
from canary_loadtest.core.health.latency_estimates import latency_to_go
from canary_loadtest.core.health.latency_rule import (
    both_answered,
    far_slower_log_evidence,
    look_at_latency,
    slower_log_evidence,
)
from canary_loadtest.core.health.rule import Health
from canary_loadtest.core.health.times import ComparedTimes, Times, TimesEpoch
from canary_loadtest.core.message import Message, joined
from canary_loadtest.core.percent import decimals_for
from canary_loadtest.core.slowness import Slowness

SHOWN_PERCENTILES: Final = (50.0, 95.0, 99.0)
ORDINALS: Final[Mapping[float, str]] = {1: "st", 2: "nd", 3: "rd"}  # codespell:ignore nd
_LOAD: Final = Message("to the end of the answer; a version looks faster where its pods have less load")
MEASURED: Final = Message("times are the client's, from the send {load}", load=_LOAD)
LOGGED: Final = Message("times are the log's, from the arrival of the request {load}", load=_LOAD)


class Clock(NamedTuple):
    """Where the times of answers were measured, in words.

    Attributes:
        begin: from when.
        remark: what is to be known about such times, a sentence.
    """

    begin: str
    remark: str


CLIENTS: Final = Clock(Message("from the send"), MEASURED)
LOGS: Final = Clock(Message("from the arrival"), LOGGED)


@dataclass(frozen=True)
class SlowAnswers:
    """The answers that a finding on the latency speaks of.

    Attributes:
        slowness: what counts as slow.
        canary: those that were meant for the canary.
        stable: those that were meant for the stable version.
        unknown_errors: errors of which no one knows the version.
        thresholds_seconds: the least and the greatest time above which an answer was slow, none where none was known.
    """

    slowness: Slowness
    canary: Times
    stable: Times
    unknown_errors: int
    thresholds_seconds: tuple[float, ...]

    @classmethod
    def of(cls, epochs: Iterable[TimesEpoch], slowness: Slowness) -> "SlowAnswers":
        """Return the answers of some epochs together, to be shown: what is pooled is not to be compared."""
        told = list(epochs)
        thresholds = [seconds for epoch in told for seconds in epoch.thresholds_seconds or ()]
        return cls(
            slowness,
            reduce(add, (epoch.canary for epoch in told)),
            reduce(add, (epoch.stable for epoch in told)),
            sum(epoch.unknown_errors for epoch in told),
            (min(thresholds), max(thresholds)) if thresholds else (),
        )

    @property
    def total(self) -> int:
        """How many answers were compared."""
        return self.canary.total + self.stable.total + self.unknown_errors

    def to_dict(self) -> dict[str, Any]:
        """Return them as plain JSON types, times in milliseconds."""
        versions = {"canary": self.canary, "stable": self.stable}
        return {
            "thresholds_milliseconds": [1000 * seconds for seconds in self.thresholds_seconds],
            "counts": {
                name: {"answers": times.total, "above": times.above, "beyond": times.beyond, "errors": times.errors}
                for name, times in versions.items()
            }
            | {"unknown_errors": self.unknown_errors},
            "milliseconds": {name: self.milliseconds(times.sent) for name, times in versions.items()},
            "milliseconds_from_schedule": {
                name: self.milliseconds(times.scheduled) for name, times in versions.items()
            },
        }

    def milliseconds(self, times: Histogram) -> dict[str, float]:
        """Return the percentiles that are shown by their names, such as "p95"; none without times."""
        found = {f"p{percent:g}": times.percentile(percent) for percent in self.shown}
        return {name: 1000 * seconds for name, seconds in found.items() if seconds is not None}

    @property
    def shown(self) -> list[float]:
        """Which percentiles are shown."""
        return sorted({*SHOWN_PERCENTILES, self.slowness.percentile})


@dataclass(frozen=True)
class LatencyFinding:
    """What slow answers prove so far.

    Attributes:
        health: WORSE, NOT WORSE or UNDECIDED.
        reason: why, in a sentence for a person.
        remarks: what else is to be known, each a sentence.
        to_go: about how many more answers a finding takes, 0 where there is one, None where none is in sight.
        answers: what it speaks of.
    """

    health: Health
    reason: str
    remarks: tuple[str, ...]
    to_go: int | None
    answers: SlowAnswers

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {
            "finding": self.health.value,
            "sentence": self.reason,
            "remarks": list(self.remarks),
            **self.answers.to_dict(),
        }


def latency_finding_of(
    latency: Latency, gate: Gate, objection: str = "", clock: Clock = CLIENTS
) -> LatencyFinding | None:
    """Return the finding so far, None at a weight of 0 or 100 %, where there is nothing to compare with.

    `look_at_latency` alone is what is asked after each answer.

    Args:
        latency: what was counted; for a finding that was WORSE earlier, what was counted then.
        gate: the two probabilities that are tested with; its margin is one of errors.
        objection: what stands against any finding, such as a schedule that was missed: then it is UNDECIDED, and this
            is the reason.
        clock: where the times were measured.
    """
    compared = latency.compared
    if compared is None:
        return None
    health = Health.UNDECIDED if objection else look_at_latency(compared, gate)
    told = [epoch for epoch in latency.all if epoch.compares] if health is Health.WORSE else latency.at_this_weight
    answers = SlowAnswers.of(told, latency.slowness)
    to_go = None if objection else latency_to_go(latency, gate)
    if health is Health.WORSE:
        reason = _worse(answers, gate)
    elif health is Health.NOT_WORSE:
        reason = _not_worse(answers, gate)
    else:
        reason = objection or _undecided(latency, answers, to_go)
    remarks = [*_lottery(health, compared, gate, answers), *_remarks(answers, clock)]
    return LatencyFinding(health, reason, tuple(remarks), to_go, answers)


def _worse(answers: SlowAnswers, gate: Gate) -> str:
    canary, stable = answers.canary, answers.stable
    return Message(
        "the canary is slower than stable: {canary} took longer than {threshold}, against {stable} "
        "(a canary as fast would be called slower in at most {percent} % of runs)",
        canary=_part(canary.above, canary, Message("canary"), answers),
        threshold=_threshold(answers),
        stable=_part(stable.above, stable, Message("stable"), answers),
        percent=_number(100 * gate.alpha_stop, 6),
    )


def _not_worse(answers: SlowAnswers, gate: Gate) -> str:
    canary, stable, slowness = answers.canary, answers.stable, answers.slowness
    times = (
        Message(" took longer than {milliseconds}", milliseconds=_milliseconds(answers, slowness.ratio)),
        Message(" longer than {threshold}", threshold=_threshold(answers)),
    )
    of_canary, of_stable = times if slowness.milliseconds is None else ("", "")
    return Message(
        "{claim}: {canary}{of_canary} against {stable}{of_stable} (one that takes {ratio:g} times as "
        "long would pass in at most {percent} % of runs)",
        claim=claim(slowness),
        canary=_part(canary.beyond, canary, Message("canary"), answers),
        of_canary=of_canary,
        stable=_part(stable.above, stable, Message("stable"), answers),
        of_stable=of_stable,
        ratio=slowness.ratio,
        percent=_number(100 * gate.alpha, 6),
    )


def _undecided(latency: Latency, answers: SlowAnswers, to_go: int | None) -> str:
    """Return why neither finding is proved yet."""
    compared = latency.compared
    if latency.missing_answers and not answers.canary.total + answers.stable.total:
        return Message(
            "{percentile} is not known yet: it is learnt from {stretch} right stable answers, of which "
            "there are {count}",
            percentile=_percentile(answers.slowness),
            stretch=STRETCH,
            count=len(latency.stretch),
        )
    if not answers.total:
        return Message("no answer was counted at this weight")
    if compared is None or not both_answered(compared):
        silent = Message("stable version") if answers.canary.total else Message("canary")
        return Message(
            "no answer of {answers} is known to be from the {silent}: there is nothing to compare",
            answers=_answers(answers.total),
            silent=silent,
        )
    more = Message("no finding in sight") if to_go is None else Message("about {to_go} more needed", to_go=to_go)
    return Message(
        "{answers} {_are} too few to know that {claim}; {more}",
        answers=_answers(answers.total),
        _are="is" if answers.total == 1 else "are",
        claim=claim(answers.slowness),
        more=more,
    )


def _lottery(health: Health, compared: ComparedTimes, gate: Gate, answers: SlowAnswers) -> list[str]:
    """Return what is to be said where both findings may be true."""
    enough = -log(gate.alpha)
    both = (health is Health.WORSE and far_slower_log_evidence(compared.release) < enough) or (
        health is Health.NOT_WORSE and slower_log_evidence(compared.at_this_weight) >= enough
    )
    remark = Message(
        "a canary that takes longer, but less than {ratio:g} times as long, is WORSE and NOT WORSE "
        "at once: the first certain look decides",
        ratio=answers.slowness.ratio,
    )
    return [remark] if both else []


def _remarks(answers: SlowAnswers, clock: Clock) -> list[str]:
    """Return what else is to be known about the answers that the finding speaks of."""
    remarks = []
    unknown = answers.unknown_errors
    if unknown:
        remarks.append(
            Message(
                "{count} error{_s} {_name} no version: for WORSE counted as slow answers of stable, for "
                "NOT WORSE as the canary's",
                count=unknown,
                _s="" if unknown == 1 else "s",
                _name="names" if unknown == 1 else "name",
            )
        )
    for start, canary, stable in (
        (clock.begin, answers.canary.sent, answers.stable.sent),
        (Message("from the scheduled start"), answers.canary.scheduled, answers.stable.scheduled),
    ):
        if canary.counts and stable.counts:
            remarks.append(
                Message(
                    "{start} {listed} % of right answers took at most about {canary} ms (canary) and "
                    "{stable} ms (stable)",
                    start=start,
                    listed=_listed(answers.shown),
                    canary=_times(answers, canary),
                    stable=_times(answers, stable),
                )
            )
    return [*remarks, clock.remark]


def _times(answers: SlowAnswers, histogram: Histogram) -> str:
    return _listed(answers.milliseconds(histogram).values())


def _listed(numbers: Iterable[float]) -> str:
    return " / ".join(_number(number) for number in numbers)


def claim(slowness: Slowness) -> str:
    """Return what NOT WORSE says."""
    told, ratio = slowness.milliseconds, slowness.ratio
    if told is None:
        return Message(
            "the canary's {percentile:g}{_th} percentile is less than {ratio:g} times stable's",
            percentile=slowness.percentile,
            _th=_ending(slowness.percentile),
            ratio=ratio,
        )
    far = _number(told * ratio)
    return Message(
        "the canary takes longer than {far} ms less often than stable takes longer than {told} ms",
        far=far,
        told=_number(told),
    )


def _part(slow: int, times: Times, version: str, answers: SlowAnswers) -> str:
    """Return the slow answers of a version in numbers, and how many of them are errors."""
    decimals = decimals_for(100 - answers.slowness.percentile)
    percent = f"{100 * slow / times.total:.{decimals}f} %" if times.total else ""
    errors = (
        Message("{errors} error{_s} among them", errors=times.errors, _s="" if times.errors == 1 else "s")
        if times.errors
        else ""
    )
    inside = joined(Message(", "), filter(None, [percent, errors]))
    return Message(
        "{slow} of {total} {version} answers{inside}",
        slow=slow,
        total=times.total,
        version=version,
        inside=Message(" ({inside})", inside=inside) if inside else "",
    )


def _threshold(answers: SlowAnswers) -> str:
    """Return above which time an answer was slow, and that it is stable's percentile where it is."""
    slowness = answers.slowness
    if slowness.milliseconds is not None:
        return _milliseconds(answers)
    return Message(
        "{milliseconds}, {percentile}", milliseconds=_milliseconds(answers), percentile=_percentile(slowness)
    )


def _milliseconds(answers: SlowAnswers, ratio: float = 1.0) -> str:
    """Return a multiple of the threshold, or of the least and the greatest one."""
    least, most = (_number(1000 * ratio * seconds) for seconds in answers.thresholds_seconds)
    return (
        Message("{least} ms", least=least) if least == most else Message("{least} to {most} ms", least=least, most=most)
    )


def _percentile(slowness: Slowness) -> str:
    return Message(
        "stable's {percentile:g}{_th} percentile", percentile=slowness.percentile, _th=_ending(slowness.percentile)
    )


def _ending(number: float) -> str:
    """Return what makes a number an ordinal in English."""
    return ORDINALS.get(number % 10, "th")


def _number(number: float, digits: int = 3) -> str:
    """Return a number rounded to significant digits, without an exponent however large it is."""
    return format(Decimal(f"{number:.{digits}g}"), "f")


def _answers(count: int) -> str:
    return Message("{count} answer{_s}", count=count, _s="" if count == 1 else "s")
