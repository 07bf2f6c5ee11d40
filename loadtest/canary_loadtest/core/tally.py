"""Counts of answers by label."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.connections import Connections
from canary_loadtest.core.labels import (
    CANARY,
    MORE_KINDS,
    STABLE,
    VERSIONS,
    WRONG_ROUTE,
    printable,
)

MOST_KINDS: Final = 50
MOST_ROUTES: Final = 16
MORE_ROUTES: Final = "(more)"


@dataclass(slots=True)
class Tally:
    """How many answers of each kind were counted.

    Attributes:
        canary: right answers of the canary.
        stable: right answers of the stable version.
        canary_errors: other answers that name the canary as their destination.
        stable_errors: other answers that name the stable version.
        other: all other answers by kind, at most `MOST_KINDS` and the rest. Those that name no destination may be of
            either version.
        routes: the versions' answers by the route that they named, "" for none; at most `MOST_ROUTES` and the rest.
            Kinds and routes are as `printable` returns them: they come from a server or a file.
        settling: answers that came before the first one by the expected route; they are outside of all counts.
        connections: how answers follow one another, where connections are kept.
    """

    canary: int = 0
    stable: int = 0
    canary_errors: int = 0
    stable_errors: int = 0
    other: Counter[str] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    settling: int = 0
    connections: Connections = field(default_factory=Connections)

    @property
    def other_total(self) -> int:
        """How many answers were neither canary nor stable."""
        return self.other.total()

    @property
    def canary_drawn(self) -> int:
        """How many requests were drawn for the canary, as far as that is known."""
        return self.canary + self.canary_errors

    @property
    def stable_drawn(self) -> int:
        """How many requests were drawn for the stable version, as far as that is known."""
        return self.stable + self.stable_errors

    @property
    def drawn(self) -> int:
        """How many requests have a version that is known."""
        return self.canary_drawn + self.stable_drawn

    @property
    def unknown(self) -> int:
        """How many answers may be of either version."""
        return self.other_total - self.canary_errors - self.stable_errors

    @property
    def total(self) -> int:
        """How many answers were counted."""
        return self.canary + self.stable + self.other_total

    @property
    def labelled(self) -> int:
        """How many answers were of a version."""
        return self.canary + self.stable

    @property
    def by_several_routes(self) -> bool:
        """Whether the versions' answers named more than one route."""
        return len(self.routes) > 1

    @property
    def picked_for_each_request(self) -> bool:
        """Whether answers on kept connections change so often that each must be a sample of its own."""
        return self.connections.picked_for_each_request(self.canary_drawn, self.stable_drawn)

    @property
    def pinned(self) -> bool:
        """Whether answers on kept connections change so rarely that a connection must be bound to a version."""
        return self.connections.pinned(self.canary_drawn, self.stable_drawn)

    def add(self, answer: Answer, expected_route: str | None = None) -> Answer | None:
        """Count one answer, and return it as it was counted, None where it is outside of all counts.

        With an expected route, an answer that came by another one is not a sample of the split in question. Before
        the first right one it only shows that the new weights have not arrived yet; after that it is an error.

        Args:
            answer: what came.
            expected_route: the only route to count, None for any.
        """
        label, route, previous = answer[:3]
        is_version = label in VERSIONS
        if expected_route is not None and route != expected_route and (is_version or route):
            if self.labelled == 0:
                self.settling += 1
                return None
            label, is_version = WRONG_ROUTE, False
            answer = Answer(label, route, previous)  # what another route draws is not drawn by this one
        if previous is not None:
            self.connections.add(answer.drawn, previous)
        if not is_version:
            self.other[_name_in(self.other, label, MOST_KINDS, MORE_KINDS)] += 1
            self.canary_errors += answer.destination == CANARY
            self.stable_errors += answer.destination == STABLE
            return answer
        if label == CANARY:
            self.canary += 1
        else:
            self.stable += 1
        self.routes[_name_in(self.routes, route, MOST_ROUTES, MORE_ROUTES)] += 1
        return answer

    def __add__(self, more: "Tally") -> "Tally":
        """Merge two tallies: every count is the sum of both."""
        return Tally(
            canary=self.canary + more.canary,
            stable=self.stable + more.stable,
            canary_errors=self.canary_errors + more.canary_errors,
            stable_errors=self.stable_errors + more.stable_errors,
            other=self.other + more.other,
            routes=self.routes + more.routes,
            settling=self.settling + more.settling,
            connections=self.connections + more.connections,
        )

    def copy(self) -> "Tally":
        """Return an equal tally that later answers do not change."""
        return self + Tally()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the counts that `to_dict` wrote."""
        return cls(
            canary=data["canary"],
            stable=data["stable"],
            canary_errors=data["drawn"]["canary"] - data["canary"],
            stable_errors=data["drawn"]["stable"] - data["stable"],
            other=Counter(data["other_by_kind"]),
            routes=Counter(data["routes"]),
            settling=data["settling"],
            connections=Connections(**data["connections"]),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain JSON types, as in the verdict file."""
        return {
            "canary": self.canary,
            "stable": self.stable,
            "other": self.other_total,
            "drawn": {"canary": self.canary_drawn, "stable": self.stable_drawn, "unknown": self.unknown},
            "other_by_kind": dict(sorted(self.other.items())),
            "routes": dict(sorted(self.routes.items())),
            "settling": self.settling,
            "connections": asdict(self.connections),
        }


def _name_in(counter: Counter[str], name: str, most: int, rest: str) -> str:
    """Return under which name one more is counted, so that a counter has at most `most` names and `rest`."""
    if name not in counter:
        name = printable(name)
    return name if name in counter or len(counter) < most else rest
