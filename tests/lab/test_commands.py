"""The lab's commands as a user types them: their output and their exit codes."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.lab import control
from scripts.lab.state import LabFolder
from tests.lab.helpers import Client, CommandLine, RunningLab, edited, istio, one_line

MakeCommandLine = Callable[..., CommandLine]


def test_a_lab_goes_up_answers_and_goes_down(command_line: MakeCommandLine, tmp_path: Path) -> None:
    """`up` prints where the lab answers; `down` stops it, and a second `down` succeeds."""
    line = command_line()
    up = line.run("up", "--dir", tmp_path, "--replicas", "1")
    assert up.returncode == 0, up.stderr
    url = control.running(LabFolder(tmp_path)).url
    socket_folder = control.running(LabFolder(tmp_path)).socket_folder
    command = f"curl -H 'Host: micro-api.default.svc.cluster.local' {url}/test/test"
    assert command in one_line(up.stdout)
    with Client(url) as client:
        assert client.ask().status == 200
    down = line.run("down", "--dir", tmp_path)
    assert (down.returncode, line.processes()) == (0, [])
    assert not Path(socket_folder).exists()
    again = line.run("down", "--dir", tmp_path)
    assert again.returncode == 0
    assert "nothing to stop" in again.stdout


def test_a_given_port_is_used(command_line: MakeCommandLine, tmp_path: Path) -> None:
    """`--port` is where the lab listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    line = command_line()
    up = line.run("up", "--dir", tmp_path, "--replicas", "1", "--port", str(port))
    assert up.returncode == 0, up.stderr
    with Client(f"http://127.0.0.1:{port}") as client:
        assert client.ask().status == 200
    line.run("down", "--dir", tmp_path)


def test_a_busy_port_is_named_with_its_owner(command_line: MakeCommandLine, tmp_path: Path) -> None:
    """A port that is taken is refused with its number and its owner, and nothing is started."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        up = command_line().run("up", "--dir", tmp_path, "--port", str(port))
    assert up.returncode == 1
    assert one_line(up.stderr).startswith(f"lab: --port {port}: Address already in use: ")
    assert f"(pid {os.getpid()}) listens on it" in one_line(up.stderr)


def test_a_second_up_is_refused_and_names_the_command_that_stops_the_first(lab: RunningLab) -> None:
    """One folder holds one lab: the running one stays as it is."""
    second = lab.command_line.run("up", "--dir", lab.folder.path)
    assert second.returncode == 1
    assert lab.url in second.stderr
    assert "-m scripts.lab down" in second.stderr
    with Client(lab.url) as client:
        assert client.ask().status == 200


def test_shift_names_what_is_served(lab: RunningLab) -> None:
    """`shift` names the new route and the time it took, and the route is there when it returns."""
    shift = lab.command_line.run("shift", "--dir", lab.folder.path, istio("virtual-service-0-100.yaml"))
    assert shift.returncode == 0, shift.stderr
    assert shift.stdout.startswith("Envoy serves v2 100 % (0-100) after ")
    with Client(lab.url) as client:
        assert client.ask().route_name == "0-100"


def test_warnings_are_shown_once_and_do_not_fail(lab: RunningLab, tmp_path: Path) -> None:
    """What Istio accepts but serves broken is accepted here too, with a warning on standard error."""
    file = tmp_path / "unknown.yaml"
    file.write_text(edited("virtual-service-70-30.yaml", "subset: v2", "subset: v9"))
    shift = lab.command_line.run("shift", "--dir", lab.folder.path, file)
    assert shift.returncode == 0
    assert one_line(shift.stderr).startswith(f"warning: {file}: spec.http[0].route[1]")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("VirtualService", "[", ""),
        ("kind: VirtualService", "kind: Nothing", "kind"),
        ("weight: 70", "weight: -1", "spec.http[0].route[0].weight"),
        ("\n      headers:", "\n      retries: {}\n      headers:", "spec.http[0].retries"),
    ],
    ids=["no YAML", "unknown kind", "negative weight", "unknown field"],
)
def test_a_refused_manifest_changes_nothing(
    lab: RunningLab, tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    """A manifest that the lab refuses ends with 2, file and field, and the routes stay."""
    file = tmp_path / "refused.yaml"
    file.write_text(edited("virtual-service-70-30.yaml", old, new))
    shift = lab.command_line.run("shift", "--dir", lab.folder.path, file)
    assert (shift.returncode, shift.stdout) == (2, "")
    assert one_line(shift.stderr).startswith(f"lab: {file}: {complaint}")
    assert "Traceback" not in shift.stderr
    with Client(lab.url) as client:
        assert client.ask().route_name == "70-30"


def test_a_missing_file_is_named(lab: RunningLab) -> None:
    """A missing file ends with 2 and its name."""
    shift = lab.command_line.run("shift", "--dir", lab.folder.path, "istio/virtual-service-60-40.yaml")
    assert shift.returncode == 2
    assert one_line(shift.stderr).startswith("lab: istio/virtual-service-60-40.yaml: cannot be read: ")


def test_two_files_of_one_kind_are_refused(lab: RunningLab) -> None:
    """The lab does not choose one of two VirtualServices."""
    files = [istio("virtual-service-70-30.yaml"), istio("virtual-service-50-50.yaml")]
    shift = lab.command_line.run("shift", "--dir", lab.folder.path, *files)
    assert shift.returncode == 2
    assert "2 resources of kind VirtualService" in one_line(shift.stderr)


def test_status_names_processes_routes_and_files(lab: RunningLab) -> None:
    """`status` of a healthy lab shows all of its parts, as text and as JSON, and ends with 0."""
    status = lab.command_line.run("status", "--dir", lab.folder.path)
    as_json = lab.command_line.run("status", "--dir", lab.folder.path, "--json")
    assert (status.returncode, as_json.returncode) == (0, 0)
    found = json.loads(as_json.stdout)
    assert [process["name"] for process in found["processes"]] == [
        "supervisor",
        "envoy",
        "micro-api-v1-0",
        "micro-api-v2-0",
    ]
    assert all(process["alive"] for process in found["processes"])
    assert (found["url"], [route["name"] for route in found["routes"]]) == (lab.url, ["70-30"])
    assert [one["weight_percent"] for one in found["routes"][0]["weights"]] == [70, 30]
    assert "Envoy serves v1 70 %, v2 30 % (70-30)." in status.stdout
    assert found["page_url"] == control.running(lab.folder).page_url
    assert found["files"]["VirtualService"] == "istio/virtual-service-70-30.yaml"
    for process in found["processes"]:
        assert process["name"] in status.stdout
        assert str(process["pid"]) in status.stdout
    assert "istio/virtual-service-70-30.yaml" in status.stdout


@pytest.mark.parametrize("arguments", [("status",), ("shift", "istio/virtual-service-0-100.yaml")])
def test_without_a_lab_commands_name_the_one_that_starts_it(
    command_line: MakeCommandLine, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """`status` and `shift` where no lab runs end with 1 and the command that starts one."""
    ended = command_line().run(*arguments, "--dir", tmp_path / "none")
    assert ended.returncode == 1
    assert "-m scripts.lab up" in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("up", "--replicas", "0"), "'0' is not a whole number from 1 to 9"),
        (("up", "--port", "70000"), "'70000' is not a whole number from 0 to 65535"),
        (("up", "--port", "http"), "'http' is not a whole number"),
        (("sideways",), "invalid choice"),
        ((), "required"),
    ],
)
def test_wrong_usage_ends_with_2(command_line: MakeCommandLine, arguments: tuple[str, ...], complaint: str) -> None:
    """A wrong option is named with its value and what is allowed, in lines that fit a terminal."""
    ended = command_line(COLUMNS="80").run(*arguments)
    assert ended.returncode == 2
    assert complaint in one_line(ended.stderr)
    assert max(map(len, ended.stderr.splitlines())) <= 80


@pytest.mark.parametrize("command", ["up", "shift", "status", "show", "measure", "guess", "down", "run", "render"])
def test_help_has_examples_and_exit_codes(command_line: MakeCommandLine, command: str) -> None:
    """Each command's help fits a terminal and shows how to call it and what its exit codes mean."""
    ended = command_line(COLUMNS="80").run(command, "--help")
    assert ended.returncode == 0
    assert f"-m scripts.lab {command}" in ended.stdout.partition("examples:")[2]
    assert "130  interrupted" in ended.stdout
    assert max(map(len, ended.stdout.splitlines())) <= 80


def test_neither_locale_nor_proxy_nor_foreign_settings_matter(command_line: MakeCommandLine, tmp_path: Path) -> None:
    """The lab works with LANG=C, with a proxy that does not exist, and with settings of other services."""
    line = command_line(
        LANG="C",
        LC_ALL="C",
        PYTHONUTF8="0",
        PYTHONCOERCECLOCALE="0",
        HTTP_PROXY="http://127.0.0.1:9",
        http_proxy="http://127.0.0.1:9",
        SERVICE_VERSION="v7",
        WEB_CONCURRENCY="3",
        GUNICORN_CMD_ARGS="--bind 127.0.0.1:1",
    )
    up = line.run("up", "--dir", tmp_path / "灰度", "--replicas", "1")
    assert up.returncode == 0, up.stderr
    shift = line.run("shift", "--dir", tmp_path / "灰度", istio("virtual-service-0-100.yaml"))
    status = line.run("status", "--dir", tmp_path / "灰度")
    down = line.run("down", "--dir", tmp_path / "灰度")
    assert (shift.returncode, status.returncode, down.returncode) == (0, 0, 0)
    assert "0-100" in status.stdout


def test_too_long_a_tmpdir_is_named(command_line: MakeCommandLine, tmp_path: Path) -> None:
    """If the path of a Unix socket would be too long, the message names the variable to change."""
    long = tmp_path / ("x" * 100)
    long.mkdir()
    up = command_line(TMPDIR=str(long)).run("up", "--dir", tmp_path / "lab")
    assert up.returncode == 2
    assert one_line(up.stderr).startswith(f"lab: TMPDIR={long}: ")
    assert list(long.iterdir()) == []
