"""Times in a log histogram: any percentile within about 1 %, in constant memory, merged by addition.

Source: bins that grow with the time bound the relative error of each quantile (Masson, Rim and Lee, "DDSketch", 2019).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import floor, log
from typing import Any, Final, Self

BINS_PER_RATIO: Final = 8
LEAST_SECONDS: Final = 1e-6
MOST_SECONDS: Final = 1e5


@dataclass(slots=True)
class Histogram:
    """How many times lie in each bin; eight bins together span a ratio, such as the slowdown that matters.

    Attributes:
        ratio: the upper end of the last of eight neighbouring bins, divided by the lower end of the first; above 1.
        counts: the times in each bin, by its number; bin 0 begins at one second.
    """

    ratio: float
    counts: Counter[int] = field(default_factory=Counter)
    _log_width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find the width of a bin once."""
        self._log_width = log(self.ratio) / BINS_PER_RATIO

    def add(self, seconds: float) -> None:
        """Count a time; one below a microsecond, or above a day, is counted as that."""
        within = min(max(seconds, LEAST_SECONDS), MOST_SECONDS)
        self.counts[floor(log(within) / self._log_width)] += 1

    def percentile(self, percent: float) -> float | None:
        """Return the time in seconds that this part of all times does not exceed, None where no time was counted.

        It is the geometric middle of its bin, so that it is wrong by half a bin at most: 1.2 % at a ratio of 1.2.

        Args:
            percent: from 0 to 100; 95 for the 95th percentile.
        """
        total, counted = self.counts.total(), 0
        for number in sorted(self.counts):
            counted += self.counts[number]
            if 100 * counted >= percent * total:
                return float(self.ratio ** ((number + 0.5) / BINS_PER_RATIO))
        return None

    def __add__(self, other: "Histogram") -> "Histogram":
        """Return the histogram of both."""
        if other.ratio != self.ratio:
            raise ValueError(f"histograms of the ratios {self.ratio:g} and {other.ratio:g} have different bins")
        return Histogram(self.ratio, self.counts + other.counts)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {"ratio": self.ratio, "counts": {str(number): self.counts[number] for number in sorted(self.counts)}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the histogram that `to_dict` wrote."""
        return cls(data["ratio"], Counter({int(number): count for number, count in data["counts"].items()}))
