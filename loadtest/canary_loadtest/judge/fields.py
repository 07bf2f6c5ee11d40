"""An access log of any form: which of its fields names the version, and which the status."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from canary_loadtest.core.labels import CANARY, STABLE, UNEXPECTED_RECORD, UNEXPECTED_VALUE, status_label
from canary_loadtest.core.lines import columns, json_object, member, subset_of
from canary_loadtest.judge.reading import Line, Reading
from canary_loadtest.judge.sources import Source

NO_STATUS: Final = "none"
DEFAULT_STATUS_MEMBERS: Final = ("status", "response_code")
COLUMN_NUMBER: Final = re.compile(r"-?[1-9][0-9]{0,3}")
STATUS: Final = re.compile(r"0|[1-9][0-9]{2}")
FIRST_ERROR: Final = 400


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
    """

    field: str
    canary: frozenset[str]
    stable: frozenset[str]
    status_field: str | None = None

    def __call__(self, source: Source, reading: Reading) -> None:
        """Count the lines; an answer with a status of 400 or more, or 0, counts as that, of either version."""
        read = self._columns if is_column(self.field) else self._members
        for number, text in source.lines():
            if not text.strip():
                continue
            line = Line(source.name, number, text)
            found = read(text)
            if isinstance(found, str):
                reading.miss(UNEXPECTED_RECORD, line, found)
                continue
            value, status = found
            if status and not 0 < int(status) < FIRST_ERROR:
                reading.add(status_label(int(status)))
            elif label := self._label(value):
                reading.add(label)
            else:
                reading.miss(UNEXPECTED_VALUE, line, f"the value of {self.field} is {value!r}")

    def _label(self, value: str) -> str | None:
        for name in (value, subset_of(value)):
            if name in self.canary or name in self.stable:
                return CANARY if name in self.canary else STABLE
        return None

    def _members(self, text: bytes) -> tuple[str, str] | str:
        """Return the values of version and status in a line of JSON, or what it lacks."""
        record = json_object(text)
        if record is None:
            return "no JSON object at its end"
        status = self._status_member(record)
        if status is None:
            return "no status; name its field with --status-field"
        return _as_text(member(record, self.field)), status

    def _status_member(self, record: dict[str, Any]) -> str | None:
        if self.status_field == NO_STATUS:
            return ""
        names = DEFAULT_STATUS_MEMBERS if self.status_field is None else (self.status_field,)
        found = (_as_text(member(record, name)) for name in names)
        return next((status for status in found if STATUS.fullmatch(status)), None)

    def _columns(self, text: bytes) -> tuple[str, str] | str:
        """Return the values of version and status in a line of text, or what it lacks."""
        found = columns(text)
        value = _column(found, self.field)
        if value is None:
            return f"no column {self.field}"
        if self.status_field == NO_STATUS:
            return value, ""
        if self.status_field is None:
            quoted = next((place for place, (_, is_quoted) in enumerate(found, 1) if is_quoted), None)
            status = None if quoted is None else _column(found, str(quoted + 1))
        else:
            status = _column(found, self.status_field)
        if status is None or not STATUS.fullmatch(status):
            return "no status; name its column with --status-field"
        return value, status


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
