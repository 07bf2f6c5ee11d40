"""Why a request got no answer: the cause as the operating system and the TLS library name it."""

from collections.abc import Mapping
from socket import gaierror
from ssl import SSLError
from typing import Final

from gevent.timeout import Timeout
from geventhttpclient.response import HTTPConnectionClosed

from canary_loadtest.core.labels import (
    CONNECTION_ERROR,
    CONNECTION_REFUSED,
    CONNECTION_RESET,
    NAME_NOT_RESOLVED,
    TIMEOUT,
    TLS_ERROR,
)

KINDS: Final[Mapping[str, tuple[type[BaseException], ...]]] = {
    TIMEOUT: (TimeoutError, Timeout),
    NAME_NOT_RESOLVED: (gaierror,),
    TLS_ERROR: (SSLError,),
    CONNECTION_REFUSED: (ConnectionRefusedError,),
    CONNECTION_RESET: (ConnectionResetError, BrokenPipeError),
}


def cause_of(error: BaseException | None) -> BaseException | None:
    """Return the error below the one that the client raises, None for none."""
    error = getattr(error, "original", error)  # the client wraps the errors that it would retry, were it allowed to
    if isinstance(error, HTTPConnectionClosed) and isinstance(error.__context__, ConnectionResetError):
        return error.__context__
    return error


def label_of(cause: BaseException | None) -> str:
    """Return the label of a request that got no answer for a cause."""
    return next((label for label, kinds in KINDS.items() if isinstance(cause, kinds)), CONNECTION_ERROR)
