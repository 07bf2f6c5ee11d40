"""What values a field may have, as functions that read it: the tables of fields are made of these.

A reader returns a plain value in Istio's own names, or raises `ManifestError` with the field's file and path.
"""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from scripts.lab.translation.fields import Field, Form

Reader = Callable[[Field], Any]

_MOST_INT32: Final = 2**31 - 1
_DURATION: Final = re.compile(r"(?=.)(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d*)?|\.\d+)s)?(?:(\d+(?:\.\d*)?)ms)?")
_RE2_LACKS: Final = re.compile(r"\(\?(?:[=!>(]|<[=!]|P[=>])|\\[1-9]|[*+?}]\+")
_LABEL_PATTERN: Final = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_PART: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"

# A header's value without "%", which starts a command of Envoy such as %START_TIME%.
HEADER_VALUE: Final = Form(r"[!-$&-~]([ -$&-~]*[!-$&-~])?", 'a header value of printable ASCII without "%"')
HEADER_NAME: Final = Form(
    r"[A-Za-z0-9]([-_A-Za-z0-9]*[A-Za-z0-9])?", "a header name of letters, digits, hyphens and underscores"
)
RESPONSE_HEADER: Final = Form(rf"(?!(?i:host)$){HEADER_NAME.pattern}", f"{HEADER_NAME.meaning}, other than host")
LABEL_KEY: Final = Form(rf"((?=.{{1,253}}/){_PART}(\.{_PART})*/)?{_LABEL_PATTERN}", "a label's key")
LABEL_VALUE: Final = Form(_LABEL_PATTERN, "a label's value")
PRINTABLE: Final = Form(r"[ -~]+", "printable ASCII")
ANY_TEXT: Final = Form(r"(?s:.*)", "a text")


def record(
    fields: Mapping[str, Reader],
    required: Sequence[str] = (),
    refused: Mapping[str, str] = MappingProxyType({}),
) -> Reader:
    """Return the reader of a mapping with these fields; `refused` has reasons, as in `Field.record`."""
    optional = [name for name in fields if name not in required]

    def read(field: Field) -> dict[str, Any]:
        return {name: fields[name](child) for name, child in field.record(required, optional, refused).items()}

    return read


def items(reader: Reader) -> Reader:
    """Return the reader of a list of at least one element."""
    return lambda field: [reader(item) for item in field.items()]


def mapping(key_form: Form, reader: Reader) -> Reader:
    """Return the reader of a mapping whose keys have a form."""
    return lambda field: {key: reader(child) for key, child in field.entries(key_form).items()}


def text(form: Form) -> Reader:
    """Return the reader of a string of a form."""
    return lambda field: field.text(form)


def one_of(*allowed: str) -> Reader:
    """Return the reader of one of some strings."""
    return lambda field: field.one_of(allowed)


def whole(least: int = 0, most: int = _MOST_INT32) -> Reader:
    """Return the reader of a whole number between two bounds, both included."""
    return lambda field: field.whole_number(least, most)


def truth(field: Field) -> bool:
    """Read true or false."""
    return field.truth()


def percent(field: Field) -> float:
    """Read Istio's `Percent`, such as `value: 12.5`: from 0 to 100."""
    fields = field.record([], ["value"])
    return fields["value"].number(0, 100) if "value" in fields else 0.0


def ignored(_: Field) -> None:
    """Take any value: the field has no effect in the lab, and `analysis` says so."""


def duration(field: Field) -> str:
    """Read a duration such as `1m30s` or `250ms`, as the seconds that protobuf's JSON has, such as `0.250s`."""
    written = field.text(Form(r"[0-9.hms]+", "a duration such as 10s, 1.5s or 250ms"))
    found = _DURATION.fullmatch(written)
    if found is None:
        raise field.error(f"{written}: must be a duration such as 10s, 1.5s or 250ms")
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in found.groups())
    return seconds_text(round((hours * 3600 + minutes * 60 + seconds) * 1e9 + milliseconds * 1e6))


def seconds_text(nanoseconds: int) -> str:
    """Return a duration as protobuf's JSON has it: seconds with 0, 3, 6 or 9 digits after the point."""
    seconds, rest = divmod(nanoseconds, 10**9)
    digits = f"{rest:09}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{seconds}.{digits}s" if digits else f"{seconds}s"


def regex(field: Field) -> str:
    """Read a regular expression of RE2, which must match the whole value."""
    pattern = field.text(PRINTABLE)
    lacking = _RE2_LACKS.search(pattern)
    if lacking:
        raise field.error(f"{pattern}: Envoy's regular expressions (RE2) know no `{lacking[0]}`")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except re.error as error:
        if error.msg not in _OF_RE2_ALONE:
            raise field.error(f"{pattern}: is not a regular expression: {error.msg}") from error
    return pattern


_OF_RE2_ALONE: Final = ("global flags not at the start of the expression", r"bad escape \p", r"bad escape \z")

_STRING_MATCH: Final = record({"exact": text(HEADER_VALUE), "prefix": text(PRINTABLE), "regex": regex})


def string_match(field: Field) -> Mapping[str, str]:
    """Read Istio's `StringMatch`: exactly one of `exact`, `prefix` and `regex`."""
    if field.is_text:
        raise field.error('must be a mapping such as `exact: "v"`, or `prefix` or `regex`')
    found: dict[str, str] = _STRING_MATCH(field)
    if len(found) != 1:
        raise field.error(f"has {' and '.join(found)}: keep one of them")
    return found


def header_match(field: Field) -> Mapping[str, str]:
    """Read a `StringMatch` of a header or parameter; an empty one means that it is present with any value."""
    return {} if field.is_empty_mapping else string_match(field)
