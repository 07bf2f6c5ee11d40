"""Answers as other tools record them, in each format of the judge."""

import base64
import json
from collections.abc import Callable
from typing import Any

from canary_loadtest.core.contract import CANARY_BODY, CONTENT_TYPE, LOG_MESSAGE, STABLE_BODY
from canary_loadtest.core.labels import CANARY, STABLE

BODIES = {CANARY: CANARY_BODY, STABLE: STABLE_BODY}


def record_of(answer: str, status: int = 200, content_type: str = CONTENT_TYPE, **headers: str) -> dict[str, Any]:
    """Return the JSON record of an answer, as k6 is told to write it."""
    return {"status": status, "headers": {"Content-Type": content_type, **headers}, "body": BODIES[answer].decode()}


def vegeta_record_of(answer: str, code: int = 200, **headers: str) -> dict[str, Any]:
    """Return what `vegeta encode --to json` writes for an answer, as far as it is read."""
    lists = {name: [value] for name, value in {"Content-Type": CONTENT_TYPE, **headers}.items()}
    return {"code": code, "error": "", "headers": lists, "body": base64.b64encode(BODIES[answer]).decode()}


def log_record_of(answer: str, status: int = 200) -> dict[str, Any]:
    """Return the service's log line for an answer."""
    version = {CANARY: "v2", STABLE: "v1"}[answer]
    return {"message": LOG_MESSAGE, "version": version, "status": status}


def json_line(record: object) -> bytes:
    """Return a line of JSON."""
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


LINE_OF: dict[str, Callable[[str], bytes]] = {
    "lines": lambda answer: b"10:00:01 " + BODIES[answer] + b"\n",
    "jsonl": lambda answer: json_line(record_of(answer)),
    "vegeta": lambda answer: json_line(vegeta_record_of(answer)),
    "service-log": lambda answer: json_line(log_record_of(answer)),
}


def answers_in(name: str, *answers: str) -> bytes:
    """Return answers in the format `name`."""
    line_of = LINE_OF.get(name, BODIES.__getitem__)
    return b"".join(map(line_of, answers))
