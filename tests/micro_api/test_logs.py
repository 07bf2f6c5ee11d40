"""The log lines: text cannot break one, and a failed write does not cost the answer."""

import json
import logging
import os
from types import SimpleNamespace

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from micro_api import logs
from micro_api.logs import json_string
from micro_api.settings import Settings
from tests.micro_api.conftest import LogLines, make_client


@pytest.fixture
def client() -> FlaskClient:
    """Return a client."""
    return make_client()


@given(st.text())
def test_json_string_is_one_printable_line(text: str) -> None:
    """Any text becomes one line of printable characters, from which JSON reads the same text."""
    encoded = json_string(text)
    assert encoded.isprintable()
    assert json.loads(encoded) == text


def test_a_lost_log_line_costs_no_answer(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the log cannot be written, the request is still answered."""
    monkeypatch.setattr(logs, "_STDOUT_FILENO", -1)
    assert client.get("/test/test").status_code == 200


def test_partial_writes_are_completed(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    """A line that the system takes in parts is written to its end."""
    monkeypatch.setattr(logs, "os", SimpleNamespace(write=lambda file, line: os.write(file, line[:50])))
    client.get("/test/test")
    assert len(log_lines()) == 1


def test_a_line_has_its_fields_in_order(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """A line is one object, byte for byte: time, level, message, version, release, pod, then the given fields."""
    monkeypatch.setattr(logs, "time", SimpleNamespace(time_ns=lambda: 1_700_000_000_123_456_789))
    log = logs.Log(Settings.from_env({"POD_NAME": "pod-a"}))
    log.write(logging.WARNING, "测试", {"path": '/"', "status": 404, "duration_ms": 0.1})
    assert capfd.readouterr().out == (
        '{"timestamp":"2023-11-14T22:13:20.123Z","level":"warning","message":"测试","version":"v1","release":"dev",'
        '"pod":"pod-a","path":"/\\"","status":404,"duration_ms":0.100}\n'
    )
