"""What the lab does when a process in it dies: it reports the death, and leaves nothing running."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from scripts.lab import control
from scripts.lab.processes import is_alive, wait_until
from scripts.lab.state import LabFolder, LabState, ProcessRecord
from tests.lab.helpers import TIMEOUT_SECONDS, Client, CommandLine, RunningLab, istio, one_line

pytestmark = pytest.mark.live

MakeCommandLine = Callable[..., CommandLine]


def test_a_killed_replica_costs_no_request_and_is_named(own_lab: RunningLab) -> None:
    """With one of two replicas dead every request is answered by the other; `status` shows its last log lines."""
    control.shift(own_lab.folder, [istio("virtual-service-0-100.yaml")])
    victim = own_lab.replicas("v2")[0]
    with Client(own_lab.url) as client:
        for _ in range(20):
            client.ask()
        own_lab.kill(victim)
        statuses = Counter(client.ask().status for _ in range(200))
    assert statuses == {200: 200}
    status = own_lab.command_line.run("status", "--dir", own_lab.folder.path)
    assert status.returncode == 1
    assert f"{victim.name} was killed by SIGKILL; the last lines of {own_lab.folder.log(victim.name)}:" in status.stdout
    as_json = json.loads(own_lab.command_line.run("status", "--json", "--dir", own_lab.folder.path).stdout)
    dead = [process for process in as_json["processes"] if not process["alive"]]
    assert [(process["name"], process["exit_code"]) for process in dead] == [(victim.name, -signal.SIGKILL)]
    assert "测试接口被调用！" in dead[0]["last_log_lines"][-1]


def test_a_dead_version_is_served_as_503_for_its_share(own_lab: RunningLab, random_value_header: str) -> None:
    """With all replicas of the canary dead its share of the requests gets 503, and the stable version is unharmed."""
    control.shift(own_lab.folder, [istio("virtual-service-70-30.yaml")])
    for record in own_lab.replicas("v2"):
        own_lab.kill(record)
    with Client(own_lab.url) as client:
        answered = client.send_numbers(random_value_header, range(100))
    assert answered == Counter({"v1": 70, "503": 30})


def test_a_dead_envoy_is_distinguished_from_a_missing_lab(own_lab: RunningLab) -> None:
    """`shift` reports that Envoy does not answer, without a traceback, and `down` still cleans up."""
    envoy = next(record for record in control.running(own_lab.folder).processes if record.name == "envoy")
    own_lab.kill(envoy)
    shift = own_lab.command_line.run("shift", "--dir", own_lab.folder.path, istio("virtual-service-0-100.yaml"))
    assert shift.returncode == 1
    assert one_line(shift.stderr).startswith("lab: Envoy does not answer at ")


def test_a_killed_supervisor_leaves_nothing_running(own_lab: RunningLab) -> None:
    """After kill -9 of the supervisor all its processes end, and `down` removes what else there was."""
    state = control.running(own_lab.folder)
    os.kill(state.processes[0].pid, signal.SIGKILL)
    if sys.platform == "linux":  # elsewhere only the next command can end them
        assert wait_until(lambda: own_lab.command_line.processes() == [], TIMEOUT_SECONDS)
    status = own_lab.command_line.run("status", "--dir", own_lab.folder.path)
    assert (status.returncode, status.stdout.count("DEAD")) == (1, len(state.processes))
    assert control.down(own_lab.folder)
    assert own_lab.command_line.processes() == []
    assert not Path(state.socket_folder).exists()


def test_a_lab_can_go_up_after_its_supervisor_was_killed(own_lab: RunningLab) -> None:
    """`up` cleans up after a killed supervisor, and starts again in the same folder."""
    before = control.running(own_lab.folder)
    os.kill(before.processes[0].pid, signal.SIGKILL)
    up = own_lab.command_line.run("up", "--dir", own_lab.folder.path, "--replicas", "1")
    assert up.returncode == 0, up.stderr
    assert not any(map(is_alive, before.processes))
    assert not Path(before.socket_folder).exists()


def test_down_spares_another_process_with_a_recorded_pid(tmp_path: Path) -> None:
    """A process that has got the id of a dead one of the lab, as after a restart of the machine, is left alone."""
    folder = LabFolder(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        start = psutil.Process(other.pid).create_time()
        record = ProcessRecord("supervisor", None, other.pid, start - 3600)
        state = LabState(
            replicas=1, port=1, socket_folder=str(tmp_path / "sockets"), phase="ready", processes=(record,)
        )
        folder.write_state(state)
        assert not is_alive(record)
        assert is_alive(replace(record, started_at_seconds=start))
        assert control.down(folder)
        assert other.poll() is None
        other.communicate(b"\n")
    assert other.returncode == 0
    assert folder.read_state() is None


def test_a_replica_that_cannot_start_fails_up_with_its_last_log_lines(
    command_line: MakeCommandLine, tmp_path: Path
) -> None:
    """`up` ends with 1, names the process that died, shows its log, and stops the others."""
    broken = tmp_path / "path" / "gunicorn"
    broken.mkdir(parents=True)
    (broken / "__init__.py").touch()
    (broken / "__main__.py").write_text("raise SystemExit('no server today')\n")
    line = command_line(PYTHONPATH=str(broken.parent))
    up = line.run("up", "--dir", tmp_path / "lab")
    assert up.returncode == 1
    assert one_line(up.stderr).startswith("lab: The lab did not start: micro-api-v")
    assert "ended with exit code 1; the last lines of " in one_line(up.stderr)
    assert "no server today" in up.stderr
    assert "Traceback" not in up.stderr


@pytest.mark.parametrize(
    ("module", "process_count"),
    [
        # The supervisor hangs before it has recorded itself.
        ("sitecustomize", 2),
        # The replicas hang, and all processes are recorded.
        ("gunicorn", 7),
    ],
)
def test_an_interrupted_up_leaves_nothing(
    command_line: MakeCommandLine, tmp_path: Path, module: str, process_count: int
) -> None:
    """Ctrl-C while the lab starts ends with 130 and stops everything, at any stage."""
    (tmp_path / f"{module}.py").write_text(
        "import signal, sys\nif {'gunicorn', 'scripts.lab.supervisor'} & set(sys.orig_argv):\n    signal.pause()\n"
    )
    line = command_line(PYTHONPATH=str(tmp_path))
    folder = LabFolder(tmp_path / "lab")
    with line.start("up", "--dir", folder.path) as up:
        assert wait_until(lambda: len(line.processes()) == process_count, TIMEOUT_SECONDS)
        up.send_signal(signal.SIGINT)
        _, stderr = up.communicate(timeout=TIMEOUT_SECONDS)
    assert (up.returncode, stderr) == (130, "lab: interrupted\n")
    assert line.processes() == []
    assert folder.read_state() is None
