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
from canary_loadtest.core.percent import decimals_for
from canary_loadtest.core.slowness import Slowness

SHOWN_PERCENTILES: Final = (50.0, 95.0, 99.0)
ORDINALS: Final[Mapping[float, str]] = {1: "st", 2: "nd", 3: "rd"}  # codespell:ignore nd
_LOAD: Final = "to the end of the answer; a version looks faster where its pods have less load"
MEASURED: Final = f"times are the client's, from the send {_LOAD}"
LOGGED: Final = f"times are the log's, from the arrival of the request {_LOAD}"


class Clock(NamedTuple):
    """Where the times of answers were measured, in words.

    Attributes:
        begin: from when.
        remark: what is to be known about such times, a sentence.
    """

    begin: str
    remark: str


CLIENTS: Final = Clock("from the send", MEASURED)
LOGS: Final = Clock("from the arrival", LOGGED)


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
    return (
        f"the canary is slower than stable: {_part(canary.above, canary, 'canary', answers)} took longer than"
        f" {_threshold(answers)}, against {_part(stable.above, stable, 'stable', answers)} (a canary as fast would be"
        f" called slower in at most {_number(100 * gate.alpha_stop, 6)} % of runs)"
    )


def _not_worse(answers: SlowAnswers, gate: Gate) -> str:
    canary, stable, slowness = answers.canary, answers.stable, answers.slowness
    times = f" took longer than {_milliseconds(answers, slowness.ratio)}", f" longer than {_threshold(answers)}"
    of_canary, of_stable = times if slowness.milliseconds is None else ("", "")
    return (
        f"{claim(slowness)}: {_part(canary.beyond, canary, 'canary', answers)}{of_canary} against"
        f" {_part(stable.above, stable, 'stable', answers)}{of_stable} (one that takes {slowness.ratio:g} times as long"
        f" would pass in at most {_number(100 * gate.alpha, 6)} % of runs)"
    )


def _undecided(latency: Latency, answers: SlowAnswers, to_go: int | None) -> str:
    """Return why neither finding is proved yet."""
    compared = latency.compared
    if latency.missing_answers and not answers.canary.total + answers.stable.total:
        return (
            f"{_percentile(answers.slowness)} is not known yet: it is learnt from {STRETCH} right stable answers, of"
            f" which there are {len(latency.stretch)}"
        )
    if not answers.total:
        return "no answer was counted at this weight"
    if compared is None or not both_answered(compared):
        silent = "stable version" if answers.canary.total else "canary"
        return f"no answer of {_answers(answers.total)} is known to be from the {silent}: there is nothing to compare"
    few = "1 answer is" if answers.total == 1 else f"{answers.total} answers are"
    more = "no finding in sight" if to_go is None else f"about {to_go} more needed"
    return f"{few} too few to know that {claim(answers.slowness)}; {more}"


def _lottery(health: Health, compared: ComparedTimes, gate: Gate, answers: SlowAnswers) -> list[str]:
    """Return what is to be said where both findings may be true."""
    enough = -log(gate.alpha)
    both = (health is Health.WORSE and far_slower_log_evidence(compared.release) < enough) or (
        health is Health.NOT_WORSE and slower_log_evidence(compared.at_this_weight) >= enough
    )
    remark = (
        f"a canary that takes longer, but less than {answers.slowness.ratio:g} times as long, is WORSE and NOT WORSE at"
        " once: the first certain look decides"
    )
    return [remark] if both else []


def _remarks(answers: SlowAnswers, clock: Clock) -> list[str]:
    """Return what else is to be known about the answers that the finding speaks of."""
    remarks = []
    unknown = answers.unknown_errors
    if unknown:
        errors, name = ("error", "names") if unknown == 1 else ("errors", "name")
        remarks.append(
            f"{unknown} {errors} {name} no version: for WORSE counted as slow answers of stable, for NOT WORSE as the"
            " canary's"
        )
    for start, canary, stable in (
        (clock.begin, answers.canary.sent, answers.stable.sent),
        ("from the scheduled start", answers.canary.scheduled, answers.stable.scheduled),
    ):
        if canary.counts and stable.counts:
            remarks.append(
                f"{start} {_listed(answers.shown)} % of right answers took at most about {_times(answers, canary)} ms"
                f" (canary) and {_times(answers, stable)} ms (stable)"
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
        return f"the canary's {_ordinal(slowness.percentile)} percentile is less than {ratio:g} times stable's"
    far = _number(told * ratio)
    return f"the canary takes longer than {far} ms less often than stable takes longer than {_number(told)} ms"


def _part(slow: int, times: Times, version: str, answers: SlowAnswers) -> str:
    """Return the slow answers of a version in numbers, and how many of them are errors."""
    decimals = decimals_for(100 - answers.slowness.percentile)
    percent = f"{100 * slow / times.total:.{decimals}f} %" if times.total else ""
    errors = f"{times.errors} error{'' if times.errors == 1 else 's'} among them" if times.errors else ""
    inside = ", ".join(filter(None, [percent, errors]))
    return f"{slow} of {times.total} {version} answers{f' ({inside})' if inside else ''}"


def _threshold(answers: SlowAnswers) -> str:
    """Return above which time an answer was slow, and that it is stable's percentile where it is."""
    slowness = answers.slowness
    return f"{_milliseconds(answers)}{f', {_percentile(slowness)}' if slowness.milliseconds is None else ''}"


def _milliseconds(answers: SlowAnswers, ratio: float = 1.0) -> str:
    """Return a multiple of the threshold, or of the least and the greatest one."""
    least, most = (_number(1000 * ratio * seconds) for seconds in answers.thresholds_seconds)
    return f"{least} ms" if least == most else f"{least} to {most} ms"


def _percentile(slowness: Slowness) -> str:
    return f"stable's {_ordinal(slowness.percentile)} percentile"


def _ordinal(number: float) -> str:
    return f"{number:g}{ORDINALS.get(number % 10, 'th')}"


def _number(number: float, digits: int = 3) -> str:
    """Return a number rounded to significant digits, without an exponent however large it is."""
    return format(Decimal(f"{number:.{digits}g}"), "f")


def _answers(count: int) -> str:
    return f"{count} answer{'' if count == 1 else 's'}"
