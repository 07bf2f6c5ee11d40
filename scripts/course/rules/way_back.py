"""The way back from a paused canary on which the old pods stay, and the worst moment of the other one."""

from typing import Final

from canary_loadtest.core.message import Message
from scripts.course.rules.deployed import Deployed
from scripts.course.rules.finding import Finding, done, not_yet
from scripts.course.rules.paused_canary import CANARY, EACH, STABLE
from scripts.course.rules.rolling_update import REPLICAS, gone

# How many old pods are ready at the worst moment of `resume` and then `undo`.
WORST: Final = 0
PREDICT: Final = Message('The part "Predict" of the text.')
BACK: Final = Message('The part "Back" of the text.')


def judged(deployed: Deployed | None, answer: str) -> Finding:
    """Return whether the step is done.

    Args:
        deployed: what the cluster runs, None where the service is gone.
        answer: how many old pods the learner says are ready at the worst moment of `undo`, "" for no answer yet.
    """
    if deployed is None:
        return gone()
    if not answer:
        return not_yet(
            "no_prediction",
            Message("{deployed}; no prediction is recorded.", deployed=deployed),
            PREDICT,
            Message(
                "How many of the old pods are ready at the worst moment of `resume` and then `undo`? Choose 0, 1 or 2."
            ),
        )
    return _not_back(deployed) or _on_the_prediction(answer)


def _not_back(deployed: Deployed) -> Finding | None:
    """Return in what the cluster differs from the old version whose pods have stayed, None where it is that."""
    if deployed.is_paused or deployed.tag != STABLE or len(deployed.ready(STABLE)) < REPLICAS:
        canaries = Message(" The canary went on.") if deployed.tag == CANARY and not deployed.is_paused else ""
        return not_yet(
            "not_back",
            Message(
                "{deployed}; {tag} is wanted, and the step ends with {replicas} of {stable}.{canaries}",
                deployed=deployed,
                tag=deployed.tag,
                replicas=REPLICAS,
                stable=STABLE,
                canaries=canaries,
            ),
            BACK,
            Message("What the Deployment wants decides where `resume` goes. `reset` makes the paused canary again."),
            Message("Apply the old manifest while the rollout is paused; then resume."),
        )
    canary_since = deployed.first_wanted.get(CANARY, 0.0)
    stayed = [one for one in deployed.ready(STABLE) if one.created_at_seconds <= canary_since]
    if len(stayed) < EACH:
        return not_yet(
            "gap",
            Message(
                "{replicas} pods of {stable} are ready, and {count} of them are older than the canary: "
                "the old pods went before new ones came.",
                replicas=REPLICAS,
                stable=STABLE,
                count=len(stayed),
            ),
            Message(
                "The ages of the pods, and the table of the two ways in the text. `reset` makes the paused "
                "canary again."
            ),
            Message(
                "`resume` goes on with the update first, which ends the old pods. The Deployment must want "
                "the old version before."
            ),
        )
    return None


def _on_the_prediction(answer: str) -> Finding:
    if answer.strip() != str(WORST):
        return not_yet(
            "other_prediction",
            Message(
                "the way back had no gap; your prediction for the other way is {answer!r}, and it is another number.",
                answer=answer,
            ),
            Message(
                "The watch of the ready pods in the text: the rows of the old ReplicaSet, from the first to the last."
            ),
            Message("`resume` lets the update go on, and the canaries are available. What may it end now?"),
        )
    return done(
        Message(
            "{each} of {replicas} pods of {stable} were there all the time; by `resume` and `undo` it "
            "would have been {worst} at the worst moment, as you said.",
            each=EACH,
            replicas=REPLICAS,
            stable=STABLE,
            worst=WORST,
        )
    )
