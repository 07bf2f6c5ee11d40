"""One measurement from its first request to its verdict: the order of answers, the counts and the first rule to fire.

Pure. `locustfile` feeds it live, `judge` from a file, and `report` shows what it says.
"""

from dataclasses import dataclass

from canary_loadtest.core.estimates import answers_to_go
from canary_loadtest.core.tally import Answer, StartOrder, Tally
from canary_loadtest.core.verdict import Expectation, Outcome, picked_for_each_request, pinned_to_connections


@dataclass(frozen=True)
class Verdict:
    """The result of a measurement.

    Attributes:
        outcome: CONFIRMED, REFUTED or INCONCLUSIVE.
        reason: why, in a sentence for a person.
        tally: all answers counted.
        expectation: what was tested.
        decided_after: how many answers had been counted when a rule first fired, None where none did.
        unfinished: requests started and not counted at the end: unanswered, or behind one that is.
    """

    outcome: Outcome
    reason: str
    tally: Tally
    expectation: Expectation
    decided_after: int | None
    unfinished: int


class Session:
    """Counts answers in the order of their requests and looks at the rules after each one.

    The first rule to fire decides, and by default nothing is counted after it, so that counts and verdict agree. A
    session told to keep going counts on; a CONFIRMED that later answers refute becomes REFUTED.
    """

    def __init__(self, expectation: Expectation, route: str | None = None, *, keep_going: bool = False) -> None:
        """Begin a measurement.

        Args:
            expectation: the split to test.
            route: count only answers that name this route; None for answers of whichever single route.
            keep_going: count on after a rule has fired.
        """
        self.expectation = expectation
        self.route = route
        self.keep_going = keep_going
        self.tally = Tally()
        self._rule = expectation.rule()
        self._order = StartOrder()
        self._held_back = 0
        self._unfinished_elsewhere = 0
        self._outcome = Outcome.INCONCLUSIVE
        self._decided: Tally | None = None
        self._refuted_later: Tally | None = None

    @property
    def unfinished(self) -> int:
        """How many requests were started and are not counted."""
        return self._order.unfinished + self._unfinished_elsewhere

    @property
    def decided(self) -> bool:
        """Whether a rule has fired."""
        return self._decided is not None

    def start(self) -> int:
        """Return the ticket of a request that is about to be sent."""
        return self._order.start()

    def finish(self, ticket: int, answer: Answer) -> None:
        """Take the answer to the request with `ticket`."""
        for next_answer in self._order.finish(ticket, answer):
            self.add(next_answer)

    def add(self, answer: Answer) -> None:
        """Count the answer to the next request in order, and look."""
        if self._decided is not None and not self.keep_going:
            return
        self.tally.add(answer.label, answer.route, self.route, answer.previous)
        self._look()

    def add_all(self, answers: Tally) -> None:
        """Count many answers, and look once: for answers whose order is not known."""
        self.tally += answers
        self._look()

    def look_at(self, answers: Tally, *, held_back: int, unfinished: int) -> None:
        """Look at all the counts of many workers so far; they replace those of the last look.

        Args:
            answers: the sum of what the workers have counted.
            held_back: requests to take as unlabelled answers for this look (see `Workers.held_back`).
            unfinished: requests that the workers have started and not counted.
        """
        if self._decided is not None and not self.keep_going:
            return
        self.tally, self._held_back, self._unfinished_elsewhere = answers, held_back, unfinished
        self._look()

    def _look(self) -> None:
        tally = self.tally
        if len(tally.routes) > 1 or self._outcome is Outcome.REFUTED:
            return
        canary, stable, other = self._independent_counts()
        if self._decided is None and self._rule.confirms(canary, stable, other):
            self._outcome, self._decided = Outcome.CONFIRMED, tally.copy()
        elif self._rule.refutes(canary, stable, other):
            if self._decided is None:
                self._decided = tally.copy()
            else:
                self._refuted_later = tally.copy()
            self._outcome = Outcome.REFUTED

    def _independent_counts(self) -> tuple[int, int, int]:
        """Return the canary, stable and unlabelled answers that are draws of their own.

        These are all answers, but on kept connections only once their changes have shown that the proxy picks for
        each request; until then the first answer of each connection.
        """
        tally, first = self.tally, self.tally.connections
        if first.canary + first.stable + first.other and not picked_for_each_request(tally):
            return first.canary, first.stable, first.other + self._held_back
        return tally.canary, tally.stable, tally.other_total + self._held_back

    def evidence(self) -> tuple[float, float] | None:
        """Return the evidence for and against the expected share so far, None where the answers cannot be judged.

        Each is a fraction of what its verdict takes, from -1 (the answers speak as clearly for the opposite, or more)
        over 1 (a verdict) to 2 (twice that, or more).
        """
        if len(self.tally.routes) > 1:
            return None
        evidence_for, evidence_against = self._rule.evidence(*self._independent_counts())
        return max(-1.0, min(evidence_for, 2.0)), max(-1.0, min(evidence_against, 2.0))

    def to_go(self) -> int | None:
        """Return about how many more answers a verdict takes, None when none is in sight."""
        if len(self.tally.routes) > 1:
            return None
        counts = self._independent_counts()
        to_go = answers_to_go(self._rule, self.expectation, counts)
        if to_go is None:
            return None
        # Where only the first answer of each connection is a draw, the others come along.
        return round(to_go * max(self.tally.total, 1) / max(sum(counts) - self._held_back, 1))

    def verdict(self, *, requests_known: bool = True, objection: str = "") -> Verdict:
        """Return the result so far; at the end of the run this is the result.

        Args:
            objection: what else stands against a verdict, such as counts that are missing; it makes it INCONCLUSIVE.
            requests_known: whether every request is counted, also those without an answer. A version that drops
                requests can make a wrong split look right, so that nothing is confirmed where they are not.
        """
        outcome, reason = self._outcome, ""
        objection = objection or self._objection(requests_known=requests_known)
        if objection:
            outcome, reason = Outcome.INCONCLUSIVE, objection
        return Verdict(
            outcome=outcome,
            reason=reason or self._reason(),
            tally=self.tally.copy(),
            expectation=self.expectation,
            decided_after=self._decided.total if self._decided else None,
            unfinished=self.unfinished,
        )

    def _objection(self, *, requests_known: bool) -> str:
        """Return what stands against any verdict over these counts, "" for nothing."""
        tally = self.tally
        if len(tally.routes) > 1:
            routes = ", ".join(f"{route or '(none named)'}: {count}" for route, count in sorted(tally.routes.items()))
            return f"answers came by more than one route ({routes}), so the weights changed or some bypassed the mesh"
        if pinned_to_connections(tally):
            pairs, changes = tally.connections.pairs, tally.connections.changes
            return (
                f"connections are pinned to a version: within them the answer changed {changes} times in {pairs},"
                " far less often than chance would, so that the draws are few"
            )
        if self._outcome is not Outcome.CONFIRMED or self._decided is None:
            return ""
        if not requests_known:
            return (
                "these answers would confirm the share, but requests without an answer do not show among them:"
                " tell how many were sent (--sent)"
            )
        low_percent, high_percent = self.expectation.band_percent
        least, most = 100 * tally.canary / tally.total, 100 * (tally.canary + tally.other_total) / tally.total
        if low_percent <= least and most <= high_percent:
            return ""
        return (
            f"confirmed after {self._decided.total} answers, but over all {tally.total} the canary's share may lie"
            f" anywhere from {least:.1f} to {most:.1f} %"
        )

    def _reason(self) -> str:
        if self._decided is None:
            return self._why_undecided()
        if self._refuted_later is not None:
            return (
                f"confirmed after {self._decided.total} answers ({_share_of(self._decided)} canary), but refuted after"
                f" {self._refuted_later.total} ({_share_of(self._refuted_later)} canary): the share did not stay"
            )
        expected, runs = f"{self.expectation.canary_percent:g} %", f"{100 * self.expectation.alpha:g} % of runs"
        found = (
            f"{self._decided.canary} of {self._decided.total} answers ({_share_of(self._decided)}) are from the canary"
        )
        if self._outcome is Outcome.REFUTED:
            return f"{found}: the share is not {expected} (a right split ends so in at most {runs})"
        points = f"{self.expectation.points:g} point{'' if self.expectation.points == 1 else 's'}"
        return f"{found}: within {points} of {expected} (a split that far off ends so in at most {runs})"

    def _why_undecided(self) -> str:
        tally = self.tally
        if tally.total == 0:
            return self._why_nothing_counted()
        kinds = ", ".join(f"{count} {kind}" for kind, count in tally.other.most_common(3))
        if tally.canary + tally.stable == 0:
            return f"none of {tally.total} answers was the contract's ({kinds})"
        if 100 * tally.other_total / tally.total > self.expectation.points:
            return (
                f"{tally.other_total} of {tally.total} answers were neither canary nor stable ({kinds}): meant for"
                f" either version, they could move the share by more than the tolerance of"
                f" {self.expectation.points:g} points"
            )
        to_go = self.to_go()
        more = "no verdict is in sight" if to_go is None else f"about {to_go} more are needed"
        waiting = f", {self.unfinished} requests were not answered in order" if self.unfinished > tally.total else ""
        return f"{tally.total} answers decide nothing yet{waiting}: {more}"

    def _why_nothing_counted(self) -> str:
        if self.tally.settling:
            return f"no answer named the route {self.route}; {self.tally.settling} answers came by another or by none"
        if self.unfinished:
            return f"no answer to any request; {self.unfinished} still wait for theirs"
        return "no request was sent"


def _share_of(tally: Tally) -> str:
    """Return the canary's share as a person writes it."""
    return f"{100 * tally.canary / tally.total:.1f} %"
