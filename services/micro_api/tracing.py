"""The ids of a request that connect its log lines and hops: request id, W3C trace context, B3.

Only well-formed values are logged and echoed.
"""

import re
from random import getrandbits
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")

_ID_64: Final = r"(?!0{16})[0-9a-f]{16}"
_ID_128: Final = r"(?!0{32})[0-9a-f]{32}"
_B3_TRACE_ID: Final = rf"(?:{_ID_128}|{_ID_64})"
_W3C_FIELDS: Final = rf"{_ID_128}-{_ID_64}-[0-9a-f]{{2}}"
_STATE_MEMBER: Final = r"[a-z0-9][a-z0-9_*/@-]{0,255}=[ -+\--<>-~]{0,255}[!-+\--<>-~]"

# Header -> the values that are echoed. W3C Trace Context, 3.2: version ff is invalid, version 00 has exactly
# four fields, a later one may append some. B3: github.com/openzipkin/b3-propagation.
_PATTERNS: Final = {
    "traceparent": rf"00-{_W3C_FIELDS}|(?!00|ff)[0-9a-f]{{2}}-{_W3C_FIELDS}(?:-[!-~]{{1,128}})?",
    "tracestate": rf"(?=.{{1,512}}\Z){_STATE_MEMBER}(?:[ \t]*,[ \t]*{_STATE_MEMBER}){{0,31}}",
    "b3": rf"[01d]|{_B3_TRACE_ID}-{_ID_64}(?:-[01d](?:-{_ID_64})?)?",
    "x-b3-traceid": _B3_TRACE_ID,
    "x-b3-spanid": _ID_64,
    "x-b3-parentspanid": _ID_64,
    "x-b3-sampled": r"[01]|true|false",
    "x-b3-flags": r"[01]",
}
_PROPAGATED: Final = tuple(
    ("HTTP_" + name.upper().replace("-", "_"), name, re.compile(pattern)) for name, pattern in _PATTERNS.items()
)


class Trace(NamedTuple):
    """The ids of one request.

    Attributes:
        request_id: the client's `x-request-id` when it is well-formed, else a new one.
        trace_id: the id of the trace in hexadecimal, or "" if the request has none.
        span_id: the id of the caller's span in hexadecimal, or "".
        headers: the headers of the answer: the request id and every valid tracing header, unchanged.
    """

    request_id: str
    trace_id: str
    span_id: str
    headers: tuple[tuple[str, str], ...]


def read_trace(environ: "WSGIEnvironment") -> Trace:
    """Return a request's ids; malformed values are left out.

    Args:
        environ: the WSGI environment of the request.

    Returns:
        The ids, with a new request id if the request has no well-formed one.
    """
    request_id = environ.get("HTTP_X_REQUEST_ID", "")
    if not _REQUEST_ID.fullmatch(request_id):
        # Like a random UUID in hexadecimal. uuid4() asks the kernel and lets another thread run each time, which takes
        # longer than the rest of this function; the id must be unique, not secret.
        request_id = f"{getrandbits(128):032x}"
    found = {
        name: value
        for key, name, pattern in _PROPAGATED
        if (value := environ.get(key)) is not None and pattern.fullmatch(value)
    }
    if not found:
        return Trace(request_id, "", "", (("x-request-id", request_id),))
    if "traceparent" not in found:
        found.pop("tracestate", None)  # W3C, 3.3.1: the state means nothing without its parent
    trace_id, span_id = _trace_and_span(found)
    return Trace(request_id, trace_id, span_id, (("x-request-id", request_id), *found.items()))


def _trace_and_span(found: dict[str, str]) -> tuple[str, str]:
    """Return the ids from the first form that has them: W3C, the single B3 header, the separate B3 headers."""
    if "traceparent" in found:
        _, trace_id, span_id, *_ = found["traceparent"].split("-")
        return trace_id, span_id
    if "-" in found.get("b3", ""):
        trace_id, span_id, *_ = found["b3"].split("-")
        return trace_id, span_id
    return found.get("x-b3-traceid", ""), found.get("x-b3-spanid", "")
