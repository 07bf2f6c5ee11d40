"""Traffic states made of the repository's manifests, for the tests of the lab."""

from typing import Any, Final

from scripts.lab.translation.endpoints import Endpoint
from scripts.lab.translation.manifests import Manifests, Resource, combine, parse
from scripts.lab.translation.services import services
from scripts.lab.translation.sidecar import sidecar_hosts
from scripts.record.istiod import in_namespace
from scripts.record.projection import sidecar_projection
from scripts.record.routes import BASE
from tests.support.repository import ROOT, text_of

ISTIO: Final = tuple(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "istio").glob("*.yaml")))
SERVICE: Final = "micro-api.default.svc.cluster.local"
V1: Final = Endpoint({"app": "micro-api", "version": "v1"}, "/run/v1-0.sock")
V2: Final = Endpoint({"app": "micro-api", "version": "v2"}, "/run/v2-0.sock")
ODD: Final = "tests/data/manifests"
SPLIT: Final = "istio/virtual-service-70-30.yaml"


def resource(path: str) -> Resource:
    """Return the one resource of a manifest, named from the repository's root."""
    (found,) = parse(text_of(path), path)
    return found


def state(*paths: str) -> Manifests:
    """Return the base state with the resources that these manifests put in their kind's place."""
    changed = [one for path in paths for one in parse(text_of(path), path)]
    kinds = {type(one) for one in changed}
    return combine([*(one for one in map(resource, BASE) if type(one) not in kinds), *changed])


def sidecar_of(manifests: Manifests) -> dict[str, Any]:
    """Return the projection of what a sidecar of another namespace has for the Services of a state, by port."""
    found = {}
    for port in sorted({80, *(port for ports in services(manifests).values() for port in ports)}):
        hosts = sidecar_hosts(manifests, port, client="elsewhere").values()
        if own := [host for host in hosts if in_namespace("default").search(host["name"])]:
            found[str(port)] = sidecar_projection(own)
    return found
