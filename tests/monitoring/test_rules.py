"""Rules and configurations as promtool judges them, and the rules' own tests."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.monitoring.files import MONITORING
from tests.support.processes import run

pytestmark = pytest.mark.prometheus


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run promtool."""
    return run("promtool", *arguments)


@pytest.mark.parametrize("name", ["prometheus.yml", "kubernetes/prometheus.yml", "mesh/prometheus.yml"])
def test_a_configuration_is_one(tmp_path: Path, name: str) -> None:
    """Prometheus would start with it, rules included: they are in the folder `rules` next to it, as they are here."""
    shutil.copy(MONITORING / name, tmp_path)
    shutil.copytree(MONITORING / "rules", tmp_path / "rules")
    # The files of the certificate and of the service account's token are the pod's.
    checked = promtool("check", "config", "--syntax-only", tmp_path / "prometheus.yml")
    assert checked.returncode == 0, checked.stderr
    rules = promtool("check", "rules", "--lint=all", "--lint-fatal", tmp_path / "rules" / "rules.yml")
    assert rules.returncode == 0, rules.stderr


def test_the_rules_pass_their_tests() -> None:
    """`promtool test rules`, as the file's header says it."""
    tested = promtool("test", "rules", MONITORING / "rules" / "rules-test.yml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("0.01 + namespace_version:http_errors", "0.001 + namespace_version:http_errors"),
        ("2 * namespace_version", "0 * namespace_version"),
        ("> 0.1\n            and on", "> 0.001\n            and on"),
        (">= 100", ">= 1"),
        ("or 0 * namespace_version:envoy_errors", "or namespace_version:envoy_errors"),
        ('and on (namespace) up{job="micro-api"}', ""),
        (") > 0.1\n        for: 1m", ") > 0.3\n        for: 1m"),
        ("for: 5m", "for: 1m"),
        ('up{job!="loadtest"} == 0', 'up{job!="loadtest"} == 1'),
        ('up{job!="loadtest"} == 0', "up == 0"),
        ('route="/test/test",status', "status"),
        ('version!=""', 'version=~".*"'),
    ],
)
def test_the_rules_own_tests_can_fail(tmp_path: Path, right: str, wrong: str) -> None:
    """Each condition counts: with another in its place a test fails."""
    shutil.copytree(MONITORING / "rules", tmp_path / "rules")
    text = (tmp_path / "rules" / "rules.yml").read_text(encoding="utf-8")
    assert right in text
    (tmp_path / "rules" / "rules.yml").write_text(text.replace(right, wrong), encoding="utf-8")
    tested = promtool("test", "rules", tmp_path / "rules" / "rules-test.yml")
    assert tested.returncode != 0
    assert "FAILED" in tested.stdout + tested.stderr
