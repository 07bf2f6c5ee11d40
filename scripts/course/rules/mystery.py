"""Step 8: one of three faults, by the learner's name; the weights and the route's name show none of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from canary_loadtest.core.message import Message
from scripts.course.rules.causes import PAGE, Named, misnamed
from scripts.course.rules.finding import Finding, done
from scripts.course.rules.personal import chosen
from scripts.course.rules.proof import name_of, not_served, proof
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Evidence

PERCENT: Final = 30
SWAPPED: Final = "the-two-versions-are-swapped"
SHARED_LABEL: Final = "a-label-that-pods-of-both-versions-have"
NO_SUBSET: Final = "a-destination-without-its-subset"
SYMPTOM: Final = Message('The part "Name the cause" of the text, and the table of {page}.', page=PAGE)
REPAIR: Final = Message('The part "Repair it" of the text; the folder is .course/verdicts.')
# What helps to find each fault, from the symptom on.
HINTS: Final[Mapping[str, tuple[Message, ...]]] = MappingProxyType(
    {
        SWAPPED: (
            Message("Each version gets what the other one was meant to get. Which row of the table is that?"),
            Message("Compare the name of each version with the endpoints below it, as Envoy lists them."),
        ),
        SHARED_LABEL: (
            Message(
                "The canary gets half of its share: that row has two causes. Is the subset named, and what "
                "does it select?"
            ),
            Message("Envoy lists the endpoints of v2. Do all of them belong there?"),
        ),
        NO_SUBSET: (
            Message(
                "The canary gets half of its share: that row has two causes. Does each destination lead to a version?"
            ),
            Message("Read the line `lead to` of the route: one of its two destinations is no version."),
        ),
    }
)
FIRST_HINT: Final = Message(
    "Begin with the symptom: claim 30 % by yourself, and see how far off the load test finds the share."
)


def fault_of(name: str, attempt: int) -> str:
    """Return the fault as the anchor of its cause.

    Args:
        name: the learner's name.
        attempt: how often the step was started, from 1: a new start is a new game.
    """
    return chosen(list(HINTS), name, f"mystery {attempt}")


def broken(fault: str, state: str, rule: str) -> tuple[str, str]:
    """Return a traffic state and its rule with a fault.

    Args:
        fault: the anchor of its cause.
        state: the text of a VirtualService.
        rule: the text of a DestinationRule.
    """
    if fault == SWAPPED:
        swapped = rule.replace("version: v1\n", "version: v0\n").replace("version: v2\n", "version: v1\n")
        return state, swapped.replace("version: v0\n", "version: v2\n")
    if fault == SHARED_LABEL:
        return state, rule.replace("version: v2\n", "app: micro-api\n")
    return state.replace("            subset: v2\n", ""), rule


def judged(traffic: Traffic | None, fault: str, named: Named, evidence: Evidence) -> Finding:
    """Return whether the step is done.

    Args:
        traffic: what Envoy serves, None where no route takes the requests.
        fault: the fault that the step's start has served.
        named: the cause that the learner has named.
        evidence: the verdicts in the step's folder.
    """
    if finding := misnamed(named, fault, SYMPTOM, (FIRST_HINT, *HINTS[fault])):
        return finding
    if finding := not_served(traffic, PERCENT, REPAIR):
        return finding
    name = name_of(PERCENT)
    one = proof(evidence, name, PERCENT, REPAIR)
    if isinstance(one, Finding):
        return one
    return done(
        Message(
            "the fault was {fault}; repaired, and {name} is CONFIRMED: {canary_answers} of {answers} answers.",
            fault=fault,
            name=name,
            canary_answers=one.canary_answers,
            answers=one.answers,
        )
    )
