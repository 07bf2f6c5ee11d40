"""What `istioctl proxy-config` prints for a proxy, in the parts that the view of an Envoy reads."""

from collections.abc import Mapping
from typing import Any

HOST = "micro-api.canary-mesh.svc.cluster.local"
V1, V2 = (f"outbound|19090|{subset}|{HOST}" for subset in ("v1", "v2"))
LIMITS = ("maxConnections", "maxPendingRequests", "maxRequests", "maxRetries")


def named(name: str, action: Mapping[str, Any], **more: object) -> dict[str, Any]:
    """Return a route that names itself on its answers."""
    header = {"header": {"key": "x-canary-route", "value": name}}
    return {"match": {"prefix": "/"}, "route": action, "responseHeadersToAdd": [header], **more}


def virtual_host(*routes: Mapping[str, Any], domain: str = HOST, **more: object) -> dict[str, Any]:
    """Return a virtual host with one domain."""
    return {"name": f"{domain}:80", "domains": [domain], "routes": list(routes), **more}


def configuration(*virtual_hosts: Mapping[str, Any], name: str = "http.8080") -> dict[str, Any]:
    """Return the route configuration of a listener."""
    return {"name": name, "virtualHosts": list(virtual_hosts)}


def weighted(stable: int, canary: int) -> dict[str, Any]:
    """Return the action of a route with weights."""
    return {"weightedClusters": {"clusters": [{"name": V1, "weight": stable}, {"name": V2, "weight": canary}]}}


def cluster(name: str, **limits: int) -> dict[str, Any]:
    """Return a cluster as istiod writes it, without a limit that is not named here."""
    thresholds = {**dict.fromkeys(LIMITS, 4294967295), **limits, "trackRemaining": True}
    return {"name": name, "type": "EDS", "circuitBreakers": {"thresholds": [thresholds]}}


def endpoint(address: str, requests: int, **health: object) -> dict[str, Any]:
    """Return an endpoint as Envoy reports it."""
    stats = [{"name": "rq_error"}, {"name": "rq_total", "value": str(requests)}]
    socket = {"socketAddress": {"address": address, "portValue": 9090}}
    return {"address": socket, "stats": stats, "healthStatus": {"edsHealthStatus": "HEALTHY", **health}}
