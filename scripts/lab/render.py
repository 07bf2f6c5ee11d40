"""`render`: Envoy's configuration for a traffic state, for an Envoy that another program runs, such as Compose.

The translation is the lab's own. Called again, it shifts a running Envoy, which watches the files. It needs PyYAML and
nothing else, so it imports no module of the lab that needs more.
"""

import argparse
from pathlib import Path
from typing import Final

from scripts.lab import assumed
from scripts.lab.bootstrap import write_bootstrap
from scripts.lab.errors import LabError
from scripts.lab.state import LabFolder
from scripts.lab.terminal import print_error
from scripts.lab.traffic_state import TrafficState
from scripts.lab.translation import analysis, translate
from scripts.lab.translation.endpoints import HIGHEST_PORT, Endpoint, HostPort
from scripts.lab.translation.stand_ins import of_stable
from scripts.lab.watched import CLUSTERS, ROUTES

EXAMPLE: Final = """render --dir /tmp/envoy \\
    --endpoint v1=127.0.0.1:9091 --endpoint v2=127.0.0.1:9092 \\
    istio/gateway.yaml istio/destination-rule.yaml \\
    istio/virtual-service-70-30.yaml"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    command.add_argument(
        "files", metavar="FILE", nargs="+", help="a Gateway, a VirtualService and a DestinationRule, in any order"
    )
    command.add_argument(
        "--endpoint",
        metavar="VERSION=HOST:PORT",
        type=_endpoint,
        action="append",
        required=True,
        help="replicas of a version (v1 or v2); can be given several times",
    )
    assumed.add_options(command)
    command.add_argument(
        "--dir",
        metavar="FOLDER",
        type=lambda path: LabFolder(Path(path)),
        default="/lab",
        help="where to write, by the path that Envoy knows it by (default: %(default)s)",
    )
    command.add_argument(
        "--listen",
        metavar="HOST:PORT",
        type=_host_port,
        default="0.0.0.0:8080",
        help="where clients connect (default: %(default)s)",
    )
    command.add_argument(
        "--admin",
        metavar="HOST:PORT",
        type=_host_port,
        default="127.0.0.1:9901",
        help="Envoy's admin interface, which can stop it: never publish it (default: %(default)s)",
    )


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
    traffic_state = TrafficState.load(options.files, assumed.of_options(options))
    manifests = traffic_state.manifests
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
    names = translate.route_names(manifests)
    routes = f"routes {', '.join(names)}" if names else "routes without a name"
    print(f"Written for Envoy below {folder.path}: {routes}")
    for line in assumed.stand_in(traffic_state.assumed.canary, of_stable(manifests, options.endpoint)):
        print(line)
    return 0


def _endpoint(text: str) -> Endpoint:
    version, mark, address = text.partition("=")
    if not mark or version not in {"v1", "v2"}:
        raise argparse.ArgumentTypeError(f"{text!r} is not VERSION=HOST:PORT, such as v1=micro-api-v1:9090")
    return Endpoint({"app": translate.SERVICE_NAME, "version": version}, _host_port(address))


def _host_port(text: str) -> HostPort:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT with a port from 1 to {HIGHEST_PORT}")
    return HostPort(host, int(port))
