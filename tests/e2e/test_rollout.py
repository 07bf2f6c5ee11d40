"""A rollout on the cluster, typed as a user types it: a good canary is released, a failing one is taken back."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.e2e.cluster import ALPHA_STOP
from tests.e2e.mesh import Mesh
from tests.support.repository import text_of

pytestmark = pytest.mark.e2e
SCHEMA = json.loads(text_of("scripts/rollout/record.schema.json"))
STEPS = "--steps", "50"


@pytest.fixture(autouse=True)
def surer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a right step refuted by chance hardly ever in all runs of this test."""
    monkeypatch.setenv("LOCUST_ALPHA_STOP", str(ALPHA_STOP))


def record_of(file: Path) -> dict[str, Any]:
    """Return a record, which fits its schema."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.validate(found, SCHEMA)
    return found


def happened(record: dict[str, Any]) -> list[tuple[float, str]]:
    """Return what happened at which weight."""
    return [(event["weight_percent"], event["what"]) for event in record["events"]]


def test_a_good_canary_is_released(mesh: Mesh, tmp_path: Path) -> None:
    """Each step has its verdict, and no request is lost to the changes of the weight."""
    file = tmp_path / "rollout.json"
    mesh.cluster.script("mesh/rollout", *STEPS, "--record", str(file), is_example=False)
    record = record_of(file)
    ups = [(50, "set"), (50, "CONFIRMED"), (100, "set"), (100, "CONFIRMED")]
    assert happened(record) == [(0, "set"), *ups]
    assert [step["counts"]["other"] for step in record["counts"]["steps"]] == [0, 0]


def test_a_failing_canary_is_taken_back(mesh: Mesh, tmp_path: Path) -> None:
    """By the errors that its own pods give; the way back is proved by traffic."""
    file = tmp_path / "rollout.json"
    mesh.kubectl("set", "env", "deployment/micro-api-v2", "SERVICE_ERROR_RATIO=0.3")
    mesh.kubectl("rollout", "status", "deployment/micro-api-v2", "--timeout=120s")
    try:
        said = mesh.cluster.script("mesh/rollout", *STEPS, "--record", str(file), exit_code=10, is_example=False)
    finally:
        mesh.kubectl("set", "env", "deployment/micro-api-v2", "SERVICE_ERROR_RATIO-")
        mesh.kubectl("rollout", "status", "deployment/micro-api-v2", "--timeout=120s")
    record = record_of(file)
    assert happened(record) == [(0, "set"), (50, "set"), (50, "REFUTED"), (0, "set"), (0, "no leak")]
    assert record["counts"]["stopped"] == [50, "errors"]
    assert "the canary errs more often than stable" in " ".join(said.split())
