"""Counts of answers, in the order in which their requests were started.

Pure: `locustfile` and `judge` feed it, `verdict` and `report` read it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self

from canary_loadtest.core.contract import CANARY, STABLE

ROUTE_HEADER = "x-canary-route"  # in which every route under istio/ names itself on its answers
WRONG_ROUTE = "wrong_route"
MOST_ROUTES = 16
MORE_ROUTES = "(more)"


NOT_KEPT = "not kept"


@dataclass(slots=True)
class Connections:
    """What tells whether answers on one kept connection are drawn anew each time, or all the same.

    Attributes:
        canary: canary answers that were the first of their connection.
        stable: stable answers that were the first of theirs.
        other: anything else that was the first of its connection.
        pairs: canary and stable answers that follow another one on the same connection.
        changes: those of them that differ from the one before.
    """

    canary: int = 0
    stable: int = 0
    other: int = 0
    pairs: int = 0
    changes: int = 0

    def add(self, label: str, previous: str) -> None:
        """Count an answer with the label of the one before it on its connection, "" for the first."""
        if previous == "":
            self.canary += label == CANARY
            self.stable += label == STABLE
            self.other += label not in {CANARY, STABLE}
        elif {label, previous} <= {CANARY, STABLE}:
            self.pairs += 1
            self.changes += label != previous

    def __add__(self, more: "Connections") -> "Connections":
        """Return the sum of both."""
        return Connections(
            self.canary + more.canary,
            self.stable + more.stable,
            self.other + more.other,
            self.pairs + more.pairs,
            self.changes + more.changes,
        )


@dataclass(slots=True)
class Tally:
    """How many answers of each kind were counted.

    Attributes:
        canary: answers of the canary's contract.
        stable: answers of the stable version's contract.
        other: everything else by kind; each may have been meant for either version.
        routes: canary and stable answers by the route that they named ("" where they named none), at most
        `MOST_ROUTES`.
        settling: answers that came before the first one by the expected route; they are outside of all counts.
        connections: how answers follow one another, where connections are kept.
    """

    canary: int = 0
    stable: int = 0
    other: Counter[str] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    settling: int = 0
    connections: Connections = field(default_factory=Connections)

    @property
    def other_total(self) -> int:
        """How many answers were neither canary nor stable."""
        return self.other.total()

    @property
    def total(self) -> int:
        """How many answers were counted."""
        return self.canary + self.stable + self.other_total

    def add(self, label: str, route: str = "", expected_route: str | None = None, previous: str = NOT_KEPT) -> None:
        """Count one answer.

        With an expected route, an answer that came by another one was not drawn from the split in question. Before
        the first right one it is only a sign that the new weights have not arrived yet; after that it is an error.

        Args:
            label: what `classify` said.
            route: the route that the answer named, "" for none.
            expected_route: the only route to count, None for any.
            previous: the label of the answer before it on the same connection, "" for the first one of a connection,
                `NOT_KEPT` where each answer has a connection of its own.
        """
        is_answer = label in {CANARY, STABLE}
        if expected_route is not None and route != expected_route and (is_answer or route):
            if self.canary + self.stable == 0:
                self.settling += 1
                return
            label, is_answer = WRONG_ROUTE, False
        if previous != NOT_KEPT:
            self.connections.add(label, previous)
        if not is_answer:
            self.other[label] += 1
            return
        if label == CANARY:
            self.canary += 1
        else:
            self.stable += 1
        known = route in self.routes or len(self.routes) < MOST_ROUTES
        self.routes[route if known else MORE_ROUTES] += 1

    def __add__(self, more: "Tally") -> "Tally":
        """Merge two tallies: every count is the sum of both."""
        return Tally(
            canary=self.canary + more.canary,
            stable=self.stable + more.stable,
            other=self.other + more.other,
            routes=self.routes + more.routes,
            settling=self.settling + more.settling,
            connections=self.connections + more.connections,
        )

    def copy(self) -> "Tally":
        """Return an equal tally that later answers do not change."""
        return self + Tally()

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain JSON types, as in the verdict file."""
        return {
            "canary": self.canary,
            "stable": self.stable,
            "other": self.other_total,
            "other_by_kind": dict(sorted(self.other.items())),
            "routes": dict(sorted(self.routes.items())),
            "settling": self.settling,
            "connections": asdict(self.connections),
        }

    @classmethod
    def from_dict(cls, counts: Mapping[str, Any]) -> Self:
        """Return the tally that `to_dict` wrote."""
        return cls(
            canary=counts["canary"],
            stable=counts["stable"],
            other=Counter(counts["other_by_kind"]),
            routes=Counter(counts["routes"]),
            settling=counts["settling"],
            connections=Connections(**counts["connections"]),
        )


class Answer(NamedTuple):
    """An answer as it is counted: the arguments of `Tally.add` that come with it."""

    label: str
    route: str = ""
    previous: str = NOT_KEPT


class StartOrder:
    """Hands answers on in the order in which their requests were started.

    Among the answers finished so far the faster version is ahead, so a right split looks wrong when it is judged in
    order of completion. Here an answer waits until every request started before it is answered; what waits is
    bounded by the requests that one timeout lets pass.
    """

    def __init__(self) -> None:
        """Begin with no request started."""
        self._next_ticket = 0
        self._next_out = 0
        self._waiting: dict[int, Answer] = {}

    def start(self) -> int:
        """Return the ticket of a request that is about to be sent."""
        ticket = self._next_ticket
        self._next_ticket += 1
        return ticket

    def finish(self, ticket: int, answer: Answer) -> Iterator[Answer]:
        """Take the answer to `ticket` and yield each answer whose turn has come."""
        self._waiting[ticket] = answer
        while self._next_out in self._waiting:
            next_answer = self._waiting.pop(self._next_out)
            self._next_out += 1
            yield next_answer

    @property
    def unfinished(self) -> int:
        """How many requests were started and not handed on: unanswered, or behind one that is."""
        return self._next_ticket - self._next_out
