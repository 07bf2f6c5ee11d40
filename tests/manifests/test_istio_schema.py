"""Every manifest under istio/ against the schemas of Istio's own resource definitions."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.support.repository import ROOT

MANIFESTS = sorted((ROOT / "istio").glob("*.yaml"))


def schema_of(kind: str) -> dict[str, Any]:
    """Return the recorded schema of a kind."""
    file = ROOT / "tests" / "data" / "schemas" / f"{kind}.json"
    return dict(json.loads(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.stem)
def test_each_manifest_is_what_its_kind_allows(file: Path) -> None:
    """Istio's API server would accept the file strictly: no unknown field, no wrong type."""
    for resource in yaml.safe_load_all(file.read_text(encoding="utf-8")):
        jsonschema.validate(resource, schema_of(resource["kind"]))


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.stem)
def test_the_schemas_refuse_a_misspelt_field(file: Path) -> None:
    """The check can fail: one more field in the spec is refused."""
    resource = yaml.safe_load(file.read_text(encoding="utf-8"))
    misspelt = copy.deepcopy(resource)
    misspelt["spec"]["hots"] = ["micro-api"]
    with pytest.raises(jsonschema.ValidationError, match="hots"):
        jsonschema.validate(misspelt, schema_of(resource["kind"]))
