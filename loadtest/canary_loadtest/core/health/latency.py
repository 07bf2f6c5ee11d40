"""Slow answers of the canary and of stable, counted in the order of their requests.

An answer is slow that takes longer than a threshold t. It is stable's percentile, learnt from a first stretch of right
stable answers, and again after each further stretch: learnt once, it would be blind to all that makes both versions
slower or faster later. A threshold that too many right stable answers exceed is out of date, and nothing is compared
until the next one is learnt. All this depends on the past alone. So whether the next answer is above t is a trial, as
an error is, and the tests of errors hold for slow answers, too (canary_loadtest/core/health/evidence.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import takewhile
from typing import Any, Final, Self

from canary_loadtest.core.health.times import ComparedTimes, TimesEpoch
from canary_loadtest.core.labels import STABLE
from canary_loadtest.core.slowness import Slowness

STRETCH: Final = 200
"""The right stable answers that a threshold is learnt from."""
MOST_TIMES_AS_OFTEN: Final = 2.0
MOST_MORE: Final = 4.0
"""A threshold is out of date where right stable answers exceed it more than twice as often as they should, and four
times more. By simulation this takes about 2 % more answers. Without it a canary with a slow tail that is quick else is
NOT WORSE in up to 98 % of the runs in which both versions become slower all at once, with it in up to 10 %: until then
t is not the percentile that the finding speaks of."""


class Latency:
    """Counts slow answers of both versions, in the order in which their requests were sent.

    Memory grows with changes of the weight, not with answers. `add` and `begin` are for the latest epoch.

    Attributes:
        slowness: what counts as slow.
        all: the epochs, oldest first.
        threshold_seconds: the time t above which the next answer is slow, None where it is not known yet.
        stretch: the times of right stable answers that the next threshold is learnt from, in seconds.
    """

    def __init__(self, canary_percent: float, slowness: Slowness, before: Iterable[TimesEpoch] = ()) -> None:
        """Begin an epoch, after those of earlier steps of a release, in which the same was slow."""
        self.slowness = slowness
        self.all = [*before, TimesEpoch.begin(canary_percent, slowness.ratio)]
        self.threshold_seconds = None if slowness.milliseconds is None else slowness.milliseconds / 1000
        self.stretch: list[float] = []
        self._exceeding = 0

    def begin(self, canary_percent: float) -> None:
        """End the latest epoch and begin another: the weight, the number of pods or the route changed."""
        self.all.append(TimesEpoch.begin(canary_percent, self.slowness.ratio))

    def add(
        self, version: str, seconds: float, *, is_error: bool = False, scheduled_seconds: float | None = None
    ) -> None:
        """Count the next answer in order.

        Args:
            version: the one that was drawn for the request, one of `VERSIONS`; any other word for an error of which
                the version is not known.
            seconds: from the moment when the request was sent to the end of its answer; of an error it does not matter.
            is_error: whether it is an error, which is slower than any right answer.
            scheduled_seconds: the same from the moment when it should have been sent, None without a schedule. It is
                shown and not compared: a late start would be charged to the version that is drawn next.
        """
        epoch = self.all[-1]
        if self.threshold_seconds is not None:
            epoch.compare(version, seconds, self.threshold_seconds, is_error=is_error)
        times = epoch.of(version)
        if times is not None and not is_error:
            times.show(seconds, scheduled_seconds)
            if version == STABLE and self.slowness.milliseconds is None:
                self._learn(seconds)

    def add_unordered(self, errors: int) -> None:
        """Count errors of no known version whose place among the others is not known: each may be a slow answer."""
        self.all[-1].unknown_errors += errors

    def _learn(self, seconds: float) -> None:
        """Take the time of a right stable answer: give up a threshold that is out of date, learn the next one."""
        self.stretch.append(seconds)
        if self.threshold_seconds is not None:
            self._exceeding += seconds > self.threshold_seconds
            if self._exceeding > MOST_MORE + self._most_part * len(self.stretch):
                self.threshold_seconds = None
        if len(self.stretch) == STRETCH:
            self.threshold_seconds = self.slowness.percentile_of(self.stretch)
            self.stretch.clear()
            self._exceeding = 0

    @property
    def _most_part(self) -> float:
        """The part of right stable answers that may exceed the threshold in the long run."""
        part = (100 - self.slowness.percentile) / 100
        return min(MOST_TIMES_AS_OFTEN * part, (1 + part) / 2)  # at the 50th percentile twice as often are all

    @property
    def missing_answers(self) -> int:
        """How many more right stable answers the threshold takes, 0 where it is known."""
        return STRETCH - len(self.stretch) if self.threshold_seconds is None else 0

    @property
    def at_this_weight(self) -> list[TimesEpoch]:
        """The epochs since the weight last changed."""
        percent = self.all[-1].canary_percent
        return list(takewhile(lambda epoch: epoch.canary_percent == percent, reversed(self.all)))[::-1]

    @property
    def compared(self) -> ComparedTimes | None:
        """What is compared, None where the latest weight is 0 or 100 %: there is nothing to compare with."""
        if not self.all[-1].compares:
            return None
        release = tuple(epoch.counts for epoch in self.all if epoch.compares)
        return ComparedTimes(release, len(release) - len(self.at_this_weight))

    def to_dict(self) -> dict[str, Any]:
        """Return all that is counted as plain JSON types."""
        return {
            "slowness": asdict(self.slowness),
            "epochs": [epoch.to_dict() for epoch in self.all],
            "threshold_seconds": self.threshold_seconds,
            "stretch_seconds": self.stretch.copy(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return what `to_dict` wrote, to go on counting."""
        *before, latest = map(TimesEpoch.from_dict, data["epochs"])
        latency = cls(latest.canary_percent, Slowness(**data["slowness"]), before)
        latency.all[-1] = latest
        latency.threshold_seconds = data["threshold_seconds"]
        latency.stretch = list(data["stretch_seconds"])
        if latency.threshold_seconds is not None:
            latency._exceeding = sum(seconds > latency.threshold_seconds for seconds in latency.stretch)
        return latency
