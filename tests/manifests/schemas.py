"""Any manifest against the schemas that a real API server publishes, with those of Istio and of release engines."""

import json
from functools import cache
from typing import Any

import jsonschema

from scripts.record.istio_schemas import schema_of
from tests.support.repository import resources, text_of

GATEWAY_API = "tests/data/gateway-api/crds.yaml"
ENGINES = ("argoproj.io", "flagger.app")


def validate(manifest: dict[str, Any]) -> None:
    """Check an object against the schema of its version and kind; raises jsonschema.ValidationError."""
    # Not jsonschema.validate, which checks the schemas themselves each time, for seconds.
    jsonschema.Draft202012Validator(_schema(manifest["apiVersion"], manifest["kind"])).validate(manifest)


@cache
def _schema(version: str, kind: str) -> dict[str, Any]:
    group = version.partition("/")[0]
    if group == "gateway.networking.k8s.io":
        (definition,) = [one for one in resources(GATEWAY_API) if one["spec"]["names"]["kind"] == kind]
        return schema_of(definition)
    if group.endswith(".istio.io") or group in ENGINES:
        return dict(json.loads(text_of(f"tests/data/schemas/{kind}.json")))
    definitions = _kubernetes()
    (name,) = [
        name
        for name, schema in definitions.items()
        if schema.get("properties", {}).get("kind") == {"const": kind}
        and schema["properties"]["apiVersion"] == {"const": version}
    ]
    return {"$ref": f"#/$defs/{name}", "$defs": definitions}


@cache
def _kubernetes() -> dict[str, Any]:
    return dict(json.loads(text_of("tests/data/schemas/kubernetes.json"))["$defs"])
