"""loadtest/job.yaml by the commands at its head: one Job in the cluster, whose exit code is the verdict."""

import re
import shutil
from pathlib import Path

import pytest

from tests.e2e.cluster import run
from tests.e2e.mesh import Mesh
from tests.support.repository import text_of

pytestmark = pytest.mark.e2e

FILE = "loadtest/job.yaml"


def commands() -> list[str]:
    """Return the commands at the file's head; a line that ends with a backslash goes on."""
    head = text_of(FILE).partition("---\n")[0]
    lines = re.findall(r"^#   (.*)$", head, re.MULTILINE)
    return re.sub(r"\\\n *", "", "\n".join(lines)).splitlines()


@pytest.mark.parametrize(("state", "exit_code"), [("70-30", 0), ("50-50", 10)])
def test_its_exit_code_is_the_verdict(mesh: Mesh, tmp_path: Path, state: str, exit_code: int) -> None:
    """30 % is CONFIRMED at 70/30 and REFUTED at 50/50; the last command leaves nothing."""
    (image,) = run("scripts/cluster/loadtest-image.sh", kubeconfig=mesh.cluster.kubeconfig).stdout.split()
    (tmp_path / "loadtest").mkdir()
    text = text_of(FILE).replace("canary-loadtest:1.0", image).replace("--route=70-30", f"--route={state}")
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    kubeconfig = tmp_path / "kubeconfig"
    shutil.copy(mesh.cluster.kubeconfig, kubeconfig)
    context = "kubectl", "config", "set-context", "--current", f"--namespace={mesh.namespace}"
    assert run(*context, kubeconfig=kubeconfig).returncode == 0
    mesh.set_state(state)
    script = "\n".join(["set -e", f"cd {tmp_path}", *commands()])
    done = run("bash", "-c", script, kubeconfig=kubeconfig)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f'"exitCode":{exit_code}' in done.stdout
    assert ("CONFIRMED" if exit_code == 0 else "REFUTED") in done.stdout
    assert mesh.kubectl("get", "jobs", "--output=name", "--selector=app=canary-verdict") == ""
    mesh.reset()
