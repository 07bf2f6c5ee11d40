"""`render`: Envoy's configuration for a traffic state, for an Envoy that another program runs, such as Compose.

The translation is the lab's own. Called again, it shifts a running Envoy, which watches the files. It needs PyYAML and
nothing else, so it imports no module of the lab that needs more.
"""

import argparse

from scripts.lab.bootstrap import write_bootstrap
from scripts.lab.errors import LabError
from scripts.lab.terminal import print_error
from scripts.lab.traffic_state import TrafficState
from scripts.lab.translation import analysis, translate
from scripts.lab.watched import CLUSTERS, ROUTES


def render(options: argparse.Namespace) -> int:
    """Write the configuration and print the names of the routes in it.

    Args:
        options: the parsed options of the command.

    Returns:
        The exit code, 0.

    Raises:
        LabError: the folder cannot be written.
        UsageError: a file cannot be read.
        ManifestError: a file is refused; the old files stay.
    """
    manifests = TrafficState.load(options.files).manifests
    folder = options.dir
    folder.create()
    try:
        # Clusters first, as Istio does it: a route must find its cluster.
        CLUSTERS.write(folder, translate.clusters(manifests, options.endpoint))
        ROUTES.write(folder, [translate.route_configuration(manifests)])
        write_bootstrap(folder, options.listen, options.admin)
    except OSError as error:
        raise LabError(f"--dir {folder.path}: {error}") from error
    for warning in analysis.warnings(manifests, options.endpoint):
        print_error("warning", warning)
    print(f"Written for Envoy below {folder.path}: routes {', '.join(translate.route_names(manifests))}")
    return 0
