"""The schema of the load test's and the judge's JSON files, which the tests hold every such file to."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from tests.support.repository import text_of

SCHEMA = "loadtest/verdict.schema.json"


@cache
def _validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(text_of(SCHEMA))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def checked(data: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return what a file has, which fits the schema.

    Raises:
        jsonschema.ValidationError: it does not.
    """
    _validator().validate(data)
    fitting: dict[str, Any] = data
    return fitting


def read(file: Path) -> dict[str, Any]:
    """Return what a JSON file has, which fits the schema."""
    return checked(json.loads(file.read_text(encoding="utf-8")))
