"""Whether a route's name fits its weights: `70-30` is a name that claims 70 % for v1 and 30 % for v2.

The name is what the route writes into its answers (header x-canary-route). A file that is copied, or an object that is
edited, keeps the name and has other weights.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

ROUTE_HEADER: Final = "x-canary-route"
CLAIM: Final = re.compile(r"(?:gateway-api-)?(\d+)-(\d+)")
VERSIONS: Final = ("v1", "v2")
SERVICE: Final = "micro-api"


def declared_weights(route: Mapping[str, Any]) -> tuple[float, float]:
    """Return the shares that a route declares for v1 and v2, in percent of all its weights.

    Args:
        route: an element of `spec.http` of a VirtualService, or of `spec.rules` of an HTTPRoute, as JSON.

    Returns:
        The shares; both 0 where the route has no destination, such as a redirect, or none of the two versions.
    """
    weights = dict.fromkeys(VERSIONS, 0.0)
    total = 0.0
    destinations = route.get("route") or route.get("backendRefs") or ()
    for one in destinations:
        # One destination alone has all, with any weight; a VirtualService's default is 0, an HTTPRoute's 1.
        weight = 1 if len(destinations) == 1 else one.get("weight", 1 if "backendRefs" in route else 0)
        backend = one["name"].removeprefix(f"{SERVICE}-") if "name" in one else ""
        version = one["destination"].get("subset", "") if "destination" in one else backend
        total += weight
        if version in weights:
            weights[version] += weight
    v1, v2 = (100 * weights[version] / total if total else 0.0 for version in VERSIONS)
    return v1, v2


def route_name(route: Mapping[str, Any]) -> str:
    """Return the name that a route puts on its answers, "" where it puts none; arguments as `declared_weights`."""
    found = route.get("headers", {}).get("response", {}).get("set", {}).get(ROUTE_HEADER)
    headers = [
        header
        for one in route.get("filters", ())
        for header in one.get("responseHeaderModifier", {}).get("set", ())
        if header["name"] == ROUTE_HEADER
    ]
    return str(found or (headers[0]["value"] if headers else ""))


def disagreement(name: str, shares: Sequence[float]) -> str:
    """Return a sentence where a name claims other shares than there are, "" where it agrees or claims none.

    Of versions that are called otherwise, which leave both shares at 0, no name can be wrong here.

    Args:
        name: a route's name, such as `70-30` or `header-stable`.
        shares: those of v1 and v2, in percent.
    """
    claimed = CLAIM.fullmatch(name)
    if (
        claimed is None
        or not any(shares)
        or [float(part) for part in claimed.groups()] == [round(share, 3) for share in shares]
    ):
        return ""
    return f"the route is named {name}, and its weights are v1 {shares[0]:.4g} %, v2 {shares[1]:.4g} %: rename it"
