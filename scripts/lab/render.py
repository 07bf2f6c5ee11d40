"""Write Envoy's configuration for a traffic state, for an Envoy that somebody else runs: `docker-compose.yml` does.

    python -m scripts.lab.render --endpoint v1=micro-api-v1:9090 --endpoint v2=micro-api-v2:9090 istio/gateway.yaml ...

It is the lab's own translation. Called again, it shifts a running Envoy, which watches the files. It needs PyYAML and
nothing else, and imports no module of the lab that needs more.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.lab import xds
from scripts.lab.state import LabError, LabFolder, UsageError
from scripts.lab.terminal import print_error
from scripts.lab.translation import manifests, translate
from scripts.lab.translation.endpoints import Endpoint, HostPort
from scripts.lab.translation.manifests import ManifestError

EXIT_FINE, EXIT_FAILED, EXIT_USAGE = 0, 1, 2
PORT_LIMIT = 65535


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the configuration and name the routes in it.

    Args:
        arguments: what stands behind `python -m scripts.lab.render`; None for the process's own.

    Returns:
        0; 1 where the folder cannot be written; 2 for wrong usage or a refused manifest, with the old files in place.
    """
    options = _parser().parse_args(arguments)
    try:
        state = manifests.combine(_read_all(options.files))
        _write(options.dir, state, options.endpoint, options.listen, options.admin)
    except (ManifestError, UsageError) as error:
        return _fail(error, EXIT_USAGE)
    except (LabError, OSError) as error:
        return _fail(error, EXIT_FAILED)
    for warning in translate.warnings(state, options.endpoint):
        print_error("warning", warning)
    print(f"Written for Envoy below {options.dir.path}: routes {', '.join(translate.route_names(state))}")
    return EXIT_FINE


def _write(
    folder: LabFolder, state: manifests.Manifests, endpoints: Sequence[Endpoint], listener: HostPort, admin: HostPort
) -> None:
    folder.create()
    # Clusters first, as Istio does it: a route must find its cluster.
    xds.CLUSTERS.write(folder, translate.clusters(state, endpoints))
    xds.ROUTES.write(folder, [translate.route_configuration(state)])
    xds.write_bootstrap(folder, listener, admin)


def _read_all(files: Sequence[str]) -> list[manifests.Resource]:
    resources: list[manifests.Resource] = []
    for file in files:
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{file}: cannot be read: {error}; name a file such as istio/virtual-service-70-30.yaml"
            ) from error
        resources += manifests.parse(text, file)
    return resources


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.lab.render",
        description="Write Envoy's configuration for a traffic state: a Gateway, a VirtualService, a DestinationRule.",
        epilog="exit codes: 0 written; 1 the folder cannot be written; 2 wrong usage, or a manifest that is refused",
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="manifests, one resource each")
    parser.add_argument(
        "--endpoint",
        metavar="VERSION=HOST:PORT",
        type=_endpoint,
        action="append",
        required=True,
        help="replicas of a version (v1 or v2); may be given several times",
    )
    parser.add_argument(
        "--dir",
        metavar="FOLDER",
        type=lambda path: LabFolder(Path(path)),
        default=LabFolder(Path("/lab")),
        help="where to write, by the path that Envoy knows it by (default: /lab)",
    )
    parser.add_argument(
        "--listen", metavar="HOST:PORT", type=_host_port, default="0.0.0.0:8080", help="(default: %(default)s)"
    )
    parser.add_argument(
        "--admin",
        metavar="HOST:PORT",
        type=_host_port,
        default="127.0.0.1:9901",
        help="Envoy's admin interface, which can stop it: never publish it (default: %(default)s)",
    )
    return parser


def _endpoint(text: str) -> Endpoint:
    version, mark, address = text.partition("=")
    if not mark or version not in {"v1", "v2"}:
        raise argparse.ArgumentTypeError(f"{text!r} is not VERSION=HOST:PORT, such as v1=micro-api-v1:9090")
    return Endpoint({"app": translate.SERVICE_NAME, "version": version}, _host_port(address))


def _host_port(text: str) -> HostPort:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= PORT_LIMIT:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT with a port from 1 to {PORT_LIMIT}")
    return HostPort(host, int(port))


def _fail(problem: object, exit_code: int) -> int:
    print_error("render", problem)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
