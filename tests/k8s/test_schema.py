"""Every manifest under k8s/ against the schemas that a real API server publishes."""

import copy
import json
from functools import cache
from typing import Any

import jsonschema
import pytest

from tests.k8s.manifests import RESOURCES, resources, text_of


@cache
def definitions() -> dict[str, Any]:
    """Return the recorded definitions by name."""
    return dict(json.loads(text_of("tests/data/schemas/kubernetes.json"))["$defs"])


def validate(manifest: dict[str, Any]) -> None:
    """Check an object against the definition of its version and kind; raises jsonschema.ValidationError."""
    version, kind = manifest["apiVersion"], manifest["kind"]
    (name,) = [
        name
        for name, schema in definitions().items()
        if schema.get("properties", {}).get("kind") == {"const": kind}
        and schema["properties"]["apiVersion"] == {"const": version}
    ]
    # Not jsonschema.validate, which checks the definitions themselves each time, for seconds.
    jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": definitions()}).validate(manifest)


@pytest.mark.parametrize("path", RESOURCES)
def test_each_manifest_is_what_its_kind_allows(path: str) -> None:
    """The API server would accept the file strictly: no unknown field, no wrong type."""
    for manifest in resources(path):
        validate(manifest)


@pytest.mark.parametrize("path", RESOURCES)
def test_the_schemas_refuse_a_misspelt_field(path: str) -> None:
    """The check can fail: one more field is refused, beside the spec and in the metadata."""
    for manifest in resources(path):
        for place in (manifest, manifest["metadata"]):
            place["nmae"] = "micro-api"
            with pytest.raises(jsonschema.ValidationError, match="nmae"):
                validate(manifest)
            del place["nmae"]


@pytest.mark.parametrize(
    ("steps", "field", "value"),
    [
        (("spec",), "minReadySecond", 5),
        (("spec",), "minReadySeconds", "5"),
        (("spec", "template", "spec", "containers", 0), "imagePullPolicy", "Sometimes"),
        (("spec", "template", "spec", "containers", 0, "readinessProbe"), "periodSecond", 2),
        (("spec", "template", "spec", "containers", 0, "lifecycle", "preStop", "sleep"), "second", 5),
    ],
)
def test_the_schema_of_a_deployment_goes_to_its_leaves(steps: tuple[str | int, ...], field: str, value: object) -> None:
    """A misspelt field, a wrong type or a value that is no choice is refused however deep it stands."""
    manifest = copy.deepcopy(resources("k8s/base/deployment.yaml")[0])
    place: Any = manifest
    for step in steps:
        place = place[step]
    place[field] = value
    with pytest.raises(jsonschema.ValidationError):
        validate(manifest)


def test_the_articles_misspelling_is_refused() -> None:
    """`meta data`, as one of the article's files says, is no field of a Deployment."""
    manifest = resources("k8s/article/micro-api.yaml")[1]
    manifest["meta data"] = manifest.pop("metadata")
    with pytest.raises(jsonschema.ValidationError, match="meta data"):
        validate(manifest)
