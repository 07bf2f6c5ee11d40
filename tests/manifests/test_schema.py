"""The recorded schemas of Kubernetes see what is wrong in a manifest, however deep it stands."""

import copy
from typing import Any

import jsonschema
import pytest

from tests.manifests.k8s import resources
from tests.manifests.schemas import validate


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
