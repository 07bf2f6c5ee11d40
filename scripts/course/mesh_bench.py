"""What the steps do with the mesh on the project's cluster: make a beginning, and see what its gateway serves."""

import time
from contextlib import suppress
from typing import Final

from canary_loadtest.core.message import Message
from scripts.course import objects
from scripts.course.cluster_bench import CONTEXT, ERRORS, START_SECONDS, ClusterBench, output
from scripts.course.envoy import traffic
from scripts.course.errors import CourseError
from scripts.course.rules.mesh_pods import MeshPods
from scripts.course.rules.traffic import Traffic
from scripts.lab.measure import PATH

# As scripts/cluster/lib.sh and istio/install/operator.yaml have them.
NAMESPACE: Final = "canary-mesh"
HOST: Final = f"micro-api.{NAMESPACE}.svc.cluster.local"
GATEWAY: Final = "istio-ingressgateway"
GATEWAY_NAMESPACE: Final = "istio-system"
GATEWAY_NODE_PORT: Final = 30080
ROUTE: Final = "micro-api-route"
KUBECTL: Final = f"kubectl --context {CONTEXT} --namespace {NAMESPACE}"
# istioctl asks the gateway's pod by way of the API server. With kubectl's five seconds a check ends within 15.
PROXY_SECONDS: Final = 8
# More than the grace period of a pod.
GONE_SECONDS: Final = 60


class MeshBench(ClusterBench):
    """What a step of the mesh works with."""

    node_port = GATEWAY_NODE_PORT
    # Pods that have lost their sidecars are made twice.
    start_seconds = 2.0 * START_SECONDS

    def serve(self, state: str) -> None:
        """Have two pods of each version with their sidecars, and the gateway serve a traffic state.

        Args:
            state: its name, such as `70-30`.

        Raises:
            CourseError: there is no such cluster, it has no Istio, or a command failed.
        """
        self.url()
        self._need_istio()
        self.make(
            "istioctl version --remote=false",  # a check needs it
            # One for the same host that is older would be tried first.
            f"{KUBECTL} delete virtualservices --field-selector metadata.name!={ROUTE}",
            f"scripts/mesh/flow.sh --context {CONTEXT} deploy",
            f"scripts/mesh/set-state.sh --context {CONTEXT} {state}",
        )
        self._until_gone()

    def pods(self) -> MeshPods:
        """Return the pods of the service; raises CannotTellError where the cluster does not answer."""
        command = f"{KUBECTL} get pods --selector app=micro-api --output json"
        return self.seen(command, lambda content: objects.mesh_pods(content["items"]))

    def traffic(self) -> Traffic | None:
        """Return what the gateway serves to the learner's requests, None where no route takes them.

        Raises:
            CannotTellError: the gateway does not report it.
        """
        proxy = f"deploy/{GATEWAY}.{GATEWAY_NAMESPACE}"
        command = f"istioctl proxy-config routes {proxy} --context {CONTEXT} --output json"
        return self.seen(command, lambda content: traffic(content, HOST, PATH), PROXY_SECONDS)

    def load(self, *options: str) -> tuple[str, ...]:
        """Return a command of this Python that runs the load test at the gateway, for the service's host."""
        return super().load("--host-header", HOST, *options)

    def _until_gone(self) -> None:
        """Wait until no pod is on its way out, so that the learner sees only those that stay; a minute at most."""
        field = "{.items[*].metadata.deletionTimestamp}"
        command = f"{KUBECTL} get pods --selector app=micro-api --output jsonpath={field}"
        end = time.monotonic() + GONE_SECONDS
        while time.monotonic() < end:
            with suppress(*ERRORS):
                if not output(*command.split()).strip():
                    return
            time.sleep(1)

    def _need_istio(self) -> None:
        """Raise CourseError where the cluster has no gateway of Istio, or does not answer."""
        if said := self.missing(GATEWAY, GATEWAY_NAMESPACE):
            raise CourseError(
                Message(
                    "the cluster has no gateway of Istio: `scripts/mesh/install.sh` installs it ({said})", said=said
                )
            )
