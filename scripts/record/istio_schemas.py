"""Record the schemas of Istio's resources as test data, so that every manifest is checked without a cluster.

    istioctl manifest generate | python -m scripts.record.istio_schemas

It reads the custom resource definitions that `istioctl` would install, and writes those of the kinds under `istio/` to
tests/data/schemas, as JSON Schema that refuses unknown fields, as `kubectl apply --validate=strict` does.
"""

import json
import sys
from typing import Any, Final

import yaml

from scripts import REPOSITORY

FOLDER: Final = REPOSITORY / "tests" / "data" / "schemas"
KINDS: Final = ("Gateway", "VirtualService", "DestinationRule", "PeerAuthentication", "AuthorizationPolicy")
VERSION: Final = "v1"
METADATA: Final = {
    "type": "object",
    "properties": {name: {} for name in ("name", "namespace", "labels", "annotations")},
    "required": ["name"],
    "additionalProperties": False,
}


def strict(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return an OpenAPI v3 schema without descriptions and Kubernetes extensions, which refuses unknown fields."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key != "description" or isinstance(value, dict)}
    kept = {key: strict(value) for key, value in kept.items() if not key.startswith("x-kubernetes-")}
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if schema.get("type") == "object" and "properties" in schema and not is_open:
        kept["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        kept["type"] = ["integer", "string"]
    return kept


def schema_of(definition: dict[str, Any], version: str = VERSION) -> dict[str, Any]:
    """Return the JSON Schema of a version of a custom resource definition."""
    names, group = definition["spec"]["names"], definition["spec"]["group"]
    (served,) = [one for one in definition["spec"]["versions"] if one["name"] == version]
    schema: dict[str, Any] = strict(served["schema"]["openAPIV3Schema"])
    schema["properties"] = {
        "apiVersion": {"const": f"{group}/{version}"},
        "kind": {"const": names["kind"]},
        "metadata": METADATA,
        "spec": schema["properties"]["spec"],
    }
    schema["required"] = ["apiVersion", "kind", "metadata", "spec"]
    schema["additionalProperties"] = False
    return schema


def main() -> None:
    """Write one file for each kind."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for resource in yaml.safe_load_all(sys.stdin):
        if not resource or resource["kind"] != "CustomResourceDefinition":
            continue
        kind = resource["spec"]["names"]["kind"]
        if kind in KINDS:
            text = json.dumps(schema_of(resource), indent=1, sort_keys=True)
            (FOLDER / f"{kind}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
