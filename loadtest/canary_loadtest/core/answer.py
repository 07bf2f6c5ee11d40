"""One answer as it is counted."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from canary_loadtest.core.labels import VERSIONS

ROUTE_HEADER: Final = "x-canary-route"  # in which every route under istio/ names itself on its answers
# In which it names the destination that was drawn, one of `VERSIONS`: also on the proxy's own errors.
DESTINATION_HEADER: Final = "x-canary-subset"


class Answer(NamedTuple):
    """An answer as it is counted.

    Attributes:
        label: what the classifier returned.
        route: the route that the answer named, "" for none.
        previous: the label of the answer before it on the same connection, "" for the first one of a connection,
            None where each answer has a connection of its own.
        destination: the version that the proxy drew for the request, as the answer named it, "" for none.
    """

    label: str
    route: str = ""
    previous: str | None = None
    destination: str = ""


def destination_of(headers: Mapping[str, object]) -> str:
    """Return the destination that an answer names, "" for none, and for a value that is no version's.

    Args:
        headers: the response headers; looked up in lower case.
    """
    value = headers.get(DESTINATION_HEADER)
    return value if isinstance(value, str) and value in VERSIONS else ""
