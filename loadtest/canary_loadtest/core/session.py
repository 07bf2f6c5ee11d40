"""One measurement from its first request to its verdict: the order, the counts, the first rule to fire."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import log
from typing import Any, Final

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.estimates import answers_to_go, evidence_of_change, share_interval_percent
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.findings import Evidence, errors_against, finding_of, split_of
from canary_loadtest.core.health.comparison import Comparison
from canary_loadtest.core.labels import RowNames
from canary_loadtest.core.message import Message
from canary_loadtest.core.order import StartOrder
from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.release import SPLIT, Release
from canary_loadtest.core.rules import look, rule_for
from canary_loadtest.core.tally import Tally
from canary_loadtest.core.verdict import NEXT_STEPS, Remedy, Verdict, next_step_of

HOPELESS_ANSWERS: Final = 500


class Session:
    """Counts answers in the order of their requests and looks at the rules after each one.

    CONFIRMED takes all that is asked for at one look: the split is right, the canary is not worse, and no more answers
    are errors than are allowed; nothing that was certain earlier is kept. One of two findings suffices for REFUTED: the
    share is another one, or the canary errs more often or is slower than stable. By default nothing is counted after
    the first of these, so that counts and verdict agree. Counts that prove both "not exactly" and "within the
    tolerance" do not refute the split. A session told to keep going counts on; a CONFIRMED that later answers refute
    becomes REFUTED.

    Attributes:
        unfinished_elsewhere: requests that were started and are not in order yet, where `add` has answers from workers.
    """

    def __init__(
        self,
        expectation: Expectation,
        route: str | None = None,
        *,
        keep_going: bool = False,
        row_names: RowNames | None = None,
        next_steps: Mapping[Remedy, str] = NEXT_STEPS,
    ) -> None:
        """Begin a measurement.

        Args:
            expectation: the split to test.
            route: count only answers that name this route; None for answers of any single route.
            keep_going: count on after a rule has fired.
            row_names: what the two versions are called in tables; None for "canary" and "stable".
            next_steps: how the program that prints the verdict says what to do next.
        """
        self.expectation = expectation
        self.route = route
        self.keep_going = keep_going
        self.tally = Tally()
        self.unfinished_elsewhere = 0
        self._row_names = row_names or RowNames()
        self._next_steps = next_steps
        self._rule = rule_for(expectation, expectation.stop_tests)
        self._comparison = Comparison(expectation)
        self._order = StartOrder()
        self._outcome = Outcome.INCONCLUSIVE
        self._decided: Tally | None = None
        self._decided_counts = (0, 0, 0)
        self._decided_interval_percent = (0.0, 100.0)
        self._refuted_later: Tally | None = None

    @property
    def unfinished(self) -> int:
        """How many requests were started and are not counted."""
        return self._order.unfinished + self.unfinished_elsewhere

    @property
    def decided(self) -> bool:
        """Whether a rule has fired."""
        return self._decided is not None or self._comparison.is_worse

    @property
    def hopeless(self) -> bool:
        """Whether all answers so far are errors, and more of them than a verdict could come back from soon."""
        tally = self.tally
        return not tally.labelled and not tally.settling and tally.other_total >= HOPELESS_ANSWERS

    def go_on_with(self, release: Release) -> None:
        """Go on with what a release has counted, before the first answer.

        Raises:
            ExpectationError: the release was begun with another question.
        """
        release.check(self.expectation)
        self.tally = release.tally_at(self.expectation.canary_percent)
        self._comparison.go_on_with(self.tally.total, release.epochs, release.latency)
        if release.stopped is not None:
            self._stop_again(release.stopped[1])

    def look_at(self, release: Release, run: Mapping[str, Any]) -> None:
        """Take the counts of a release to judge them once more here, in place of `go_on_with`; no answer follows.

        Args:
            release: the counts.
            run: how the run stood that counted them, as `run_to_dict` has it.

        Raises:
            ExpectationError: the release was begun with another question.
        """
        self.go_on_with(release)
        self._comparison.end_here()
        self.unfinished_elsewhere = run.get("unfinished", 0)
        self.hold_latency(lambda: run.get("latency_objection", ""))

    def _stop_again(self, finding: str) -> None:
        """Hold to what stopped this step before: that other answers could come now is no reason to ask again."""
        if finding == SPLIT:
            self._decide(Outcome.REFUTED, self._independent_counts())
        else:
            self._comparison.stop_again(finding)

    def added_to(self, release: Release) -> Release:
        """Return the release that this measurement went on with, and what it has counted since."""
        comparison, percent = self._comparison, self.expectation.canary_percent
        found = SPLIT if self._outcome is Outcome.REFUTED else comparison.stopped_by
        later = release.with_step(percent, self.tally, comparison.epochs.all, comparison.latency or release.latency)
        return replace(later, stopped=(percent, found)) if found else later

    def hold_latency(self, objection: Callable[[], str]) -> None:
        """Make no finding on the canary's latency while a reason stands against it.

        Args:
            objection: returns the reason, "" for none; asked at each look.
        """
        self._comparison.latency_objection = objection

    def run_to_dict(self) -> dict[str, Any]:
        """Return how the run stands that counts, apart from its counts; for a gate, see `look_at`."""
        return {"unfinished": self.unfinished, "latency_objection": self._comparison.latency_objection()}

    def start(self) -> int:
        """Return the ticket of a request that is about to be sent."""
        return self._order.start()

    def finish(self, ticket: int, answer: Answer) -> None:
        """Take the answer to the request with `ticket`."""
        for next_answer in self._order.finish(ticket, answer):
            self.add(next_answer)

    def add(self, answer: Answer) -> None:
        """Count the answer to the next request in order, and look."""
        if self.decided and not self.keep_going:
            return
        counted = self.tally.add(answer, self.route)
        if counted is not None:
            self._comparison.add(counted)
        self._look()

    def add_all(self, answers: Tally, comparison: Comparison | None = None) -> None:
        """Count many answers, and look once.

        Args:
            answers: their counts.
            comparison: the same answers in the order of their requests; None where that is not known.
        """
        self.tally += answers
        if comparison is None:
            self._comparison.add_counts(answers)
        else:
            self._comparison = comparison
        self._look(at_both=True)

    def _look(self, *, at_both: bool = False) -> None:
        """Look at the split, and now and then at the canary.

        Args:
            at_both: whether to look at the canary now.
        """
        if self.tally.by_several_routes:
            return
        self._look_at_the_split()
        if at_both or self._comparison.due or not self.expectation.compares:
            self._look_at_the_canary()
            self._look_for_a_go_ahead()

    def _look_at_the_canary(self) -> None:
        """Look whether the canary errs more often, unless something stands against that, or the split is refuted."""
        if self._outcome is not Outcome.REFUTED and not self._not_compared:
            self._comparison.look()

    @property
    def _not_compared(self) -> str:
        """Why the errors of the two versions cannot be compared, "" where they can."""
        tally = self.tally
        if tally.by_several_routes:
            return Message("answers came by more than one route")
        if tally.pinned:
            return Message("connections are pinned to a version")
        if not self._comparison.is_worse and tally.connections.kept and not tally.picked_for_each_request:
            return Message("connections are kept, and whether each request is an independent sample is not known")
        return ""

    def _look_at_the_split(self) -> None:
        """Look whether the share is another one."""
        counts = self._independent_counts()
        if self._outcome is Outcome.REFUTED or look(self._rule, *counts) is not Outcome.REFUTED:
            return
        if self._decided is None:
            self._decide(Outcome.REFUTED, counts)
        else:
            self._outcome, self._refuted_later = Outcome.REFUTED, self.tally.copy()

    def _look_for_a_go_ahead(self) -> None:
        """Look whether all that is asked for holds now."""
        counts, tally = self._independent_counts(), self.tally
        if (
            self._decided is None
            and self._rule.confirms(*counts)
            and self.expectation.allows_errors(errors_against(tally, self.expectation), tally.total)
            and not (self.expectation.compares and self._not_compared)
            and self._comparison.passes()
        ):
            self._decide(Outcome.CONFIRMED, counts)

    def _decide(self, outcome: Outcome, counts: tuple[int, int, int]) -> None:
        """Keep what a rule says the first time that one fires."""
        self._outcome, self._decided, self._decided_counts = outcome, self.tally.copy(), counts
        self._decided_interval_percent = share_interval_percent(self._rule, self.expectation, counts)

    @property
    def interval_percent(self) -> tuple[float, float] | None:
        """The canary's shares that the answers do not rule out, in percent; None where no single one fits them all.

        Shares that were ruled out at the verdict stay ruled out.
        """
        if self.tally.by_several_routes or self._changed:
            return None
        low, high = share_interval_percent(self._rule, self.expectation, self._independent_counts())
        least, most = self._decided_interval_percent
        low, high = max(low, least), min(high, most)
        return (low, high) if low <= high else None

    @property
    def _changed(self) -> bool:
        """Whether the share that was refuted later differs from the one that was confirmed before."""
        if self._refuted_later is None:
            return False
        canary, stable, other = self._independent_counts()
        before = self._decided_counts
        after = max(canary - before[0], 0), max(stable - before[1], 0), max(other - before[2], 0)
        return evidence_of_change(before, after) >= -log(self.expectation.alpha_stop)

    def _independent_counts(self) -> tuple[int, int, int]:
        """Return the canary's, the stable version's and other answers that are independent samples.

        These are all answers, but on kept connections only once their changes have shown that the proxy picks for
        each request; until then the first answer of each connection.
        """
        tally = self.tally
        canary, stable, other = tally.connections.first_answers
        if not canary + stable + other or tally.picked_for_each_request:
            canary, stable, other = tally.canary_drawn, tally.stable_drawn, tally.unknown
        return canary, stable, other

    def evidence(self) -> tuple[float, float] | None:
        """Return the evidence for and against the expected share so far, None where the answers cannot be judged.

        Each is a fraction of what its verdict takes, from -1 (the answers speak as clearly for the opposite, or more)
        over 1 (a verdict) to 2 (twice that, or more).
        """
        if self.tally.by_several_routes:
            return None
        evidence_for, evidence_against = self._rule.evidence(*self._independent_counts())
        return max(-1.0, min(evidence_for, 2.0)), max(-1.0, min(evidence_against, 2.0))

    def canary_evidence(self) -> tuple[float, float] | None:
        """Return the evidence that the canary is not worse, and that it is, None where the versions are not compared.

        Each is a fraction of what its finding takes, as for `evidence`.
        """
        return None if self._not_compared else self._comparison.evidence()

    def to_go(self) -> int | None:
        """Return about how many more answers a verdict takes, None when none is in sight.

        Where there are more errors than are allowed, they are answers without a further error.
        """
        if self._refuted:
            return 0
        split, canary = self.split_to_go(), self.canary_to_go()
        return None if split is None or canary is None else max(split, canary)

    def split_to_go(self) -> int | None:
        """Return about how many more answers a finding on the split takes, None when none is in sight."""
        if self.tally.by_several_routes:
            return None
        counts, total = self._independent_counts(), self.tally.total
        to_go = answers_to_go(self._rule, self.expectation, counts)
        with_few_errors = self.expectation.answers_for_errors(errors_against(self.tally, self.expectation))
        if to_go is None or with_few_errors is None:
            return None
        # Where only the first answer of each connection is a sample, the others come along.
        return max(round(to_go * max(total, 1) / max(sum(counts), 1)), with_few_errors - total)

    def canary_to_go(self) -> int | None:
        """Return about how many more answers it takes to know if the canary is worse, None when that is not in sight.

        It is 0 where it is not asked.
        """
        return 0 if self._comparison.is_worse else self._comparison.to_go()

    @property
    def _refuted(self) -> bool:
        """Whether one of the findings that refute holds now."""
        if self.tally.by_several_routes:
            return False
        counts = self._independent_counts()
        return self._comparison.is_worse or look(self._rule, *counts) is Outcome.REFUTED

    def verdict(self, *, requests_known: bool = True, objection: str = "", with_look: bool = True) -> Verdict:
        """Return the result so far; at the end of the run this is the result.

        Args:
            requests_known: whether every request is counted, also those without an answer. A version that drops
                requests can make a wrong split look right, and a right one wrong, so that nothing is decided where
                they are not.
            objection: what else stands against a verdict, such as counts that are missing; it makes it INCONCLUSIVE.
            with_look: whether to look now, which may decide. Without it asking changes nothing, however often, and the
                result is that of the looks so far, the last of which is at most 1 % of the answers ago.
        """
        if with_look and self.tally.total:
            self._look(at_both=True)
        tally, counts = self.tally.copy(), self._independent_counts()
        unknown = "" if requests_known else Message("requests without an answer are not among these")
        health = self._comparison.health(objection or self._not_compared or unknown)
        firsts = [self._decided.total] if self._decided else []
        firsts += [health.worse_after] if health is not None and health.worse_after is not None else []
        evidence = Evidence(
            tally=tally,
            expectation=self.expectation,
            route=self.route,
            outcome=self._outcome,
            decided=self._decided,
            refuted_later=self._refuted_later,
            unfinished=self.unfinished,
            to_go=self.to_go,
            confirms=self._rule.confirms(*counts),
            refutes=self._rule.refutes(*counts),
            changed=self._changed,
            interval_percent=self.interval_percent,
            health=health,
            requests_known=requests_known,
            objection=objection,
        )
        finding = finding_of(evidence)
        return Verdict(
            outcome=finding.outcome,
            reason=finding.reason,
            next_step=next_step_of(finding.remedy, tally, health, self._next_steps),
            tally=tally,
            expectation=self.expectation,
            row_names=self._row_names,
            decided_after=min(firsts, default=None),
            unfinished=self.unfinished,
            interval_percent=evidence.interval_percent,
            health=health,
            split=split_of(evidence),
        )
