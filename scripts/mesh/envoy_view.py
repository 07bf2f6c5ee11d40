"""What an Envoy of the mesh has for one host, in a few lines: routes, limits, endpoints.

    PYTHONPATH=loadtest python3 -m scripts.mesh.envoy_view HOST routes.json clusters.json endpoints.json

The files are what `istioctl proxy-config` prints as JSON. It needs Python's own library, and `loadtest` on its path.
Listeners, policies and filters are not among those files, so they are not looked at.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.proxy.routes import NoRouteError
from scripts.proxy.view import view


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the view of the files named on the command line; return the exit code, 1 if there is no route."""
    parser = argparse.ArgumentParser(prog="python3 -m scripts.mesh.envoy_view", description="Show what an Envoy has.")
    parser.add_argument("host", metavar="HOST", help="as in the request's Host header")
    for kind in ("routes", "clusters", "endpoints"):
        parser.add_argument(kind, type=Path, metavar=f"{kind}.json", help=f"what istioctl proxy-config {kind} printed")
    options = parser.parse_args(arguments)
    files = (options.routes, options.clusters, options.endpoints)
    try:
        lines = view(options.host, *(json.loads(file.read_text(encoding="utf-8")) for file in files))
    except NoRouteError as error:
        print(f"envoy_view: {error}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
