"""The pods of both versions in the mesh."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from canary_loadtest.core.message import Message, joined

VERSIONS: Final = ("v1", "v2")


@dataclass(frozen=True)
class MeshPod:
    """A pod of the service that is not on its way out.

    Attributes:
        version: that of its label, such as v1.
        is_ready: whether it gets requests: all its containers are ready.
        has_sidecar: whether a proxy is among them.
        created_at_seconds: in whole seconds since the epoch.
    """

    version: str
    is_ready: bool
    has_sidecar: bool
    created_at_seconds: float


@dataclass(frozen=True)
class MeshPods:
    """The pods of the service, of any version."""

    pods: Sequence[MeshPod]

    def ready_count(self, version: str) -> int:
        """Return how many pods of a version are ready."""
        return sum(one.is_ready and one.version == version for one in self.pods)

    @property
    def without_sidecar_count(self) -> int:
        """How many pods have no proxy."""
        return sum(not one.has_sidecar for one in self.pods)

    @property
    def since_seconds(self) -> float:
        """When the youngest of them was made, in whole seconds since the epoch; 0 without pods."""
        return max((one.created_at_seconds for one in self.pods), default=0.0)

    def __str__(self) -> str:
        """Return them in words, such as `ready pods: 1 of v1, 5 of v2`."""
        counts = [Message("{count} of {tag}", count=self.ready_count(one), tag=one) for one in VERSIONS]
        return Message("ready pods: {counts}{paused}", counts=joined(Message(", "), counts), paused="")
