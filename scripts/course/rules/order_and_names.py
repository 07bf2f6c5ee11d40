"""Step 5: a host that no route is for, and subsets that no rule defines yet."""

from typing import Final

from canary_loadtest.core.message import Message, joined
from scripts.course.rules.calls import Calls
from scripts.course.rules.causes import PAGE, Named, misnamed
from scripts.course.rules.finding import Finding, done, not_yet
from scripts.course.rules.proof import name_of, not_served, proof
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Evidence

PERCENT: Final = 30
CAUSE: Final = "the-virtual-service-is-for-another-host"
NAME: Final = Message(
    'The part "Name the cause of the 404" of the text, and the row `status_404` of {page}.', page=PAGE
)
RULE: Final = Message('The part "The next error" of the text, and the rows of `status_503` in {page}.', page=PAGE)
JUDGE: Final = Message('The part "Have it judged" of the text; the folder is .course/verdicts.')


def judged(calls: Calls, traffic: Traffic | None, named: Named, evidence: Evidence) -> Finding:
    """Return whether the step is done.

    Args:
        calls: what the check's own calls got.
        traffic: what Envoy serves, None where no route takes the requests.
        named: the cause that the learner has named.
        evidence: the verdicts in the step's folder.
    """
    if broken := _broken(calls, traffic):
        return broken
    if finding := not_served(traffic, PERCENT, JUDGE):
        return finding
    hints = (
        Message("The row has four causes. Which of them does the list of hosts show that Envoy had at the beginning?"),
        Message(
            "Was the Host of your call wrong, or the name that the routes were for? You have corrected one of them."
        ),
    )
    if finding := misnamed(named, CAUSE, NAME, hints):
        return finding
    name = name_of(PERCENT)
    one = proof(evidence, name, PERCENT, JUDGE)
    if isinstance(one, Finding):
        return one
    return done(
        Message(
            "all {sent} calls got 200, the cause of the 404 is named, and the load test CONFIRMED "
            "{name}: {canary_answers} of {answers} answers.",
            sent=calls.sent,
            name=name,
            canary_answers=one.canary_answers,
            answers=one.answers,
        )
    )


def _broken(calls: Calls, traffic: Traffic | None) -> Finding | None:
    if traffic is None:
        return not_yet(
            "not_found",
            Message("{calls}: Envoy has no route for the host that they ask for.", calls=calls),
            NAME,
            Message("A proxy looks up the Host before any weight. Which hosts does Envoy have routes for?"),
            Message(
                "Compare the list `hosts` in .course/my-state.yaml with the name of the service, letter by letter."
            ),
        )
    if traffic.without_pods:
        return not_yet(
            "no_subsets",
            Message(
                "{calls}: Envoy has a route, and knows no pods of {names}.",
                calls=calls,
                names=joined(Message(" and "), traffic.without_pods),
            ),
            RULE,
            Message("The routes lead to subsets. Which file says what a subset is, and is it applied as a whole?"),
            Message("The rule that is applied has no list of subsets. The repository has one that defines v1 and v2."),
        )
    if not calls.are_right:
        return not_yet(
            "errors",
            Message("{calls}.", calls=calls),
            Message("The row of that status in {page}.", page=PAGE),
            Message(
                "The two faults that this step began with are gone, and this is another one: what have you "
                "changed since?"
            ),
            Message("`reset` brings back the beginning."),
        )
    return None
