"""What was measured: how the outputs name a measurement, so that two of them can be told apart."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from canary_loadtest.core.verdict import Verdict
from canary_loadtest.output.text import one_line


@dataclass(frozen=True)
class About:
    """What was measured.

    Attributes:
        target: the address that was asked, or what the judge read: the name of a file, "standard input" or "counts".
        route: the only route that was counted, None for any.
        started_at: when the test began, in UTC; None where that is not known.
        seconds: how long it took; None where that is not known.
    """

    target: str
    route: str | None = None
    started_at: datetime | None = None
    seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {
            "target": self.target,
            "route": self.route,
            "started_at": None if self.started_at is None else timestamp(self.started_at),
            "seconds": self.seconds,
        }

    @property
    def place(self) -> str:
        """Target and route, in one line."""
        route = "" if self.route is None else f", route {self.route}"
        return one_line(f"{self.target or 'unknown target'}{route}")

    @property
    def time(self) -> str:
        """Start and length in words, "" where neither is known."""
        began = "" if self.started_at is None else f"{self.started_at:%Y-%m-%d %H:%M:%S} UTC"
        took = "" if self.seconds is None else f"{self.seconds:.1f} s"
        return ", ".join(filter(None, (began, took)))


def timestamp(moment: datetime) -> str:
    """Return a moment as the JSON files write it: ISO 8601, with its distance from UTC."""
    return moment.isoformat(sep=" ", timespec="seconds")


def name_of(verdict: Verdict, about: About) -> str:
    """Return a name of the measurement in one line; it is the same for every run that asks for the same."""
    return f"{about.place}: {verdict.expectation.canary_percent:g} % canary"
