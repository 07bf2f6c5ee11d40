"""What a real istiod sends to its gateway and to a sidecar for traffic states, many of them in one push.

It needs kubectl, istioctl, and a cluster with Istio and its ingress gateway.

A state is some documents without a namespace, or of the namespace `default`. Each state gets its own namespace with its
own Service `micro-api`, unless it has Services, so that all of them exist at the same time. Documents and results are
written as for the namespace `default`. Of a kind, those with an earlier `creationTimestamp` are created earlier.
"""

import http.client
import json
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final, NamedTuple

from scripts.record.cluster import COMMAND_SECONDS, Cluster, ClusterError, https_port
from scripts.record.seen import Document, has_host, of_gateway, of_sidecar, renamed

CLIENT: Final = "client"  # the pod whose sidecar is asked
SETTLE_SECONDS: Final = 120
AGE_SECONDS: Final = 1.1  # a cluster writes the time of creation in whole seconds
# How messages of the API server, or of Istio's webhook behind it, begin when they refuse a document.
REFUSALS: Final = ("denied the request: ", " is invalid: ", "strict decoding error: ")
_PATHS: Final = {
    "Namespace": "/api/v1/namespaces",
    "Service": "/api/v1/namespaces/{}/services",
    "Gateway": "/apis/{version}/namespaces/{}/gateways",
    "VirtualService": "/apis/{version}/namespaces/{}/virtualservices",
    "DestinationRule": "/apis/{version}/namespaces/{}/destinationrules",
}
# What a cluster alone writes into `metadata`.
_OF_CLUSTER: Final = (
    "namespace",
    "uid",
    "resourceVersion",
    "selfLink",
    "managedFields",
    "ownerReferences",
    "finalizers",
)
_SERVICE: Final = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "micro-api"},
    "spec": {"selector": {"app": "micro-api"}, "ports": [{"name": "http", "port": 19090, "targetPort": 9090}]},
}

State = Sequence[Document]


@contextmanager
def asking(cluster: Cluster) -> Iterator["Istiod"]:
    """Give an `Istiod` of the cluster; at the end remove the namespaces that it made, without waiting."""
    command = cluster.command("kubectl", "proxy", "--port=0")
    with https_port(cluster), subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:  # noqa: S603 - no shell
        try:
            started = proxy.stdout.readline() if proxy.stdout else ""  # "Starting to serve on 127.0.0.1:41233"
            port = started.rpartition(":")[2].strip()
            if not port.isdecimal():
                raise ClusterError(f"{' '.join(command)}: printed no port: {started!r}")
            with closing(http.client.HTTPConnection("127.0.0.1", int(port), timeout=COMMAND_SECONDS)) as api:
                istiod = Istiod(cluster, api)
                try:
                    yield istiod
                finally:
                    istiod.remove()
        finally:
            proxy.terminate()


class Istiod:
    """The istiod of a cluster, seen through applied manifests and the ingress gateway."""

    def __init__(self, cluster: Cluster, api: http.client.HTTPConnection) -> None:
        """Take a cluster and a connection to its API; make the namespace for dry runs."""
        self._cluster = cluster
        self._api = api
        self._namespaces: list[str] = []
        self._tried = self._namespace(**{"istio-injection": "enabled"})
        self._start_client()

    def refusal(self, document: Document) -> str | None:
        """Return why the cluster refuses a document, None if it accepts it; nothing is changed.

        Raises:
            ClusterError: the answer is neither.
        """
        answer = self._create(document, self._tried, "dryRun=All&fieldValidation=Strict")
        if answer.status == http.client.CREATED:
            return None
        reason = _reason(answer.message)
        if reason is None:
            raise ClusterError(str(answer))
        return reason

    def projections(self, states: Sequence[State]) -> list[dict[str, Any]]:
        """Return what the gateway has for each state, in order: the projection of its routes and clusters.

        The namespaces of an earlier call are removed in the background: waiting would take longer than everything else.

        Args:
            states: each the documents that are applied together.

        Raises:
            ClusterError: the cluster refuses a document, or the gateway does not get the states in time.
        """
        self.remove(keep=1)
        names = [self._namespace() for _ in states]
        nonce = f"marker-{uuid.uuid4().hex[:12]}"
        marker = (self._namespace(), _marker(nonce))
        placed = list(zip(names, states, strict=True))
        # istiod sees the changes of a kind in order: a gateway with the last created marker of each kind has the rest.
        for kind in ("Service", "Gateway", "DestinationRule", "VirtualService"):
            for number, wave in enumerate(_by_age(kind, placed)):
                time.sleep(AGE_SECONDS if number else 0)
                for namespace, document in wave:
                    self._made(renamed(document, "default", namespace), namespace)
            for namespace, document in (one for wave in _by_age(kind, [marker]) for one in wave):
                self._made(document, namespace)
        return self._settled(nonce, names)

    def remove(self, keep: int = 0) -> None:
        """Remove the namespaces that were made, except the first `keep`, without waiting.

        Their gateways go first: of two servers with TLS for the same hosts the proxy takes the older one alone.
        """
        while len(self._namespaces) > keep:
            namespace = self._namespaces.pop()
            self._ask("DELETE", f"/apis/networking.istio.io/v1/namespaces/{namespace}/gateways")
            self._ask("DELETE", f"/api/v1/namespaces/{namespace}")

    def _namespace(self, **labels: str) -> str:
        """Return a new namespace."""
        name = f"translation-{uuid.uuid4().hex[:10]}"
        self._namespaces.append(name)
        self._made({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        return name

    def _start_client(self) -> None:
        """Start a pod with a sidecar in the namespace for dry runs, of the image that the gateway has: no download."""
        path = "--output=jsonpath={.spec.template.spec.containers[0].image}"
        image = self._cluster.kubectl("get", "deploy/istio-ingressgateway", "--namespace=istio-system", path)
        own = f"--namespace={self._tried}"
        command = ("--image-pull-policy=IfNotPresent", "--command", "--", "sleep", "infinity")
        # Kubernetes makes the account of a new namespace a moment later, and Istio injects after its label is seen.
        self._cluster.kubectl("wait", own, "--for=create", "serviceaccount/default", f"--timeout={COMMAND_SECONDS}s")
        self._cluster.kubectl("run", own, CLIENT, f"--image={image}", *command)
        ready = ("--for=condition=Ready", f"pod/{CLIENT}", f"--timeout={COMMAND_SECONDS}s")
        self._cluster.kubectl("wait", own, *ready)

    def _made(self, document: Document, namespace: str = "") -> None:
        """Create an object; raises ClusterError if the cluster refuses it."""
        answer = self._create(document, namespace, "fieldValidation=Strict")
        if answer.status != http.client.CREATED:
            raise ClusterError(str(answer))

    def _create(self, document: Document, namespace: str, options: str) -> "_Answer":
        path = _PATHS[document["kind"]].format(namespace, version=document["apiVersion"])
        metadata = {name: value for name, value in document["metadata"].items() if name not in _OF_CLUSTER}
        return self._ask("POST", f"{path}?{options}", {**document, "metadata": metadata})

    def _ask(self, method: str, path: str, document: Document | None = None) -> "_Answer":
        body = None if document is None else json.dumps(document, ensure_ascii=False).encode()
        self._api.request(method, path, body, {"Content-Type": "application/json"})
        response = self._api.getresponse()
        return _Answer(path, response.status, str(json.loads(response.read()).get("message")))

    def _settled(self, nonce: str, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return what the gateway has for some namespaces, once it has a marker and does not change any more."""
        deadline = time.monotonic() + SETTLE_SECONDS
        before = None
        while time.monotonic() < deadline:
            now = self._marked(nonce, names)
            if now is not None and now == before:
                return now
            before = now
            time.sleep(0.2)
        raise ClusterError(
            f"the ingress gateway does not have the change after {SETTLE_SECONDS} s: check that istiod is running, "
            "and whether its log or the gateway's contains a rejected configuration"
        )

    def _marked(self, nonce: str, names: Sequence[str]) -> list[dict[str, Any]] | None:
        """Return what the gateway has for some namespaces; None while its clusters or routes lack a marker."""
        clusters = self._cluster.gateway("clusters")
        if not any(f"|{nonce}|" in cluster["name"] for cluster in clusters):
            return None
        sidecar = self._cluster.proxy(f"{CLIENT}.{self._tried}", "routes")
        if not any(map(has_host(nonce), sidecar)):
            return None
        routes = self._cluster.gateway("routes")
        if sum(map(has_host(nonce), routes)) < len(_MARKED_PORTS):
            return None
        return [{**of_gateway(routes, clusters, name), "sidecar": of_sidecar(sidecar, name)} for name in names]


class _Answer(NamedTuple):
    """An answer of the API; `message` is the reason of an error."""

    path: str
    status: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.status}: {self.message}"


def _reason(message: str) -> str | None:
    """Return the reason of a refusal; None for any other message."""
    for beginning in REFUSALS:
        _, found, reason = message.partition(beginning)
        if found:
            return reason.strip()
    return None


# A new port, and a new server for https, have route configurations of their own, which a gateway asks for later.
_MARKED_PORTS: Final = (
    {"port": {"number": 80, "name": "http", "protocol": "HTTP"}},
    {"port": {"number": 8081, "name": "other", "protocol": "HTTP"}},
    {"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "tls": {"mode": "ISTIO_MUTUAL"}},
)


def _marker(nonce: str) -> State:
    """Return a state whose virtual host and subset contain a nonce."""
    servers = [{**server, "hosts": [f"{nonce}.invalid"]} for server in _MARKED_PORTS]
    route = {"destination": {"host": "micro-api", "port": {"number": 19090}}}
    specs = {
        "Gateway": {"selector": {"istio": "ingressgateway"}, "servers": servers},
        "DestinationRule": {"host": "micro-api", "subsets": [{"name": nonce, "labels": {"marker": nonce}}]},
        "VirtualService": {"hosts": [f"{nonce}.invalid"], "gateways": ["marker", "mesh"], "http": [{"route": [route]}]},
    }
    return [
        {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": "marker"}, "spec": spec}
        for kind, spec in specs.items()
    ]


def _by_age(kind: str, placed: Sequence[tuple[str, State]]) -> list[list[tuple[str, Document]]]:
    """Return the documents of a kind with their namespaces: the oldest of each state, then the next ones, and so on.

    Those of one age are in the order of their names, which decides where Istio finds no other.
    """
    waves: dict[int, list[tuple[str, Document]]] = {}
    for namespace, state in placed:
        own = [one for one in _with_service(state) if one["kind"] == kind]
        ages = sorted({_created(one) for one in own})
        for document in sorted(own, key=lambda one: (_created(one), str(one["metadata"]["name"]))):
            waves.setdefault(ages.index(_created(document)), []).append((namespace, document))
    return [waves[number] for number in sorted(waves)]


def _created(document: Document) -> str:
    """Return the time of creation, as text that sorts; one without it is the youngest."""
    return str(document["metadata"].get("creationTimestamp", "~"))


def _with_service(state: State) -> State:
    """Return a state with the Service `micro-api`, unless it has Services."""
    return state if any(one["kind"] == "Service" for one in state) else [_SERVICE, *state]
