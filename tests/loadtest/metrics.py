"""The load test's metrics as the tests read them, of a session or of a process, and what they are by a verdict file."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from threading import Event, Thread
from typing import Any

import requests
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from canary_loadtest.core.health.rule import Health
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.reading import Reading
from canary_loadtest.core.session import Session
from canary_loadtest.output.metrics import families

Series = Mapping[tuple[str, ...], float]
"""Values by a metric's name and the values of its labels, these in the order of the labels' names."""

BETWEEN_READS_SECONDS = 0.05
READ_SECONDS = 10.0


def series_of(text: str) -> Series:
    """Return all series of an exposition."""
    families = text_string_to_metric_families(text)
    samples = chain.from_iterable(family.samples for family in families)
    return {(sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value for sample in samples}


def reading_of(session: Session, *, ended: bool = False) -> Reading:
    """Return what a reader gets of a session."""
    return Reading(
        session.verdict() if ended else session.verdict(with_look=False),
        session.evidence(),
        session.canary_evidence(),
        session.to_go(),
        ended,
    )


def exposed(reading: Reading) -> Series:
    """Return the series of a reading."""

    class Once(Collector):
        def collect(self) -> Any:  # noqa: ANN401 - as the library has it
            return families(reading)

    registry = CollectorRegistry()
    registry.register(Once())
    return series_of(generate_latest(registry).decode())


def by_verdict(verdict: Mapping[str, Any]) -> Series:
    """Return the series that follow from a verdict file, all but the evidence and the answers to go."""
    counts, health, interval = verdict["counts"], verdict["health"], verdict["canary_interval_percent"]
    drawn = counts["drawn"]
    found: dict[tuple[str, ...], float] = {
        ("canary_expected_weight_percent",): verdict["expected"]["canary_percent"],
        ("canary_answers_total", "right", "canary"): counts["canary"],
        ("canary_answers_total", "error", "canary"): drawn["canary"] - counts["canary"],
        ("canary_answers_total", "right", "stable"): counts["stable"],
        ("canary_answers_total", "error", "stable"): drawn["stable"] - counts["stable"],
        ("canary_answers_total", "error", "unknown"): drawn["unknown"],
    }
    for name, outcome in {"canary_verdict": verdict["verdict"], "canary_split": verdict["split"]}.items():
        found |= {(name, one.value): float(one.value == outcome) for one in Outcome}
    if interval is not None:
        low, high = interval
        found |= {("canary_share_interval_percent", "low"): low, ("canary_share_interval_percent", "high"): high}
    if health is not None:
        found["canary_next_weight_percent",] = health["next_weight_percent"]
        for signal, finding in {"errors": health, "latency": health["latency"]}.items():
            if finding is not None:
                found |= {
                    ("canary_health", one.value, signal): float(one.value == finding["finding"]) for one in Health
                }
    return found


NOT_IN_A_VERDICT = frozenset(
    {"canary_run_ended", "canary_split_evidence_ratio", "canary_health_evidence_ratio", "canary_answers_to_go"}
)


def without(series: Series, names: frozenset[str] = NOT_IN_A_VERDICT) -> Series:
    """Return the series of all other metrics."""
    return {key: value for key, value in series.items() if key[0] not in names}


def read(port: int) -> str | None:
    """Return what is served on a port of this machine, None where nothing listens."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            answered = session.get(f"http://127.0.0.1:{port}/metrics", timeout=READ_SECONDS)
        except requests.ConnectionError:
            return None
    assert answered.status_code == 200
    return answered.text


@contextmanager
def reader(port: int, pause_seconds: float = BETWEEN_READS_SECONDS) -> Iterator[list[Series]]:
    """Read a port again and again; give the list of what has come so far."""
    found: list[Series] = []
    over = Event()

    def go_on() -> None:
        while not over.is_set():
            text = read(port)
            if text is not None:
                found.append(series_of(text))
            time.sleep(BETWEEN_READS_SECONDS if text is None else pause_seconds)

    thread = Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join(2 * READ_SECONDS)
