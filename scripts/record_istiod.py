"""Records what a real istiod sends to its ingress gateway for each manifest, as data for the tests.

    python -m scripts.record_istiod [--context NAME] [FILE ...]

It needs kubectl, istioctl, and a cluster made for this purpose, such as kind's, with Istio's default profile: what the
namespace `default` holds under the manifests' names is replaced, and removed at the end. People run it after a change
of istio/, of tests/data/manifests/, or of Istio's version; `make test` needs only what it wrote.
"""

import argparse
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scripts.lab.defaults import ROUTE_CONFIGURATION_NAME
from scripts.lab.projection import projection

ROOT: Final = Path(__file__).resolve().parents[1]
RECORDS: Final = ROOT / "tests" / "data" / "istiod"
# Each manifest is recorded together with those of these that it does not replace.
BASE: Final = ("istio/gateway.yaml", "istio/destination-rule.yaml", "istio/virtual-service-70-30.yaml")
MARKER: Final = "record-marker"
SETTLE_SECONDS: Final = 30
COMMAND_SECONDS: Final = 60
# How the API server, or Istio's webhook behind it, begins to say what is wrong with a manifest.
REFUSALS: Final = ("denied the request: ", " is invalid: ", "strict decoding error: ")
SERVICE: Final = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "micro-api"},
    "spec": {"selector": {"app": "micro-api"}, "ports": [{"name": "http", "port": 19090, "targetPort": 9090}]},
}


class RecordError(Exception):
    """The cluster is not as this script needs it; `str()` says what to do."""


class RefusedError(Exception):
    """The cluster refuses a manifest; `str()` is its reason."""


@dataclass(frozen=True)
class Cluster:
    """The cluster of one kubeconfig context."""

    context: str

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Return the output of a kubectl command in the namespace `default`; raises RecordError when it fails."""
        return _output(["kubectl", f"--context={self.context}", "--namespace=default", *arguments], stdin)

    def istioctl(self, *arguments: str) -> str:
        """Return the output of an istioctl command on `istio-system`; raises RecordError when it fails."""
        return _output(["istioctl", f"--context={self.context}", "--namespace=istio-system", *arguments])

    def apply(self, path: str) -> None:
        """Apply a manifest; raises RefusedError when the cluster finds fault with it, else RecordError."""
        try:
            self.kubectl("apply", "--filename", str(ROOT / path))
        except RecordError as error:
            for beginning in REFUSALS:
                _, found, reason = str(error).partition(beginning)
                if found:
                    raise RefusedError(reason.strip()) from error
            raise

    def gateway(self, kind: str) -> list[dict[str, Any]]:
        """Return the ingress gateway's "routes" or "clusters", as it has them now."""
        output = self.istioctl("proxy-config", kind, "deploy/istio-ingressgateway", "--output=json")
        found: list[dict[str, Any]] = json.loads(output)
        return found


def _output(command: Sequence[str], stdin: str | None = None) -> str:
    try:
        result = subprocess.run(  # noqa: S603  (the program is kubectl or istioctl, without a shell)
            command, input=stdin, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise RecordError(f"{command[0]}: not found on the PATH: install it") from error
    except subprocess.TimeoutExpired as error:
        raise RecordError(f"{' '.join(command)}: no end after {COMMAND_SECONDS} s") from error
    if result.returncode:
        raise RecordError(f"{' '.join(command)}: exit code {result.returncode}: {result.stderr.strip()}")
    return result.stdout


def current_context(named: str | None) -> str:
    """Return the kubeconfig context to work on; a current one that is not kind's must be named on the command line."""
    context = named or _output(["kubectl", "config", "current-context"]).strip()
    if named is None and not context.startswith("kind-"):
        raise RecordError(f"{context}: not a context of kind: say --context {context} if it may be changed")
    return context


def _marker(nonce: str) -> str:
    """Return a virtual service and a destination rule that bear a nonce which the gateway will show."""
    route = {"destination": {"host": "kubernetes", "port": {"number": 443}}}
    specs = {
        "VirtualService": {"hosts": [f"{nonce}.invalid"], "gateways": ["micro-gateway"], "http": [{"route": [route]}]},
        "DestinationRule": {"host": "kubernetes", "subsets": [{"name": nonce, "labels": {"marker": nonce}}]},
    }
    items = [
        {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": MARKER}, "spec": spec}
        for kind, spec in specs.items()
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def settled(cluster: Cluster) -> dict[str, Any]:
    """Return the projection of the gateway's configuration, once all that was applied before has reached it.

    istiod sees the changes of a kind in order: a gateway that has a marker of each kind, applied last, has the rest.

    Raises:
        RecordError: the markers did not arrive within 30 seconds.
    """
    nonce = f"marker-{uuid.uuid4().hex[:12]}"
    cluster.kubectl("apply", "--filename=-", stdin=_marker(nonce))
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        clusters = cluster.gateway("clusters")
        routes = [routes for routes in cluster.gateway("routes") if routes.get("name") == ROUTE_CONFIGURATION_NAME]
        hosts = [host for found in routes for host in found.get("virtualHosts", [])]
        others = [host for host in hosts if not host["name"].startswith(nonce)]
        if len(others) < len(hosts) and any(f"|{nonce}|" in found["name"] for found in clusters):
            return projection({**routes[0], "virtualHosts": others}, clusters)
        time.sleep(0.2)
    raise RecordError(f"the ingress gateway has not shown the change after {SETTLE_SECONDS} s: is istiod running?")


def record(cluster: Cluster, manifest: str) -> Mapping[str, Any]:
    """Return what the cluster makes of one manifest: `{"envoy": projection}` or `{"refused": reason}`."""
    for path in BASE:
        cluster.apply(path)
    try:
        cluster.apply(manifest)
    except RefusedError as error:
        return {"refused": str(error)}
    return {"envoy": settled(cluster)}


@contextmanager
def _service(cluster: Cluster) -> Iterator[None]:
    """Have the Service that the manifests name, and at the end remove it with all that was applied."""
    cluster.kubectl("apply", "--filename=-", stdin=json.dumps(SERVICE))
    try:
        yield
    finally:
        names = ("service/micro-api", "gateway/micro-gateway", "virtualservice/micro-api-route")
        markers = (f"virtualservice/{MARKER}", f"destinationrule/{MARKER}")
        cluster.kubectl("delete", "--ignore-not-found", *names, "destinationrule/micro-api-destination", *markers)


def _record_all(context: str | None, manifests: Sequence[str]) -> None:
    cluster = Cluster(current_context(context))
    version = json.loads(cluster.istioctl("version", "--output=json"))["meshVersion"][0]["Info"]["version"]
    with _service(cluster):
        for manifest in manifests:
            content = {"manifest": manifest, "istio_version": version, **record(cluster, manifest)}
            path = RECORDS / f"{Path(manifest).stem}.json"
            path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(ROOT)}: {'refused' if 'refused' in content else 'recorded'}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Record the manifests of the command line, or all; return the exit code, 1 when the cluster does not serve."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.record_istiod", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--context", help="the kubeconfig context; by default the current one, if it is kind's")
    parser.add_argument("manifests", nargs="*", metavar="FILE", help="paths in the repository; by default all")
    options = parser.parse_args(arguments)
    folders = ("istio", "tests/data/manifests")
    found = [path for folder in folders for path in sorted((ROOT / folder).glob("*.yaml"))]
    try:
        _record_all(options.context, options.manifests or [path.relative_to(ROOT).as_posix() for path in found])
    except (RecordError, RefusedError) as error:
        sys.stderr.write(f"record_istiod: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
