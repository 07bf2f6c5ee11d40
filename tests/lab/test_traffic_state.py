"""The traffic state of a lab: what it is made of, how it changes, and that each manifest is parsed once."""

from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from scripts.lab import control, status
from scripts.lab.__main__ import main
from scripts.lab.errors import UsageError
from scripts.lab.state import LabFolder
from scripts.lab.traffic_state import TrafficState
from scripts.lab.translation import manifests
from scripts.lab.translation.manifests import ManifestError
from tests.lab.helpers import RunningLab, istio

BASE: Final = [istio(name) for name in ("gateway.yaml", "virtual-service-70-30.yaml", "destination-rule.yaml")]


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Give a count of how often each file is parsed, by its name."""
    counted: Counter[str] = Counter()
    parse = manifests.parse

    def counting(text: str, file: str, *, any_kind: bool = False) -> tuple[manifests.Resource, ...]:
        counted[Path(file).name] += 1
        return parse(text, file, any_kind=any_kind)

    monkeypatch.setattr(manifests, "parse", counting)
    return counted


def test_a_file_replaces_the_one_of_its_kind() -> None:
    """After a shift the other resources are the same, in the same order."""
    before = TrafficState.load(BASE)
    after = before.with_files([istio("virtual-service-90-10.yaml")])
    assert after.files == before.files | {"VirtualService": istio("virtual-service-90-10.yaml")}
    assert list(after.files) == ["Gateway", "VirtualService", "DestinationRule"]


def test_a_state_outlives_its_files(tmp_path: Path) -> None:
    """The lab's folder has the text that was applied, even if the file has changed."""
    file = tmp_path / "灰度.yaml"
    file.write_text("# 测试\n" + Path(BASE[1]).read_text(encoding="utf-8"), encoding="utf-8")
    state = TrafficState.load([BASE[0], str(file), BASE[2]])
    LabFolder(tmp_path).write_traffic_state(state)
    file.write_text("edited", encoding="utf-8")
    assert LabFolder(tmp_path).read_traffic_state() == state


def test_a_file_that_cannot_be_read_is_named() -> None:
    """A missing file is wrong usage."""
    with pytest.raises(UsageError, match=r"^nowhere\.yaml: cannot be read: "):
        TrafficState.load(["nowhere.yaml"])


def test_two_files_of_one_kind_are_refused() -> None:
    """Neither of two virtual services is preferred."""
    with pytest.raises(
        ManifestError, match="2 resources of kind VirtualService have the name micro-api-route: keep one of them"
    ):
        TrafficState.load(BASE).with_files([BASE[1], istio("virtual-service-90-10.yaml")])


def test_up_parses_each_file_once(tmp_path: Path, parses: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Three files, three parses."""
    monkeypatch.setattr(control, "_start_supervisor", lambda *_, **__: None)
    control.up(LabFolder(tmp_path), BASE)
    assert parses == Counter(Path(file).name for file in BASE)
    assert control.down(LabFolder(tmp_path))


def test_shift_parses_each_file_once(lab: RunningLab, parses: Counter[str]) -> None:
    """The three applied files and the new one, each once."""
    control.shift(lab.folder, [istio("virtual-service-90-10.yaml")])
    assert parses == Counter([*(Path(file).name for file in BASE), "virtual-service-90-10.yaml"])


def test_status_parses_each_file_once(lab: RunningLab, parses: Counter[str]) -> None:
    """The three applied files, each once."""
    assert status.read(lab.folder)
    assert parses == Counter(Path(file).name for file in BASE)


def test_render_parses_each_file_once(tmp_path: Path, parses: Counter[str]) -> None:
    """The three given files, each once."""
    assert main(["render", "--dir", str(tmp_path), "--endpoint", "v1=a:1", "--endpoint", "v2=b:1", *BASE]) == 0
    assert parses == Counter(Path(file).name for file in BASE)
