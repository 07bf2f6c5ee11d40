"""Step 3: a traffic state of one's own, with its weights and its name."""

from scripts.course.rules.finding import Finding, done, not_yet
from scripts.course.rules.proof import name_of, proof
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Evidence

EDIT = 'The part "Write the state" of the text, and your file .course/my-state.yaml.'
JUDGE = 'The part "Have it judged" of the text; the folder is .course/verdicts.'


def judged(traffic: Traffic | None, canary_percent: int, evidence: Evidence) -> Finding:
    """Return whether the step is done.

    Args:
        traffic: what Envoy serves, None where no route takes the requests.
        canary_percent: the weight of v2 that the learner is to serve.
        evidence: the verdicts in the step's folder.
    """
    if traffic is None:
        return not_yet(
            "no_route",
            "no route of Envoy takes the requests: every one gets 404.",
            EDIT,
            "The file must keep the host `micro-api` and the gateways that the copy had.",
        )
    if not traffic.serves(canary_percent):
        return _other_weights(traffic, canary_percent)
    name = name_of(canary_percent)
    if traffic.name != name:
        return not_yet(
            "name",
            f"the weights are right ({traffic}), and the answers still name the route {traffic.name or '(none)'!r}.",
            "The end of your file: which header do the answers carry?",
            f"Who reads an answer sees the name only. It should claim what the weights do: {name}.",
            "The name is the value of x-canary-route under headers.response.set. Apply the file again after the edit.",
        )
    one = proof(evidence, name, canary_percent, JUDGE)
    if isinstance(one, Finding):
        return one
    return done(
        f"Envoy's weights are v1 {100 - canary_percent}, v2 {canary_percent}, its answers say {name}, and the load "
        f"test CONFIRMED it: {one.canary_answers} of {one.answers} answers."
    )


def _other_weights(traffic: Traffic, canary_percent: int) -> Finding:
    stable_percent = 100 - canary_percent
    weights = dict.fromkeys(("v1", "v2"), 0) | dict(traffic.weights)
    if traffic.serves(0):
        return not_yet(
            "unchanged",
            f"Envoy serves {traffic}: v2 gets nothing yet.",
            EDIT,
            f"v2 is to get {canary_percent} of 100. Edit the copy, then apply it: Envoy does not read your editor.",
            "Three places: both weights, and the name of the route. Then shift the lab to the file.",
        )
    if traffic.serves(stable_percent):
        return not_yet(
            "swapped",
            f"Envoy serves {traffic}: the two weights are swapped.",
            "Which subset is above each weight in your file?",
            "The canary is v2, and it is the smaller part here.",
        )
    if traffic.total != 100:
        right = {"v1": weights["v1"] == stable_percent, "v2": weights["v2"] == canary_percent}
        wrong = [version for version, is_right in right.items() if not is_right]
        share = 100 * weights["v2"] / traffic.total
        return not_yet(
            "sum",
            f"Envoy's weights are v1 {weights['v1']} and v2 {weights['v2']}, a sum of {traffic.total}: v2 gets "
            f"{share:.1f} %. {' and '.join(wrong)} differ{'s' if len(wrong) == 1 else ''} from what you are to serve.",
            EDIT,
            "Weights are not percentages: the share of v2 is its weight by the sum of both.",
            f"Make both weights yours: {stable_percent} and {canary_percent}.",
        )
    return not_yet(
        "other_weights",
        f"Envoy serves {traffic}, and your weights are v1 {stable_percent}, v2 {canary_percent}.",
        "The line `your weight` of `status`, and your file .course/my-state.yaml.",
        f"Your own canary weight is {canary_percent}; a neighbour has another one.",
    )
