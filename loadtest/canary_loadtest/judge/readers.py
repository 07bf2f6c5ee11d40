"""Readers of answers that another tool received: each takes an input and counts its answers.

No reader keeps more than a piece, or a line, of the input in memory. Where answers are compared in the order of their
requests, some bytes of each are kept (canary_loadtest/judge/order.py).
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeGuard

from canary_loadtest.core.answer import ROUTE_HEADER
from canary_loadtest.core.contract import CANARY_BODY, LABEL_BY_VERSION, LOG_MESSAGE, STABLE_BODY
from canary_loadtest.core.health.latency_finding import CLIENTS, Clock
from canary_loadtest.core.labels import (
    CANARY,
    CONNECTION_ERROR,
    NO_ANSWER,
    OTHER_OR_NONE,
    STABLE,
    UNEXPECTED_LINE,
    UNEXPECTED_RECORD,
    UNEXPECTED_STATUS,
    UNEXPECTED_TEXT,
    UNEXPECTED_VERSION,
    status_label,
)
from canary_loadtest.core.lines import json_object, unwrapped
from canary_loadtest.core.tally import Tally
from canary_loadtest.judge.reading import NO_TIMING, Line, Reading, Timing
from canary_loadtest.judge.sources import Source
from canary_loadtest.judge.times import moment_of, seconds_of

MOST_REST_BYTES: Final = 1 << 20
TEXT_LINE: Final = re.compile(rb"\S[^\n]*")
MOST_REQUESTS: Final = 10**15  # as for counts: a number above it is none
NANOSECONDS: Final = 1e9  # in a second


def read_bodies(source: Source, reading: Reading) -> None:
    """Count bodies that follow one another with or without white space between them, as curl prints them.

    Any other line of text between two bodies counts as one answer, since nothing shows where one ends.
    """
    rest = b""
    for piece in source.pieces():
        complete, newline, rest = _cut_out_bodies(rest + piece, reading.tally).rpartition(b"\n")
        _count_text(complete + newline, reading.tally)
        if len(rest) > MOST_REST_BYTES:
            reading.tally.other[UNEXPECTED_TEXT] += 1
            rest = rest[-len(CANARY_BODY) :]
    _count_text(rest, reading.tally)


def _cut_out_bodies(data: bytes, tally: Tally) -> bytes:
    """Count the contract's bodies in `data`, and return it with a newline in place of each."""
    canary, stable = data.count(CANARY_BODY), data.count(STABLE_BODY)
    tally.canary += canary
    tally.stable += stable
    if canary or stable:
        tally.routes[""] += canary + stable
    return data.replace(CANARY_BODY, b"\n").replace(STABLE_BODY, b"\n")


def _count_text(text: bytes, tally: Tally) -> None:
    if count := sum(1 for _ in TEXT_LINE.finditer(text)):
        tally.other[UNEXPECTED_TEXT] += count


def read_lines(source: Source, reading: Reading) -> None:
    """Count lines of which each is, or contains, the body of one answer: a log, or curl with newlines."""
    for number, text in source.lines():
        line = unwrapped(text)
        is_canary, is_stable = CANARY_BODY in line, STABLE_BODY in line
        if is_canary != is_stable:
            reading.add(CANARY if is_canary else STABLE)
        else:
            reading.records += 1  # of an answer, though of another one
            reading.miss(UNEXPECTED_LINE, Line(source.name, number, text), "no answer of the contract, or two")


def read_jsonl(source: Source, reading: Reading) -> None:
    """Count lines of JSON, each {"status": 200, "headers": {...}, "body": "..."}; status 0 for no answer.

    Where the latency is compared each also has `started_at`, when its request was sent, and `seconds`, from then to the
    end of the answer.
    """
    for record, line in _records(source, reading, "status", "body"):
        text = record["body"]
        body = text.encode(errors="replace") if isinstance(text, str) else b""  # JSON can hold half a character
        timing = NO_TIMING
        if reading.by_start is not None:
            timing = Timing(moment_of(record.get("started_at")), seconds_of(record.get("seconds")), line.place)
        _add(reading, line, _Received(record["status"], record.get("headers"), body), timing)


def read_vegeta(source: Source, reading: Reading) -> None:
    """Count the lines of `vegeta encode --to json`: code, headers as lists, body in base 64; code 0 for no answer.

    vegeta numbers its requests from 0 on, so that those show that it was ended before it had recorded them. Its
    `timestamp` is the moment when a request is really sent, and not the one when it should have been; its `latency` is
    the time from there to the last byte of the answer, a new connection included (lib/attack.go of vegeta 12.13.0).
    """
    started = recorded = 0
    for record, line in _records(source, reading, "code"):
        recorded += 1
        number = record.get("seq")
        if type(number) is int and number < MOST_REQUESTS:
            started = max(started, number + 1)
        try:
            body = base64.b64decode(record.get("body") or "", validate=True)
        except (binascii.Error, TypeError, ValueError):
            body = b""
        timing = NO_TIMING
        if reading.by_start is not None:
            seconds = seconds_of(record.get("latency"), NANOSECONDS)
            timing = Timing(moment_of(record.get("timestamp")), seconds, line.place)
        _add(reading, line, _Received(record["code"], record.get("headers"), body), timing)
    reading.add_missing(NO_ANSWER, max(started - recorded, 0))


def read_service_log(source: Source, reading: Reading) -> None:
    """Count the service's own log lines for calls of /test/test, by the version that wrote them.

    Its other log lines are no answers. A line that is no log line of the service may have been one.
    """
    for record, _ in _records(source, reading, "message"):
        reading.records += record["message"] != LOG_MESSAGE
        if record["message"] == LOG_MESSAGE:
            status = record.get("status", 200)
            label = LABEL_BY_VERSION.get(str(record.get("version")), UNEXPECTED_VERSION)
            if status != 200:
                label = status_label(status) if is_status(status) else UNEXPECTED_STATUS
            reading.add(label)


def _records(source: Source, reading: Reading, *names: str) -> Iterator[tuple[Mapping[str, Any], Line]]:
    """Yield the JSON object of each line that has members of these names; blank lines are skipped."""
    for number, text in source.lines():
        if not text.strip():
            continue
        line = Line(source.name, number, text)
        record = json_object(text)
        missing = next((name for name in names if name not in record), None) if record is not None else None
        if record is None:
            reading.miss(UNEXPECTED_RECORD, line, "no JSON object at its end")
        elif missing is not None:
            reading.miss(UNEXPECTED_RECORD, line, f"no {missing!r}")
        else:
            yield record, line


class _Received(NamedTuple):
    """What a record has of an answer, of any type."""

    status: object
    headers: object
    body: bytes


def _add(reading: Reading, line: Line, received: _Received, timing: Timing) -> None:
    """Classify one answer of a JSON record, and count it."""
    status, headers, body = received
    if not is_status(status):
        reading.miss(UNEXPECTED_RECORD, line, "its status is not one of HTTP, and not 0")
    elif not isinstance(headers, dict | None):
        reading.miss(UNEXPECTED_RECORD, line, "its headers are no JSON object")
    elif status == 0:
        reading.add(CONNECTION_ERROR, timing=timing)
    else:
        by_name = {str(name).lower(): _header_value(value) for name, value in (headers or {}).items()}
        label = reading.classify(status, by_name, body)
        reading.add(label, by_name.get(ROUTE_HEADER, ""), reading.destinations.of(by_name), timing)


def is_status(value: object) -> TypeGuard[int]:
    """Return whether a value is the status of an HTTP answer, or 0 for none."""
    return type(value) is int and 0 <= value <= 999


def _header_value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@dataclass(frozen=True)
class Format:
    """A format of piped answers.

    Attributes:
        read: counts the answers of an input.
        description: what it is, for --help.
        tells_all: whether requests that got no answer show in it, too.
        has_records: whether each answer has a line of its own, so that the record may be complete.
        has_headers: whether it has what a classifier takes: status, headers and body.
        uncertain: the label of text that may or may not have been answers, "" where all of it is.
        missing: the label of a request that was sent and is not in it.
        times: which parts of a record say when its request was sent and how long its answer took, "" for none.
        clock: where those times were measured.
    """

    read: Callable[[Source, Reading], None]
    description: str
    tells_all: bool = False
    has_records: bool = True
    has_headers: bool = False
    uncertain: str = ""
    missing: str = OTHER_OR_NONE
    times: str = ""
    clock: Clock = CLIENTS


FORMATS: Final[Mapping[str, Format]] = {
    "bodies": Format(read_bodies, "bodies in a row (curl in a loop)", has_records=False, uncertain=UNEXPECTED_TEXT),
    "lines": Format(read_lines, "a line for each request, with the body in it (a log)"),
    "jsonl": Format(
        read_jsonl,
        "JSON lines with status, headers and body (k6)",
        has_headers=True,
        missing=NO_ANSWER,
        times="started_at and seconds",
    ),
    "vegeta": Format(
        read_vegeta,
        "vegeta encode --to json",
        tells_all=True,
        has_headers=True,
        missing=NO_ANSWER,
        times="timestamp and latency",
    ),
    "service-log": Format(read_service_log, "log lines of the service (hey, wrk, any)", uncertain=UNEXPECTED_RECORD),
}
