"""The files in the folders of istio/ as the tests read them; those at its top are the lab's, and tested with it."""

from typing import Any, Final

from canary_loadtest.core.answer import ROUTE_HEADER
from tests.support.repository import ROOT

ISTIO_FILES: Final = tuple(sorted(file.relative_to(ROOT).as_posix() for file in (ROOT / "istio").rglob("*.yaml")))
FILES: Final = tuple(path for path in ISTIO_FILES if path.count("/") > 1)
KUSTOMIZATIONS: Final = tuple(path for path in FILES if path.endswith("/kustomization.yaml"))
PATCH: Final = "istio/workloads/version/deployment.yaml"  # says what it changes, and is no whole resource
OPERATOR: Final = "istio/install/operator.yaml"  # for istioctl: the API server knows no such kind
RESOURCES: Final = tuple(path for path in FILES if path not in {*KUSTOMIZATIONS, PATCH, OPERATOR})
VIRTUAL_SERVICES: Final = tuple(path for path in FILES if "/virtual-service-" in path)
HTTP_ROUTES: Final = tuple(path for path in FILES if "/http-route-" in path)


def route_names(state: dict[str, Any]) -> list[str]:
    """Return the names that a virtual service's or an HTTP route's rules put on their answers, in their order."""
    if state["kind"] == "VirtualService":
        return [route["headers"]["response"]["set"][ROUTE_HEADER] for route in state["spec"]["http"]]
    changes = [
        entry
        for rule in state["spec"]["rules"]
        for one in rule["filters"]
        if one["type"] == "ResponseHeaderModifier"
        for entry in one["responseHeaderModifier"]["set"]
    ]
    assert {entry["name"] for entry in changes} == {ROUTE_HEADER}
    return [entry["value"] for entry in changes]
