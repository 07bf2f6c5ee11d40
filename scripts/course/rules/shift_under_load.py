"""Step 4: a shift while a load test runs, in which no request is lost, and then a verdict on the new state alone."""

from typing import Final

from scripts.course.rules.finding import Finding, done, not_yet
from scripts.course.rules.proof import name_of, not_served, proof
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Evidence, Verdict

BEFORE: Final = name_of(0)
PERCENT: Final = 30
AFTER: Final = name_of(PERCENT)
# How the load test counts an answer by another route than the one that it was told: it is an answer, and not lost.
OTHER_ROUTE: Final = "wrong_route"
UNDER_LOAD: Final = 'The part "Shift under load" of the text; the folder is .course/verdicts.'
JUDGE: Final = 'The part "Judge the new state" of the text.'


def judged(traffic: Traffic | None, evidence: Evidence) -> Finding:
    """Return whether the step is done.

    Args:
        traffic: what Envoy serves, None where no route takes the requests.
        evidence: the verdicts in the step's folder.
    """
    across = [one for one in evidence.counted if one.routes.get(BEFORE) and one.routes.get(AFTER)]
    if not across:
        return _nothing_across(traffic, evidence)
    whole = [one for one in across if not lost(one)]
    if not whole:
        return _lost(across[-1])
    if finding := not_served(traffic, PERCENT, JUDGE):
        return finding
    after = proof(evidence, AFTER, PERCENT, JUDGE)
    if isinstance(after, Finding):
        return after
    one = whole[-1]
    return done(
        f"{one.file} saw {one.routes[BEFORE]} answers by {BEFORE} and {one.routes[AFTER]} by {AFTER}, and lost no "
        f"request; then {AFTER} alone was CONFIRMED: {after.canary_answers} of {after.answers} answers."
    )


def lost(verdict: Verdict) -> int:
    """Return how many requests got no right answer at all."""
    return sum(count for kind, count in verdict.others.items() if kind != OTHER_ROUTE)


def _nothing_across(traffic: Traffic | None, evidence: Evidence) -> Finding:
    narrow = [one for one in evidence.counted if one.others.get(OTHER_ROUTE)]
    if narrow:
        one = narrow[-1]
        return not_yet(
            "one_route",
            f"{one.file} counted the route {one.route} only: {one.others[OTHER_ROUTE]} answers came by another one, "
            "and what they were is not in its counts.",
            "The option --route in the command that the lab prints above its table.",
            "A run that is to see the shift must not be told which of the two states to count.",
            "An empty name of the route stands for any route. Shift back to 100-0, and run again.",
        )
    if traffic is None or traffic.serves(0):
        return not_yet(
            "no_shift",
            f"Envoy serves {traffic or 'no route'}, and no run has seen a shift.{evidence.remark}",
            UNDER_LOAD,
            f"Begin a run that does not end with its verdict, and shift to {AFTER} while it sends requests.",
            "Use a second terminal, or let the run go into the background: it is to send for some seconds before the "
            "shift and for some seconds after it.",
        )
    return not_yet(
        "shifted_before",
        f"Envoy serves {traffic}, and no run has seen answers by both {BEFORE} and {AFTER}.{evidence.remark}",
        UNDER_LOAD,
        f"The run has to begin at {BEFORE}: shift back to it, or `reset`.",
        "Then the order is: the run begins, you shift, the run ends. It needs a fixed time, and may not stop earlier.",
    )


def _lost(verdict: Verdict) -> Finding:
    kinds = ", ".join(f"{count} {kind}" for kind, count in verdict.others.items() if kind != OTHER_ROUTE)
    return not_yet(
        "lost",
        f"{verdict.file} saw both states, and {lost(verdict)} requests got no right answer: {kinds}.",
        "The rows below `other` in the table, and the row of that word in docs/why-is-my-split-wrong.md.",
        "A shift alone loses nothing here. What else was changed or stopped during the run?",
        "Shift back to 100-0, and let a new run see nothing but the one shift.",
    )
