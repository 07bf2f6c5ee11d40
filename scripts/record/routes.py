"""Record what a real istiod sends to its ingress gateway for each manifest, as test data.

    python -m scripts.record.routes [--context NAME] [FILE ...]

It needs kubectl, istioctl, and a cluster with Istio and its ingress gateway. It makes its own namespaces there and
removes them at the end. Run it after a change of istio/, of tests/data/manifests/, or of Istio's version. `make test`
needs only what it wrote; `make e2e` makes the same records again and compares.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from scripts import REPOSITORY
from scripts.lab.translation.manifests import combine, parse
from scripts.lab.translation.services import services
from scripts.record.cluster import Cluster, ClusterError, output
from scripts.record.istiod import Istiod, State, asking

RECORDS: Final = REPOSITORY / "tests" / "data" / "istiod"
# Each manifest is recorded together with those of the other kinds.
BASE: Final = ("istio/gateway.yaml", "istio/destination-rule.yaml", "istio/virtual-service-70-30.yaml")
ISTIO: Final = "networking.istio.io/"
FOLDERS: Final = ("istio", "istio/mesh", "tests/data/manifests")


def manifests() -> list[str]:
    """Return the paths, in the repository, of the recorded manifests."""
    files = [path for folder in FOLDERS for path in sorted((REPOSITORY / folder).glob("*.yaml"))]
    found = [path.relative_to(REPOSITORY).as_posix() for path in files]
    return [path for path in found if all(one["apiVersion"].startswith(ISTIO) for one in _documents(path))]


def record_of(manifest: str) -> Path:
    """Return the file that holds the record of a manifest."""
    return RECORDS / f"{Path(manifest).stem}.json"


def record(istiod: Istiod, paths: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the record of each manifest: `{"envoy": projection}` or `{"refused": reason}`."""
    refusals = {path: _refusal(istiod, path) for path in paths}
    taken = [path for path in paths if refusals[path] is None]
    projections = dict(zip(taken, istiod.projections([_state(path) for path in taken]), strict=True))
    return [{"envoy": projections[path]} if path in taken else {"refused": refusals[path]} for path in paths]


def _refusal(istiod: Istiod, path: str) -> str | None:
    """Return why the cluster refuses a document of a manifest, None if it accepts all of them."""
    return next((reason for one in _documents(path) if (reason := istiod.refusal(one)) is not None), None)


def _documents(path: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((REPOSITORY / path).read_text(encoding="utf-8")))


def _state(path: str) -> State:
    """Return the base with the documents of a manifest in place of those of their kinds, and the Services it needs."""
    changed = _documents(path)
    kinds = {one["kind"] for one in changed}
    documents = [*(one for base in BASE for one in _documents(base) if one["kind"] not in kinds), *changed]
    return [*documents, *services_of(documents)]


def services_of(documents: State) -> list[dict[str, Any]]:
    """Return the Services that the lab takes for granted where the routes of a state lead."""
    state = combine(one for document in documents for one in parse(json.dumps(document), "state.yaml"))
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": host.partition(".")[0]},
            "spec": {"ports": [{"name": f"http-{port}", "port": port} for port in ports]},
        }
        for host, ports in services(state).items()
    ]


def current_context(named: str | None) -> str:
    """Return the kubeconfig context to use; a current one that is not of kind must be named on the command line."""
    context = named or output(["kubectl", "config", "current-context"]).strip()
    if named is None and not context.startswith("kind-"):
        raise ClusterError(f"{context}: not a context of kind: use --context {context} if it may be changed")
    return context


def istio_version(cluster: Cluster) -> str:
    """Return the version of istiod of a cluster; raises ClusterError if there is none."""
    versions = json.loads(cluster.istioctl("version", "--output=json")).get("meshVersion")
    if not versions:
        raise ClusterError(f"{cluster.context}: no istiod here: install Istio with scripts/mesh/install.sh")
    return str(versions[0]["Info"]["version"])


def _write(cluster: Cluster, paths: Sequence[str]) -> None:
    version = istio_version(cluster)
    with asking(cluster) as istiod:
        contents = record(istiod, paths)
    for manifest, content in zip(paths, contents, strict=True):
        file = record_of(manifest)
        whole = {"manifest": manifest, "istio_version": version, **content}
        file.write_text(json.dumps(whole, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        print(f"{file.relative_to(REPOSITORY)}: {'refused' if 'refused' in content else 'recorded'}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Record the manifests of the command line, or all; return the exit code, 1 if the cluster fails."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.record.routes", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--context", help="kubeconfig context (default: the current one, if it is of kind)")
    parser.add_argument("manifests", nargs="*", metavar="FILE", help="path in the repository (default: all)")
    options = parser.parse_args(arguments)
    try:
        _write(Cluster(current_context(options.context)), options.manifests or manifests())
    except ClusterError as error:
        print(f"record.routes: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
