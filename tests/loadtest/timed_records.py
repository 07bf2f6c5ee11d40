"""Records of requests with their times, as tools and gateways write them down."""

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

from canary_loadtest.core.answer import DESTINATION_HEADER, Answer
from canary_loadtest.core.labels import CANARY, STABLE
from tests.loadtest.records import json_line, record_of, vegeta_record_of

BEGIN = datetime(2026, 11, 28, 16, 9, 41, tzinfo=UTC)
RATE_PER_SECOND = 200
ERROR = "status_503"


class Sent(NamedTuple):
    """A request and what became of it.

    Attributes:
        started: when it was sent, in seconds from the first one.
        seconds: how long its answer took.
        version: the one that was drawn for it.
        is_error: whether it was answered with 503.
    """

    started: float
    seconds: float
    version: str
    is_error: bool = False

    @property
    def ended(self) -> float:
        """When it was answered, in seconds from the first one."""
        return self.started + self.seconds

    @property
    def moment(self) -> datetime:
        """When it was sent."""
        return BEGIN + timedelta(seconds=self.started)

    @property
    def status(self) -> int:
        """Its status."""
        return 503 if self.is_error else 200

    @property
    def answer(self) -> Answer:
        """The answer as the load test counts it."""
        return Answer(ERROR if self.is_error else self.version, "", None, self.version, self.seconds)


def traffic(count: int, times: float = 1.0, errors: float = 0.0, seed: int = 1) -> list[Sent]:
    """Return requests in order, 30 % for the canary, which takes `times` as long, or errs in a part of its answers."""
    draw = random.Random(seed)
    sent = []
    for number in range(count):
        version = CANARY if draw.random() < 0.3 else STABLE
        seconds = draw.lognormvariate(-4, 0.5) * (times if version == CANARY else 1)
        sent.append(Sent(number / RATE_PER_SECOND, seconds, version, version == CANARY and draw.random() < errors))
    return sent


def by_end(sent: Iterable[Sent]) -> list[Sent]:
    """Return requests in the order in which tools write them down."""
    return sorted(sent, key=attrgetter("ended"))


def in_vegeta(one: Sent) -> dict[str, Any]:
    """Return what vegeta records of a request."""
    named = {DESTINATION_HEADER: one.version}
    times = {"timestamp": f"{one.moment:%Y-%m-%dT%H:%M:%S.%f}500Z", "latency": round(1e9 * one.seconds)}
    return vegeta_record_of(one.version, one.status, **named) | times | {"seq": round(one.started * RATE_PER_SECOND)}


def in_jsonl(one: Sent) -> dict[str, Any]:
    """Return a record of the judge's own form."""
    times = {"started_at": one.moment.isoformat(), "seconds": one.seconds}
    return record_of(one.version, one.status, **{DESTINATION_HEADER: one.version}) | times


def in_istio(one: Sent) -> dict[str, Any]:
    """Return a line of Istio's access log in JSON, which has whole milliseconds."""
    cluster = f"outbound|80|{one.version}|shop.default"
    times = {"start_time": f"{one.moment.isoformat(timespec='milliseconds')}", "duration": round(1000 * one.seconds)}
    return {"upstream_cluster": cluster, "response_code": one.status} | times


def in_envoy(one: Sent) -> bytes:
    """Return a line of Istio's access log as text."""
    started = f"{one.moment:%Y-%m-%dT%H:%M:%S.%f}"[:-3]
    return (
        f'[{started}Z] "GET /shop HTTP/1.1" {one.status} - via_upstream - "-" 0 135 {1000 * one.seconds:.0f} 3 "-"'
        f' "curl/8" "0f4e" "shop:8000" "10.44.1.23:80" outbound|80|{one.version}|shop 10.44.1.27:80 10.44.1.23:3 -\n'
    ).encode()


def in_nginx(one: Sent) -> bytes:
    """Return a line of nginx's log that ends in $msec, $request_time and the version."""
    ended = (one.moment + timedelta(seconds=one.seconds)).timestamp()
    return (
        f'192.0.2.7 - - [28/Nov/2026:16:09:41 +0000] "GET /shop HTTP/1.1" {one.status} 612 "-" "curl/8"'
        f" {ended:.3f} {one.seconds:.3f} {one.version}\n"
    ).encode()


BY_VALUE = "--canary-value canary --stable-value stable"
FORMS: dict[str, tuple[str, Callable[[Sent], bytes]]] = {
    "vegeta": ("--format vegeta", lambda one: json_line(in_vegeta(one))),
    "jsonl": ("--format jsonl", lambda one: json_line(in_jsonl(one))),
    "istio": (
        f"--field upstream_cluster {BY_VALUE} --started-field start_time --milliseconds-field duration",
        lambda one: json_line(in_istio(one)),
    ),
    "envoy": (f"--field 17 {BY_VALUE} --started-field 1 --milliseconds-field 10", in_envoy),
    "nginx": (f"--field -1 {BY_VALUE} --ended-field -3 --seconds-field -2", in_nginx),
}
LOGS = ("envoy", "istio", "nginx")
