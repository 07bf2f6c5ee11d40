"""The part of a gateway's configuration that decides what clients see, in one form for Istio's and the lab's.

Fields are dropped by name and never picked, so that a field that a later Istio adds is a difference.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_CAMEL_CASE: Final = re.compile(r"[a-z][a-zA-Z0-9]*")  # and not names such as envoy.extensions.upstreams.http.v3...
_DROPPED: Final = frozenset(
    {
        "metadata",  # where Istio found it, for telemetry
        "decorator",  # the name of a trace's span
        "alt_stat_name",  # the name of the statistics
        "max_direct_response_body_size_bytes",  # no route has a direct response
        "transport_socket_matches",  # mutual TLS between sidecars: the lab has none
        "transport_socket",  # as the manifest's own `tls` has it: the lab's replicas speak in plain
        "type",  # Istio sends endpoints by EDS, the lab names them in the cluster
        "eds_cluster_config",
        "load_assignment",
    },
)


def projection(
    route_configuration: Mapping[str, Any],
    clusters: Sequence[Mapping[str, Any]],
    service: str | None = "micro-api.default.svc.cluster.local",
) -> dict[str, Any]:
    """Return what matters of a RouteConfiguration and of the clusters of one service, sorted by name.

    Args:
        route_configuration: Envoy's v3 object as JSON, in snake_case or camelCase.
        clusters: Envoy's v3 objects in the same form, those of other services included.
        service: the full host name of the service; None if all clusters matter.
    """
    routes = _reduced(route_configuration)
    routes["virtual_hosts"] = sorted(routes.get("virtual_hosts", []), key=_name)
    own = [cluster for cluster in clusters if service is None or str(cluster["name"]).endswith(f"|{service}")]
    return {"routes": routes, "clusters": sorted(map(_cluster, own), key=_name)}


def virtual_hosts_projection(virtual_hosts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what matters of the virtual hosts of one port, sorted by name; arguments as `projection`."""
    reduced = map(_reduced, virtual_hosts)
    return sorted(({**host, "domains": sorted(host["domains"])} for host in reduced), key=_name)


def _cluster(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """Return a cluster with the zero values that protobuf's JSON leaves out."""
    reduced = {"lb_policy": "ROUND_ROBIN", **_reduced(cluster)}
    panic_threshold = {"value": 0, **reduced["common_lb_config"]["healthy_panic_threshold"]}
    reduced["common_lb_config"] = {**reduced["common_lb_config"], "healthy_panic_threshold": panic_threshold}
    return reduced


def _name(named: Mapping[str, Any]) -> str:
    return str(named["name"])


def _reduced(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message in snake_case and without the fields that do not matter, at any depth."""
    fields = ((_snake_case(key), value) for key, value in message.items())
    return {key: _reduced_value(value) for key, value in fields if key not in _DROPPED}


def _reduced_value(value: Any) -> Any:  # noqa: ANN401 - JSON has no narrower type
    if isinstance(value, Mapping):
        reduced = _reduced(value)
        if "query_parameters" in reduced:  # in any order: Istio has them from a map of Go
            reduced["query_parameters"].sort(key=_name)
        return reduced
    return [_reduced_value(element) for element in value] if isinstance(value, list) else value


def _snake_case(key: str) -> str:
    if not _CAMEL_CASE.fullmatch(key):
        return key
    return re.sub(r"[A-Z]|(?<=[a-z])5xx", lambda found: f"_{found[0].lower()}", key)
