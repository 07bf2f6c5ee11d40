"""Write the fields that `lab check` knows, from the recorded schemas under tests/data.

    python -m scripts.record.check_fields

A mapping stands for an object with its fields, `{"*": X}` for one with any keys, `[X]` for a list, `A|B` for a choice.
"""

import json
from typing import Any, Final

import yaml

from scripts import REPOSITORY
from scripts.record.istio_schemas import schema_of

DATA: Final = REPOSITORY / "tests" / "data"
FILE: Final = REPOSITORY / "scripts" / "lab" / "check" / "fields.json"
ISTIO: Final = "networking.istio.io"
GATEWAY_API: Final = "gateway.networking.k8s.io"
ANY: Final = "any"
# Parts of a pod that no rule reads: they are two thirds of it.
UNREAD: Final = frozenset({"affinity", "ephemeralContainers", "initContainers", "volumes"})


def compact(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """Return a JSON schema as its fields and types alone."""
    if "$ref" in schema or len(schema.get("allOf", ())) == 1:
        name = schema.get("$ref", "").rpartition("/")[2]
        return compact(definitions[name] if name else schema["allOf"][0], definitions)
    if "properties" in schema:
        return {
            name: ANY if name in UNREAD else compact(part, definitions) for name, part in schema["properties"].items()
        }
    if isinstance(schema.get("additionalProperties"), dict):
        return {"*": compact(schema["additionalProperties"], definitions)}
    if schema.get("type") == "array":
        return [compact(schema.get("items", {}), definitions)]
    if "enum" in schema:
        return "|".join(map(str, schema["enum"]))
    return schema["type"] if schema.get("type") in ("string", "integer", "number", "boolean") else ANY


def known_fields() -> dict[str, Any]:
    """Return the fields of `spec` by group and kind, such as `networking.istio.io/Gateway`."""
    found = {}
    for kind in ("Gateway", "VirtualService", "DestinationRule"):
        schema = json.loads((DATA / "schemas" / f"{kind}.json").read_text(encoding="utf-8"))
        found[f"{ISTIO}/{kind}"] = compact(schema["properties"]["spec"], {})
    for definition in yaml.safe_load_all((DATA / "gateway-api" / "crds.yaml").read_text(encoding="utf-8")):
        kind = definition["spec"]["names"]["kind"]
        if kind in ("Gateway", "HTTPRoute"):
            found[f"{GATEWAY_API}/{kind}"] = compact(schema_of(definition)["properties"]["spec"], {})
    definitions = json.loads((DATA / "schemas" / "kubernetes.json").read_text(encoding="utf-8"))["$defs"]
    for name, key in (("apps.v1.Deployment", "apps/Deployment"), ("core.v1.Service", "/Service")):
        found[key] = compact(definitions[f"io.k8s.api.{name}"]["properties"]["spec"], definitions)
    return found


def text() -> str:
    """Return the content of the file."""
    lines = (f" {json.dumps(name)}: {json.dumps(fields, sort_keys=True)}" for name, fields in known_fields().items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    """Write the file."""
    FILE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
