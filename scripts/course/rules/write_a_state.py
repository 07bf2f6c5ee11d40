"""Step 3: a traffic state of one's own, with its weights and its name."""

from canary_loadtest.core.message import Message, joined
from scripts.course.rules.finding import Finding, done, not_yet
from scripts.course.rules.proof import name_of, proof
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Evidence

EDIT = Message('The part "Write the state" of the text, and your file .course/my-state.yaml.')
JUDGE = Message('The part "Have it judged" of the text; the folder is .course/verdicts.')


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
            Message("no route of Envoy takes the requests: every one gets 404."),
            EDIT,
            Message("The file must keep the host `micro-api` and the gateways that the copy had."),
        )
    if not traffic.serves(canary_percent):
        return _other_weights(traffic, canary_percent)
    name = name_of(canary_percent)
    if traffic.name != name:
        return not_yet(
            "name",
            Message(
                "the weights are right ({traffic}), and the answers still name the route {name!r}.",
                traffic=traffic,
                name=traffic.name or Message("(none)"),
            ),
            Message("The end of your file: which header do the answers carry?"),
            Message("Who reads an answer sees the name only. It should claim what the weights do: {name}.", name=name),
            Message(
                "The name is the value of x-canary-route under headers.response.set. Apply the file again "
                "after the edit."
            ),
        )
    one = proof(evidence, name, canary_percent, JUDGE)
    if isinstance(one, Finding):
        return one
    return done(
        Message(
            "Envoy's weights are v1 {stable_percent}, v2 {canary_percent}, its answers say {name}, and the load "
            "test CONFIRMED it: {canary_answers} of {answers} answers.",
            stable_percent=100 - canary_percent,
            canary_percent=canary_percent,
            name=name,
            canary_answers=one.canary_answers,
            answers=one.answers,
        )
    )


def _other_weights(traffic: Traffic, canary_percent: int) -> Finding:
    stable_percent = 100 - canary_percent
    weights = dict.fromkeys(("v1", "v2"), 0) | dict(traffic.weights)
    if traffic.serves(0):
        return not_yet(
            "unchanged",
            Message("Envoy serves {traffic}: v2 gets nothing yet.", traffic=traffic),
            EDIT,
            Message(
                "v2 is to get {canary_percent} of 100. Edit the copy, then apply it: Envoy does not read your editor.",
                canary_percent=canary_percent,
            ),
            Message("Three places: both weights, and the name of the route. Then shift the lab to the file."),
        )
    if traffic.serves(stable_percent):
        return not_yet(
            "swapped",
            Message("Envoy serves {traffic}: the two weights are swapped.", traffic=traffic),
            Message("Which subset is above each weight in your file?"),
            Message("The canary is v2, and it is the smaller part here."),
        )
    if traffic.total != 100:
        right = {"v1": weights["v1"] == stable_percent, "v2": weights["v2"] == canary_percent}
        wrong = [version for version, is_right in right.items() if not is_right]
        share = 100 * weights["v2"] / traffic.total
        return not_yet(
            "sum",
            Message(
                "Envoy's weights are v1 {stable} and v2 {canary}, a sum of {total}: v2 gets {share:.1f} %. "
                "{wrong} differ{_s} from what you are to serve.",
                stable=weights["v1"],
                canary=weights["v2"],
                total=traffic.total,
                share=share,
                wrong=joined(Message(" and "), wrong),
                _s="s" if len(wrong) == 1 else "",
            ),
            EDIT,
            Message("Weights are not percentages: the share of v2 is its weight by the sum of both."),
            Message(
                "Make both weights yours: {stable_percent} and {canary_percent}.",
                stable_percent=stable_percent,
                canary_percent=canary_percent,
            ),
        )
    return not_yet(
        "other_weights",
        Message(
            "Envoy serves {traffic}, and your weights are v1 {stable_percent}, v2 {canary_percent}.",
            traffic=traffic,
            stable_percent=stable_percent,
            canary_percent=canary_percent,
        ),
        Message("The line `your weight` of `status`, and your file .course/my-state.yaml."),
        Message(
            "Your own canary weight is {canary_percent}; a neighbour has another one.", canary_percent=canary_percent
        ),
    )
