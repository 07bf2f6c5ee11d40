"""The files that a running Envoy watches: clusters and routes.

Envoy loads a file that is renamed into the folder that it watches.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from scripts.lab.state import LabFolder, replace_file
from scripts.lab.translation import defaults

TYPE_PREFIX: Final = "type.googleapis.com/envoy"

Json = dict[str, Any]


@dataclass(frozen=True)
class WatchedFile:
    """A file that Envoy watches.

    Attributes:
        path: the file below the `envoy` folder.
        stat_prefix: prefix of Envoy's statistics about it.
        resource_type: type of the resources in it.
        resource_name: the name of its one resource; "" if it has several.
    """

    path: str
    stat_prefix: str
    resource_type: str
    resource_name: str = ""

    def write(self, folder: LabFolder, resources: Sequence[Json]) -> str:
        """Replace the file.

        Args:
            folder: the lab's folder.
            resources: Envoy resources without `@type`.

        Returns:
            The version that Envoy reports once it serves them: equal resources have equal versions.
        """
        content = [{"@type": f"{TYPE_PREFIX}.{self.resource_type}", **resource} for resource in resources]
        version = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
        replace_file(folder.envoy / self.path, {"version_info": version, "resources": content})
        return version


CLUSTERS: Final = WatchedFile("cds/clusters.json", "cluster_manager.cds", "config.cluster.v3.Cluster")
ROUTES: Final = WatchedFile(
    "rds/routes.json",
    f"http.lab.rds.{defaults.ROUTE_CONFIGURATION_NAME}",
    "config.route.v3.RouteConfiguration",
    defaults.ROUTE_CONFIGURATION_NAME,
)
BROWSER_ROUTES: Final = WatchedFile(
    "rds/browser.json",
    f"http.browser.rds.{defaults.BROWSER_CONFIGURATION_NAME}",
    "config.route.v3.RouteConfiguration",
    defaults.BROWSER_CONFIGURATION_NAME,
)
INSIDE_ROUTES: Final = WatchedFile(
    "rds/inside.json",
    f"http.inside.rds.{defaults.INSIDE_CONFIGURATION_NAME}",
    "config.route.v3.RouteConfiguration",
    defaults.INSIDE_CONFIGURATION_NAME,
)
