"""On a machine that speaks Chinese the lab does, too; its JSON, commands and exit codes stay as they are."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Final

import pytest

from tests.support.processes import run
from tests.support.text import too_long

# Commands and names stay; four words in a row are a sentence.
ENGLISH: Final = re.compile(r"(?:\b[a-z]{2,}\b[ ,]+){4}")


class Lab:
    """A lab of which a person who reads Chinese types the commands."""

    def __init__(self, folder: Path) -> None:
        """Name its folder; nothing is started yet."""
        self._folder = folder

    def __call__(self, command: str, *options: str) -> CompletedProcess[str]:
        """Run a command, and check what holds for all that a person reads."""
        own = () if command == "run" else ("--dir", str(self._folder))
        environment = {"LANG": "zh_CN.UTF-8", "LOCUST_ALPHA_STOP": "1e-6"}
        done = run(sys.executable, "-m", "scripts.lab", command, *own, *options, environment=environment)
        if "--json" not in options:
            assert not ENGLISH.search(done.stdout), done.stdout
            assert too_long("\n".join(line for line in done.stdout.splitlines() if str(self._folder) not in line)) == []
        return done


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Give a lab that does not run, and stop it at the end."""
    lab = Lab(tmp_path / "lab")
    yield lab
    assert lab("down").returncode == 0


def test_the_demonstration_speaks_chinese(tmp_path: Path) -> None:
    """`make lab` from its first step to its last."""
    done = Lab(tmp_path)("run", "--replicas", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("[1/6] 启动服务的 1 + 1 个副本，以及它们前面的 Envoy\n")
    assert done.stdout.count("\n结论：    CONFIRMED - ") == 2
    assert "      Envoy 现在是 v2 100 %（0-100），" in done.stdout
    assert done.stdout.endswith("[6/6] 停止所有进程\n")


def test_the_commands_speak_chinese(lab: Lab) -> None:
    """A lab from its start to its end, with a bet; the status in JSON is English."""
    assert "\n  停止    " in lab("up", "--replicas", "1").stdout
    status = lab("status")
    assert (status.returncode, "  运行中\n" in status.stdout) == (0, True)
    assert json.loads(lab("status", "--json").stdout)["routes"][0]["requests"] == "all that are left"
    assert "  v1 100 %（header-stable）：其余的所有请求\n" in lab("shift", "istio/virtual-service-header.yaml").stdout
    shown = lab("show").stdout
    assert "\n路由 header-canary\n  请求       x-canary: true\n  转到       100 % v2\n" in shown
    assert "  健康，到目前为止 " in shown
    assert "Envoy 里没有 nope 的路由" in lab("show", "nope").stderr
    assert lab("shift", "istio/virtual-service-70-30.yaml").returncode == 0
    bet = lab("guess", "--seed", "7", "--bet", "90")
    assert bet.returncode == 10
    assert "真实的比例：v1 54 %，v2 46 %；你押的 90 % 差了 44 个百分点。\n负载测试用 " in bet.stdout
    again = lab("up")
    assert (again.returncode, again.stderr.startswith("lab: ")) == (1, True)
    assert "里已经有一个实验室" in "".join(again.stderr.split())
    assert lab("down").stdout == "已停止；没有留下任何进程。\n"


def test_a_rollout_speaks_chinese(lab: Lab, tmp_path: Path) -> None:
    """Each step with the load test's own sentence; the record is English."""
    done = lab("rollout", "--steps", "50", "--only-split")
    record = json.loads((tmp_path / "lab" / "rollout.json").read_text(encoding="utf-8"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n50 %：设为 50-50，" in done.stdout
    assert "\n50 %：\n结论：    CONFIRMED - " in done.stdout
    assert done.stdout.endswith("\n已发布：金丝雀得到全部流量\n")
    assert [event["reason"] for event in record["events"] if "from the canary" in event["reason"]]
