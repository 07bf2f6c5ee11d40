"""A rolling update under load in which no request is lost, and one that sticks and is taken back."""

from typing import Final

from canary_loadtest.core.message import Message, joined
from scripts.course.rules.causes import PAGE
from scripts.course.rules.deployed import Deployed
from scripts.course.rules.finding import Finding, done, not_yet
from scripts.course.rules.shift_under_load import lost
from scripts.course.rules.verdicts import Evidence, Verdict

REPLICAS: Final = 3
BEFORE: Final = "1.0-SNAPSHOT"
AFTER: Final = "1.1-SNAPSHOT"
# No image has this tag.
MISSING: Final = "1.2-SNAPSHOT"
# maxUnavailable of k8s/base/deployment.yaml is 1.
LEAST_READY: Final = 2
# A run that is to have seen an update goes on at least so long after its beginning: the pods are replaced meanwhile.
UPDATE_SECONDS: Final = 10
UNDER_LOAD: Final = Message('The part "Update under load" of the text; the folder is .course/verdicts.')
STICKS: Final = Message('The part "An update that sticks" of the text.')


def judged(deployed: Deployed | None, answer: str, evidence: Evidence) -> Finding:
    """Return whether the step is done.

    Args:
        deployed: what the cluster runs, None where the service is gone.
        answer: how many pods the learner says were ready while the update stuck, "" for no answer yet.
        evidence: the verdicts in the step's folder.
    """
    if deployed is None:
        return gone()
    if AFTER not in deployed.first_wanted:
        return not_yet(
            "no_update",
            Message(
                "{deployed}; {after} was never wanted.{remark}", deployed=deployed, after=AFTER, remark=evidence.remark
            ),
            UNDER_LOAD,
            Message(
                "Let a load test send requests, and meanwhile give the Deployment the image of {after}.", after=AFTER
            ),
            Message("A Deployment is updated by another image in its pod template: `kubectl set image`."),
        )
    across = _across(deployed.first_wanted[AFTER], evidence)
    if isinstance(across, Finding):
        return across
    return _on_the_missing(deployed, answer) or done(
        Message(
            "{file} saw the update to {after} and lost none of {answers} requests; {missing} stuck "
            "with {least_ready} pods that answered, and was taken back.",
            file=across.file,
            after=AFTER,
            answers=across.answers,
            missing=MISSING,
            least_ready=LEAST_READY,
        )
    )


def gone() -> Finding:
    """Return that there is no Deployment any more."""
    return not_yet(
        "no_deployment",
        Message("the namespace has no Deployment micro-api."),
        Message("What was deleted since the step began? `reset` starts it again."),
        Message("The step needs the Deployment that its start has made."),
    )


def _across(updated_at_seconds: float, evidence: Evidence) -> Verdict | Finding:
    """Return the latest run that saw the update and lost nothing, or why there is none."""
    across = [
        one
        for one in evidence.counted
        if one.started_at_seconds <= updated_at_seconds <= one.started_at_seconds + one.seconds - UPDATE_SECONDS
    ]
    if not across:
        return not_yet(
            "not_under_load",
            Message(
                "the update began, and no run of the load test went on from before it until "
                "{update_seconds} seconds after.{remark}",
                update_seconds=UPDATE_SECONDS,
                remark=evidence.remark,
            ),
            UNDER_LOAD,
            Message("The order is: the run begins, you update, the run ends. `reset` goes back to 1.0-SNAPSHOT."),
            Message(
                "The run needs a fixed time, and may not end with its verdict: 40 seconds are enough for an update."
            ),
        )
    whole = [one for one in across if not lost(one)]
    if whole:
        return whole[-1]
    kinds = joined(Message(", "), [f"{count} {kind}" for kind, count in across[-1].others.items()])
    return not_yet(
        "lost",
        Message(
            "{file} saw the update, and {lost} requests got no right answer: {kinds}.",
            file=across[-1].file,
            lost=lost(across[-1]),
            kinds=kinds,
        ),
        Message("The rows below `other` in the table, and the row of that word in {page}.", page=PAGE),
        Message("An update of these manifests loses nothing. What else was changed or stopped during the run?"),
        Message("`reset`, and let a new run see nothing but the one update."),
    )


def _on_the_missing(deployed: Deployed, answer: str) -> Finding | None:
    """Return what is left to do with the version that does not exist, None where it was tried and taken back."""
    if MISSING not in deployed.first_wanted:
        return not_yet(
            "nothing_stuck",
            Message("the update to {after} lost nothing; {missing} was not tried yet.", after=AFTER, missing=MISSING),
            STICKS,
            Message(
                "Give the Deployment the image of {missing}, which does not exist, and count the pods that are ready.",
                missing=MISSING,
            ),
        )
    if deployed.tag == MISSING:
        return not_yet(
            "sticks",
            Message("the update to {missing} sticks; {deployed}.", missing=MISSING, deployed=deployed),
            STICKS,
            Message("Count the pods that are ready: these answer. Then go back to the version before."),
            Message("`kubectl rollout undo` goes back by one revision."),
        )
    if len(deployed.ready(AFTER)) < REPLICAS or deployed.tag != AFTER:
        return not_yet(
            "not_back",
            Message(
                "{deployed}; the step ends with {replicas} of {after}.",
                deployed=deployed,
                replicas=REPLICAS,
                after=AFTER,
            ),
            STICKS,
            Message("Going back takes some seconds: check again. Which version does the Deployment want?"),
        )
    if answer.strip() != str(LEAST_READY):
        return not_yet(
            "other_count" if answer else "no_count",
            Message("your answer is {answer!r}, and another number of pods was ready.", answer=answer)
            if answer
            else Message("no answer is recorded."),
            STICKS,
            Message("The question is how many pods were ready while the update stuck."),
            Message("Three replicas, of which maxUnavailable lets one go. Try the update again, and count."),
        )
    return None
