"""Record the schemas of the release engines' objects as test data, so that every manifest is checked without a cluster.

    python -m scripts.record.engine_schemas install.yaml flagger.yaml

The files are the manifests by which Argo Rollouts and Flagger are installed. The kinds under `istio/argo-rollouts/` and
`istio/flagger/` are written to tests/data/schemas, as scripts/record/istio_schemas.py writes Istio's.
"""

import argparse
import json
from pathlib import Path
from typing import Final

from scripts.record.definitions import definitions
from scripts.record.istio_schemas import FOLDER, schema_of

VERSIONS: Final = {"Rollout": "v1alpha1", "AnalysisTemplate": "v1alpha1", "Canary": "v1beta1"}


def main() -> None:
    """Write one file for each kind."""
    parser = argparse.ArgumentParser(prog="python -m scripts.record.engine_schemas", description="Record schemas.")
    parser.add_argument("files", nargs="+", metavar="FILE", type=Path, help="YAML with CustomResourceDefinitions")
    by_kind = definitions(parser.parse_args().files, VERSIONS, "record.engine_schemas", "both engines' manifests")
    for kind, version in VERSIONS.items():
        # A Rollout's holds a whole pod: in one line; with indentation it is four times as long.
        text = json.dumps(schema_of(by_kind[kind], version), sort_keys=True, separators=(",", ":"))
        (FOLDER / f"{kind}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
