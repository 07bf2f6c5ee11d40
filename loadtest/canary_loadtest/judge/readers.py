"""Readers of answers that another tool received: each takes a binary stream and returns the tally of its answers.

No reader keeps more than a piece, or a line, of the stream in memory.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from canary_loadtest.core.answer import ROUTE_HEADER, Answer
from canary_loadtest.core.contract import CANARY_BODY, LABEL_BY_VERSION, LOG_MESSAGE, STABLE_BODY, classify
from canary_loadtest.core.labels import (
    CANARY,
    CONNECTION_ERROR,
    STABLE,
    UNEXPECTED_LINE,
    UNEXPECTED_RECORD,
    UNEXPECTED_STATUS,
    UNEXPECTED_TEXT,
    UNEXPECTED_VERSION,
    status_label,
)
from canary_loadtest.core.tally import Tally

PIECE_BYTES: Final = 1 << 20


def read_bodies(stream: BinaryIO, route: str | None = None) -> Tally:  # noqa: ARG001 - every reader is called alike
    """Count bodies that follow one another with or without white space between them, as curl prints them.

    Any other line of text between two bodies counts as one answer, since nothing shows where one ends.
    """
    tally = Tally()
    rest = b""
    while piece := stream.read(PIECE_BYTES):
        *complete, rest = _cut_out_bodies(rest + piece, tally)
        tally.other[UNEXPECTED_TEXT] += sum(1 for text in complete if text.strip())
        if len(rest) > PIECE_BYTES:
            tally.other[UNEXPECTED_TEXT] += 1
            rest = rest[-len(CANARY_BODY) :]
    tally.other[UNEXPECTED_TEXT] += bool(rest.strip())
    return _without_zeros(tally)


def _cut_out_bodies(data: bytes, tally: Tally) -> list[bytes]:
    """Count the contract's bodies in `data`, and return what stands between them, by lines."""
    canary, stable = data.count(CANARY_BODY), data.count(STABLE_BODY)
    tally.canary += canary
    tally.stable += stable
    tally.routes[""] += canary + stable
    return data.replace(CANARY_BODY, b"\n").replace(STABLE_BODY, b"\n").split(b"\n")


def read_lines(stream: BinaryIO, route: str | None = None) -> Tally:  # noqa: ARG001 - every reader is called alike
    """Count lines of which each is, or contains, the body of one answer: a log, or curl with newlines."""
    tally = Tally()
    for line in stream:
        is_canary, is_stable = CANARY_BODY in line, STABLE_BODY in line
        label = CANARY if is_canary else STABLE
        tally.add(Answer(label if is_canary != is_stable else UNEXPECTED_LINE))
    return tally


def read_jsonl(stream: BinaryIO, route: str | None = None) -> Tally:
    """Count lines of JSON, each {"status": 200, "headers": {...}, "body": "..."}; status 0 for no answer."""
    tally = Tally()
    for record in _records(stream):
        text = record.get("body")
        body = text.encode(errors="replace") if isinstance(text, str) else b""  # JSON can hold half a character
        _add(tally, record.get("status"), record.get("headers"), body, route)
    return tally


def read_vegeta(stream: BinaryIO, route: str | None = None) -> Tally:
    """Count the lines of `vegeta encode --to json`: code, headers as lists, body in base 64; code 0 for no answer."""
    tally = Tally()
    for record in _records(stream):
        try:
            body = base64.b64decode(record.get("body") or "", validate=True)
        except (binascii.Error, TypeError, ValueError):
            body = b""
        _add(tally, record.get("code"), record.get("headers"), body, route)
    return tally


def read_service_log(stream: BinaryIO, route: str | None = None) -> Tally:  # noqa: ARG001 - every reader is called alike
    """Count the service's own log lines for calls of /test/test, by the version that wrote them; skip all others."""
    tally = Tally()
    for record in _records(stream):
        if record.get("message") == LOG_MESSAGE:
            status = record.get("status", 200)
            label = LABEL_BY_VERSION.get(str(record.get("version")), UNEXPECTED_VERSION)
            if status != 200:
                label = status_label(status) if isinstance(status, int) else UNEXPECTED_STATUS
            tally.add(Answer(label))
    return tally


def _records(stream: BinaryIO) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON object of each line, an empty one for a line without; blank lines are skipped."""
    for line in stream:
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        yield record if isinstance(record, dict) else {}


def _add(tally: Tally, status: object, headers: object, body: bytes, expected_route: str | None) -> None:
    """Classify one answer of a JSON record, and count it."""
    if not isinstance(status, int) or not isinstance(headers, dict | None):
        tally.add(Answer(UNEXPECTED_RECORD))
        return
    if status == 0:
        tally.add(Answer(CONNECTION_ERROR))
        return
    by_name = {str(name).lower(): _header_value(value) for name, value in (headers or {}).items()}
    tally.add(Answer(classify(status, by_name, body), by_name.get(ROUTE_HEADER, "")), expected_route)


def _header_value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _without_zeros(tally: Tally) -> Tally:
    """Drop kinds and routes that were counted zero times, as merging tallies does."""
    return tally + Tally()


@dataclass(frozen=True)
class Format:
    """A format of piped answers.

    Attributes:
        read: counts the answers of a stream; answers by another route than the given one are counted as such.
        tells_all: whether requests that got no answer show in it too.
        description: what it is, for --help.
    """

    read: Callable[[BinaryIO, str | None], Tally]
    tells_all: bool
    description: str


FORMATS: Final[Mapping[str, Format]] = {
    "bodies": Format(read_bodies, tells_all=False, description="bodies in a row (curl in a loop)"),
    "lines": Format(read_lines, tells_all=True, description="a line for each request, with the body in it (a log)"),
    "jsonl": Format(read_jsonl, tells_all=True, description="JSON lines with status, headers and body (k6)"),
    "vegeta": Format(read_vegeta, tells_all=True, description="vegeta encode --to json"),
    "service-log": Format(read_service_log, tells_all=False, description="log lines of the service (hey, wrk, any)"),
}
