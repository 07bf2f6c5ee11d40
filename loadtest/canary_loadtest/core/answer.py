"""One answer as it is counted."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from canary_loadtest.core.labels import CANARY, STABLE, UNNAMED_VERSION, VERSIONS

ROUTE_HEADER: Final = "x-canary-route"  # in which every route under istio/ names itself on its answers
# In which it names the destination that was drawn, one of `VERSIONS`: on the proxy's own errors, too.
DESTINATION_HEADER: Final = "x-canary-subset"


class Answer(NamedTuple):
    """An answer as it is counted.

    Attributes:
        label: what the classifier returned.
        route: the route that the answer named, "" for none.
        previous: what the answer before it on the same connection was (`drawn`), "" for the first one of a connection,
            None where each answer has a connection of its own.
        destination: the version that the proxy drew for the request, as the answer named it, "" for none.
        seconds: from the send of the request to the end of its answer, None where it was not measured.
        scheduled_seconds: the same from the moment when the request should have been sent, None without a schedule.
    """

    label: str
    route: str = ""
    previous: str | None = None
    destination: str = ""
    seconds: float | None = None
    scheduled_seconds: float | None = None

    @property
    def version(self) -> str:
        """The version that was drawn for the request, "" where that is not known: a right answer names it itself."""
        return self.label if self.label in VERSIONS else self.destination

    @property
    def contradicts(self) -> bool:
        """Whether it is the right answer of one version, and names the other one as its destination."""
        return self.label in VERSIONS and self.destination not in {"", self.label}

    @property
    def drawn(self) -> str:
        """What was drawn on its connection: the version, or the label of an answer whose version is not known."""
        return self.version or self.label


class Destinations(NamedTuple):
    """How answers name a version: the one that the proxy drew for their requests, or the one that answered.

    Attributes:
        header: the response header, in lower case.
        canary: its value for the canary; one that ends in `*` stands for all that begin so, such as names of pods.
        stable: its value for the stable version. Where both fit, the longer of the two counts.
    """

    header: str = DESTINATION_HEADER
    canary: str = CANARY
    stable: str = STABLE

    def of(self, headers: Mapping[str, object]) -> str:
        """Return the destination that an answer names, "" for none, and for a value that is no version's.

        Args:
            headers: the response headers; looked up in lower case.
        """
        value = headers.get(self.header)
        if value == self.canary:
            return CANARY
        if value == self.stable:
            return STABLE
        if not isinstance(value, str):
            return ""
        names = ((self.canary, CANARY), (self.stable, STABLE))
        found = [(len(name), version) for name, version in names if _begins(value, name)]
        return max(found)[1] if found else ""

    def relabelled(self, label: str, headers: Mapping[str, object]) -> str:
        """Return the label of an answer whose version a header says, and not its classifier.

        Args:
            label: what the classifier returned: a right answer's becomes that of the version which the header names, or
                `UNNAMED_VERSION`; any other one stays.
            headers: the response headers; looked up in lower case.
        """
        return self.of(headers) or UNNAMED_VERSION if label in VERSIONS else label


def _begins(value: str, name: str) -> bool:
    """Return whether a value is one that a name with a `*` at its end stands for."""
    return name.endswith("*") and value.startswith(name[:-1])


ANY_MESH: Final = Destinations()
