"""Measuring two things fairly on a machine that is never quite idle: in turn, many times, and by medians.

Pure but for the functions that it is handed. A ratio is taken within each round, so that what slows the machine down
for a while slows both sides down, and the median of the ratios is what is reported.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar


@dataclass(frozen=True)
class Sample:
    """One side of one round.

    Attributes:
        requests: how many were answered.
        seconds: how long it took.
        cpu_seconds: CPU time that the measured processes used meanwhile.
    """

    requests: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        """CPU time for each request, in microseconds."""
        return 1e6 * self.cpu_seconds / self.requests


Rounds = Mapping[str, Sequence[Sample]]
Measured = TypeVar("Measured")


def interleaved(sides: Mapping[str, Callable[[], Measured]], count: int) -> dict[str, list[Measured]]:
    """Measure every side in turn, `count` times over: A, B, A, B, ...

    Args:
        sides: what measures one round of each side.
        count: how many rounds.

    Returns:
        What each side's rounds gave, in order.
    """
    samples: dict[str, list[Measured]] = {name: [] for name in sides}
    for _ in range(count):
        for name, measure in sides.items():
            samples[name].append(measure())
    return samples


def median_per_second(samples: Sequence[Sample]) -> float:
    """Return the median of the requests per second."""
    return median(sample.per_second for sample in samples)


def median_cpu_microseconds(samples: Sequence[Sample]) -> float:
    """Return the median of the CPU time for each request, in microseconds."""
    return median(sample.cpu_microseconds for sample in samples)


def speed_ratio(samples: Sequence[Sample], base: Sequence[Sample]) -> float:
    """Return how many times the requests per second of `base` there are: the median over the rounds."""
    return median(one.per_second / other.per_second for one, other in zip(samples, base, strict=True))


def thrift_ratio(samples: Sequence[Sample], base: Sequence[Sample]) -> float:
    """Return how many times as many requests a CPU second serves as in `base`: the median over the rounds."""
    return median(other.cpu_microseconds / one.cpu_microseconds for one, other in zip(samples, base, strict=True))


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the least value that at least `percent` of the values do not exceed (nearest rank).

    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("no values: measure at least once")
    ranked = sorted(values)
    rank = -(-len(ranked) * percent // 100)
    return ranked[max(int(rank), 1) - 1]
