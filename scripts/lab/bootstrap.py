"""Envoy's bootstrap: its listeners and its admin interface; everything else comes from the files that it watches."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from scripts.lab.state import LabFolder, replace_file
from scripts.lab.translation.endpoints import HostPort, envoy_address
from scripts.lab.watched import BROWSER_ROUTES, CLUSTERS, INSIDE_ROUTES, ROUTES, TYPE_PREFIX, Json, WatchedFile

LISTENER: Final = "lab"
BROWSER_LISTENER: Final = "browser"
INSIDE_LISTENER: Final = "inside"
SCRAPE_LISTENER: Final = "scrape"

# Those of Istio's gateway that a route can configure: they do nothing until one does.
_ISTIO_FILTERS: Final[tuple[Json, ...]] = (
    {
        "name": "envoy.filters.http.cors",
        "typed_config": {"@type": f"{TYPE_PREFIX}.extensions.filters.http.cors.v3.Cors"},
    },
    {
        "name": "envoy.filters.http.fault",
        "typed_config": {"@type": f"{TYPE_PREFIX}.extensions.filters.http.fault.v3.HTTPFault"},
    },
)
_LOOPBACK_ANY_PORT: Final = HostPort("127.0.0.1", 0)


def write_bootstrap(
    folder: LabFolder,
    listener: HostPort,
    admin: HostPort,
    *,
    with_others: bool = False,
    scraped: Mapping[str, str] | None = None,
) -> None:
    """Write the bootstrap; port 0 anywhere is a free one, chosen by the kernel.

    Args:
        folder: the lab's folder, by the path that Envoy knows it by.
        listener: where clients connect.
        admin: where the admin interface listens.
        with_others: whether there are two more listeners on loopback: one whose routes are for any Host, because that
            of a browser's request is 127.0.0.1, and one for clients inside the mesh.
        scraped: Unix socket of each replica by its pod's name. If given, another listener on loopback leads to their
            metrics, because Prometheus cannot read Unix sockets.
    """
    (folder.envoy / "admin-address").unlink(missing_ok=True)
    static = {"listeners": [_http_listener(LISTENER, listener, _routing(folder, ROUTES), _ISTIO_FILTERS)]}
    others = {BROWSER_LISTENER: BROWSER_ROUTES, INSIDE_LISTENER: INSIDE_ROUTES} if with_others else {}
    for name, routes in others.items():
        # As in a sidecar, the client inside is the application next to it: its address is no client's.
        routing = {**_routing(folder, routes), "use_remote_address": name != INSIDE_LISTENER}
        static["listeners"].append(_http_listener(name, _LOOPBACK_ANY_PORT, routing, _ISTIO_FILTERS))
    if scraped:
        static["listeners"].append(_scrape_listener(scraped))
        static["clusters"] = [_scrape_cluster(pod, path) for pod, path in scraped.items()]
    bootstrap = {
        "node": {"id": "lab", "cluster": "lab"},
        "admin": {"address": envoy_address(admin)},
        "dynamic_resources": {"cds_config": _from_file(folder, CLUSTERS)},
        "static_resources": static,
    }
    replace_file(folder.envoy / "bootstrap.json", bootstrap)


def _routing(folder: LabFolder, routes: WatchedFile) -> Json:
    """Return the routing of the part of Istio's ingress gateway that the traffic states are about."""
    return {
        "use_remote_address": True,  # as Istio's gateway: a client cannot pass for something inside the mesh
        "rds": {"route_config_name": routes.resource_name, "config_source": _from_file(folder, routes)},
    }


def _scrape_listener(pods: Iterable[str]) -> Json:
    """Return the listener that leads to the metrics of each replica, with the pod's name as the host.

    It is separate from the one of the clients, so that scrapes change neither the split nor Envoy's counts of it.
    """
    hosts = [
        {"name": pod, "domains": [pod], "routes": [{"match": {"path": "/metrics"}, "route": {"cluster": pod}}]}
        for pod in pods
    ]
    return _http_listener(SCRAPE_LISTENER, _LOOPBACK_ANY_PORT, {"route_config": {"virtual_hosts": hosts}})


def _scrape_cluster(pod: str, socket_path: str) -> Json:
    endpoint = {"endpoint": {"address": envoy_address(socket_path)}}
    return {
        "name": pod,
        "type": "STATIC",
        "load_assignment": {"cluster_name": pod, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _http_listener(name: str, address: HostPort, routing: Json, filters: Sequence[Json] = ()) -> Json:
    """Return a listener for HTTP with filters before its routes; its name is also the prefix of its statistics."""
    manager = {
        "@type": f"{TYPE_PREFIX}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        **routing,
        "http_filters": [
            *filters,
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{TYPE_PREFIX}.extensions.filters.http.router.v3.Router"},
            },
        ],
    }
    return {
        "name": name,
        "address": envoy_address(address),
        # If it were enabled, two Envoys could share a busy port and each get a part of the requests.
        "enable_reuse_port": False,
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }


def _from_file(folder: LabFolder, watched: WatchedFile) -> Json:
    path = folder.envoy / watched.path
    # Without the folder Envoy would watch the file alone, and lose sight of it with the first rename.
    return {
        "path_config_source": {"path": str(path), "watched_directory": {"path": str(path.parent)}},
        "resource_api_version": "V3",
    }
