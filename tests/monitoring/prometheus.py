"""A Prometheus as the tests ask it, wherever it runs."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import requests

from tests.support.processes import wait_until

SCRAPE_TIMEOUT_SECONDS = 180.0  # a machine that is busy with other tests reads late


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus.

    Attributes:
        get: returns what it answers to a path.
    """

    get: Callable[[str], str]

    def query(self, expression: str, *labels: str, at_seconds: float | None = None) -> dict[tuple[str, ...], float]:
        """Return the values of a query by those labels of each series, or by all of them when none are named.

        Args:
            expression: the query.
            labels: the labels that distinguish the series.
            at_seconds: the moment that is asked about, in seconds since the epoch, None for now.
        """
        series = self._series(expression, at_seconds)
        found = {
            tuple(one["metric"][label] for label in labels or sorted(one["metric"])): float(one["value"][1])
            for one in series
        }
        assert len(found) == len(series), f"{expression}: {labels} do not distinguish the series"
        return found

    def value(self, expression: str) -> float:
        """Return the one value of a query."""
        (value,) = self.query(expression).values()
        return value

    def wait_for(self, expression: str) -> None:
        """Wait until a query has a result."""
        assert wait_until(lambda: bool(self._series(expression)), SCRAPE_TIMEOUT_SECONDS), expression

    def wait_for_scrape(self, since_seconds: float) -> None:
        """Wait until every target has been read after a moment, in seconds since the epoch."""
        assert wait_until(lambda: self.value("min(timestamp(up))") > since_seconds, SCRAPE_TIMEOUT_SECONDS), self.query(
            "up"
        )

    def _series(self, expression: str, at_seconds: float | None = None) -> list[Mapping[str, Any]]:
        moment = {} if at_seconds is None else {"time": at_seconds}
        answer = json.loads(self.get(f"/api/v1/query?{urlencode({'query': expression, **moment})}"))
        assert answer["status"] == "success", answer
        result: list[Mapping[str, Any]] = answer["data"]["result"]
        return result


def at(url: str) -> Prometheus:
    """Return the Prometheus that answers at a URL."""

    def get(path: str) -> str:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(url + path, timeout=10).text

    return Prometheus(get)
