"""A release engine that releases by verdicts: a good version went through, a bad one was taken back, as foretold."""

from collections.abc import Iterable
from typing import Final

from canary_loadtest.core.message import Message, joined
from canary_loadtest.gate.rules.state import Proof
from scripts.course.rules.finding import Finding, done, not_yet
from scripts.course.rules.releases import Releases

GOOD: Final = "1.3-SNAPSHOT"
# The steps of istio/argo-rollouts/rollout.yaml.
WEIGHTS: Final = (30, 60)
# The cause where nothing was released yet.
NEW: Final = "nothing_released"
PAUSED: Final = "Paused"
FAILED: Final = "Failed"
ERROR: Final = "Error"
RELEASE: Final = Message('The part "Release a good version" of the text.')
PREDICT: Final = Message('The part "Predict" of the text.')
BAD: Final = Message('The part "Release a bad version" of the text.')
PROOF: Final = Message('The part "The proof" of the text.')
LOG: Final = Message("The gate's log has the reason of each answer.")
RESET: Final = Message("`reset` deploys the old version again, with a gate that knows nothing.")


def judged(releases: Releases | None, answer: str) -> Finding:
    """Return whether the step is done.

    Args:
        releases: what was released, None where the service is gone.
        answer: the weight in percent at which the learner says that the bad version is stopped, "" for no answer yet.
    """
    if releases is None:
        return not_yet(
            "no_rollout",
            Message("the namespace has no Rollout micro-api."),
            Message("What was deleted since the step began? `reset` starts it again."),
            Message("The step needs the Rollout that its start has made."),
        )
    return (
        _before_the_good(releases)
        or _on_the_good(releases)
        or _without_a_prediction(answer)
        or _before_the_bad(releases)
        or _on_the_bad(releases)
        or _on_the_prediction(releases, answer)
    )


def _before_the_good(releases: Releases) -> Finding | None:
    """Return what is missing until another version than the old one is stable, None where one is."""
    if releases.stable.tag == GOOD:
        return None
    if releases.latest == releases.stable:
        return not_yet(
            NEW,
            Message("stable is {stable}, and no other version was released.", stable=releases.stable),
            RELEASE,
            Message("Give the Rollout the image of {good}: a new template is all that begins a release.", good=GOOD),
            Message("The image is a field of the first container in the Rollout's template; a patch changes it."),
        )
    if str(releases.latest) != GOOD:
        return not_yet(
            "another_first",
            Message(
                "stable is {stable}, and {latest} was released next; the step begins with {good}.",
                stable=releases.stable,
                latest=releases.latest,
                good=GOOD,
            ),
            RELEASE,
            RESET,
        )
    if releases.is_aborted:
        return not_yet(
            "good_taken_back",
            Message("the release of {good} was taken back.", good=GOOD),
            LOG,
            Message(
                "REFUTED has its reason there. Where no answer is REFUTED, it was a hand, or a gate that was away."
            ),
            RESET,
        )
    return _under_way(releases, RELEASE)


def _on_the_good(releases: Releases) -> Finding | None:
    """Return what is wrong with how the stable version became that, None where verdicts let it through."""
    confirmed = releases.confirmed_at(releases.stable)
    if releases.stable.has_errors:
        return not_yet(
            "errors_for_all",
            Message("{stable} is stable: all users get its errors.", stable=releases.stable),
            LOG,
            Message("Which verdict let it through? To promote by hand asks for none."),
            RESET,
        )
    if set(confirmed) < set(WEIGHTS):
        return not_yet(
            "no_verdict",
            Message(
                "{good} is stable, and was not released by verdicts; CONFIRMED at: {weights}.",
                good=GOOD,
                weights=_percents(confirmed) if confirmed else Message("none"),
            ),
            Message("The AnalysisRuns: what did each measurement get as its answer?"),
            Message("A release by verdicts has one at each weight. To promote by hand leaves them out."),
            RESET,
        )
    return None


def _without_a_prediction(answer: str) -> Finding | None:
    if answer:
        return None
    return not_yet(
        "no_prediction",
        Message(
            "the gate CONFIRMED {good} at {weights}, and it is stable; no prediction is recorded.",
            good=GOOD,
            weights=_percents(WEIGHTS),
        ),
        PREDICT,
        Message("Of a hundred answers of the next version five are errors. Is it stopped at 30 % or at 60 %?"),
    )


def _before_the_bad(releases: Releases) -> Finding | None:
    """Return what is missing until the version with errors was taken back, None where it was."""
    if releases.latest == releases.stable:
        return not_yet(
            "no_bad",
            Message("{good} was released by verdicts; the version with errors was not released yet.", good=GOOD),
            BAD,
            Message("The same image with another variable is another template, and so a release."),
            Message("The service reads from a variable which part of its answers are errors."),
        )
    if not releases.latest.has_errors:
        return not_yet(
            "no_errors",
            Message(
                "{good} was released by verdicts, and then {latest}, which makes no errors.",
                good=GOOD,
                latest=releases.latest,
            ),
            BAD,
            Message("Look at the variables of the Rollout's template: which name, which value?"),
        )
    return None if releases.is_aborted else _under_way(releases, BAD)


def _on_the_bad(releases: Releases) -> Finding | None:
    """Return what is wrong with how the bad version was taken back, None where that is proved."""
    if FAILED not in releases.ended_as:
        return _without_a_verdict(releases)
    kept = releases.kept
    if kept.proof is Proof.LEAK:
        return not_yet(
            "leak",
            Message("the release was taken back, and that is NOT PROVED: {sentence}.", sentence=kept.sentence),
            LOG,
            Message("The weights are written, and something else is served. Does istiod run, and the gateway?"),
            RESET,
        )
    if releases.weight_percent or kept.proof is not Proof.NO_LEAK or kept.stopped_percent is None:
        return not_yet(
            "unproved",
            Message(
                "the release was taken back, and the route gives the canary {percent:g} %; the proof is under way.",
                percent=releases.weight_percent,
            ),
            PROOF,
            Message("The gate waits ten seconds, and then counts 299 answers. Check again."),
            Message("Where it takes minutes, the gate's log has what it waits for."),
        )
    return None


def _without_a_verdict(releases: Releases) -> Finding:
    """Return why a release that no verdict has stopped was aborted."""
    if ERROR in releases.ended_as:
        return not_yet(
            "no_gate",
            Message(
                "the release of {latest} was aborted, since the gate did not answer: that is no verdict.",
                latest=releases.latest,
            ),
            Message("The gate's pod, and its log."),
            RESET,
        )
    return not_yet(
        "by_hand",
        Message(
            "the release of {latest} was aborted by hand: the gate has not REFUTED it.",
            latest=releases.latest,
        ),
        BAD,
        Message("What the gate would have found is not known, and what is left of the canary is not proved."),
        RESET,
    )


def foretells(answer: str, percent: float) -> bool:
    """Return whether an answer names a weight, with or without its sign."""
    return answer.strip().removesuffix("%").rstrip() == f"{percent:g}"


def _on_the_prediction(releases: Releases, answer: str) -> Finding:
    stopped_percent = releases.kept.stopped_percent or 0.0
    if not foretells(answer, stopped_percent):
        return not_yet(
            "other_prediction",
            Message(
                "the release was taken back, and that is proved; your prediction is {answer!r}, and the gate "
                "stopped it at another weight.",
                answer=answer,
            ),
            LOG,
            Message("The measurements of the AnalysisRuns have the weight, too. Which run is the one that Failed?"),
        )
    return done(
        Message(
            "{good} was released by verdicts at {weights}; {latest} was stopped at {percent:g} %, as you said, and "
            "it is proved by traffic that nothing of it is left.",
            good=GOOD,
            weights=_percents(WEIGHTS),
            latest=releases.latest,
            percent=stopped_percent,
        )
    )


def _under_way(releases: Releases, look: Message) -> Finding:
    """Return that a release has not ended yet."""
    if releases.phase == PAUSED:
        return not_yet(
            "held",
            Message(
                "the release of {latest} is paused at {percent:g} %: the gate was undecided for too long.",
                latest=releases.latest,
                percent=releases.weight_percent,
            ),
            LOG,
            Message("INCONCLUSIVE has its reason there. Do answers come, and from both versions?"),
            RESET,
        )
    return not_yet(
        "under_way",
        Message(
            "the release of {latest} is under way, and the canary has {percent:g} %.",
            latest=releases.latest,
            percent=releases.weight_percent,
        ),
        look,
        Message("There is nothing to do but wait: a verdict takes some twenty seconds at each weight."),
        Message("Where it takes minutes, the gate's log has what it waits for."),
    )


def _percents(weights: Iterable[float]) -> Message:
    """Return weights in words, such as `30 and 60 %`."""
    return Message("{weights} %", weights=joined(Message(" and "), [f"{one:g}" for one in weights]))
