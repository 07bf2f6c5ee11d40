"""A verdict as a table for people, as JSON for programs, and as Markdown for a CI job's page."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import floor, isfinite
from typing import Any, Final

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.message import Message, joined
from canary_loadtest.core.outcome import EXIT_CODES, Outcome
from canary_loadtest.core.percent import percent_range, share_of
from canary_loadtest.core.session import Session
from canary_loadtest.core.verdict import Verdict
from canary_loadtest.output.about import About
from canary_loadtest.output.files import append, write_in_place, write_whole
from canary_loadtest.output.text import columns, one_line, padded, wrapped

COLUMNS: Final = 80
HEAD: Final = 10  # columns of what a sentence below the counts begins with
# Of the JSON files: it changes when a member is removed or gets another meaning. See loadtest/verdict.schema.json.
FORMAT: Final = 1
SIGNS: Final[Mapping[Outcome, str]] = {Outcome.CONFIRMED: "✅", Outcome.REFUTED: "❌", Outcome.INCONCLUSIVE: "❔"}


def as_dict(verdict: Verdict, about: About, exit_code: int | None = None) -> dict[str, Any]:
    """Return the verdict as plain JSON types.

    Args:
        verdict: the result.
        about: what was measured.
        exit_code: that of the process, None for the one of the verdict.
    """
    tally, expectation = verdict.tally, verdict.expectation
    return {
        "format": FORMAT,
        **about.to_dict(),
        "verdict": verdict.outcome.value,
        "exit_code": EXIT_CODES[verdict.outcome] if exit_code is None else exit_code,
        "reason": verdict.reason,
        "next": verdict.next_step,
        "expected": _expected(expectation),
        "counts": tally.to_dict(),
        "row_names": verdict.row_names._asdict(),
        "canary_percent": 100 * tally.canary_drawn / tally.total if tally.total else None,
        "canary_interval_percent": verdict.interval_percent and list(verdict.interval_percent),
        "decided_after": verdict.decided_after,
        "unfinished": verdict.unfinished,
        "split": verdict.split.value,
        "health": verdict.health and verdict.health.to_dict(),
    }


def _expected(expectation: Expectation) -> dict[str, Any]:
    most, slowness = expectation.most_errors_percent, expectation.slowness
    told = slowness and slowness.milliseconds
    return {
        "canary_percent": expectation.canary_percent,
        "tolerance_points": expectation.points,
        "alpha": expectation.alpha,
        "alpha_stop": expectation.alpha_stop,
        "max_errors_percent": most if isfinite(most) else None,
        "max_slowdown": slowness and slowness.ratio,
        "slow_percentile": slowness.percentile if slowness and told is None else None,
        "slow_above_milliseconds": told,
    }


def write_json(verdict: Verdict, about: About, path: str, exit_code: int | None = None) -> None:
    """Write the verdict to the file at `path` as JSON, whole or not at all; see `as_dict`.

    Raises:
        OSError: the file cannot be written.
    """
    write_whole(json.dumps(as_dict(verdict, about, exit_code), indent=2) + "\n", path)


def write_text(verdict: Verdict, path: str) -> None:
    """Write the table into the file at `path`, in place.

    Raises:
        OSError: the file cannot be written.
    """
    write_in_place(table(verdict) + "\n", path)


def append_summary(verdict: Verdict, about: About, path: str) -> None:
    """Append the verdict as Markdown to the file at `path`.

    Raises:
        OSError: the file cannot be written.
    """
    append(summary(verdict, about) + "\n\n", path)


def table(verdict: Verdict, told: Callable[[str], str] = str) -> str:
    """Return the verdict as a table of at most 80 columns, without a newline at its end.

    Args:
        verdict: the result.
        told: returns a message in the reader's language.
    """
    tally = verdict.tally
    canary, interval = _row(told(verdict.row_names.canary), tally.canary, verdict), told(interval_text(verdict))
    drawn = drawn_text(verdict)
    fits = not drawn and columns(canary) + 3 + columns(interval) <= COLUMNS
    below = "" if drawn or fits else f"\n    {interval}"
    return "\n".join(
        [
            told(Message("answers                      count    share")),
            f"{canary}   {interval}" if fits else f"{canary}{below}",
            _row(told(verdict.row_names.stable), tally.stable, verdict),
            _row(told(Message("other")), tally.other_total, verdict),
            *(_kind(one_line(kind), count) for kind, count in tally.other.most_common()),
            *_totals(verdict, told),
            *(wrapped(padded(told(head), HEAD), one_line(told(text))) for head, text in _sentences(verdict)),
        ]
    )


def _sentences(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """Yield what is below the counts: the head of each sentence, and the sentence."""
    if drawn := drawn_text(verdict):
        yield Message("drawn:"), drawn
    yield Message("expected:"), expected_text(verdict.expectation)
    if verdict.health is not None:
        yield Message("canary:"), health_text(verdict)
        if verdict.health.latency is not None:
            yield Message("latency:"), latency_text(verdict)
    yield Message("verdict:"), joined(" - ", [verdict.outcome.value, verdict.reason])
    yield Message("next:"), verdict.next_step


def health_text(verdict: Verdict) -> str:
    """Return in words whether the canary errs more often than stable, "" where the versions are not compared.

    What the verdict's reason says already is not said again.
    """
    health = verdict.health
    if health is None:
        return ""
    said = [part for part in (health.reason, *health.remarks) if part not in verdict.reason]
    return joined(" - ", filter(None, (health.health.value, joined(Message("; "), said))))


def latency_text(verdict: Verdict) -> str:
    """Return in words whether the canary is slower than stable, "" where that is not compared."""
    latency = verdict.health and verdict.health.latency
    if not latency:
        return ""
    said = [part for part in (latency.reason, *latency.remarks) if part not in verdict.reason]
    return joined(" - ", filter(None, (latency.health.value, joined(Message("; "), said))))


def expected_text(expectation: Expectation) -> str:
    """Return in words what is tested."""
    split = Message(
        "{percent:g} % canary, tolerance {points:g} percentage point{_s}",
        percent=expectation.canary_percent,
        points=expectation.points,
        _s="" if expectation.points == 1 else "s",
    )
    most = expectation.most_errors_percent
    return Message("{split}, at most {most:g} % errors", split=split, most=most) if isfinite(most) else split


def drawn_text(verdict: Verdict) -> str:
    """Return in words how many requests were drawn for the canary, "" where these are its right answers."""
    tally = verdict.tally
    if not tally.canary_errors + tally.stable_errors:
        return ""
    share = share_of(tally.canary_drawn, tally.total, verdict.expectation)
    return Message(
        "{drawn} of {total} requests for the canary: {share}, {interval}",
        drawn=tally.canary_drawn,
        total=tally.total,
        share=share,
        interval=interval_text(verdict),
    )


def _kind(kind: str, count: int) -> str:
    return f"    {kind} {count:>{max(1, 29 - len(kind))}}"


def _row(name: str, count: int, verdict: Verdict) -> str:
    return f"  {padded(one_line(name), 23)}{count:>9} {share_of(count, verdict.tally.total, verdict.expectation):>8}"


def _totals(verdict: Verdict, told: Callable[[str], str]) -> Iterator[str]:
    counts = {
        Message("total"): verdict.tally.total,
        Message("(before the route came)"): verdict.tally.settling,
        Message("(not counted at the end)"): verdict.unfinished,
    }
    for name, count in counts.items():
        if count or name == "total":
            yield f"  {padded(told(name), 23)}{count:>9}"


def summary(verdict: Verdict, about: About) -> str:
    """Return the verdict as Markdown, without a newline at its end."""
    tally, expectation, names = verdict.tally, verdict.expectation, verdict.row_names
    counts = [(names.canary, tally.canary), (names.stable, tally.stable), *tally.other.most_common()]
    drawn = drawn_text(verdict)
    rows = [(as_markdown_text(name), count, share_of(count, tally.total, expectation)) for name, count in counts]
    route = about.route or (next(iter(tally.routes)) if len(tally.routes) == 1 else "")
    place = replace(about, route=route or None).place
    asked = ", ".join(filter(None, (f"**{as_markdown_text(place)}**", about.time)))
    return "\n".join(
        [
            f"### {SIGNS[verdict.outcome]} Canary split: {verdict.outcome.value}",
            "",
            asked,
            "",
            as_markdown_text(verdict.reason),
            "",
            "| answers | count | share |",
            "|---|--:|--:|",
            *(f"| {name} | {count} | {share} |" for name, count, share in rows),
            "",
            *([f"Drawn: {drawn}.", ""] if drawn else []),
            f"Expected: {expected_text(expectation)}. Not ruled out: {interval_text(verdict)}.",
            "",
            *([f"Canary: {as_markdown_text(health_text(verdict))}.", ""] if verdict.health else []),
            *([f"Latency: {as_markdown_text(slow)}.", ""] if (slow := latency_text(verdict)) else []),
            f"Next: {as_markdown_text(verdict.next_step)}.",
        ]
    )


def as_markdown_text(text: str) -> str:
    """Return text from outside, such as the name of a route, so that Markdown shows it as it is."""
    return re.sub(r"([\\`*_\[\]<>&|#~!])", r"\\\1", one_line(" ".join(text.split())))


def progress_line(session: Session, answers_per_second: float, seconds_left: float | None) -> str:
    """Return what a person wants to know while the answers come in.

    Args:
        session: the measurement so far.
        answers_per_second: how fast they come.
        seconds_left: until the run ends, None for a run without an end.
    """
    tally = session.tally
    if not tally.total:
        return Message("no answer counted yet")
    share = share_of(tally.canary_drawn, tally.total, session.expectation)
    line = Message(
        "{total} answers, {share} canary, {other} other: ",
        total=tally.total,
        share=share,
        other=tally.other_total,
    )
    if session.decided:
        return joined("", [line, session.verdict().outcome])
    to_go = session.to_go()
    if to_go is None:
        return joined("", [line, Message("no verdict in sight")])
    parts = [line, Message("about {to_go} more{awaited}", to_go=to_go, awaited=_awaited(session))]
    if answers_per_second:
        seconds = to_go / answers_per_second
        parts.append(Message(", {seconds:.0f} s", seconds=seconds))
        if seconds_left is not None and seconds > seconds_left:
            parts.append(Message(" ({seconds:.0f} left)", seconds=max(seconds_left, 0)))
    return joined("", parts)


def _awaited(session: Session) -> str:
    """Return which of the two findings takes longer, "" where there is but one."""
    split, canary = session.split_to_go(), session.canary_to_go()
    if not session.expectation.compares or split is None or canary is None:
        return ""
    return Message(" on the canary's errors") if canary > split else Message(" on the split")


def interval_text(verdict: Verdict) -> str:
    """Return in words which shares of the canary the answers do not rule out."""
    if verdict.interval_percent is None:
        return Message("no single share fits all answers")
    expectation = verdict.expectation
    return Message(
        "{certainty} interval {range}",
        certainty=_certainty(expectation.alpha),
        range=percent_range(verdict.interval_percent, expectation),
    )


def _certainty(alpha: float) -> str:
    """Return the coverage of an interval as a percentage that is never rounded up."""
    return f"{floor(min(1e6 * (1 - alpha) + 1e-6, 999_999)) / 1e4:g} %"
