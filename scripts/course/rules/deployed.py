"""What a cluster runs of the service: the wanted version, the pods, and when each version was first wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from canary_loadtest.core.message import Message, joined


@dataclass(frozen=True)
class Pod:
    """A pod of the service that is not on its way out.

    Attributes:
        tag: the version, which is the tag of its image.
        is_ready: whether it gets requests.
        created_at_seconds: in whole seconds since the epoch.
    """

    tag: str
    is_ready: bool
    created_at_seconds: float


@dataclass(frozen=True)
class Deployed:
    """A Deployment as the API server has it.

    Attributes:
        tag: the version that it wants.
        is_paused: whether its rollout is paused.
        pods: those that stay.
        first_wanted: when its ReplicaSet of each version was made, in whole seconds since the epoch.
    """

    tag: str
    is_paused: bool
    pods: Sequence[Pod]
    first_wanted: Mapping[str, float]

    def ready(self, tag: str) -> list[Pod]:
        """Return the pods of a version that are ready."""
        return [one for one in self.pods if one.tag == tag and one.is_ready]

    def __str__(self) -> str:
        """Return it in words, such as `ready pods: 2 of 1.1-SNAPSHOT, 2 of 1.3-SNAPSHOT`."""
        tags = sorted({one.tag for one in self.pods} | {self.tag})
        counts = [Message("{count} of {tag}", count=len(self.ready(tag)), tag=tag) for tag in tags]
        return Message(
            "ready pods: {counts}{paused}",
            counts=joined(Message(", "), counts),
            paused=Message("; the rollout is paused") if self.is_paused else "",
        )
