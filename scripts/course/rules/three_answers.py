"""Step 2: the exit codes 0, 10 and 11, each on purpose."""

from typing import Final

from canary_loadtest.core.message import Message, joined
from scripts.course.rules.finding import Finding, done, not_yet
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Evidence, Verdict

PERCENT: Final = 30
CODES: Final = {0: "CONFIRMED", 10: "REFUTED", 11: "INCONCLUSIVE"}
HINTS: Final = {
    0: (
        Message("Which claim is true of a lab that serves 70/30? Give the load test time to prove it."),
        Message("The share that Envoy's weights give v2 is the claim that can be CONFIRMED."),
    ),
    10: (
        Message("REFUTED is the answer to a claim that is false. Which share does v2 surely not have?"),
        Message("Claim a share of v2 far away from 30 %: the load test needs fewer answers the further it is."),
    ),
    11: (
        Message("INCONCLUSIVE means that the answers suffice for neither. When are there too few?"),
        Message(
            "Leave the load test only a hundred answers, by a limit of its rate and of its time, and read its reason."
        ),
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
            Message("Envoy serves {traffic}, and this step is about 70/30.", traffic=traffic),
            Message("A shift since the start of the step: `reset` starts it again."),
            Message("All three answers come from the same split. What changes is your claim, and your patience."),
        )
    by_code = {code: [one for one in evidence.counted if one.exit_code == code] for code in CODES}
    missing = [code for code in CODES if not any(map(_is_meant, by_code[code]))]
    if not missing:
        reason = next(one.reason for one in by_code[11] if _is_meant(one))
        return done(
            Message("0, 10 and 11 are there, all of one lab at 70/30. The reason of the 11: {_reason}", _reason=reason)
        )
    code = missing[0]
    has = joined(Message(", "), [str(one) for one in CODES if one not in missing]) or Message("none")
    strange = joined(" ", ["", _strange(by_code[code][-1])]) if by_code[code] else ""
    return not_yet(
        f"no_{code}",
        Message(
            "exit codes so far: {has}; missing: {missing}.{strange}{remark}",
            has=has,
            missing=joined(Message(", "), map(str, missing)),
            strange=strange,
            remark=evidence.remark,
        ),
        Message(
            'The part "{code}: {outcome}" of the text; the folder is .course/verdicts, one file for each verdict.',
            code=code,
            outcome=CODES[code],
        ),
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
        return Message(
            "{file} has not one right answer: the target was down, or there was no time at all.", file=verdict.file
        )
    if verdict.exit_code == 10:
        return Message(
            "{file} REFUTED 30 %, which is served: that is chance, or a canary that errs.", file=verdict.file
        )
    if verdict.is_blunt:
        return Message("{verdict}: that proves less than the course asks for.", verdict=verdict)
    return Message(
        "{file} CONFIRMED {expected_percent:g} %: near enough for its tolerance, but 30 % is served.",
        file=verdict.file,
        expected_percent=verdict.expected_percent,
    )
