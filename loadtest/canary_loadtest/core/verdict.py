"""The verdict of a measurement, and what a person should do next."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from canary_loadtest.core.answer import ROUTE_HEADER
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.health.comparison import CanaryHealth
from canary_loadtest.core.labels import RowNames, hint
from canary_loadtest.core.message import Message
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.tally import Tally


class Remedy(Enum):
    """What a person should do after a verdict."""

    CONTINUE = auto()
    CONTINUE_SPLIT = auto()
    GO_ON = auto()
    STOP = auto()
    TAKE_BACK = auto()
    TAKE_BACK_SLOW = auto()
    NAME_ROUTE = auto()
    COMPARE_ROUTE = auto()
    SAMPLE_EACH_ANSWER = auto()
    COUNT_REQUESTS = auto()
    FIND_ANSWERS = auto()
    MORE_ANSWERS = auto()
    MORE_FOR_THE_CANARY = auto()
    EXPLAIN_OTHERS = auto()
    MEASURE_AGAIN = auto()


# Programs whose options differ replace the lines that name one.
NEXT_STEPS: Final[Mapping[Remedy, str]] = {
    Remedy.CONTINUE: Message("traffic matches the configured weights"),
    Remedy.CONTINUE_SPLIT: Message(
        "traffic matches the configured weights; if the canary is fit to get more was not asked"
    ),
    Remedy.STOP: Message("stop the rollout; compare the proxy's weights with the ones you applied"),
    Remedy.TAKE_BACK: Message("take the weight back from the canary, then find out what its errors are"),
    Remedy.TAKE_BACK_SLOW: Message("take the weight back from the canary, then find out what makes it slow"),
    Remedy.NAME_ROUTE: Message("measure again while the weights do not change, and name the route with --route"),
    Remedy.COMPARE_ROUTE: Message(
        "compare --route with the route that the answers name (response header {header})",
        header=ROUTE_HEADER,
    ),
    Remedy.SAMPLE_EACH_ANSWER: Message(
        "measure with a new connection for each request, so that each answer is a sample"
    ),
    Remedy.COUNT_REQUESTS: Message("count the requests that were sent, not only the answers"),
    Remedy.FIND_ANSWERS: Message("check that the target is up"),
    Remedy.MORE_ANSWERS: Message("take more answers, or allow a wider --tolerance"),
    Remedy.MORE_FOR_THE_CANARY: Message("take more answers, or ask for a smaller step (--next-weight)"),
    Remedy.MEASURE_AGAIN: Message("measure again"),
}


@dataclass(frozen=True)
class Verdict:
    """The result of a measurement.

    Attributes:
        outcome: CONFIRMED, REFUTED or INCONCLUSIVE.
        reason: why, in a sentence for a person.
        next_step: what to do next, in words of the program that prints it.
        tally: all answers counted.
        expectation: what was tested.
        row_names: what the two versions are called in tables.
        decided_after: how many answers had been counted when a rule first fired, None where none did.
        unfinished: requests started and not counted at the end: unanswered, or behind one that is.
        interval_percent: the canary's shares that the answers do not rule out, None where no single one fits them all.
        health: whether the canary errs more often than stable; None where the versions are not compared.
        split: the outcome of the split alone.
    """

    outcome: Outcome
    reason: str
    next_step: str
    tally: Tally
    expectation: Expectation
    row_names: RowNames
    decided_after: int | None
    unfinished: int
    interval_percent: tuple[float, float] | None
    health: CanaryHealth | None = None
    split: Outcome = Outcome.INCONCLUSIVE


def next_step_of(remedy: Remedy, tally: Tally, health: CanaryHealth | None, next_steps: Mapping[Remedy, str]) -> str:
    """Return what to do next, in words.

    Args:
        remedy: what to do.
        tally: the answers counted.
        health: what is known of the canary, None where it was not compared.
        next_steps: the words of the program for each remedy but EXPLAIN_OTHERS, which is the hint of a label, and
            GO_ON, which names the weight that the go-ahead is for.
    """
    if remedy is Remedy.EXPLAIN_OTHERS:
        return hint(tally.other.most_common(1)[0][0])
    if remedy is Remedy.GO_ON and health is not None:
        weight = f"{health.gate.next_weight_percent:g} %"
        return Message("traffic matches the configured weights, and the canary may go on to {weight}", weight=weight)
    return next_steps[remedy]
