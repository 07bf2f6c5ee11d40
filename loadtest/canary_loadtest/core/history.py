"""The course of a measurement: the judged counts over time, in bounded memory."""

from collections import Counter
from dataclasses import dataclass, fields
from typing import Any, Final

from canary_loadtest.core.labels import WRONG_ROUTE
from canary_loadtest.core.session import Session
from canary_loadtest.core.tally import Tally

MOST_POINTS: Final = 240
FIRST_SPACING_SECONDS: Final = 0.25
ANOTHER_ROUTE: Final = "(another)"


@dataclass(frozen=True, slots=True)
class Point:
    """What was known at one moment.

    Attributes:
        seconds: since the measurement began.
        canary: answers so far whose requests were drawn for the canary.
        stable: answers so far whose requests were drawn for the stable version.
        other: all answers so far of which that is not known.
        low_percent: the least share of the canary that the answers do not rule out, None where no single one fits them.
        high_percent: the greatest.
        evidence_for: see `Session.evidence`; None where the answers cannot be judged.
        evidence_against: see `Session.evidence`.
        evidence_not_worse: see `Session.canary_evidence`; None where the versions are not compared.
        evidence_worse: see `Session.canary_evidence`.
        route: the route of the latest answers that all came by one, or else of the first ones; "" where they named
            none, None where there are none.
    """

    seconds: float
    canary: int
    stable: int
    other: int
    low_percent: float | None
    high_percent: float | None
    evidence_for: float | None
    evidence_against: float | None
    evidence_not_worse: float | None
    evidence_worse: float | None
    route: str | None


class History:
    """The course of one measurement: at most `MOST_POINTS` points, of which the last is always the newest.

    Points are kept `FIRST_SPACING_SECONDS` apart; when there are too many, every second one goes and the spacing
    doubles. So it covers the whole measurement however long that takes and however often it is recorded.
    """

    def __init__(self) -> None:
        """Begin without a point."""
        self.points: list[Point] = []
        self._spacing_seconds = FIRST_SPACING_SECONDS
        self._routes: Counter[str] = Counter()
        self._route: str | None = None

    def record(self, seconds: float, session: Session) -> None:
        """Add what is known now, in place of the newest point unless that is far enough from the one before it.

        Args:
            seconds: since the measurement began, not less than the last time.
            session: the measurement.
        """
        points = self.points
        if len(points) > 1 and points[-1].seconds - points[-2].seconds < self._spacing_seconds:
            points.pop()
        points.append(self._point(seconds, session))
        if len(points) > MOST_POINTS:
            del points[-2:0:-2]  # neither the first nor the newest
            self._spacing_seconds *= 2

    def columns(self) -> dict[str, list[Any]]:
        """Return the points as lists of plain JSON types, one for each attribute of a point."""
        return {field.name: [getattr(point, field.name) for point in self.points] for field in fields(Point)}

    def _point(self, seconds: float, session: Session) -> Point:
        tally = session.tally
        low, high = session.interval_percent or (None, None)
        evidence_for, evidence_against = session.evidence() or (None, None)
        evidence_not_worse, evidence_worse = session.canary_evidence() or (None, None)
        self._route = self._latest_route(tally)
        return Point(
            round(seconds, 2),
            tally.canary_drawn,
            tally.stable_drawn,
            tally.unknown,
            low,
            high,
            evidence_for,
            evidence_against,
            evidence_not_worse,
            evidence_worse,
            self._route,
        )

    def _latest_route(self, tally: Tally) -> str | None:
        """Return the route of the answers since the last look; while they came by several, the earliest of those."""
        routes = (
            Counter({ANOTHER_ROUTE: tally.settling}) + tally.routes + Counter({ANOTHER_ROUTE: tally.other[WRONG_ROUTE]})
        )
        new = routes - self._routes
        self._routes = routes
        if len(new) == 1 or (new and self._route is None):
            return next(iter(new))
        return self._route
