"""The service in the mesh as the tests see it: states, answers, verdicts, and the counters on both sides of Envoy."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from canary_loadtest.core.answer import ROUTE_HEADER
from canary_loadtest.core.contract import classify
from tests.e2e.clients import PROFILES, TIMEOUT_SECONDS, Clients, Profile
from tests.e2e.cluster import ALPHA_STOP, Cluster
from tests.loadtest import locust_process
from tests.support.processes import until

NAMESPACE = "canary-mesh"
HOST = f"micro-api.{NAMESPACE}.svc.cluster.local"
GATEWAY = "deployment/istio-ingressgateway"
USERS = 10
READ_METRICS = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9090/metrics').read().decode())"


@dataclass(frozen=True)
class Answer:
    """What one request got.

    Attributes:
        label: as `canary_loadtest.core.contract` names it.
        route: the route that it names, "" for none.
        cookie: what it sets, "" for none.
    """

    label: str
    route: str
    cookie: str = ""


@dataclass(frozen=True)
class Mesh:
    """The service in the mesh, and the gateway in front of it.

    Attributes:
        cluster: where it runs.
        namespace: the service's namespace.
        host: the Host that the gateway knows it by.
    """

    cluster: Cluster
    namespace: str = NAMESPACE
    host: str = HOST

    def kubectl(self, *arguments: str) -> str:
        """Return what a kubectl command prints in the mesh's namespace; raises CalledProcessError where it fails."""
        return self.cluster.kubectl(*arguments, namespace=self.namespace)

    def set_state(self, name: str) -> None:
        """Bring the mesh to a state, by which every answer comes from here on."""
        self.cluster.script("mesh/set-state", name, is_example=False)

    def reset(self) -> None:
        """Bring the mesh back to what it was when it was deployed: all answers by the stable version, no twin."""
        self.set_state("100-0")
        self.kubectl("delete", "--ignore-not-found", "--filename=istio/gateway-api/services.yaml")
        gateway = "delete", "--ignore-not-found", "--filename=istio/gateway-api/gateway.yaml"
        self.cluster.kubectl(*gateway, namespace="istio-system")

    def ask(self, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask once through the gateway, on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.cluster.gateway_port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("GET", "/test/test", headers={"Host": self.host, **(headers or {})})
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        received = {name.lower(): value for name, value in response.getheaders()}
        label = classify(response.status, received, body)
        return Answer(label, received.get(ROUTE_HEADER, ""), received.get("set-cookie", "").partition(";")[0])

    def clients(self, profiles: Sequence[Profile] = PROFILES) -> Clients:
        """Return clients that ask the gateway on and on, and count what they lose."""
        return Clients("127.0.0.1", self.cluster.gateway_port, profiles, host_header=self.host)

    def measure(self, folder: Path, options: str) -> locust_process.Ended:
        """Run the load test through the gateway until it ends by itself.

        Args:
            folder: an empty folder of this run's own.
            options: all but the address, as on the command line.
        """
        address = f"--host http://127.0.0.1:{self.cluster.gateway_port} --host-header {self.host}"
        options = f"{address} --alpha-stop {ALPHA_STOP} -u {USERS} {options}"
        return locust_process.run(folder, options, environment=locust_process.BOTH_FINDINGS)

    def pods(self, version: str) -> list[str]:
        """Return the names of a version's pods that stay."""
        selector = f"--selector=app=micro-api,version={version}"
        pods = json.loads(self.kubectl("get", "pods", selector, "--output=json"))["items"]
        return [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def served(self, version: str) -> int:
        """Return how many requests a version's pods have answered, by their own counters."""
        return sum(self._served_by(pod) for pod in self.pods(version))

    def _served_by(self, pod: str) -> int:
        # From within the pod: it is the one place that STRICT mutual TLS lets ask in plain text.
        text = self.kubectl("exec", pod, "--container=micro-api", "--", "python", "-c", READ_METRICS)
        return sum(
            int(sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "http_requests_total" and sample.labels["route"] == "/test/test"
        )

    def gateway_counter(self, name: str) -> Counter[str]:
        """Return one of the counters that the gateway's Envoy has for each version.

        Args:
            name: such as `upstream_rq_completed`: requests that were sent to the version and got an answer.
        """
        command = f"pilot-agent request GET stats?filter={name}"
        stats = self.cluster.kubectl("exec", GATEWAY, "--", *command.split(), namespace="istio-system")
        found = re.findall(rf"outbound\|19090\|(v\d)\|{re.escape(self.host)};?\.{re.escape(name)}: (\d+)", stats)
        return Counter({version: int(count) for version, count in found})


def deploy_mesh(cluster: Cluster) -> None:
    """Install Istio and the Gateway API, deploy the service, and wait for its first answer through the gateway."""
    cluster.script("mesh/install")
    cluster.script("mesh/gateway-api")
    cluster.script("mesh/flow", "deploy")
    mesh = Mesh(cluster)
    until(lambda: mesh.ask() == Answer("stable", "100-0"), "the gateway does not answer by the route 100-0")
