"""Verdicts, traffic and findings from which the tests of the rules make their cases."""

from dataclasses import replace

from scripts.course.rules.finding import Finding, Outcome
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Evidence, Mark, Verdict, evidence

URL = "http://127.0.0.1:18080"
MARK = Mark(URL, since_seconds=1000.9)
PODS = {"v1": ["v1", "v1"], "v2": ["v2", "v2"]}
STABLE = Traffic("100-0", {"v1": 100}, {"v1": ["v1", "v1"]})
SPLIT = Traffic("70-30", {"v1": 70, "v2": 30}, PODS)
CONFIRMED = Verdict("a.json", "CONFIRMED", 0, URL, 1010, 50.0, 5.0, 700, 350, "hidden", "enough answers")
REFUTED = replace(CONFIRMED, file="b.json", outcome="REFUTED", exit_code=10, expected_percent=30.0)
FEW = replace(CONFIRMED, file="c.json", outcome="INCONCLUSIVE", exit_code=11, answers=22, reason="22 are too few")
# What ends a step with 70/30.
PROOF = replace(CONFIRMED, file="proof.json", expected_percent=30.0, route="70-30")
# What is wrong with the end of such a step: the cause, the traffic, the verdicts.
UNPROVED = [
    ("no_route", None, [PROOF]),
    ("no_pods", replace(SPLIT, pods={**PODS, "v2": []}), [PROOF]),
    ("weights", replace(SPLIT, weights={"v1": 50, "v2": 50}), [PROOF]),
    ("astray", replace(SPLIT, pods={**PODS, "v2": ["v1", "v2"]}), [PROOF]),
    ("name", replace(SPLIT, name="mine"), [PROOF]),
    ("no_verdict", SPLIT, [replace(PROOF, route="")]),
    ("not_confirmed", SPLIT, [replace(PROOF, expected_percent=25.0)]),
    ("not_confirmed", SPLIT, [replace(PROOF, tolerance_points=25.0)]),
    ("not_confirmed", SPLIT, [replace(PROOF, alpha=0.5)]),
    ("not_confirmed", SPLIT, [replace(PROOF, outcome="REFUTED", exit_code=10)]),
]


def of(*verdicts: Verdict) -> Evidence:
    """Return the verdicts that count."""
    return evidence(verdicts, MARK)


def assert_cause(finding: Finding, cause: str) -> None:
    """Assert what was found; a learner who is not done reads where to look and gets a hint, but no command."""
    assert finding.cause == cause
    assert (finding.outcome is Outcome.DONE) == (cause == "done")
    if cause != "done":
        assert finding.look
        assert finding.hints
        assert "scripts.lab" not in " ".join([finding.saw, finding.look, *finding.hints])
