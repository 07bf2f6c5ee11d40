"""The row of docs/why-is-my-split-wrong.md that fits a verdict: the page's table has an anchor of that name."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from canary_loadtest.core import labels
from canary_loadtest.core.health.rule import Health
from canary_loadtest.core.message import Message
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.tally import Tally
from canary_loadtest.core.verdict import NEXT_STEPS, Remedy, Verdict

PAGE: Final = Message("docs/why-is-my-split-wrong.md")
# Labels that have no row of their own share one.
ROW_BY_LABEL: Final[Mapping[str, str]] = {
    labels.CONNECTION_ERROR: labels.CONNECTION_RESET,
    labels.NO_ANSWER: labels.TIMEOUT,
    labels.OTHER_OR_NONE: labels.UNEXPECTED_TEXT,
    labels.UNEXPECTED_CONTENT_TYPE: labels.UNEXPECTED_BODY,
    labels.UNEXPECTED_RECORD: labels.UNEXPECTED_LINE,
    labels.UNEXPECTED_STATUS: labels.UNEXPECTED_LINE,
    labels.UNEXPECTED_VALUE: labels.UNEXPECTED_LINE,
    labels.UNEXPECTED_VERSION: labels.UNEXPECTED_LINE,
    labels.WRONG_ROUTE: "several_routes",
    "status_302": "status_301",
    **{
        label: label
        for label in (
            *(labels.ABANDONED, labels.CONNECTION_REFUSED, labels.CONNECTION_RESET, labels.NAME_NOT_RESOLVED),
            *(labels.OVERLOADED_503, labels.TIMEOUT, labels.TLS_ERROR, labels.UNEXPECTED_BODY),
            *(labels.UNEXPECTED_LINE, labels.UNEXPECTED_TEXT),
            *("status_301", "status_403", "status_404", "status_426", "status_500"),
        )
    },
}
ANY_LABEL: Final = "another_word"
ROWS: Final = frozenset(
    {
        *ROW_BY_LABEL.values(),
        ANY_LABEL,
        *("status_503-all", "status_503-part", "several_routes", "pinned", "no_route_named", "too_few"),
        *("uncounted", "measure_again", "worse", "slower"),
        *("refuted-zero", "refuted-nearly", "refuted-half", "refuted-complement", "refuted-pods", "refuted-another"),
    }
)


def with_row(verdict: Verdict) -> Verdict:
    """Return a verdict whose next step also names the row of the page, unless it is CONFIRMED."""
    if verdict.outcome is Outcome.CONFIRMED:
        return verdict
    see = Message("{next}; see {page}#{row}", next=verdict.next_step, page=PAGE, row=row_of(verdict))
    return replace(verdict, next_step=see)


def row_of(verdict: Verdict) -> str:
    """Return the anchor of the row that fits a verdict that is not CONFIRMED; one of `ROWS`."""
    tally = verdict.tally
    if verdict.outcome is Outcome.REFUTED:
        return _refuted(verdict)
    rows = (
        ("measure_again", verdict.next_step == NEXT_STEPS[Remedy.MEASURE_AGAIN]),
        ("several_routes", tally.by_several_routes),
        ("pinned", tally.pinned),
        (_other(tally), bool(tally.other)),
        ("no_route_named", tally.total == 0 and tally.settling > 0),
        ("uncounted", verdict.decided_after is not None),
        (labels.TIMEOUT, verdict.unfinished > tally.total),
    )
    return next((row for row, fits in rows if fits), "too_few")


def _other(tally: Tally) -> str:
    """Return the row of the most frequent label that is not a version's."""
    label = next(iter(tally.other.most_common(1)), (ANY_LABEL, 0))[0]
    if label == "status_503":
        return "status_503-part" if tally.labelled else "status_503-all"
    return ROW_BY_LABEL.get(label, ANY_LABEL)


def _refuted(verdict: Verdict) -> str:
    """Return the row of a share that is not the expected one: the nearest share with a name that is not ruled out."""
    tally, expectation = verdict.tally, verdict.expectation
    if verdict.health is not None and verdict.health.worse_after is not None:
        return "worse" if verdict.health.health is Health.WORSE else "slower"
    expected, share = expectation.canary_percent, 100 * tally.canary_drawn / max(tally.drawn, 1)
    if share in {0, 100}:
        return "refuted-zero"
    if abs(share - expected) < expectation.points:
        return "refuted-nearly"
    low, high = verdict.interval_percent or (0.0, 100.0)
    known = {"refuted-complement": 100 - expected, "refuted-half": expected / 2, "refuted-pods": 50.0}
    near = {
        row: abs(share - percent)
        for row, percent in known.items()
        if low <= percent <= high and abs(percent - expected) > expectation.points
    }
    return min(near, key=near.__getitem__, default="refuted-another")
