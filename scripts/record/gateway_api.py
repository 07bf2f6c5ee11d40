"""Record the Gateway API's resource definitions as test data: for a cluster without internet, and for schema checks.

    python -m scripts.record.gateway_api standard-install.yaml

The file is from the release of the version in versions.env. The definitions of the kinds under istio/gateway-api/ are
kept, in their current version and without descriptions, which are most of the file.
"""

import argparse
from pathlib import Path
from typing import Any, Final

import yaml

from scripts import REPOSITORY
from scripts.record.definitions import definitions

FILE: Final = REPOSITORY / "tests" / "data" / "gateway-api" / "crds.yaml"
KINDS: Final = ("GatewayClass", "Gateway", "HTTPRoute")
VERSION: Final = "v1"
HEADER: Final = """\
# The Gateway API's own resource definitions, as far as istio/gateway-api/ needs them, for a cluster without internet.
# Recorded by scripts/record/gateway_api.py; do not edit.
#
#   scripts/mesh/gateway-api.sh --crds tests/data/gateway-api/crds.yaml
#
# Next: istio/gateway-api/gateway.yaml.
"""


def without_prose(node: Any) -> Any:  # noqa: ANN401 - any YAML
    """Return a schema without its descriptions; a property with the name `description` stays."""
    if isinstance(node, list):
        return [without_prose(part) for part in node]
    if not isinstance(node, dict):
        return node
    return {key: without_prose(part) for key, part in node.items() if key != "description" or isinstance(part, dict)}


def kept(definition: dict[str, Any]) -> dict[str, Any]:
    """Return a resource definition with its current version only, and without descriptions."""
    spec = definition["spec"]
    versions = [version for version in spec["versions"] if version["name"] == VERSION]
    short: dict[str, Any] = without_prose({**definition, "spec": {**spec, "versions": versions}})
    return short


def main() -> None:
    """Read the release's files and write one."""
    parser = argparse.ArgumentParser(prog="python -m scripts.record.gateway_api", description="Record definitions.")
    parser.add_argument("files", nargs="+", metavar="FILE", type=Path, help="YAML with CustomResourceDefinitions")
    by_kind = definitions(parser.parse_args().files, KINDS, "record.gateway_api", "the release's standard-install.yaml")
    FILE.parent.mkdir(parents=True, exist_ok=True)
    content = yaml.safe_dump_all([kept(by_kind[kind]) for kind in KINDS], explicit_start=True, width=120)
    FILE.write_text(HEADER + content, encoding="utf-8")


if __name__ == "__main__":
    main()
