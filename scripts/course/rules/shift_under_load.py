"""Step 4: a shift while a load test runs, in which no request is lost, and then a verdict on the new state alone."""

from typing import Final

from canary_loadtest.core.message import Message, joined
from scripts.course.rules.causes import PAGE
from scripts.course.rules.finding import Finding, done, not_yet
from scripts.course.rules.proof import name_of, not_served, proof
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Evidence, Verdict

BEFORE: Final = name_of(0)
PERCENT: Final = 30
AFTER: Final = name_of(PERCENT)
# How the load test counts an answer by another route than the one that it was told: it is an answer, and not lost.
OTHER_ROUTE: Final = "wrong_route"
UNDER_LOAD: Final = Message('The part "Shift under load" of the text; the folder is .course/verdicts.')
JUDGE: Final = Message('The part "Judge the new state" of the text.')


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
        Message(
            "{file} saw {answers_before} answers by {before} and {answers_after} by {after}, and lost no request; then "
            "{after} alone was CONFIRMED: {canary_answers} of {answers} answers.",
            file=one.file,
            answers_before=one.routes[BEFORE],
            before=BEFORE,
            answers_after=one.routes[AFTER],
            after=AFTER,
            canary_answers=after.canary_answers,
            answers=after.answers,
        )
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
            Message(
                "{file} counted the route {route} only: {others} answers came by another one, and what they "
                "were is not in its counts.",
                file=one.file,
                route=one.route,
                others=one.others[OTHER_ROUTE],
            ),
            Message("The option --route in the command that the lab prints above its table."),
            Message("A run that is to see the shift must not be told which of the two states to count."),
            Message("An empty name of the route stands for any route. Shift back to 100-0, and run again."),
        )
    if traffic is None or traffic.serves(0):
        return not_yet(
            "no_shift",
            Message(
                "Envoy serves {traffic}, and no run has seen a shift.{remark}",
                traffic=traffic or Message("no route"),
                remark=evidence.remark,
            ),
            UNDER_LOAD,
            Message(
                "Begin a run that does not end with its verdict, and shift to {after} while it sends requests.",
                after=AFTER,
            ),
            Message(
                "Use a second terminal, or let the run go into the background: it is to send for some "
                "seconds before the shift and for some seconds after it."
            ),
        )
    return not_yet(
        "shifted_before",
        Message(
            "Envoy serves {traffic}, and no run has seen answers by both {before} and {after}.{remark}",
            traffic=traffic,
            before=BEFORE,
            after=AFTER,
            remark=evidence.remark,
        ),
        UNDER_LOAD,
        Message("The run has to begin at {before}: shift back to it, or `reset`.", before=BEFORE),
        Message(
            "Then the order is: the run begins, you shift, the run ends. It needs a fixed time, and "
            "may not stop earlier."
        ),
    )


def _lost(verdict: Verdict) -> Finding:
    kinds = joined(Message(", "), [f"{count} {kind}" for kind, count in verdict.others.items() if kind != OTHER_ROUTE])
    return not_yet(
        "lost",
        Message(
            "{file} saw both states, and {lost} requests got no right answer: {kinds}.",
            file=verdict.file,
            lost=lost(verdict),
            kinds=kinds,
        ),
        Message("The rows below `other` in the table, and the row of that word in {page}.", page=PAGE),
        Message("A shift alone loses nothing here. What else was changed or stopped during the run?"),
        Message("Shift back to 100-0, and let a new run see nothing but the one shift."),
    )
