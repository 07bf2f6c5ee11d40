"""What a real istiod sends to its gateway and to a sidecar for traffic states, many of them in one push.

It needs kubectl, istioctl, and a cluster with Istio and its ingress gateway.

A state is some documents without a namespace, or of the namespace `default`. Each state gets its own namespace with its
own Service `micro-api`, unless it has Services, so that all of them exist at the same time. Documents and results are
written as for the namespace `default`.
"""

import http.client
import ipaddress
import json
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from scripts.lab.translation.defaults import ROUTE_CONFIGURATION_NAME
from scripts.record.projection import projection, sidecar_projection

CLIENT: Final = "client"  # the pod whose sidecar is asked
SETTLE_SECONDS: Final = 120
COMMAND_SECONDS: Final = 60
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

Document = Mapping[str, Any]
State = Sequence[Document]


class ClusterError(Exception):
    """The cluster is not usable; the message says what to do."""


@dataclass(frozen=True)
class Cluster:
    """The cluster of one context of a kubeconfig; None is the kubeconfig that kubectl uses by default."""

    context: str
    kubeconfig: Path | None = None

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return the command line of kubectl or istioctl on this cluster."""
        file = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        return [program, *file, f"--context={self.context}", *arguments]

    def kubectl(self, *arguments: str) -> str:
        """Return the output of a kubectl command; raises ClusterError when it fails."""
        return output(self.command("kubectl", *arguments))

    def istioctl(self, *arguments: str) -> str:
        """Return the output of an istioctl command on `istio-system`; raises ClusterError when it fails."""
        return output(self.command("istioctl", "--namespace=istio-system", *arguments))

    def gateway(self, kind: str) -> list[dict[str, Any]]:
        """Return the current "routes" or "clusters" of the ingress gateway."""
        return self.proxy("deploy/istio-ingressgateway.istio-system", kind)

    def proxy(self, name: str, kind: str) -> list[dict[str, Any]]:
        """Return the current "routes" or "clusters" of a proxy."""
        return list(json.loads(self.istioctl("proxy-config", kind, name, "--output=json")))


def output(command: Sequence[str]) -> str:
    """Return the output of a command; raises ClusterError if it is missing, fails, or does not end."""
    try:
        result = subprocess.run(  # noqa: S603 - the program is kubectl or istioctl, without a shell
            command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise ClusterError(f"{command[0]}: not found on the PATH: install it") from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"{' '.join(command)}: no end after {COMMAND_SECONDS} s") from error
    if result.returncode:
        raise ClusterError(f"{' '.join(command)}: exit code {result.returncode}: {result.stderr.strip()}")
    return result.stdout


@contextmanager
def asking(cluster: Cluster) -> Iterator["Istiod"]:
    """Give an `Istiod` of the cluster; at the end remove the namespaces that it made, without waiting."""
    command = cluster.command("kubectl", "proxy", "--port=0")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:  # noqa: S603 - no shell
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
        placed = [*zip(names, states, strict=True), (self._namespace(), _marker(nonce))]
        # istiod sees the changes of a kind in order: a gateway with the last created marker of each kind has the rest.
        for kind in ("Service", "Gateway", "DestinationRule", "VirtualService"):
            for namespace, state in placed:
                for document in (one for one in _with_service(state) if one["kind"] == kind):
                    self._made(_renamed(document, "default", namespace), namespace)
        return self._settled(nonce, names)

    def remove(self, keep: int = 0) -> None:
        """Remove the namespaces that were made, except the first `keep`, without waiting."""
        while len(self._namespaces) > keep:
            self._ask("DELETE", f"/api/v1/namespaces/{self._namespaces.pop()}")

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
        if not any(map(_has(nonce), sidecar)):
            return None
        for routes in self._cluster.gateway("routes"):
            if routes.get("name") == ROUTE_CONFIGURATION_NAME and _has(nonce)(routes):
                return [{**_projection(routes, clusters, name), "sidecar": _sidecar(sidecar, name)} for name in names]
        return None


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


def _marker(nonce: str) -> State:
    """Return a state whose virtual host and subset contain a nonce."""
    port = {"number": 80, "name": "http", "protocol": "HTTP"}
    route = {"destination": {"host": "micro-api", "port": {"number": 19090}}}
    specs = {
        "Gateway": {"selector": {"istio": "ingressgateway"}, "servers": [{"port": port, "hosts": ["*"]}]},
        "DestinationRule": {"host": "micro-api", "subsets": [{"name": nonce, "labels": {"marker": nonce}}]},
        "VirtualService": {"hosts": [f"{nonce}.invalid"], "gateways": ["marker", "mesh"], "http": [{"route": [route]}]},
    }
    return [
        {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": "marker"}, "spec": spec}
        for kind, spec in specs.items()
    ]


def _with_service(state: State) -> State:
    """Return a state with the Service `micro-api`, unless it has Services."""
    return state if any(one["kind"] == "Service" for one in state) else [_SERVICE, *state]


def _has(nonce: str) -> Callable[[Document], bool]:
    """Return a test whether a route configuration has a marker's virtual host."""
    return lambda routes: any(host["name"].startswith(nonce) for host in routes.get("virtualHosts", ()))


def _renamed(document: Document, namespace: str, other: str) -> dict[str, Any]:
    """Return a document whose host names, and gateways such as `default/name`, are in another namespace."""
    text = in_namespace(namespace).sub(f".{other}", json.dumps(document))
    return dict(json.loads(text.replace(f'"{namespace}/', f'"{other}/')))


def in_namespace(namespace: str) -> re.Pattern[str]:
    """Return the pattern of a namespace in host names such as `micro-api.default` and `micro-api.default.svc`."""
    return re.compile(rf"\.{namespace}(?![-\w])")


def _projection(routes: Document, clusters: Sequence[Document], namespace: str) -> dict[str, Any]:
    """Return the projection of what one namespace has, as if it were `default`."""
    own_name = in_namespace(namespace).search
    hosts = [own for host in routes["virtualHosts"] if (own := _own(host, namespace))]
    of_namespace = [cluster for cluster in clusters if own_name(cluster["name"])]
    whole = _renamed({"routes": {**routes, "virtualHosts": hosts}, "clusters": of_namespace}, namespace, "default")
    return projection(whole["routes"], whole["clusters"], service=None)


def _sidecar(routes: Sequence[Document], namespace: str) -> dict[str, Any]:
    """Return the projection of what a sidecar has for the Services of one namespace, as if it were `default`, by port.

    Other hosts are left out: of two states that name one, a sidecar has the older, while a gateway has both.
    """
    found = {}
    is_within = in_namespace(namespace).search
    for configuration in (one for one in routes if one.get("name", "").isdecimal()):
        hosts = [host for host in configuration.get("virtualHosts", ()) if is_within(host["name"])]
        if hosts:
            named = [{**host, "domains": [name for name in host["domains"] if not _is_address(name)]} for host in hosts]
            renamed = _renamed({"virtualHosts": named}, namespace, "default")
            found[configuration["name"]] = sidecar_projection(renamed["virtualHosts"])
    return found


def _is_address(domain: str) -> bool:
    """Return whether a domain is the address that a cluster gave to a Service."""
    with suppress(ValueError):
        return bool(ipaddress.ip_address(domain.strip("[]")))
    return False


def _own(host: Document, namespace: str) -> Document | None:
    """Return a virtual host with the routes of one namespace: `*` is a host of several; None without any."""
    mark = f"/namespaces/{namespace}/"
    routes = [route for route in host.get("routes", []) if mark in json.dumps(route.get("metadata", {}))]
    if routes or any(map(in_namespace(namespace).search, host["domains"])):
        return {**host, "routes": routes}
    return None
