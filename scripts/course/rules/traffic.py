"""What Envoy serves to a learner's requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from canary_loadtest.core.message import Message, joined


@dataclass(frozen=True)
class Traffic:
    """The route that takes the requests.

    Attributes:
        name: the name that it puts on its answers, "" for none.
        weights: the weight of each destination, such as v1, as Envoy has it.
        pods: the version of each pod behind a destination, of each that has a weight.
    """

    name: str
    weights: Mapping[str, int]
    pods: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The sum of the weights."""
        return sum(self.weights.values())

    def serves(self, canary_percent: int) -> bool:
        """Return whether v2 has exactly this share, v1 has all others, and nothing else has any."""
        shares = {"v1": 100 - canary_percent, "v2": canary_percent}
        exact = {version: share * self.total for version, share in shares.items() if share}
        return {version: 100 * weight for version, weight in self.weights.items() if weight} == exact

    @property
    def without_pods(self) -> list[str]:
        """The destinations that have a weight and no pod: their share gets 503."""
        return [name for name, pods in self.pods.items() if not pods]

    @property
    def astray(self) -> list[str]:
        """The destinations that lead to pods of another version than their name says."""
        return [name for name, pods in self.pods.items() if set(pods) - {name}]

    def __str__(self) -> str:
        """Return it in words, such as `v1 70, v2 30 (70-30)`."""
        words = joined(Message(", "), [f"{version} {weight}" for version, weight in self.weights.items()])
        return Message(
            "{weights} ({name})",
            weights=words or Message("no version"),
            name=self.name or Message("a route without a name"),
        )


NO_TRAFFIC: Final = Traffic("", {})
