"""Why a request got no answer: the cause as the operating system and the TLS library name it."""

from collections.abc import Mapping
from socket import gaierror
from ssl import SSLError
from typing import Final
from zlib import error as EncodingError  # noqa: N812 - a class

from gevent.timeout import Timeout
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError

from canary_loadtest.core.labels import (
    CONNECTION_ERROR,
    CONNECTION_REFUSED,
    CONNECTION_RESET,
    INVALID_HTTP,
    NAME_NOT_RESOLVED,
    TIMEOUT,
    TLS_ERROR,
    TRUNCATED_BODY,
    UNEXPECTED_ENCODING,
)

INVALID_EOF_STATE: Final = 14  # of llhttp, the parser: the connection ended within the head

KINDS: Final[Mapping[str, tuple[type[BaseException], ...]]] = {
    TIMEOUT: (TimeoutError, Timeout),
    NAME_NOT_RESOLVED: (gaierror,),
    TLS_ERROR: (SSLError,),
    CONNECTION_REFUSED: (ConnectionRefusedError,),
    CONNECTION_RESET: (ConnectionResetError, BrokenPipeError),
    UNEXPECTED_ENCODING: (EncodingError,),
}


def cause_of(error: BaseException | None) -> BaseException | None:
    """Return the error below the one that the client raises, None for none."""
    error = getattr(error, "original", error)  # the client wraps the errors that it would retry, were it allowed to
    if isinstance(error, HTTPConnectionClosed) and isinstance(error.__context__, ConnectionResetError):
        return error.__context__
    return error


def label_of(cause: BaseException | None) -> str:
    """Return the label of a request that got no answer for a cause."""
    # The parser gives a reason and a number, the client, where a connection ends too early, a reason alone.
    if type(cause) is HTTPParseError and cause.args[1:] and cause.args[1] != INVALID_EOF_STATE:
        return INVALID_HTTP
    return next((label for label, kinds in KINDS.items() if isinstance(cause, kinds)), CONNECTION_ERROR)


def label_of_broken_body(cause: BaseException | None) -> str:
    """Return the label of an answer whose head came, and whose body did not come whole for a cause."""
    label = label_of(cause)
    return label if label in {TIMEOUT, INVALID_HTTP, UNEXPECTED_ENCODING} else TRUNCATED_BODY
