"""Step 1: a bet from ten calls, and a verdict on the hidden split."""

from dataclasses import dataclass

from canary_loadtest.core.message import Message
from scripts.course.rules.finding import Finding, done, not_yet
from scripts.course.rules.personal import HIDDEN_PERCENTS
from scripts.course.rules.traffic import Traffic
from scripts.course.rules.verdicts import Evidence


@dataclass(frozen=True)
class Bet:
    """What a learner has bet.

    Attributes:
        text: as it was typed, "" for no bet.
        at_seconds: when, in seconds since the epoch.
    """

    text: str
    at_seconds: float = 0.0

    @property
    def percent(self) -> int | None:
        """The bet in percent, None where it is neither of the two splits."""
        text = self.text.strip().removesuffix("%").strip()
        return int(text) if text in map(str, HIDDEN_PERCENTS) else None


def judged(traffic: Traffic, hidden_percent: int, bet: Bet, evidence: Evidence) -> Finding:
    """Return whether the step is done.

    Args:
        traffic: what Envoy serves.
        hidden_percent: the split that the step's start has hidden.
        bet: the learner's bet.
        evidence: the verdicts in the step's folder.
    """
    if not traffic.serves(hidden_percent):
        return not_yet(
            "other_split",
            Message("Envoy serves {traffic}, and no longer the split that this step has hidden.", traffic=traffic),
            Message("A shift since the start of the step: `reset` starts it again."),
            Message("The game needs the split that the step drew. Any shift replaces it."),
        )
    return _without_bet(bet) or _on_verdicts(hidden_percent, bet, evidence)


def _without_bet(bet: Bet) -> Finding | None:
    if not bet.text:
        return not_yet(
            "no_bet",
            Message("no bet is recorded."),
            Message('The part "Bet" of the text.'),
            Message("Send the ten calls, count the answers with V3, and choose: 30 or 50?"),
            Message(
                "A wrong bet is no failure. Without a bet there is nothing that the load test could teach "
                "you: the verb is `answer`."
            ),
        )
    if bet.percent is None:
        return not_yet(
            "other_bet",
            Message("the bet is {text!r}, and the lab serves 30 or 50.", text=bet.text),
            Message('The part "Bet" of the text.'),
            Message("The bet is one of two numbers, in percent of v2."),
        )
    return None


def _on_verdicts(hidden_percent: int, bet: Bet, evidence: Evidence) -> Finding:
    late = [one for one in evidence.counted if one.started_at_seconds >= int(bet.at_seconds)]
    if not evidence.counted:
        return not_yet(
            "no_verdict",
            Message(
                "your bet is {percent}, and no verdict of this start is in the step's folder.{remark}",
                percent=bet.percent,
                remark=evidence.remark,
            ),
            Message('The part "Let the load test decide" of the text; the folder is .course/verdicts.'),
            Message("Ten calls were your evidence. Now let the load test send as many as it takes."),
            Message(
                "The check reads the files in .course/verdicts only, and the load test writes where "
                "--verdict-json says."
            ),
        )
    if not late:
        return not_yet(
            "bet_after",
            Message("the load test ran before your bet: the bet was no bet."),
            Message("The order of the text: bet first, then measure."),
            Message("Run the load test again, or `reset` for a new split and bet before you measure."),
        )
    confirmed = [one for one in late if one.outcome == "CONFIRMED"]
    right = [one for one in confirmed if one.confirms(hidden_percent)]
    if right:
        was = Message("right, but ten calls did not prove it") if bet.percent == hidden_percent else Message("wrong")
        return done(
            Message(
                "the load test CONFIRMED {hidden_percent} % after {answers} answers; your bet on {percent} "
                "% was {was}.",
                hidden_percent=hidden_percent,
                answers=right[-1].answers,
                percent=bet.percent,
                was=was,
            )
        )
    if confirmed:
        one = confirmed[-1]
        return not_yet(
            "too_wide",
            Message("{verdict}: that does not decide between 30 and 50.", verdict=one),
            Message("The share that you claimed, and the tolerance, in the lines `expected:` and `verdict:`."),
            Message("Claim one of the two splits exactly, and leave tolerance and alpha at their defaults."),
        )
    return not_yet(
        "not_confirmed",
        Message("{verdict}.", verdict=late[-1]),
        Message("The verdict's own reason and the lines of the table above it."),
        Message("One of 30 and 50 is served. What does a REFUTED at one of them say about the other?"),
        Message(
            "INCONCLUSIVE: give the run more time. REFUTED: claim the other split, and see whether it is CONFIRMED."
        ),
    )
