"""Slow answers of both versions, apart for each epoch, as they are counted and as the tests take them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from canary_loadtest.core.health.counts import Counts
from canary_loadtest.core.health.histogram import Histogram
from canary_loadtest.core.labels import CANARY, STABLE


class TimeCounts(NamedTuple):
    """The counts of one epoch as the tests take them; extrapolated ones need not be whole.

    Only answers to requests that were sent after the threshold t was known are counted; an error is above any time.

    Attributes:
        canary_above: answers of the canary above t (A1).
        canary_beyond: those of them above X t (B1).
        canary: all answers of the canary (n1).
        stable_above: answers of the stable version above t (A0).
        stable: all answers of the stable version (n0).
        unknown_errors: errors of which no one knows the version (U).
        share: the configured share of the canary, a fraction of 1.
    """

    canary_above: float
    canary_beyond: float
    canary: float
    stable_above: float
    stable: float
    unknown_errors: float
    share: float

    @property
    def total(self) -> float:
        """All answers."""
        return self.canary + self.stable + self.unknown_errors

    @property
    def above(self) -> Counts:
        """Both versions with answers above t in the place of errors."""
        return self._in_place_of_errors(self.canary_above)

    @property
    def beyond(self) -> Counts:
        """Both versions with slow answers in the place of errors: the canary's above X t, stable's above t."""
        return self._in_place_of_errors(self.canary_beyond)

    def _in_place_of_errors(self, canary_slow: float) -> Counts:
        return Counts(
            canary_errors=canary_slow,
            canary_right=self.canary - canary_slow,
            stable_errors=self.stable_above,
            stable_right=self.stable - self.stable_above,
            unknown_errors=self.unknown_errors,
            share=self.share,
        )


class ComparedTimes(NamedTuple):
    """What is compared at one look.

    Attributes:
        release: the counts of each epoch in which both versions got requests, oldest first.
        earlier: how many of them are of earlier weights.
    """

    release: tuple[TimeCounts, ...]
    earlier: int = 0

    @property
    def at_this_weight(self) -> tuple[TimeCounts, ...]:
        """The epochs since the weight last changed: NOT WORSE has to be shown at each weight by its own answers."""
        return self.release[self.earlier :]


@dataclass(slots=True)
class Times:
    """The answers of one version.

    Attributes:
        sent: the times of right answers, from the moment when the request was sent.
        scheduled: the same from the moment when it should have been sent, where there is a schedule.
        above: answers above the threshold t, of those since it is known; an error is above any time.
        beyond: those of them above X t.
        errors: the errors among them.
        total: all answers since the threshold is known.
    """

    sent: Histogram
    scheduled: Histogram
    above: int = 0
    beyond: int = 0
    errors: int = 0
    total: int = 0

    @classmethod
    def begin(cls, ratio: float) -> Self:
        """Return the times before the first answer, in histograms of a ratio."""
        return cls(Histogram(ratio), Histogram(ratio))

    def show(self, seconds: float, scheduled_seconds: float | None) -> None:
        """Keep the times of a right answer, to be shown."""
        self.sent.add(seconds)
        if scheduled_seconds is not None:
            self.scheduled.add(scheduled_seconds)

    def compare(self, seconds: float, threshold_seconds: float, *, is_error: bool) -> None:
        """Count an answer, whose time does not matter where it is an error."""
        self.above += is_error or seconds > threshold_seconds
        self.beyond += is_error or seconds > self.sent.ratio * threshold_seconds
        self.errors += is_error
        self.total += 1

    def __add__(self, other: "Times") -> "Times":
        """Return the answers of both."""
        return Times(
            self.sent + other.sent,
            self.scheduled + other.scheduled,
            self.above + other.above,
            self.beyond + other.beyond,
            self.errors + other.errors,
            self.total + other.total,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return them as plain JSON types."""
        return {
            "sent": self.sent.to_dict(),
            "scheduled": self.scheduled.to_dict(),
            "above": self.above,
            "beyond": self.beyond,
            "errors": self.errors,
            "total": self.total,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the times that `to_dict` wrote."""
        histograms = {name: Histogram.from_dict(data[name]) for name in ("sent", "scheduled")}
        return cls(**{**data, **histograms})


@dataclass(slots=True)
class TimesEpoch:
    """The answers between two changes of the weight, of the number of pods or of the route.

    Attributes:
        canary_percent: the configured share of the canary, 0 to 100.
        canary: the answers that were meant for the canary.
        stable: the answers that were meant for the stable version.
        unknown_errors: errors of which no one knows the version, since the threshold is known.
        thresholds_seconds: the least and the greatest threshold t, None where none was known.
    """

    canary_percent: float
    canary: Times
    stable: Times
    unknown_errors: int = 0
    thresholds_seconds: tuple[float, float] | None = None

    @classmethod
    def begin(cls, canary_percent: float, ratio: float) -> Self:
        """Return an epoch without an answer, with histograms of a ratio."""
        return cls(canary_percent, Times.begin(ratio), Times.begin(ratio))

    @property
    def compares(self) -> bool:
        """Whether both versions get requests; at 0 and 100 % there is nothing to compare with."""
        return 0 < self.canary_percent < 100

    @property
    def counts(self) -> TimeCounts:
        """The counts as the tests take them."""
        canary, stable = self.canary, self.stable
        return TimeCounts(
            canary.above,
            canary.beyond,
            canary.total,
            stable.above,
            stable.total,
            self.unknown_errors,
            self.canary_percent / 100,
        )

    def of(self, version: str) -> Times | None:
        """Return the answers of a version, None for a version that is not known."""
        return {CANARY: self.canary, STABLE: self.stable}.get(version)

    def compare(self, version: str, seconds: float, threshold_seconds: float, *, is_error: bool) -> None:
        """Count an answer, as an error of no known version where its version is not known."""
        times = self.of(version)
        if times is None:
            self.unknown_errors += 1
        else:
            times.compare(seconds, threshold_seconds, is_error=is_error)
        least, most = self.thresholds_seconds or (threshold_seconds, threshold_seconds)
        self.thresholds_seconds = min(least, threshold_seconds), max(most, threshold_seconds)

    def to_dict(self) -> dict[str, Any]:
        """Return them as plain JSON types."""
        return {
            "canary_percent": self.canary_percent,
            "canary": self.canary.to_dict(),
            "stable": self.stable.to_dict(),
            "unknown_errors": self.unknown_errors,
            "thresholds_seconds": list(self.thresholds_seconds) if self.thresholds_seconds else None,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the epoch that `to_dict` wrote."""
        thresholds = data["thresholds_seconds"]
        return cls(
            data["canary_percent"],
            Times.from_dict(data["canary"]),
            Times.from_dict(data["stable"]),
            data["unknown_errors"],
            tuple(thresholds) if thresholds else None,
        )
