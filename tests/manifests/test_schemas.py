"""Each manifest is one that an API server accepts, by the schemas that a real one publishes."""

import copy
from typing import Any

import jsonschema
import pytest

from tests.manifests.files import RESOURCES
from tests.manifests.schemas import GATEWAY_API, validate
from tests.support.repository import resource, resources, versions

DEPLOYMENT = "k8s/base/deployment.yaml"
CONTAINER = ("spec", "template", "spec", "containers", 0)


@pytest.mark.parametrize("path", RESOURCES)
def test_each_manifest_is_what_its_kind_allows(path: str) -> None:
    """The file has no unknown field and no value of a wrong type: the API server would accept it strictly."""
    for manifest in resources(path):
        validate(manifest)


@pytest.mark.parametrize(
    ("path", "steps", "field", "value"),
    [
        (DEPLOYMENT, ("metadata",), "nmae", "micro-api"),
        (DEPLOYMENT, ("spec",), "minReadySecond", 5),
        (DEPLOYMENT, ("spec",), "minReadySeconds", "5"),
        (DEPLOYMENT, CONTAINER, "imagePullPolicy", "Sometimes"),
        (DEPLOYMENT, (*CONTAINER, "readinessProbe"), "periodSecond", 2),
        (DEPLOYMENT, (*CONTAINER, "lifecycle", "preStop", "sleep"), "second", 5),
        ("istio/virtual-service-70-30.yaml", ("spec",), "hots", ["micro-api"]),
        ("istio/gateway-api/http-route-70-30.yaml", ("spec", "rules", 0), "backendRef", []),
    ],
)
def test_a_schema_refuses_what_is_wrong(path: str, steps: tuple[str | int, ...], field: str, value: object) -> None:
    """A misspelt field, a wrong type and a value that is not a choice are refused at any depth, for each API."""
    manifest = copy.deepcopy(resource(path))
    place: Any = manifest
    for step in steps:
        place = place[step]
    place[field] = value
    with pytest.raises(jsonschema.ValidationError):
        validate(manifest)


def test_the_articles_misspelling_is_refused() -> None:
    """`meta data`, as one of the article's files says, is not a field of a Deployment."""
    manifest = resources("k8s/article/micro-api.yaml")[1]
    manifest["meta data"] = manifest.pop("metadata")
    with pytest.raises(jsonschema.ValidationError, match="meta data"):
        validate(manifest)


def test_the_gateway_api_is_of_the_version_that_is_named() -> None:
    """tests/data/gateway-api was recorded from the release that scripts/mesh/gateway-api.sh takes from the internet."""
    annotations = [one["metadata"]["annotations"] for one in resources(GATEWAY_API)]
    bundles = {one["gateway.networking.k8s.io/bundle-version"] for one in annotations}
    assert bundles == {f"v{versions()['GATEWAY_API_VERSION']}"}
