"""Every manifest in the folders of istio/ against the schemas of Istio, the Gateway API and Kubernetes."""

import json
from functools import cache
from typing import Any

import jsonschema
import pytest

from scripts.record_schemas import schema_of
from tests.istio.manifests import RESOURCES
from tests.k8s.manifests import resources, text_of, versions
from tests.k8s.test_schema import validate as validate_kubernetes

DEFINITIONS = "tests/data/gateway-api/crds.yaml"


@cache
def gateway_api_schema(kind: str) -> dict[str, Any]:
    """Return the schema of a kind of the Gateway API, from its recorded definition."""
    (definition,) = [one for one in resources(DEFINITIONS) if one["spec"]["names"]["kind"] == kind]
    return schema_of(definition)


def validate(manifest: dict[str, Any]) -> None:
    """Check an object against the schema of its version and kind; raises jsonschema.ValidationError."""
    group, kind = manifest["apiVersion"].partition("/")[0], manifest["kind"]
    if group == "gateway.networking.k8s.io":
        jsonschema.Draft202012Validator(gateway_api_schema(kind)).validate(manifest)
    elif group.endswith(".istio.io"):
        jsonschema.Draft202012Validator(json.loads(text_of(f"tests/data/schemas/{kind}.json"))).validate(manifest)
    else:
        validate_kubernetes(manifest)


@pytest.mark.parametrize("path", RESOURCES)
def test_each_manifest_is_what_its_kind_allows(path: str) -> None:
    """The API server would accept the file strictly: no unknown field, no wrong type."""
    for manifest in resources(path):
        validate(manifest)


@pytest.mark.parametrize("path", RESOURCES)
def test_the_schemas_refuse_a_misspelt_field(path: str) -> None:
    """The check can fail: one more field is refused, in the spec and in the metadata."""
    for manifest in resources(path):
        for place in (manifest.get("spec", manifest), manifest["metadata"]):
            place["nmae"] = "micro-api"
            with pytest.raises(jsonschema.ValidationError, match="nmae"):
                validate(manifest)
            del place["nmae"]


def test_the_definitions_are_of_the_version_that_is_named() -> None:
    """tests/data/gateway-api was recorded from the release that scripts/gateway-api-up.sh takes from the internet."""
    annotations = [one["metadata"]["annotations"] for one in resources(DEFINITIONS)]
    bundles = {one["gateway.networking.k8s.io/bundle-version"] for one in annotations}
    assert bundles == {f"v{versions()['GATEWAY_API_VERSION']}"}
