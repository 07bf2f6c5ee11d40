"""`render`: the lab's own translation, as files for an Envoy that another program runs."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from scripts.lab.__main__ import main
from scripts.lab.envoy import binary
from scripts.lab.translation import translate
from scripts.lab.translation.endpoints import Endpoint, HostPort
from scripts.lab.watched import CLUSTERS, ROUTES
from tests.lab.helpers import one_line
from tests.lab.states import state
from tests.support.repository import ROOT, text_of

BASE: Final = ("istio/gateway.yaml", "istio/destination-rule.yaml")
ENDPOINTS: Final = ("--endpoint", "v1=127.0.0.1:1", "--endpoint", "v2=127.0.0.1:2")


def files(*paths: str) -> list[str]:
    """Return the full paths of files named from the repository's root."""
    return [str(ROOT / path) for path in paths]


def written(folder: Path, name: str) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """Return the content of a file that `render` wrote."""
    return json.loads((folder / "envoy" / name).read_text(encoding="utf-8"))


def test_the_files_hold_what_the_lab_serves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Routes and clusters are exactly those of the translation, and the routes are named."""
    split = "istio/virtual-service-70-30.yaml"
    assert main(["render", "--dir", str(tmp_path), *ENDPOINTS, *files(*BASE, split)]) == 0
    endpoints = [
        Endpoint({"app": "micro-api", "version": version}, HostPort("127.0.0.1", port))
        for version, port in (("v1", 1), ("v2", 2))
    ]
    made = {watched: written(tmp_path, watched.path)["resources"] for watched in (ROUTES, CLUSTERS)}
    for resources in made.values():
        for resource in resources:
            del resource["@type"]
    assert made == {
        ROUTES: [translate.route_configuration(state(split))],
        CLUSTERS: translate.clusters(state(split), endpoints),
    }
    assert capsys.readouterr().out.endswith(": routes 70-30\n")


def test_envoy_accepts_what_is_written(tmp_path: Path) -> None:
    """The real Envoy validates the bootstrap, which has the given addresses."""
    addresses = ("--listen", "127.0.0.1:18080", "--admin", "127.0.0.1:9901")
    arguments = [
        "render",
        "--dir",
        str(tmp_path),
        *addresses,
        *ENDPOINTS,
        *files(*BASE, "istio/virtual-service-90-10.yaml"),
    ]
    assert main(arguments) == 0
    bootstrap = written(tmp_path, "bootstrap.json")
    (listener,) = bootstrap["static_resources"]["listeners"]
    shown = [one["address"]["socket_address"] for one in (listener, bootstrap["admin"])]
    assert shown == [{"address": "127.0.0.1", "port_value": port} for port in (18080, 9901)]
    command = [str(binary()), "--mode", "validate", "--config-path", str(tmp_path / "envoy" / "bootstrap.json")]
    validated = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert validated.returncode == 0, validated.stderr


def test_a_refused_manifest_leaves_the_old_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A shift to a manifest that the lab refuses exits with 2, names file and field, and changes nothing."""
    first = ["render", "--dir", str(tmp_path), *ENDPOINTS, *files(*BASE, "istio/virtual-service-70-30.yaml")]
    assert main(first) == 0
    before = written(tmp_path, ROUTES.path)
    bad = tmp_path / "bad.yaml"
    bad.write_text(text_of("istio/virtual-service-70-30.yaml").replace("weight: 70", "weight: 70.5"), encoding="utf-8")
    assert main([*first[:-1], str(bad)]) == 2
    assert f"{bad}: spec.http[0].route[0].weight: 70.5" in one_line(capsys.readouterr().err)
    assert written(tmp_path, ROUTES.path) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([*ENDPOINTS, *files(*BASE), "nowhere.yaml"], "lab: nowhere.yaml: cannot be read"),
        ([*ENDPOINTS, *files(*BASE)], "no VirtualService here"),
        (["--endpoint", "v3=a:1", "x.yaml"], "'v3=a:1' is not VERSION=HOST:PORT"),
        (["--endpoint", "v1=a", "x.yaml"], "'a' is not HOST:PORT"),
        (["--endpoint", "v1=a:0", "x.yaml"], "'a:0' is not HOST:PORT with a port from 1 to 65535"),
        (["x.yaml"], "--endpoint"),
    ],
)
def test_wrong_usage_is_reported(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong file or option exits with 2, and is named with its value and with what it should be."""
    try:
        exit_code: object = main(["render", "--dir", str(tmp_path), *arguments])
    except SystemExit as stopped:  # argparse's way
        exit_code = stopped.code
    assert exit_code == 2
    assert words in one_line(capsys.readouterr().err)


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file where the folder should be exits with 1 and names `--dir`."""
    (tmp_path / "taken").touch()
    arguments = [*ENDPOINTS, *files(*BASE, "istio/virtual-service-70-30.yaml")]
    assert main(["render", "--dir", str(tmp_path / "taken"), *arguments]) == 1
    assert "lab: --dir " in one_line(capsys.readouterr().err)


def test_somebodys_own_file_is_written_with_what_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The gateway and the subsets can be assumed, and the canary can be told, as `up` takes it; who it is is said."""
    file = tmp_path / "shop.yaml"
    text = text_of("tests/data/manifests/no-port-no-gateways.yaml").replace("micro-api", "shop")
    file.write_text(text.replace("v1}", "blue}").replace("v2}", "green}"), encoding="utf-8")
    arguments = ["render", "--dir", str(tmp_path), *ENDPOINTS, *files(BASE[0]), str(file)]
    assumptions = ["--assume-subsets", "--assume-gateway", "--canary", "blue"]
    assert main([*arguments, *assumptions]) == 0
    shown = capsys.readouterr()
    assert "v2 of micro-api stands for blue, the canary, and v1 for green." in one_line(shown.out)
    assert "gets 503" not in one_line(shown.err)
    ports = {
        one["name"].split("|")[2]: [
            endpoint["endpoint"]["address"]["socket_address"]["port_value"]
            for endpoint in one["load_assignment"]["endpoints"][0]["lb_endpoints"]
        ]
        for one in written(tmp_path, CLUSTERS.path)["resources"]
    }
    assert ports == {"": [1, 2], "blue": [2], "green": [1]}
    (host,) = written(tmp_path, ROUTES.path)["resources"][0]["virtual_hosts"]
    assert host["domains"] == ["shop.default.svc.cluster.local"]


def test_what_istio_serves_broken_has_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A version without endpoint is served as Istio does, with the lab's warning."""
    arguments = ["render", "--dir", str(tmp_path), *ENDPOINTS[:2], *files(*BASE, "istio/virtual-service-0-100.yaml")]
    assert main(arguments) == 0
    assert "warning: " in one_line(capsys.readouterr().err)


def test_it_needs_nothing_but_pyyaml(tmp_path: Path) -> None:
    """It runs where neither the lab's other requirements nor the package `scripts` itself are installed."""
    shutil.copytree(
        ROOT / "scripts" / "lab", tmp_path / "scripts" / "lab", ignore=shutil.ignore_patterns("__pycache__")
    )
    blocked = "import sys; sys.modules |= dict.fromkeys(('canary_loadtest', 'envoy', 'psutil', 'requests'))"
    script = f"{blocked}; from scripts.lab.__main__ import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["render", "--dir", str(tmp_path), *ENDPOINTS, *files(*BASE, "istio/virtual-service-90-10.yaml")]
    command = [sys.executable, "-c", script, *arguments]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stdout.endswith(": routes 90-10\n"), ran.stderr
