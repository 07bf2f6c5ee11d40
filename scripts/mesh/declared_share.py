"""The canary's share that the mesh declares, and the route that carries it: of the last route, which has no condition.

    kubectl get virtualservice/micro-api-route -o json | python -m scripts.mesh.declared_share

It prints the percentage, and the route's name where it has one: `30 70-30`. It needs only Python's own library.
"""

import json
import sys

from scripts.proxy.route_names import declared_weights, disagreement, route_name


def main() -> None:
    """Read a VirtualService or an HTTPRoute from standard input; warn of a name that does not tell its weights."""
    spec = json.load(sys.stdin)["spec"]
    route = (spec.get("http") or spec.get("rules"))[-1]
    shares, name = declared_weights(route), route_name(route)
    if warning := disagreement(name, shares):
        print(f"warning: {warning}", file=sys.stderr)
    print(f"{shares[1]:.10g} {name}".strip())


if __name__ == "__main__":
    main()
