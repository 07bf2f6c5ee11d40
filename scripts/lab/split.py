"""The repository's virtual service with weights of one's own."""

from typing import Final

from scripts import REPOSITORY

TEMPLATE: Final = "istio/virtual-service-70-30.yaml"


def virtual_service(canary_percent: int, route_name: str) -> str:
    """Return a virtual service that gives the canary a share in percent, and puts the name on its answers."""
    text = (REPOSITORY / TEMPLATE).read_text(encoding="utf-8").partition("---\n")[2]
    for old, new in {
        "weight: 70": f"weight: {100 - canary_percent}",
        "weight: 30": f"weight: {canary_percent}",
        '"70-30"': f'"{route_name}"',
    }.items():
        text = text.replace(old, new)
    return text
