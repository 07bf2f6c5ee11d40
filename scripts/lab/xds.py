"""Envoy's configuration as files: what it reads at its start, and the two files that it watches from then on.

`control` writes them for the lab's own Envoy, `render` for one in a container; `envoy` waits until they are served.
Envoy takes a file that is renamed into the folder that it watches.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.lab.state import LabFolder, replace_file
from scripts.lab.translation import defaults
from scripts.lab.translation.endpoints import HostPort, envoy_address

TYPE_PREFIX = "type.googleapis.com/envoy"

Json = dict[str, Any]

LISTENER, BROWSER_LISTENER, SCRAPE_LISTENER = "lab", "browser", "scrape"


def write_bootstrap(
    folder: LabFolder,
    listener: HostPort,
    admin: HostPort,
    *,
    browser_host: str = "",
    scraped: Mapping[str, str] | None = None,
) -> None:
    """Write what Envoy reads at its start: its listeners, everything else from the watched folders.

    Args:
        folder: the lab's folder, by the path that Envoy knows it by.
        listener: where clients connect; port 0 is the kernel's choice.
        admin: where the admin interface listens, likewise.
        browser_host: the host that the routes are for. With it comes a listener, on a port of loopback that the
            kernel chooses, which asks for that host whatever a request says: a browser's says 127.0.0.1.
        scraped: the Unix socket of each replica, by its pod's name. With it comes another listener, likewise, by
            which Prometheus, who knows no Unix sockets, reads their metrics.
    """
    (folder.envoy / "admin-address").unlink(missing_ok=True)
    static = {"listeners": [_http_listener(LISTENER, listener, _routing(folder))]}
    if browser_host:
        static["listeners"].append(_browser_listener(folder, browser_host))
    if scraped:
        static["listeners"].append(_scrape_listener(scraped))
        static["clusters"] = [_scrape_cluster(pod, path) for pod, path in scraped.items()]
    bootstrap = {
        "node": {"id": "lab", "cluster": "lab"},
        "admin": {"address": envoy_address(admin)},
        "dynamic_resources": {"cds_config": _from_file(folder.envoy / "cds" / "clusters.json")},
        "static_resources": static,
    }
    replace_file(folder.envoy / "bootstrap.json", bootstrap)


def _routing(folder: LabFolder) -> Json:
    """Return the routing of the part of Istio's ingress gateway that the traffic states are about."""
    return {
        "use_remote_address": True,  # as Istio's gateway: a client cannot pass for something inside the mesh
        "rds": {
            "route_config_name": defaults.ROUTE_CONFIGURATION_NAME,
            "config_source": _from_file(folder.envoy / "rds" / "routes.json"),
        },
    }


def _browser_listener(folder: LabFolder, host: str) -> Json:
    """Return the listener for browsers: the same routes, for one host."""
    # By a script: Envoy's filters for headers may not touch the host, and a route may, but only once it is found.
    script = f"function envoy_on_request(handle) handle:headers():replace(':authority', '{host}') end"
    set_host = {
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": f"{TYPE_PREFIX}.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": script},
        },
    }
    return _http_listener(BROWSER_LISTENER, HostPort("127.0.0.1", 0), _routing(folder), [set_host])


def _scrape_listener(pods: Iterable[str]) -> Json:
    """Return the listener that leads to each replica's metrics, and to nothing else, by the pod's name as the host.

    It is not the one of the clients: what passes here changes neither the split nor Envoy's counts of it.
    """
    hosts = [
        {"name": pod, "domains": [pod], "routes": [{"match": {"path": "/metrics"}, "route": {"cluster": pod}}]}
        for pod in pods
    ]
    return _http_listener(SCRAPE_LISTENER, HostPort("127.0.0.1", 0), {"route_config": {"virtual_hosts": hosts}})


def _scrape_cluster(pod: str, socket_path: str) -> Json:
    endpoint = {"endpoint": {"address": envoy_address(socket_path)}}
    return {
        "name": pod,
        "type": "STATIC",
        "load_assignment": {"cluster_name": pod, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _http_listener(name: str, address: HostPort, routing: Json, filters: Sequence[Json] = ()) -> Json:
    """Return a listener for HTTP with filters before its routes; its name is the prefix of its statistics, too."""
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
        # With it, two Envoys would share a busy port and each take a part of the requests.
        "enable_reuse_port": False,
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }


def _from_file(path: Path) -> Json:
    # Without the folder Envoy would watch the file alone, and lose sight of it with the first rename.
    return {
        "path_config_source": {"path": str(path), "watched_directory": {"path": str(path.parent)}},
        "resource_api_version": "V3",
    }


@dataclass(frozen=True)
class WatchedFile:
    """One of the two files that Envoy takes its configuration from.

    Attributes:
        path: the file below the `envoy` folder.
        stat_prefix: where Envoy's statistics speak of it.
        resource_type: type of the resources in it.
    """

    path: str
    stat_prefix: str
    resource_type: str

    def write(self, folder: LabFolder, resources: Sequence[Json]) -> str:
        """Put resources in place of the file.

        Args:
            folder: the lab's folder.
            resources: Envoy resources without `@type`.

        Returns:
            The version that Envoy names once it serves them: equal resources have equal versions.
        """
        content = [{"@type": f"{TYPE_PREFIX}.{self.resource_type}", **resource} for resource in resources]
        version = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
        replace_file(folder.envoy / self.path, {"version_info": version, "resources": content})
        return version


CLUSTERS = WatchedFile("cds/clusters.json", "cluster_manager.cds", "config.cluster.v3.Cluster")
ROUTES = WatchedFile(
    "rds/routes.json", f"http.lab.rds.{defaults.ROUTE_CONFIGURATION_NAME}", "config.route.v3.RouteConfiguration"
)
