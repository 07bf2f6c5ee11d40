"""Step 9: a canary that is good or bad by the learner's name, and a release that goes on by verdicts or is stopped."""

from typing import Final

from canary_loadtest.core.message import Message, joined
from scripts.course.rules.finding import Finding, done, not_yet
from scripts.course.rules.personal import chosen
from scripts.course.rules.proof import name_of, not_served, proof
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Evidence, Verdict

GOOD: Final = "good"
BAD: Final = "bad"
# The weights of the release in percent, the last of which ends it.
WEIGHTS: Final = (10, 50, 100)
FIRST: Final = Message('The part "The first weight" of the text; the folder is .course/verdicts.')
STOPPED: Final = Message('The part "Stop" of the text.')
WENT_ON: Final = Message('The part "Go on" of the text.')


def quality(name: str, attempt: int) -> str:
    """Return whether the canary is `GOOD` or, in two of three cases, `BAD`.

    Args:
        name: the learner's name.
        attempt: how often the step was started, from 1: a new start is a new game.
    """
    return chosen((GOOD, BAD, BAD), name, f"release {attempt}")


def judged(traffic: Traffic | None, kind: str, evidence: Evidence) -> Finding:
    """Return whether the release has ended as its verdicts say.

    Args:
        traffic: what Envoy serves, None where no route takes the requests.
        kind: the `quality` of the canary.
        evidence: the verdicts in the step's folder.
    """
    worse = [one for one in evidence.counted if one.health == "WORSE"]
    return _stopped(traffic, worse[0], evidence) if worse else _went_on(traffic, kind, evidence)


def stops(evidence: Evidence) -> bool:
    """Return whether a verdict says that the canary is worse."""
    return any(one.health == "WORSE" for one in evidence.counted)


def _stopped(traffic: Traffic | None, worse: Verdict, evidence: Evidence) -> Finding:
    """Return whether the canary that was found to be worse gets nothing any more, and that is proved."""
    if traffic is None or not traffic.serves(0):
        return not_yet(
            "not_stopped",
            Message(
                "{file} found the canary worse than stable, and Envoy serves {traffic}.",
                file=worse.file,
                traffic=traffic or Message("no route"),
            ),
            STOPPED,
            Message("Every further answer of that canary goes to a user. Which state gives it none?"),
            Message("100-0 is the state before the release, below istio/."),
        )
    if finding := not_served(traffic, 0, STOPPED):
        return finding
    later = Evidence(
        [one for one in evidence.counted if one.started_at_seconds >= worse.started_at_seconds], evidence.remarks
    )
    back = proof(later, name_of(0), 0, STOPPED)
    if isinstance(back, Finding):
        return back
    return done(
        Message(
            "{file} found the canary worse than stable at {expected_percent:g} %; the release was "
            "stopped, and none of {answers} answers afterwards was the canary's.",
            file=worse.file,
            expected_percent=worse.expected_percent,
            answers=back.answers,
        )
    )


def _went_on(traffic: Traffic | None, kind: str, evidence: Evidence) -> Finding:
    """Return whether each weight had its go-ahead before the next, where no verdict found the canary worse."""
    since = 0
    proved: list[Verdict] = []
    for percent in WEIGHTS:
        name = name_of(percent)
        found = [one for one in evidence.counted if one.route == name and _allows(one, percent)]
        found = [one for one in found if one.started_at_seconds >= since]
        if not found:
            return _no_go_ahead(traffic, percent, evidence)
        proved.append(found[0])
        since = found[0].started_at_seconds
    if finding := not_served(traffic, WEIGHTS[-1], WENT_ON):
        return finding
    if kind == BAD:
        return not_yet(
            "released_bad",
            Message("each weight has its go-ahead, and this canary errs ten times in a hundred; it is released."),
            FIRST,
            Message("At the defaults that happens in at most 5 % of releases. Were the runs told to judge less?"),
            Message("`reset` begins another release."),
        )
    files = joined(Message(", "), [one.file for one in proved])
    return done(Message("the canary is good, and each weight had its go-ahead before the next: {files}.", files=files))


def _allows(verdict: Verdict, percent: int) -> bool:
    """Return whether a verdict is a go-ahead from a weight; at 100 % there is no stable version to compare with."""
    return verdict.confirms(percent) and (verdict.health == "NOT WORSE" or percent == WEIGHTS[-1])


def _no_go_ahead(traffic: Traffic | None, percent: int, evidence: Evidence) -> Finding:
    name = name_of(percent)
    of_route = [one for one in evidence.counted if one.route == name]
    if not of_route:
        return not_yet(
            "no_verdict",
            Message(
                "Envoy serves {traffic}, and no verdict of this start is about {name}.{remark}",
                traffic=traffic or Message("no route"),
                name=name,
                remark=evidence.remark,
            ),
            FIRST if percent == WEIGHTS[0] else WENT_ON,
            Message("Shift to {name}, and let the load test decide if the canary may get more.", name=name),
            Message(
                "The lab's `measure` knows the share and the route; the verdict must be written into .course/verdicts."
            ),
        )
    last = of_route[-1]
    if last.outcome == "CONFIRMED":
        return not_yet(
            "only_split",
            Message(
                "{last}: no go-ahead, since it was told to judge less, or came after the next weight's.", last=last
            ),
            Message("The lines `canary:` and `verdict:` of the table."),
            Message(
                "A right split is no reason to go on. Measure at {name} before the next weight, with the usual "
                "options.",
                name=name,
            ),
        )
    return not_yet(
        "no_go_ahead",
        Message("{verdict}.{remark}", verdict=last, remark=evidence.remark),
        Message("The reason of the verdict."),
        Message("INCONCLUSIVE: hold, and give the run more time. REFUTED: is it the split, or the canary?"),
    )
