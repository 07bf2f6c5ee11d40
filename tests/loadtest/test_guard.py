"""What may be changed through Locust's web UI: `canary_loadtest.runner.guard`."""

from pathlib import Path

import pytest
from flask import Flask, request

from canary_loadtest.runner.guard import protect
from tests.loadtest.server import serving
from tests.loadtest.traffic import split
from tests.loadtest.web_ui import web_ui


def status(headers: dict[str, str], *, web_host: str = "127.0.0.1", method: str = "POST") -> int:
    """Return what a guarded web UI answers to a request with these headers."""
    app = Flask("web-ui")
    app.add_url_rule("/swarm", view_func=lambda: "started", methods=["GET", "POST"])
    protect(app, web_host)
    return app.test_client().open("/swarm", method=method, headers={"Host": "127.0.0.1:8089"} | headers).status_code


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Origin": "http://127.0.0.1:8089"}, True),
        ({"Origin": "http://localhost:8089", "Host": "localhost:8089"}, True),
        ({"Origin": "http://[::1]:8089", "Host": "[::1]:8089"}, True),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "http://127.0.0.1:9000"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://rebound.example:8089", "Host": "rebound.example:8089"}, False),
        ({"Host": "rebound.example:8089"}, False),
    ],
)
def test_another_site_changes_nothing(headers: dict[str, str], *, allowed: bool) -> None:
    """A request of a foreign page, or by a name that is not this machine's, is refused; one without Origin is not."""
    assert status(headers) == (200 if allowed else 403)
    assert status(headers, method="GET") == 200


def test_a_web_ui_for_other_machines_takes_their_names() -> None:
    """Bound to all interfaces it has names that nothing here knows; a foreign page is refused there, too."""
    named = {"Host": "load.example:8089"}
    assert status(named, web_host="*") == 200
    assert status(named | {"Origin": "http://load.example:8089"}, web_host="*") == 200
    assert status(named | {"Origin": "http://evil.example"}, web_host="*") == 403


def test_options_of_the_command_line_are_taken_out_of_a_form(capsys: pytest.CaptureFixture[str]) -> None:
    """All other fields arrive, also those that come twice."""
    app = Flask("web-ui")
    app.add_url_rule("/swarm", view_func=lambda: request.form.to_dict(flat=False), methods=["POST"])
    protect(app, "127.0.0.1")
    form = {
        "user_count": "4",
        "tags": ["a", "b"],
        "verdict_json": "/etc/passwd",
        "html_file": "",
        "report": "",
        "junit": "junit.xml",
        "max_rate": "9",
        "metrics_wait": "9",
    }
    answered = app.test_client().post("/swarm", data=form, headers={"Host": "localhost"})
    assert answered.get_json() == {"user_count": ["4"], "tags": ["a", "b"]}
    assert "html_file, junit, max_rate, metrics_wait, report, verdict_json" in capsys.readouterr().err


def test_a_form_of_another_site_starts_nothing_and_names_no_file(tmp_path: Path) -> None:
    """Locust itself is never asked by a foreign page, and the user's files stay as they are."""
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    with serving(split(3)) as server, web_ui(tmp_path, f"--expect-canary 30 --host {server.url}") as ui:
        form = {"user_count": "4", "spawn_rate": "4", "verdict_json": str(mine)}
        refused = ui.session.post(f"{ui.url}/swarm", data=form, headers={"Origin": "http://evil.example"})
        assert (refused.status_code, server.connections) == (403, 0)
        assert "http://evil.example" in refused.text
        ui.start(verdict_json=str(mine))
        ui.wait_for(lambda: len(ui.verdicts()) == 1)
    assert mine.read_text() == "mine"
    assert "ignored from the web UI" in ui.errors.read_text(encoding="utf-8")
