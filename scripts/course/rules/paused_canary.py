"""A canary that is paused halfway, two pods of each version: what connections prove, and what kept ones do not."""

from typing import Final

from canary_loadtest.core.message import Message, joined
from scripts.course.rules.deployed import Deployed
from scripts.course.rules.finding import Finding, done, not_yet
from scripts.course.rules.rolling_update import gone
from scripts.course.rules.verdicts import Evidence, Verdict

STABLE: Final = "1.1-SNAPSHOT"
CANARY: Final = "1.3-SNAPSHOT"
EACH: Final = 2
PERCENT: Final = 50
# What the load test says of kept connections behind a Service, docs/why-is-my-split-wrong.md#pinned.
PINNED: Final = "connections are pinned"
PAUSE: Final = Message('The part "Pause" of the text.')
JUDGE: Final = Message('The part "Judge it" of the text; the folder is .course/verdicts.')
KEPT: Final = Message('The part "A run that misleads" of the text.')


def judged(deployed: Deployed | None, evidence: Evidence) -> Finding:
    """Return whether the step is done.

    Args:
        deployed: what the cluster runs, None where the service is gone.
        evidence: the verdicts in the step's folder.
    """
    if deployed is None:
        return gone()
    if finding := _not_paused(deployed):
        return finding
    share = _confirmed(evidence)
    if isinstance(share, Finding):
        return share
    pinned = [one for one in evidence.counted if one.reason.startswith(PINNED)]
    if not pinned:
        return not_yet(
            "nothing_kept",
            Message(
                "{share}; no run of this start has kept its connections.{remark}", share=share, remark=evidence.remark
            ),
            KEPT,
            Message("Repeat the run with --keep-alive, and compare the two tables."),
        )
    return done(
        Message(
            "{each} + {each} pods are ready, and {file} CONFIRMED {percent} % after {answers} answers; "
            "{kept} kept its connections, and {kept_answers} answers decided nothing.",
            each=EACH,
            file=share.file,
            percent=PERCENT,
            answers=share.answers,
            kept=pinned[-1].file,
            kept_answers=pinned[-1].answers,
        )
    )


def _not_paused(deployed: Deployed) -> Finding | None:
    """Return in what the cluster differs from a canary that is paused halfway, None where it is one."""
    if deployed.is_paused and len(deployed.ready(STABLE)) == len(deployed.ready(CANARY)) == EACH:
        return None
    if deployed.tag != CANARY:
        return not_yet(
            "no_canary",
            Message("{deployed}; {canary} is not wanted.", deployed=deployed, canary=CANARY),
            PAUSE,
            Message(
                "Apply the manifest of the canary, and pause the rollout as soon as {each} of its pods are there.",
                each=EACH,
            ),
            Message("scripts/cluster/pause.sh shows each command that it types."),
        )
    if not deployed.is_paused:
        return not_yet(
            "went_on",
            Message("{deployed}: nothing holds the rollout.", deployed=deployed),
            PAUSE,
            Message(
                "Unpaused, the update goes on as soon as the new pods have been ready for 5 seconds. `reset` goes back."
            ),
            Message(
                "Pause when the status says {each} updated replicas: not at once, and not some seconds late.", each=EACH
            ),
        )
    return not_yet(
        "not_halfway",
        Message(
            "{deployed}; halfway is {each} of {stable} and {each} of {canary}.",
            deployed=deployed,
            each=EACH,
            stable=STABLE,
            canary=CANARY,
        ),
        PAUSE,
        Message("Pods that start are not ready yet: check again in some seconds."),
        Message("Paused at once, there may be fewer new pods: resume and pause again, or `reset`."),
    )


def _confirmed(evidence: Evidence) -> Verdict | Finding:
    found = [one for one in evidence.counted if one.confirms(PERCENT)]
    if found:
        return found[-1]
    others = joined("", [Message(" {verdict}.", verdict=one) for one in evidence.counted])
    return not_yet(
        "not_confirmed",
        Message(
            "{each} + {each} pods are ready, and no verdict of this start CONFIRMED {percent} %.{others}{remark}",
            each=EACH,
            percent=PERCENT,
            others=others,
            remark=evidence.remark,
        ),
        JUDGE,
        Message("A Service has no weights: what it serves is the ratio of the pods that are ready."),
        Message(
            "One connection for each request, all other options at their defaults, and a run of some 1,000 answers."
        ),
    )
