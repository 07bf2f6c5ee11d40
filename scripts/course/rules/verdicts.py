"""Which of the load test's verdicts count for a step.

A verdict counts if it carries the mark of the step's start: it lies in the folder that this start made (no other start
has that name, and no other folder is read), its run began after the start, and it asked the address of the start's lab.
So a verdict of an earlier start or of a neighbour does not count, and the load test needs no option and no field of its
own for the course. It is evidence, and no proof: a person may write any JSON.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from canary_loadtest.core.expectation import DEFAULT_ALPHA
from canary_loadtest.core.message import Message, joined

# The default of the load test, and what it can distinguish 30 from 50 by.
MOST_TOLERANCE_POINTS: Final = 5


@dataclass(frozen=True)
class Verdict:
    """One file of `--verdict-json`.

    Attributes:
        file: its name.
        outcome: CONFIRMED, REFUTED or INCONCLUSIVE.
        exit_code: that of the load test.
        target: the address that was asked.
        started_at_seconds: when the run began, in whole seconds since the epoch.
        expected_percent: the share that was claimed of the canary.
        tolerance_points: how far off it may be.
        alpha: with which probability a wrong share may be CONFIRMED at most.
        answers: how many right answers of the two versions were counted.
        canary_answers: how many of them are the canary's.
        route: the route that alone was counted, "" for any.
        reason: the load test's own.
        others: how many requests got an answer that is of neither version, or none, by kind.
        routes: how many right answers named each route.
        drawn_unknown: how many requests were drawn for a version that no answer names.
        health: what was found of the canary's errors: WORSE, NOT WORSE or UNDECIDED, "" where that was not asked.
        seconds: how long the run was.
    """

    file: str
    outcome: str
    exit_code: int
    target: str
    started_at_seconds: int
    expected_percent: float
    tolerance_points: float
    answers: int
    canary_answers: int
    route: str
    reason: str
    others: Mapping[str, int] = field(default_factory=dict)
    routes: Mapping[str, int] = field(default_factory=dict)
    drawn_unknown: int = 0
    health: str = ""
    seconds: float = 0.0
    alpha: float = DEFAULT_ALPHA

    @classmethod
    def of_json(cls, file: str, content: Mapping[str, Any], started_at_seconds: int) -> "Verdict":
        """Return what a file holds.

        Args:
            file: its name.
            content: its JSON.
            started_at_seconds: its `started_at`, in seconds since the epoch.

        Raises:
            KeyError: a member is missing.
            TypeError: a member is of another type.
        """
        counts, expected = content["counts"], content["expected"]
        return cls(
            file=file,
            outcome=str(content["verdict"]),
            exit_code=content["exit_code"],
            target=str(content["target"]),
            started_at_seconds=started_at_seconds,
            expected_percent=float(expected["canary_percent"]),
            tolerance_points=float(expected["tolerance_points"]),
            answers=int(counts["canary"]) + int(counts["stable"]),
            canary_answers=int(counts["canary"]),
            route=content["route"] or "",
            reason=str(content["reason"]),
            others=dict(counts["other_by_kind"]),
            routes=dict(counts["routes"]),
            drawn_unknown=int(counts["drawn"]["unknown"]),
            health=str((content["health"] or {}).get("finding", "")),
            seconds=float(content["seconds"]),
            alpha=float(expected["alpha"]),
        )

    @property
    def is_blunt(self) -> bool:
        """Whether it was told to be less certain than the course asks for: a wrong share may pass."""
        return self.tolerance_points > MOST_TOLERANCE_POINTS or self.alpha > DEFAULT_ALPHA

    def confirms(self, canary_percent: float) -> bool:
        """Return whether it is proof of a share in percent: claimed exactly, CONFIRMED, and not blunt."""
        return self.outcome == "CONFIRMED" and self.expected_percent == canary_percent and not self.is_blunt

    def __str__(self) -> str:
        """Return it in words."""
        blunt = Message(
            ", with a tolerance of {points:g} points, alpha {alpha:g}", points=self.tolerance_points, alpha=self.alpha
        )
        return Message(
            "{file}: {outcome} at {expected_percent:g} %, {answers} answers{blunt}",
            file=self.file,
            outcome=self.outcome,
            expected_percent=self.expected_percent,
            answers=self.answers,
            blunt=blunt if self.is_blunt else "",
        )


@dataclass(frozen=True)
class Mark:
    """By what a verdict belongs to a step's start, with the folder that it lies in.

    Attributes:
        url: the address of the lab.
        since_seconds: when the step started, in seconds since the epoch.
    """

    url: str
    since_seconds: float


@dataclass(frozen=True)
class Evidence:
    """The verdicts in a step's folder.

    Attributes:
        counted: those that count, the earliest first.
        remarks: for each of the others, why it does not.
    """

    counted: Sequence[Verdict]
    remarks: Sequence[str] = ()

    @property
    def remark(self) -> str:
        """Why files do not count, as sentences after others; "" where all do."""
        return joined("", [part for remark in self.remarks for part in (" ", remark)])


def evidence(found: Iterable[Verdict], mark: Mark, unread: Iterable[str] = ()) -> Evidence:
    """Return which verdicts count.

    Args:
        found: the verdicts in the folder of the step's start.
        mark: the mark of that start.
        unread: names of files there that are no verdict.
    """
    ordered = sorted(found, key=lambda one: one.started_at_seconds)
    problems = {one.file: _problem(one, mark) for one in ordered}
    remarks = [problem for problem in problems.values() if problem]
    remarks += [Message("{name} is no verdict of the load test.", name=name) for name in unread]
    return Evidence([one for one in ordered if not problems[one.file]], remarks)


def _problem(verdict: Verdict, mark: Mark) -> str:
    """Return why a verdict does not count, "" if it does."""
    if verdict.started_at_seconds < int(mark.since_seconds):
        return Message("{file} was measured before this step started.", file=verdict.file)
    if verdict.target.rstrip("/") != mark.url:
        return Message(
            "{file} was measured at {target}, and this step's lab is at {url}.",
            file=verdict.file,
            target=verdict.target,
            url=mark.url,
        )
    return ""
