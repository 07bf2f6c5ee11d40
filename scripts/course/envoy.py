"""What an Envoy serves, as a check asks for it: exact weights."""

from collections.abc import Sequence

from scripts.course.rules.traffic import Traffic
from scripts.proxy.routes import Json, destinations, version
from scripts.proxy.served import Served, served, taking


def traffic(configurations: Sequence[Json], host: str, path: str) -> Traffic | None:
    """Return what an Envoy serves to GET requests for a host and a path, without the pods; None where it is 404.

    Args:
        configurations: its route configurations, in protobuf's JSON form in camelCase.
        host: the requests' host.
        path: their path.
    """
    route = taking(served(configurations), host, path, {})
    return route and Traffic(route.name_on_answers, weights(configurations, route))


def weights(configurations: Sequence[Json], route: Served) -> dict[str, int]:
    """Return the weights of a route as Envoy has them, by version; one destination alone has 100."""
    of_hosts = [
        one
        for configuration in configurations
        for virtual_host in configuration.get("virtualHosts", ())
        if tuple(virtual_host["domains"]) == route.hosts
        for one in virtual_host.get("routes", ())
        if one["match"] == route.match
    ]
    raw = of_hosts[0]
    weighted = raw.get("route", {}).get("weightedClusters", {}).get("clusters", ())
    pairs = [(one["name"], one.get("weight", 0)) for one in weighted]
    pairs = pairs or [(cluster, round(percent)) for cluster, percent in destinations(raw)]
    return {version(cluster, cluster.rpartition("|")[2]): weight for cluster, weight in pairs}
