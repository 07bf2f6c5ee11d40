"""Compares programs on a machine that is never quite idle: in turn, many times, and by medians.

A ratio is taken within each round, because what slows the machine down for a while slows both sides down.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from scripts.bench.page import number


@dataclass(frozen=True)
class Sample:
    """One side of one round.

    Attributes:
        requests: number of answers.
        seconds: duration.
        cpu_seconds: CPU time of the measured processes.
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
        """CPU time per request, in microseconds."""
        return 1e6 * self.cpu_seconds / self.requests


Rounds = Mapping[str, Sequence[Sample]]


def interleaved(sides: Mapping[str, Callable[[], Sample]], count: int) -> dict[str, list[Sample]]:
    """Measure the sides in turn: A, B, A, B, ...

    Args:
        sides: measures one round, by the name of the side.
        count: number of rounds.

    Returns:
        The samples of each side, in order.
    """
    samples: dict[str, list[Sample]] = {name: [] for name in sides}
    for _ in range(count):
        for name, measure in sides.items():
            samples[name].append(measure())
    return samples


def median_per_second(samples: Sequence[Sample]) -> float:
    """Return the median of the requests per second."""
    return median(sample.per_second for sample in samples)


def median_cpu_microseconds(samples: Sequence[Sample]) -> float:
    """Return the median of the CPU time per request, in microseconds."""
    return median(sample.cpu_microseconds for sample in samples)


def ratios(samples: Sequence[Sample], base: Sequence[Sample]) -> tuple[float, float]:
    """Return how many times the requests of `base` are served per second, and per second of CPU time.

    Raises:
        ValueError: the two sides do not have the same number of rounds.
    """
    pairs = list(zip(samples, base, strict=True))
    return (
        median(one.per_second / other.per_second for one, other in pairs),
        median(other.cpu_microseconds / one.cpu_microseconds for one, other in pairs),
    )


def cells(samples: Sequence[Sample], base: Sequence[Sample] | None = None) -> list[str]:
    """Return a table's cells: requests per second, CPU µs per request, and both ratios to `base` if there is one."""
    figures = [number(median_per_second(samples)), number(median_cpu_microseconds(samples))]
    return figures if base is None else [*figures, *(f"{ratio:.3f}" for ratio in ratios(samples, base))]
