"""A measurement as metrics for Prometheus. Their names, labels and units are an interface that others build on.

A finding is a set of states, of which one is 1. Where the verdict file has null, a metric has no series.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from canary_loadtest.core.health.comparison import ERRORS, LATENCY, CanaryHealth
from canary_loadtest.core.health.rule import Health
from canary_loadtest.core.labels import CANARY, STABLE
from canary_loadtest.core.outcome import EXIT_CODES, Outcome
from canary_loadtest.core.reading import Reading
from canary_loadtest.core.tally import Tally

UNKNOWN: Final = "unknown"
RIGHT: Final = "right"
ERROR: Final = "error"
_CODES: Final = ", ".join(f"{code} {outcome}" for outcome, code in EXIT_CODES.items())
_FRACTION: Final = "as a fraction of what the finding takes: from -1 to 2, found at 1"
_UNJUDGED: Final = "No series where the answers cannot be judged."


def families(reading: Reading) -> Iterator[Metric]:
    """Yield each metric with its series."""
    verdict = reading.verdict
    yield _states(
        "canary_verdict",
        f"1 for the verdict so far, 0 for the others. At the end of the run its exit code is the verdict: {_CODES}.",
        verdict.outcome,
    )
    yield _gauge("canary_run_ended", "1 once the verdict is that of the end of the run, 0 before.", reading.ended)
    yield _states("canary_split", "1 for the finding on the split alone, 0 for the others.", verdict.split)
    yield _health(verdict.health)
    yield _pair(
        "canary_split_evidence_ratio",
        f"Evidence for and against the expected split, {_FRACTION}. {_UNJUDGED}",
        ("outcome", Outcome.CONFIRMED, Outcome.REFUTED),
        reading.split_evidence,
    )
    yield _pair(
        "canary_health_evidence_ratio",
        f"Evidence that the canary is not worse than stable, and that it is, {_FRACTION}. With latency, of the signal"
        f" that is behind for NOT WORSE, and of the one that is ahead for WORSE. {_UNJUDGED}",
        ("finding", Health.NOT_WORSE, Health.WORSE),
        reading.health_evidence,
    )
    yield _gauge(
        "canary_expected_weight_percent",
        "The canary's weight that is tested (--expect-canary).",
        verdict.expectation.canary_percent,
    )
    yield _gauge(
        "canary_next_weight_percent",
        "The canary's weight that a go-ahead is for (--next-weight). No series where the canary is not compared.",
        verdict.health.gate.next_weight_percent if verdict.health else None,
    )
    yield _pair(
        "canary_share_interval_percent",
        "The least and the greatest share of the canary that the answers do not rule out. No series where no single"
        " share fits them all.",
        ("bound", "low", "high"),
        verdict.interval_percent,
    )
    yield _answers(verdict.tally)
    yield _gauge(
        "canary_answers_to_go",
        "About how many more answers a verdict takes, 0 where there is one. No series where none is in sight.",
        reading.to_go,
    )


def _gauge(name: str, meaning: str, value: float | None) -> Metric:
    return GaugeMetricFamily(name, meaning, value)


def _states(name: str, meaning: str, now: Outcome) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=["outcome"])
    _add_states(family, (), now)
    return family


def _add_states(family: GaugeMetricFamily, labels: Sequence[str], now: StrEnum) -> None:
    for state in type(now):
        family.add_metric([*labels, state.value], state is now)


def _health(health: CanaryHealth | None) -> Metric:
    family = GaugeMetricFamily(
        "canary_health",
        "1 for the finding on the canary's errors, and on its latency with --max-slowdown, 0 for the others. No series"
        " where the canary is not compared.",
        labels=["signal", "finding"],
    )
    if health is not None:
        found = {ERRORS: health.health} | ({LATENCY: health.latency.health} if health.latency else {})
        for signal, finding in found.items():
            # What no look has found yet may be gone at the next one.
            is_early = finding is Health.WORSE and health.worse_after is None
            _add_states(family, [signal], Health.UNDECIDED if is_early else finding)
    return family


def _pair(name: str, meaning: str, label: tuple[str, str, str], values: tuple[float, float] | None) -> Metric:
    """Return a metric with two series, or none.

    Args:
        name: the metric's name.
        meaning: what it is.
        label: the name of its label, and the label's two values.
        values: the values of the two series, None for no series.
    """
    label_name, *label_values = label
    family = GaugeMetricFamily(name, meaning, labels=[label_name])
    for label_value, value in zip(label_values, values or (), strict=False):
        family.add_metric([str(label_value)], value)
    return family


def _answers(tally: Tally) -> Metric:
    family = CounterMetricFamily(
        "canary_answers",
        "Answers that are counted, by the version that was drawn for the request; unknown where an error names none.",
        labels=["version", "result"],
    )
    for version, result, count in (
        (CANARY, RIGHT, tally.canary),
        (CANARY, ERROR, tally.canary_errors),
        (STABLE, RIGHT, tally.stable),
        (STABLE, ERROR, tally.stable_errors),
        (UNKNOWN, ERROR, tally.unknown),
    ):
        family.add_metric([version, result], count)
    return family
