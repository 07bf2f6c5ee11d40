"""Long lines of messages fit a terminal."""

import pytest

from scripts.lab.terminal import print_error, wrapped


def test_a_long_line_gets_a_hanging_indent() -> None:
    """Words go to the next line, and none is broken."""
    path = "spec.http[0].route[1].destination.subset"
    assert wrapped(f"warning: istio/virtual-service-70-30.yaml: {path}: v9: no such subset") == (
        f"warning: istio/virtual-service-70-30.yaml:\n    {path}: v9: no such subset"
    )


def test_a_command_or_a_log_line_stays_as_it_is() -> None:
    """A line that begins with a space can be copied."""
    command = f"  python -m scripts.lab up --dir {'x' * 80} --replicas 2"
    assert wrapped(f"Start one with:\n{command}") == f"Start one with:\n{command}"


def test_a_prefix_is_never_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """A first word that is too long for the line stays next to the prefix."""
    print_error("lab", f"{'x' * 80}: refused")
    assert capsys.readouterr().err == f"lab: {'x' * 80}:\n    refused\n"
