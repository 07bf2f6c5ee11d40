"""The share of canary answers to expect of a plain Service: the canaries among its ready pods.

    kubectl get endpointslices,pods -l app=micro-api -o json | python -m scripts.cluster.expected_share

A Service without a mesh has no weights: for each new connection it picks one of its ready endpoints, all with the same
probability. So the expected share follows from the EndpointSlices, and the unit is the connection. It needs only
Python's own library.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

SERVICE: Final = "micro-api"
CANARY_LABEL: Final = ("track", "canary")


class ShareError(ValueError):
    """The objects do not determine the share; `str()` says why, and what to do."""


def canary_percent(objects: Iterable[Mapping[str, Any]], service: str = SERVICE) -> float:
    """Return the percentage of new connections that a Service gives to canaries.

    Args:
        objects: EndpointSlices and Pods as `kubectl get -o json` lists them, of any Services.
        service: the name of the Service.

    Returns:
        100 times the ready endpoints whose pod is labelled `track: canary`, over all ready endpoints. A terminating
        pod is not ready, even if its probe succeeds; a pod in two slices counts once.

    Raises:
        ShareError: the Service has no ready endpoint, or one of a pod that is not among the objects.
    """
    objects = list(objects)
    labels = {one["metadata"]["name"]: one["metadata"].get("labels", {}) for one in objects if one["kind"] == "Pod"}
    ready = {
        endpoint["targetRef"]["name"]
        for one in objects
        if one["kind"] == "EndpointSlice"
        and one["metadata"].get("labels", {}).get("kubernetes.io/service-name") == service
        for endpoint in one.get("endpoints") or ()
        if endpoint.get("conditions", {}).get("ready")
    }
    if not ready:
        raise ShareError(f"the Service {service} has no ready pod: see kubectl get pods")
    if unknown := sorted(ready - labels.keys()):
        raise ShareError(f"no labels of the pods {', '.join(unknown)}: list the pods together with the slices")
    key, value = CANARY_LABEL
    canaries = [name for name in ready if labels[name].get(key) == value]
    return 100 * len(canaries) / len(ready)


def main() -> None:
    """Read the objects from standard input and print the percentage."""
    try:
        percent = canary_percent(json.load(sys.stdin)["items"])
    except ShareError as error:
        sys.exit(f"expected_share: {error}")
    except (ValueError, KeyError, TypeError) as error:
        sys.exit(
            f"expected_share: standard input is not a list of EndpointSlices and Pods ({error!r}): pipe kubectl's JSON"
        )
    print(f"{percent:.10g}")


if __name__ == "__main__":
    main()
