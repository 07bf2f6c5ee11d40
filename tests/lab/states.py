"""Traffic states made of the repository's manifests, for the tests of the lab."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from scripts.lab.translation.endpoints import Endpoint
from scripts.lab.translation.manifests import Manifests, Resource, combine, parse
from scripts.lab.translation.names import is_within
from scripts.lab.translation.services import services
from scripts.lab.translation.sidecar import sidecar_hosts
from scripts.lab.translation.translate import clusters, route_configuration
from scripts.record.projection import projection, virtual_hosts_projection
from scripts.record.routes import BASE
from scripts.record.seen import in_namespace
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
            found[str(port)] = virtual_hosts_projection(own)
    return found


def on_one_port(recorded: Mapping[str, Any], manifests: Manifests) -> dict[str, Any]:
    """Return a projection of a gateway's configuration as that of the lab, which has one port.

    Each host has what port 80 has for it, or else the lowest other port. A redirect to https is left out where another
    port has the host.
    """
    if "other_ports" not in recorded:
        return dict(recorded)
    others = sorted(recorded["other_ports"].items(), key=lambda item: int(item[0].split(".")[1]))
    served = [
        host.rpartition("/")[2]
        for gateway in manifests.gateways
        for server in gateway.servers
        if not server.https_redirect
        for host in server.hosts
    ]
    hosts: dict[str, Any] = {}
    for of_port in (recorded["routes"]["virtual_hosts"], *(virtual_hosts for _, virtual_hosts in others)):
        for domain, host in by_domain(of_port).items():
            if "require_tls" not in host or not any(is_within(domain, name) for name in served):
                hosts.setdefault(domain, host)
    rest = {name: value for name, value in recorded.items() if name != "other_ports"}
    return {**rest, "routes": {**recorded["routes"], "virtual_hosts": hosts}}


def by_domain(virtual_hosts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what each domain has: its virtual host, with the port in its name, and without the other domains."""
    return {
        domain: {**host, "name": host["name"].rpartition(":")[2], "domains": [domain]}
        for host in virtual_hosts
        for domain in host["domains"]
    }


def projected(manifests: Manifests, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return the projection of what the lab has of a state, in the form that `on_one_port` gives to a record."""
    found = projection(route_configuration(manifests), clusters(manifests, [V1, V2]), service=None)
    if "other_ports" in recorded:
        found["routes"]["virtual_hosts"] = by_domain(found["routes"]["virtual_hosts"])
    return {**found, "sidecar": sidecar_of(manifests)}
