"""A canary that is paused halfway, two pods of each version: what connections prove, and what kept ones do not."""

from typing import Final

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
PAUSE: Final = 'The part "Pause" of the text.'
JUDGE: Final = 'The part "Judge it" of the text; the folder is .course/verdicts.'
KEPT: Final = 'The part "A run that misleads" of the text.'


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
            f"{share}; no run of this start has kept its connections.{evidence.remark}",
            KEPT,
            "Repeat the run with --keep-alive, and compare the two tables.",
        )
    return done(
        f"{EACH} + {EACH} pods are ready, and {share.file} CONFIRMED {PERCENT} % after {share.answers} answers; "
        f"{pinned[-1].file} kept its connections, and {pinned[-1].answers} answers decided nothing."
    )


def _not_paused(deployed: Deployed) -> Finding | None:
    """Return in what the cluster differs from a canary that is paused halfway, None where it is one."""
    if deployed.is_paused and len(deployed.ready(STABLE)) == len(deployed.ready(CANARY)) == EACH:
        return None
    if deployed.tag != CANARY:
        return not_yet(
            "no_canary",
            f"{deployed}; {CANARY} is not wanted.",
            PAUSE,
            f"Apply the manifest of the canary, and pause the rollout as soon as {EACH} of its pods are there.",
            "scripts/cluster/pause.sh shows each command that it types.",
        )
    if not deployed.is_paused:
        return not_yet(
            "went_on",
            f"{deployed}: nothing holds the rollout.",
            PAUSE,
            "Unpaused, the update goes on as soon as the new pods have been ready for 5 seconds. `reset` goes back.",
            f"Pause when the status says {EACH} updated replicas: not at once, and not some seconds late.",
        )
    return not_yet(
        "not_halfway",
        f"{deployed}; halfway is {EACH} of {STABLE} and {EACH} of {CANARY}.",
        PAUSE,
        "Pods that start are not ready yet: check again in some seconds.",
        "Paused at once, there may be fewer new pods: resume and pause again, or `reset`.",
    )


def _confirmed(evidence: Evidence) -> Verdict | Finding:
    found = [one for one in evidence.counted if one.confirms(PERCENT)]
    if found:
        return found[-1]
    others = "".join(f" {one}." for one in evidence.counted)
    return not_yet(
        "not_confirmed",
        f"{EACH} + {EACH} pods are ready, and no verdict of this start CONFIRMED {PERCENT} %.{others}{evidence.remark}",
        JUDGE,
        "A Service has no weights: what it serves is the ratio of the pods that are ready.",
        "One connection for each request, all other options at their defaults, and a run of some 1,000 answers.",
    )
