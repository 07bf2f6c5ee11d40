"""Step 7: errors that belong to no version, then to one, and then none."""

from typing import Final

from canary_loadtest.core.message import Message
from scripts.course.rules.calls import Calls
from scripts.course.rules.causes import PAGE, Named, misnamed
from scripts.course.rules.finding import Finding, done, not_yet
from scripts.course.rules.proof import name_of, not_served, proof
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Evidence, Verdict

PERCENT: Final = 30
CAUSE: Final = "a-label-that-no-pod-has"
MEET: Final = Message('The part "What the load test says" of the text; the folder is .course/verdicts.')
OWN: Final = Message('The part "Whose errors" of the text; the folder is .course/verdicts.')
NAME: Final = Message(
    'The part "Name the cause" of the text, and the row of `status_503` for one share in {page}.', page=PAGE
)
REPAIR: Final = Message('The part "Repair it" of the text; the folder is .course/verdicts.')


def judged(calls: Calls, traffic: Traffic | None, named: Named, evidence: Evidence) -> Finding:
    """Return whether the step is done.

    Args:
        calls: what the check's own calls got.
        traffic: what Envoy serves, None where no route takes the requests.
        named: the cause that the learner has named.
        evidence: the verdicts in the step's folder.
    """
    if finding := _unmet(calls, traffic, evidence):
        return finding
    hints = (
        Message("The row has two causes. Does Envoy not know the subset, or does it know it and has no pod for it?"),
        Message(
            "Envoy has a list of endpoints for each version. For v2 it is there, and empty: what selects the pods?"
        ),
    )
    if finding := misnamed(named, CAUSE, NAME, hints):
        return finding
    if finding := not_served(traffic, PERCENT, REPAIR):
        return finding
    name = name_of(PERCENT)
    one = proof(evidence, name, PERCENT, REPAIR)
    if isinstance(one, Finding):
        return one
    return done(
        Message(
            "errors without a name were INCONCLUSIVE, the same errors with one REFUTED the canary, and "
            "after the repair {name} is CONFIRMED: {canary_answers} of {answers} answers.",
            name=name,
            canary_answers=one.canary_answers,
            answers=one.answers,
        )
    )


def _unmet(calls: Calls, traffic: Traffic | None, evidence: Evidence) -> Finding | None:
    """Return which of the two verdicts on the errors is missing."""
    is_held, is_refuted = (any(map(test, evidence.counted)) for test in (_is_held, _is_refuted))
    if is_held and is_refuted:
        return None
    if traffic is not None and not traffic.without_pods and calls.are_right:
        return not_yet(
            "repaired_before",
            Message(
                "all {sent} calls got 200, and no run has met the errors{named}.{remark}",
                sent=calls.sent,
                named=Message(" together with the name of a version") if is_held else "",
                remark=evidence.remark,
            ),
            Message("The order of the text: measure first, repair afterwards. `reset` brings the errors back."),
            Message("What an error does to a verdict can be seen only while there are errors."),
        )
    if not is_held:
        return not_yet(
            "no_held",
            Message(
                "{calls}, and no run of this start has met such errors without a name.{remark}",
                calls=calls,
                remark=evidence.remark,
            ),
            MEET,
            Message(
                "A client that retries sees nothing of them. What does the load test say, which sends each "
                "request once?"
            ),
            Message("Let it run for some seconds at the share that is served: it cannot decide, and says why."),
        )
    return not_yet(
        "no_refuted",
        Message(
            "{calls}, and no run says of which version the errors are.{remark}", calls=calls, remark=evidence.remark
        ),
        OWN,
        Message(
            "The proxy has drawn a version for each request, also for one that it answers with 503. "
            "Which header says it?"
        ),
        Message(
            "The repository's own {name} puts x-canary-subset on the answers of each destination. "
            "Shift to it, leave the rule as it is, and measure again.",
            name=name_of(PERCENT),
        ),
    )


def _is_held(verdict: Verdict) -> bool:
    return verdict.outcome == "INCONCLUSIVE" and bool(verdict.others) and verdict.drawn_unknown > 0


def _is_refuted(verdict: Verdict) -> bool:
    return verdict.outcome == "REFUTED" and verdict.health == "WORSE"
