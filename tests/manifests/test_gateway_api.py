"""The recorded definitions of the Gateway API are those that the scripts install."""

from tests.manifests.k8s import resources, versions
from tests.manifests.schemas import GATEWAY_API


def test_the_definitions_are_of_the_version_that_is_named() -> None:
    """tests/data/gateway-api was recorded from the release that scripts/mesh/gateway-api.sh takes from the internet."""
    annotations = [one["metadata"]["annotations"] for one in resources(GATEWAY_API)]
    bundles = {one["gateway.networking.k8s.io/bundle-version"] for one in annotations}
    assert bundles == {f"v{versions()['GATEWAY_API_VERSION']}"}
