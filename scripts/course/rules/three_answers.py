"""Step 2: the exit codes 0, 10 and 11, each on purpose."""

from typing import Final

from scripts.course.rules.finding import Finding, done, not_yet
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Evidence, Verdict

PERCENT: Final = 30
CODES: Final = {0: "CONFIRMED", 10: "REFUTED", 11: "INCONCLUSIVE"}
HINTS: Final = {
    0: (
        "Which claim is true of a lab that serves 70/30? Give the load test time to prove it.",
        "The share that Envoy's weights give v2 is the claim that can be CONFIRMED.",
    ),
    10: (
        "REFUTED is the answer to a claim that is false. Which share does v2 surely not have?",
        "Claim a share of v2 far away from 30 %: the load test needs fewer answers the further it is.",
    ),
    11: (
        "INCONCLUSIVE means that the answers suffice for neither. When are there too few?",
        "Leave the load test only a hundred answers, by a limit of its rate and of its time, and read its reason.",
    ),
}


def judged(traffic: Traffic, evidence: Evidence) -> Finding:
    """Return whether the step is done.

    Args:
        traffic: what Envoy serves.
        evidence: the verdicts in the step's folder.
    """
    if not traffic.serves(PERCENT):
        return not_yet(
            "other_split",
            f"Envoy serves {traffic}, and this step is about 70/30.",
            "A shift since the start of the step: `reset` starts it again.",
            "All three answers come from the same split. What changes is your claim, and your patience.",
        )
    by_code = {code: [one for one in evidence.counted if one.exit_code == code] for code in CODES}
    missing = [code for code in CODES if not any(map(_is_meant, by_code[code]))]
    if not missing:
        reason = next(one.reason for one in by_code[11] if _is_meant(one))
        return done(f"0, 10 and 11 are there, all of one lab at 70/30. The reason of the 11: {reason}")
    code = missing[0]
    has = ", ".join(str(one) for one in CODES if one not in missing) or "none"
    strange = f" {_strange(by_code[code][-1])}" if by_code[code] else ""
    return not_yet(
        f"no_{code}",
        f"exit codes so far: {has}; missing: {', '.join(map(str, missing))}.{strange}{evidence.remark}",
        f'The part "{code}: {CODES[code]}" of the text; the folder is .course/verdicts, one file for each verdict.',
        *HINTS[code],
    )


def _is_meant(verdict: Verdict) -> bool:
    """Return whether a verdict is what its claim leads to: a right split REFUTED by chance is not on purpose."""
    if verdict.exit_code == 11:
        return verdict.outcome == "INCONCLUSIVE" and verdict.answers > 0
    if verdict.exit_code == 10:
        return verdict.outcome == "REFUTED" and verdict.expected_percent != PERCENT
    return verdict.confirms(PERCENT)


def _strange(verdict: Verdict) -> str:
    if verdict.exit_code == 11:
        return f"{verdict.file} has not one right answer: the target was down, or there was no time at all."
    if verdict.exit_code == 10:
        return f"{verdict.file} REFUTED 30 %, which is served: that is chance, or a canary that errs."
    if verdict.is_blunt:
        return f"{verdict}: that proves less than the course asks for."
    return (
        f"{verdict.file} CONFIRMED {verdict.expected_percent:g} %: near enough for its tolerance, but 30 % is served."
    )
