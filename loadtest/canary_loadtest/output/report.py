"""A verdict for people and for programs: the table, the JSON and the exit code.

Called by `listeners` and `judge`.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from canary_loadtest.core.estimates import share_interval_percent
from canary_loadtest.core.session import Session, Verdict
from canary_loadtest.core.tally import Tally
from canary_loadtest.core.verdict import Outcome, pinned_to_connections

EXIT_CODES: Final[Mapping[Outcome, int]] = {Outcome.CONFIRMED: 0, Outcome.REFUTED: 10, Outcome.INCONCLUSIVE: 11}
SIGNS: Final[Mapping[Outcome, str]] = {Outcome.CONFIRMED: "✅", Outcome.REFUTED: "❌", Outcome.INCONCLUSIVE: "❔"}
EXIT_CODE_HELP: Final = (
    "exit codes: 0 CONFIRMED, 10 REFUTED, 11 INCONCLUSIVE; any other code means that there is no verdict"
)

HINTS: Final[Mapping[str, str]] = {
    "connection_error": "connections failed: is something listening at --host, and is the version behind it alive?",
    "timeout": "requests went unanswered for too long: look at the load and the health of the service",
    "truncated_body": "answers broke off before their end: look for pods that were killed while they answered",
    "overloaded_503": "Envoy sheds load: the DestinationRule's connectionPool is smaller than the load",
    "status_503": "503: a subset without ready pods, or one that no DestinationRule names",
    "status_404": "404: no VirtualService matches this Host, or it is not bound to the gateway; see --host-header",
    "no_answer": "find out why these requests got no answer, such as with curl -sS",
    "wrong_route": "answers came by another route: wait until the new weights are served, or look for a bypass",
    "version_mismatch": "a body of one version came with the header of the other: was the wrong image deployed?",
    "unexpected_body": "a 200 with another body: is this the service that you meant?",
}


def as_dict(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict as plain JSON types."""
    tally, expectation = verdict.tally, verdict.expectation
    low, high = _interval_percent(verdict)
    return {
        "verdict": verdict.outcome.value,
        "exit_code": EXIT_CODES[verdict.outcome],
        "reason": verdict.reason,
        "expected": {
            "canary_percent": expectation.canary_percent,
            "tolerance_points": expectation.points,
            "alpha": expectation.alpha,
        },
        "counts": tally.to_dict(),
        "canary_percent": 100 * tally.canary / tally.total if tally.total else None,
        "canary_interval_percent": [low, high],
        "decided_after": verdict.decided_after,
        "unfinished": verdict.unfinished,
    }


def write_json(verdict: Verdict, path: str) -> None:
    """Write the verdict to the file at `path`, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    write_whole(json.dumps(as_dict(verdict), indent=2) + "\n", path)


def write_whole(text: str, path: str) -> None:
    """Write `text` to the file at `path`, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    file = Path(path)
    partial = file.with_name(f".{file.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def write_text(verdict: Verdict, path: str) -> None:
    """Write the table to the file at `path`, in place: a container's termination log is a mount that none replaces.

    Raises:
        OSError: the file cannot be written.
    """
    Path(path).write_text(table(verdict) + "\n", encoding="utf-8")


def append_summary(verdict: Verdict, path: str) -> None:
    """Append the verdict as Markdown to the file at `path`, which a CI job shows as its page.

    Raises:
        OSError: the file cannot be written.
    """
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(summary(verdict) + "\n\n")


def summary(verdict: Verdict) -> str:
    """Return the verdict as Markdown, without a newline at its end."""
    tally, expectation = verdict.tally, verdict.expectation
    low, high = _interval_percent(verdict)
    rows = [("V3 (canary, v2)", tally.canary), ("plain (stable, v1)", tally.stable), *tally.other.most_common()]
    return "\n".join(
        [
            f"### {SIGNS[verdict.outcome]} Canary split: {verdict.outcome.value}",
            "",
            as_markdown_text(verdict.reason),
            "",
            "| answers | count | share |",
            "|---|--:|--:|",
            *(f"| {as_markdown_text(name)} | {count} | {_share(count, tally)} |" for name, count in rows),
            "",
            (
                f"Expected: {expectation.canary_percent:g} % canary, tolerance {expectation.points:g}. Not ruled out"
                f" with {100 * (1 - expectation.alpha):g} % certainty: {low:.1f} to {high:.1f} %."
            ),
            "",
            f"Next: {next_step(verdict)}.",
        ]
    )


def as_markdown_text(text: str) -> str:
    """Return text from outside, such as the name of a route, so that Markdown shows it as it is."""
    return re.sub(r"([\\`*_\[\]<>&|#~!])", r"\\\1", " ".join(text.split()))


def table(verdict: Verdict) -> str:
    """Return the verdict as a table for people, without a newline at its end."""
    tally, expectation = verdict.tally, verdict.expectation
    low, high = _interval_percent(verdict)
    certainty = f"{100 * (1 - expectation.alpha):g} %"
    rows = [
        ("V3 (canary, v2)", tally.canary, f"between {low:.1f} and {high:.1f} % with {certainty} certainty"),
        ("plain (stable, v1)", tally.stable, ""),
        ("other", tally.other_total, ""),
    ]
    lines = [f"{'answers':<28}{'count':>9}{'share':>9}"]
    for name, count, remark in rows:
        lines.append(f"  {name:<26}{count:>9}{_share(count, tally):>9}   {remark}".rstrip())
    lines += [f"    {kind:<24}{count:>9}" for kind, count in tally.other.most_common()]
    lines.append(f"  {'total':<26}{tally.total:>9}")
    if tally.settling:
        lines.append(f"  {'(before the route came)':<26}{tally.settling:>9}")
    if verdict.unfinished:
        lines.append(f"  {'(not counted at the end)':<26}{verdict.unfinished:>9}")
    points = "percentage point" if expectation.points == 1 else "percentage points"
    lines.append(f"expected: {expectation.canary_percent:g} % canary, tolerance {expectation.points:g} {points}")
    lines.append(f"verdict:  {verdict.outcome.value} - {verdict.reason}")
    lines.append(f"next:     {next_step(verdict)}")
    return "\n".join(lines)


def _interval_percent(verdict: Verdict) -> tuple[float, float]:
    tally = verdict.tally
    return share_interval_percent(verdict.expectation.alpha, tally.canary, tally.stable, tally.other_total)


def _share(count: int, tally: Tally) -> str:
    return f"{100 * count / tally.total:.1f} %" if tally.total else "-"


def next_step(verdict: Verdict) -> str:
    """Return what to do after this verdict, in a sentence for a person."""
    if verdict.outcome is Outcome.CONFIRMED:
        return "the weights are carried out as configured; go on with the release"
    if verdict.outcome is Outcome.REFUTED:
        return "do not shift further; compare the weights that the proxy has with the ones that you applied"
    return _what_would_decide(verdict)


def _what_would_decide(verdict: Verdict) -> str:
    tally = verdict.tally
    if len(tally.routes) > 1:
        return "measure again while the weights stand still, and name the route with --route"
    if pinned_to_connections(tally):
        return "measure without --keep-alive, so that each answer is a draw of its own"
    if tally.other:
        kind = tally.other.most_common(1)[0][0]
        return HINTS.get(kind, f"find out what the {kind} answers are: until then they could be of either version")
    if tally.settling:
        return "look at which route the answers name (response header x-canary-route) and compare --route"
    if tally.total == 0:
        return "look whether the target is up, and give it time: --run-time"
    return "run longer (--run-time), or allow a wider --tolerance"


def progress_line(session: Session, answers_per_second: float, seconds_left: float | None) -> str:
    """Return what a person wants to know while the answers come in.

    Args:
        session: the measurement so far.
        answers_per_second: how fast they come.
        seconds_left: until the run ends, None for a run without an end.
    """
    tally = session.tally
    if not tally.total:
        return "no answer counted yet"
    line = f"{tally.total} answers, {100 * tally.canary / tally.total:.1f} % canary, {tally.other_total} other"
    if session.decided:
        return f"{line}: {session.verdict().outcome}"
    to_go = session.to_go()
    if to_go is None:
        return f"{line}: no verdict in sight"
    line += f": about {to_go} more until the verdict"
    if answers_per_second:
        seconds = to_go / answers_per_second
        line += f" (about {seconds:.0f} s)"
        if seconds_left is not None and seconds > seconds_left:
            line += f", more than the {max(seconds_left, 0):.0f} s that are left"
    return line
