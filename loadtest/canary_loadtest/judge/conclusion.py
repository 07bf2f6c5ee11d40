"""From what was read to a verdict: what a record can prove depends on whether it has every request."""

from collections import Counter
from dataclasses import dataclass, replace

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.health.comparison import Comparison
from canary_loadtest.core.labels import RowNames
from canary_loadtest.core.message import Message
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.session import Session
from canary_loadtest.core.tally import Tally
from canary_loadtest.core.verdict import Remedy, Verdict
from canary_loadtest.judge.readers import Format
from canary_loadtest.judge.reading import Reading
from canary_loadtest.judge.wording import (
    ADD_SENT,
    ADD_SENT_OR_COMPLETE,
    CHECK_SENT,
    CHECK_SENT_OR_COMPLETE,
    JUDGE_NEXT_STEPS,
)


@dataclass(frozen=True)
class Claim:
    """What the command line says about the answers.

    Attributes:
        expectation: the split to test.
        route: the only route to count, None for any.
        row_names: what the two versions are called.
        sent: how many requests were sent, None where that is not said.
        complete: whether the record is said to have every request.
    """

    expectation: Expectation
    route: str | None
    row_names: RowNames
    sent: int | None = None
    complete: bool = False


def verdict_on_counts(tally: Tally, claim: Claim) -> Verdict:
    """Return the verdict on counts of all requests."""
    return _session(tally, claim).verdict()


def verdict_on_record(reading: Reading, form: Format, claim: Claim) -> Verdict:
    """Return the verdict on a record of answers.

    A version that drops requests can make a wrong split look right, and a right one wrong. So a record that does not
    have every request proves nothing by itself; only where 0 or 100 % is expected an answer of the wrong version is
    proof, since nothing that is missing can undo it.

    Args:
        reading: the answers in the record.
        form: the record's format.
        claim: what is said about it.
    """
    tally = reading.tally
    if claim.sent is not None:
        excess = _certain(tally, form) - claim.sent
        if excess > 0:
            return _too_many(reading, form, claim, excess)
        if reading.comparison is not None:
            reading.comparison.add_unordered(-excess)
        return _session(_with_missing(tally, form, claim.sent), claim, comparison=reading.comparison).verdict()
    count_requests = ADD_SENT_OR_COMPLETE if form.has_records else ADD_SENT
    session = _session(tally, claim, count_requests, reading.comparison)
    verdict = session.verdict(requests_known=form.tells_all or claim.complete)
    if claim.complete and not form.tells_all and verdict.outcome is not Outcome.INCONCLUSIVE:
        return replace(
            verdict, reason=Message("{reason}; as --complete says, the record has every request", reason=verdict.reason)
        )
    return verdict


def _session(
    tally: Tally, claim: Claim, count_requests: str = ADD_SENT, comparison: Comparison | None = None
) -> Session:
    next_steps = {**JUDGE_NEXT_STEPS, Remedy.COUNT_REQUESTS: count_requests}
    session = Session(claim.expectation, claim.route, row_names=claim.row_names, next_steps=next_steps)
    session.add_all(tally, comparison)
    return session


def _certain(tally: Tally, form: Format) -> int:
    """Return how many requests the record has at least: text between answers may be of any number of them."""
    return tally.total + tally.settling - tally.other[form.uncertain]


def _with_missing(tally: Tally, form: Format, sent: int) -> Tally:
    """Return the counts with the requests that are not in the record; their number replaces a guess at text."""
    others = Counter({kind: count for kind, count in tally.other.items() if kind != form.uncertain})
    others[form.missing] += sent - _certain(tally, form)
    return replace(tally, other=+others)


def _too_many(reading: Reading, form: Format, claim: Claim, excess: int) -> Verdict:
    """Return that nothing follows: either a tool did not count what was under way, or these are several runs."""
    verdict = _session(reading.tally, claim, comparison=reading.comparison).verdict(
        objection=Message(
            "the record has {certain} requests, {excess} more than --sent {sent}",
            certain=_certain(reading.tally, form),
            excess=excess,
            sent=claim.sent,
        )
    )
    return replace(verdict, next_step=CHECK_SENT_OR_COMPLETE if form.has_records else CHECK_SENT)
