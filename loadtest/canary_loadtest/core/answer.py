"""One answer as it is counted."""

from typing import Final, NamedTuple

ROUTE_HEADER: Final = "x-canary-route"  # in which every route under istio/ names itself on its answers


class Answer(NamedTuple):
    """An answer as it is counted.

    Attributes:
        label: what the classifier returned.
        route: the route that the answer named, "" for none.
        previous: the label of the answer before it on the same connection, "" for the first one of a connection,
            None where each answer has a connection of its own.
    """

    label: str
    route: str = ""
    previous: str | None = None
