"""The options that say what the judge reads, and the format that they name."""

import argparse
import re
from decimal import Decimal
from typing import Any, Final

from canary_loadtest.core.health.latency_finding import LOGS
from canary_loadtest.judge.fields import NO_STATUS, FieldReader, TimeFields, is_column
from canary_loadtest.judge.readers import FORMATS, Format

DEFAULT_FORMAT: Final = "bodies"
MOST_DIGITS: Final = 15
COUNT: Final = re.compile(r"[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,9})?")
NEEDS_TIMES: Final = "--max-slowdown needs when each request was sent and how long its answer took"
TIMED: Final = (
    f"use {', '.join(f'--format {name}' for name, form in FORMATS.items() if form.times)} or an access log with its"
    " fields of time"
)


class UsageError(Exception):
    """A wrong combination of options; the message says what to do."""


def add_input_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what the input is."""
    parser.add_argument("--format", choices=FORMATS, help=f"format of FILE (default: {DEFAULT_FORMAT})")
    parser.add_argument(
        "--field",
        metavar="NAME",
        help="FILE is an access log: the JSON member, or the number of the column, that names the version; -1 is the"
        " last column",
    )
    parser.add_argument(
        "--canary-value", action="append", metavar="TEXT", help="what that field has for the canary; may be repeated"
    )
    parser.add_argument(
        "--stable-value", action="append", metavar="TEXT", help="what it has for the stable version; may be repeated"
    )
    parser.add_argument(
        "--status-field",
        metavar="NAME",
        help="the member or column with the status, none for a log without (default: status or response_code, or the"
        " column after the first quoted one); 400 and more is an error",
    )
    for name, what in {
        "started": "with the moment when the request came (ISO 8601, or seconds), for --max-slowdown",
        "ended": "with the moment when its answer ended, where the log has that in its place",
        "seconds": "with the time from the one to the other in seconds",
        "milliseconds": "with that time in milliseconds",
    }.items():
        parser.add_argument(f"--{name}-field", metavar="NAME", help=f"the member or column {what}")
    parser.add_argument(
        "--classify",
        metavar="FILE.py:NAME",
        help="function that returns the label of an answer from its status, headers and body (jsonl, vegeta)",
    )
    parser.add_argument(
        "--sent", type=count, metavar="N", help="number of requests that were sent; missing ones count as other"
    )
    parser.add_argument(
        "--complete",
        action="store_true",
        help="the record has a line for every request that came in, like a gateway's access log of a time that is over",
    )


def count(text: str) -> int:
    """Return a number of answers, also as Prometheus writes a counter: 300.0 or 1.2e+06.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    shown = text if len(text) <= MOST_DIGITS else f"{text[:MOST_DIGITS]}..."
    if not COUNT.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{shown!r} is not a number of answers")
    value = Decimal(text)
    if value >= 10**MOST_DIGITS:
        raise argparse.ArgumentTypeError(f"{shown!r} is not a number of answers of at most {MOST_DIGITS} digits")
    if value != value.to_integral_value():
        raise argparse.ArgumentTypeError(f"{shown!r} is not a whole number of answers")
    return int(value)


def of_a_record(options: argparse.Namespace) -> bool:
    """Return whether an option is given that says what FILE is."""
    fields = (options.field, *_other_fields(options).values(), options.canary_value, options.stable_value)
    return any(option is not None for option in (*fields, options.format, options.classify, options.sent))


def input_option(options: argparse.Namespace) -> str:
    """Return the option that says what the input is."""
    return f"--format {options.format or DEFAULT_FORMAT}" if options.field is None else f"--field {options.field}"


def form_of(options: argparse.Namespace) -> Format:
    """Return the format of the input.

    Raises:
        UsageError: the options for an access log are not complete, or name what it cannot have; or the format has not
            what other options take.
    """
    form = _access_log(options) if options.field is not None else _format(options)
    named = input_option(options)
    for name, given in (("--route", options.route), ("--classify", options.classify)):
        if given is not None and not form.has_headers:
            raise UsageError(f"{name} needs answers with headers: {named} has none")
    if options.complete and not form.has_records:
        raise UsageError(f"--complete needs a line for every request: {named} has none; use --sent N")
    if options.status_field == NO_STATUS and not options.only_split:
        raise UsageError(
            "--status-field none: a log without a status shows no error of the canary; judge the split alone"
            " (--only-split), or name the field"
        )
    if options.max_slowdown is not None and not form.times:
        raise UsageError(f"{NEEDS_TIMES}: {named} has neither; {TIMED}")
    return form


def _format(options: argparse.Namespace) -> Format:
    given = [name for name, field in _other_fields(options).items() if field is not None]
    if given or options.canary_value is not None or options.stable_value is not None:
        others = "".join(f", {name}" for name in given if name != "--status-field")
        raise UsageError(f"--canary-value, --stable-value{others} and --status-field go with --field NAME")
    return FORMATS[options.format or DEFAULT_FORMAT]


def _other_fields(options: argparse.Namespace) -> dict[str, str | None]:
    """Return the fields of an access log but that of the version, by their options."""
    return {
        "--status-field": options.status_field,
        "--started-field": options.started_field,
        "--ended-field": options.ended_field,
        "--seconds-field": options.seconds_field,
        "--milliseconds-field": options.milliseconds_field,
    }


def _access_log(options: argparse.Namespace) -> Format:
    values = (options.canary_value, options.stable_value)
    if not options.field:
        raise UsageError("--field is empty: name a member of JSON, or the number of a column")
    if None in values or options.format is not None:
        raise UsageError("give --field with --canary-value and --stable-value, and without --format")
    canary, stable = map(frozenset, values)
    if canary & stable:
        raise UsageError("--canary-value and --stable-value are the same")
    if options.field.isdigit() and not int(options.field):
        raise UsageError("--field 0: columns are counted from 1 on, or from the end with -1")
    for name, field in _other_fields(options).items():
        if field not in {None, NO_STATUS} and is_column(field) != is_column(options.field):
            raise UsageError(f"--field and {name} are both columns, or both members of JSON")
    times = _times(options)
    return Format(
        FieldReader(options.field, canary, stable, options.status_field, times),
        f"access log with the version in {options.field}",
        times=f"{'columns ' * is_column(options.field)}{times.moment} and {times.length}" if times else "",
        clock=LOGS,
    )


def _times(options: argparse.Namespace) -> TimeFields | None:
    """Return the fields with the time of a request, None where they are not asked for."""
    moment = _one_of(("--started-field", options.started_field), ("--ended-field", options.ended_field))
    length = _one_of(("--seconds-field", options.seconds_field), ("--milliseconds-field", options.milliseconds_field))
    if options.max_slowdown is None:
        if moment or length:
            raise UsageError("the fields of time, such as --started-field, have no effect without --max-slowdown")
        return None
    if not moment or not length:
        raise UsageError(
            f"{NEEDS_TIMES}: name the fields with --started-field or --ended-field, and --seconds-field or"
            " --milliseconds-field"
        )
    parts_of_a_second = 1.0 if options.milliseconds_field is None else 1000.0
    return TimeFields(moment, options.ended_field is not None, length, parts_of_a_second)


def _one_of(first: tuple[str, Any], second: tuple[str, Any]) -> str:
    """Return the value that one of two options has, "" where none has one.

    Raises:
        UsageError: both have one.
    """
    (name, value), (other_name, other_value) = first, second
    if value is not None and other_value is not None:
        raise UsageError(f"{name} and {other_name} say the same in two ways: give one of them")
    return str(value or other_value or "")
