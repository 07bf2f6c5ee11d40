"""What Envoy serves to a learner's requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Traffic:
    """The route that takes the requests.

    Attributes:
        name: the name that it puts on its answers, "" for none.
        weights: the weight of each destination, such as v1, as Envoy has it.
    """

    name: str
    weights: Mapping[str, int]

    @property
    def total(self) -> int:
        """The sum of the weights."""
        return sum(self.weights.values())

    def serves(self, canary_percent: int) -> bool:
        """Return whether v2 has exactly this share, v1 has all others, and nothing else has any."""
        shares = {"v1": 100 - canary_percent, "v2": canary_percent}
        exact = {version: share * self.total for version, share in shares.items() if share}
        return {version: 100 * weight for version, weight in self.weights.items() if weight} == exact

    def __str__(self) -> str:
        """Return it in words, such as `v1 70, v2 30 (70-30)`."""
        words = ", ".join(f"{version} {weight}" for version, weight in self.weights.items())
        return f"{words or 'no version'} ({self.name or 'a route without a name'})"


NO_TRAFFIC: Final = Traffic("", {})
