"""Step 6: testers with a header reach the canary, and nothing else does."""

from dataclasses import dataclass
from typing import Final

from canary_loadtest.core.message import Message, joined
from scripts.course.rules.calls import Calls
from scripts.course.rules.finding import Finding, done, not_yet
from scripts.course.rules.proof import proof
from scripts.course.rules.verdicts import Evidence

EDIT: Final = Message('The part "Put the routes in order" of the text, and your file .course/my-state.yaml.')
JUDGE: Final = Message('The part "Have both judged" of the text; the folder is .course/verdicts.')
# The names of the two routes, and the share of v2 that each is to have, in percent.
ROUTES: Final = {"header-canary": 100, "header-stable": 0}


@dataclass(frozen=True)
class Groups:
    """What the check's own calls got, by who sent them.

    Attributes:
        testers: with the header of the testers.
        others: without any.
        cookies: with a cookie, which no route asks for.
    """

    testers: Calls
    others: Calls
    cookies: Calls


def judged(groups: Groups, evidence: Evidence) -> Finding:
    """Return whether the step is done.

    Args:
        groups: what the check's own calls got.
        evidence: the verdicts in the step's folder.
    """
    if finding := _reached(groups):
        return finding
    counts = []
    for name, percent in ROUTES.items():
        one = proof(evidence, name, percent, JUDGE)
        if isinstance(one, Finding):
            return one
        counts.append(Message("{answers} by {name}", answers=one.answers, name=name))
    return done(
        Message(
            "all {testers} calls with the header got v2, all {others} without it got v1, and so did all "
            "with a cookie; both routes are CONFIRMED ({counts}).",
            testers=groups.testers.sent,
            others=groups.others.sent,
            counts=joined(Message(", "), counts),
        )
    )


def _reached(groups: Groups) -> Finding | None:
    if not groups.testers.are_all_of("v2"):
        return not_yet(
            "testers",
            Message("with the header of the testers: {testers}.", testers=groups.testers),
            EDIT,
            Message(
                "A proxy tries the routes from the first to the last. Which one is the first that takes such a request?"
            ),
            Message(
                "A route without a match takes every request. It belongs at the end of the list; then apply the file."
            ),
        )
    if groups.others.with_status(404):
        return not_yet(
            "no_rest",
            Message("without a header: {others}.", others=groups.others),
            EDIT,
            Message(
                "Which route takes the requests that do not match? A list of routes ends with one that has no match."
            ),
        )
    if not groups.others.are_all_of("v1"):
        return not_yet(
            "others",
            Message("testers reach v2, but without a header: {others}.", others=groups.others),
            EDIT,
            Message(
                "The canary is for testers only. Which route takes a request without the header, and where "
                "does it lead?"
            ),
        )
    if not groups.cookies.are_all_of("v1"):
        return not_yet(
            "cookies",
            Message("with a cookie and without the header: {cookies}.", cookies=groups.cookies),
            EDIT,
            Message("One of your matches is about the cookie. Here the header alone decides."),
        )
    return None
