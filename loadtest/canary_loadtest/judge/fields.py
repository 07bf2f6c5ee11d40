"""An access log of any form: which of its fields name the version, the status and the time of a request."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from canary_loadtest.core.labels import CANARY, STABLE, UNEXPECTED_RECORD, UNEXPECTED_VALUE, status_label
from canary_loadtest.core.lines import columns, json_object, member, subset_of
from canary_loadtest.judge.reading import NO_TIMING, Line, Reading, Timing
from canary_loadtest.judge.sources import Source
from canary_loadtest.judge.times import moment_of, seconds_of

NO_STATUS: Final = "none"
DEFAULT_STATUS_MEMBERS: Final = ("status", "response_code")
COLUMN_NUMBER: Final = re.compile(r"-?[1-9][0-9]{0,3}")
STATUS: Final = re.compile(r"0|[1-9][0-9]{2}")
FIRST_ERROR: Final = 400


@dataclass(frozen=True)
class TimeFields:
    """Which fields of a log have the time of a request.

    Attributes:
        moment: the field with a moment: a date with a time (ISO 8601), or a number of seconds.
        is_end: whether that is the end of the answer, and not the arrival of the request.
        length: the field with the time from the one to the other.
        parts_of_a_second: how many of its units make a second.
    """

    moment: str
    is_end: bool
    length: str
    parts_of_a_second: float

    def timing(self, found: "_Found", line: Line) -> Timing:
        """Return the time of the request of a line."""
        moment, seconds = moment_of(found.moment), seconds_of(found.length, self.parts_of_a_second)
        if self.is_end:
            moment = None if moment is None or seconds is None else moment - seconds
        return Timing(moment, seconds, line.place)


class _Found(NamedTuple):
    """What a line has: the version, the status, "" for a log without, and the two fields of `TimeFields`."""

    version: str
    status: str
    moment: object = None
    length: object = None


@dataclass(frozen=True)
class FieldReader:
    """Counts the lines of an access log by a field of each.

    Attributes:
        field: a member of the line's JSON object (a path with dots), or the number of a column of text, from 1 on, or
            from the end with -1.
        canary: the field's values for the canary.
        stable: the field's values for the stable version.
        status_field: the field with the status, as `field`; "none" where the log has none, None for `status` or
            `response_code`, or the column after the first quoted one, as nginx and Envoy have it.
        times: the fields with the time of a request, None where it is not asked for.
    """

    field: str
    canary: frozenset[str]
    stable: frozenset[str]
    status_field: str | None = None
    times: TimeFields | None = None

    def __call__(self, source: Source, reading: Reading) -> None:
        """Count the lines; a status of 400 or more, or 0, is an error of the version that the line names.

        What names the version is the proxy's choice for the request, or the version itself. Where it names none the
        error may be of either.
        """
        read = self._columns if is_column(self.field) else self._members
        for number, text in source.lines():
            if not text.strip():
                continue
            line = Line(source.name, number, text)
            found = read(text)
            if isinstance(found, str):
                reading.miss(UNEXPECTED_RECORD, line, found)
                continue
            timing = NO_TIMING if self.times is None else self.times.timing(found, line)
            version, status = self._label(found.version), found.status
            if status and not 0 < int(status) < FIRST_ERROR:
                reading.add(status_label(int(status)), destination=version, timing=timing)
            elif version:
                reading.add(version, timing=timing)
            else:
                reading.miss(UNEXPECTED_VALUE, line, f"the value of {self.field} is {found.version!r}")

    def _label(self, value: str) -> str:
        """Return the version that a value names, "" for none."""
        for name in (value, subset_of(value)):
            if name in self.canary or name in self.stable:
                return CANARY if name in self.canary else STABLE
        return ""

    def _members(self, text: bytes) -> _Found | str:
        """Return what a line of JSON has, or in words what it lacks."""
        record = json_object(text)
        if record is None:
            return "no JSON object at its end"
        status = self._status_member(record)
        if status is None:
            return "no status; name its field with --status-field"
        version = _as_text(member(record, self.field))
        if self.times is None:
            return _Found(version, status)
        return _Found(version, status, member(record, self.times.moment), member(record, self.times.length))

    def _status_member(self, record: dict[str, Any]) -> str | None:
        if self.status_field == NO_STATUS:
            return ""
        names = DEFAULT_STATUS_MEMBERS if self.status_field is None else (self.status_field,)
        found = (_as_text(member(record, name)) for name in names)
        return next((status for status in found if STATUS.fullmatch(status)), None)

    def _columns(self, text: bytes) -> _Found | str:
        """Return what a line of text has, or in words what it lacks."""
        found = columns(text)
        version, status = _column(found, self.field), self._status_column(found)
        if version is None:
            return f"no column {self.field}"
        if status is None:
            return "no status; name its column with --status-field"
        if self.times is None:
            return _Found(version, status)
        return _Found(version, status, _column(found, self.times.moment), _column(found, self.times.length))

    def _status_column(self, found: list[tuple[str, bool]]) -> str | None:
        """Return the status, "" for a log without, None where there should be one."""
        if self.status_field == NO_STATUS:
            return ""
        place = self.status_field
        if place is None:
            quoted = next((number for number, (_, is_quoted) in enumerate(found, 1) if is_quoted), None)
            place = None if quoted is None else str(quoted + 1)
        status = None if place is None else _column(found, place)
        return status if status is not None and STATUS.fullmatch(status) else None


def is_column(field: str) -> bool:
    """Return whether a field is the number of a column, and not a member of JSON."""
    return COLUMN_NUMBER.fullmatch(field) is not None


def _column(found: list[tuple[str, bool]], number: str) -> str | None:
    place = int(number)
    place = place - 1 if place > 0 else len(found) + place
    return found[place][0] if 0 <= place < len(found) else None


def _as_text(value: object) -> str:
    """Return a value of JSON as one writes it on a command line."""
    return value if isinstance(value, str) else json.dumps(value)
