"""Record the schemas of Kubernetes' resources as test data, so that every manifest is checked without a cluster.

    python -m scripts.record.kubernetes_schemas

It asks the API server of the current context for its OpenAPI document, and writes the definitions of the kinds under
`k8s/`, with everything that they refer to, to tests/data/schemas/kubernetes.json: JSON Schema that refuses unknown
fields, as `kubectl apply --validate=strict` does.
"""

import json
import subprocess
import sys
from typing import Any, Final

from scripts import REPOSITORY
from scripts.record.istio_schemas import strict

FILE: Final = REPOSITORY / "tests" / "data" / "schemas" / "kubernetes.json"
DEFINITIONS_BY_PATH: Final = {
    "api/v1": ("core.v1.ConfigMap", "core.v1.Namespace", "core.v1.Service", "core.v1.ServiceAccount"),
    "apis/apps/v1": ("apps.v1.Deployment",),
    "apis/autoscaling/v2": ("autoscaling.v2.HorizontalPodAutoscaler",),
    "apis/batch/v1": ("batch.v1.Job",),
    "apis/networking.k8s.io/v1": ("networking.v1.NetworkPolicy",),
    "apis/policy/v1": ("policy.v1.PodDisruptionBudget",),
    "apis/rbac.authorization.k8s.io/v1": ("rbac.v1.Role", "rbac.v1.RoleBinding"),
}
REFERENCE: Final = "#/components/schemas/"


def references(schema: Any) -> set[str]:  # noqa: ANN401 - any JSON
    """Return the names of the definitions that a schema refers to."""
    if isinstance(schema, list):
        return set().union(*map(references, schema))
    if not isinstance(schema, dict):
        return set()
    own = {schema["$ref"].removeprefix(REFERENCE)} if isinstance(schema.get("$ref"), str) else set()
    return own.union(*map(references, schema.values()))


def reachable(definitions: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """Return the strict definitions of `names` and of everything that they refer to."""
    found: dict[str, Any] = {}
    while names:
        name = names.pop()
        found[name] = strict(definitions[name])
        names |= references(found[name]) - found.keys()
    return found


def kind_schema(definitions: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the definition of a kind for a manifest: with its version and name, without its status."""
    schema = json.loads(json.dumps(definitions[name]))
    (identity,) = schema["x-kubernetes-group-version-kind"]
    group, version = identity["group"], identity["version"]
    schema["properties"]["apiVersion"] = {"const": f"{group}/{version}" if group else version}
    schema["properties"]["kind"] = {"const": identity["kind"]}
    schema["properties"].pop("status", None)
    schema["required"] = ["apiVersion", "kind", "metadata"]
    return dict(schema)


def openapi(path: str) -> dict[str, Any]:
    """Return the definitions of an API group of the current context's server; exit if it does not answer."""
    command = ["kubectl", "get", "--raw", f"/openapi/v3/{path}"]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=True)  # noqa: S603 - no shell
    except FileNotFoundError:
        sys.exit("record.kubernetes_schemas: kubectl: not found on the PATH: install it")
    except subprocess.SubprocessError as error:
        sys.exit(f"record.kubernetes_schemas: {error}: does the current context name a running cluster?")
    return dict(json.loads(done.stdout)["components"]["schemas"])


def main() -> None:
    """Write the file."""
    found: dict[str, Any] = {}
    for path, kinds in DEFINITIONS_BY_PATH.items():
        definitions = openapi(path)
        names = {f"io.k8s.api.{kind}" for kind in kinds}
        found |= reachable(definitions | {name: kind_schema(definitions, name) for name in names}, names)
    text = json.dumps({"$defs": found}, sort_keys=True, separators=(",", ":"))
    text = text.replace(REFERENCE, "#/$defs/").replace('"io.k8s.', '\n"io.k8s.')
    FILE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
