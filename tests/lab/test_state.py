"""What a lab writes can be read again by every command at any time."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from scripts.lab.errors import LabError
from scripts.lab.state import LabFolder, LabState, ProcessRecord
from scripts.lab.terminal import PROGRAM

SUPERVISOR: Final = ProcessRecord("supervisor", None, 1, 2.5)
REPLICA: Final = ProcessRecord("micro-api-v1-0", "v1", 2, 3.5)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """The state comes back as it was."""
    folder = LabFolder(tmp_path)
    state = LabState(2, 8080, "/sockets", "http://127.0.0.1:1", "ready", "", (SUPERVISOR, REPLICA))
    folder.write_state(state)
    assert folder.read_state() == state


def test_a_process_is_replaced_in_its_place() -> None:
    """A death is recorded in place of the living process."""
    dead = replace(SUPERVISOR, exit_code=-9)
    state = LabState(1, 0, "").with_process(SUPERVISOR).with_process(REPLICA).with_process(dead)
    assert state.processes == (dead, REPLICA)


def test_an_empty_folder_has_no_lab(tmp_path: Path) -> None:
    """In an empty folder there is no lab, no traffic state and no log line."""
    folder = LabFolder(tmp_path)
    assert (folder.read_state(), folder.log_tail("envoy")) == (None, [])
    with pytest.raises(LabError, match="no applied manifests here"):
        folder.read_traffic_state()


def test_two_commands_do_not_change_one_lab_at_once(tmp_path: Path) -> None:
    """The second is refused with the reason, and accepted after the first has ended."""
    folder = LabFolder(tmp_path)
    with folder.lock(), pytest.raises(LabError, match="Another command"), folder.lock():
        pass
    with folder.lock():
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file in the folder's place is an error that names `--dir`, not a traceback."""
    (tmp_path / "file").touch()
    folder = LabFolder(tmp_path / "file" / "lab")
    with pytest.raises(LabError, match=r"--dir .*file/lab: Not a directory"), folder.lock():
        pass


@pytest.mark.parametrize(
    ("folder", "command"),
    [(".lab", "shift x.yaml"), ("/tmp/a lab", "shift --dir '/tmp/a lab' x.yaml")],
)
def test_a_command_is_for_the_lab_of_its_folder(folder: str, command: str) -> None:
    """A hint that is typed as shown acts on this lab and on no other."""
    assert LabFolder(Path(folder)).command("shift", "x.yaml") == f"{PROGRAM} {command}"
