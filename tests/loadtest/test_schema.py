"""The JSON files have the shape that `loadtest/verdict.schema.json` states; all other tests read them by it, too."""

import json
from typing import Any

import jsonschema
import pytest

from canary_loadtest.core.answer import Answer
from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.history import History
from canary_loadtest.core.labels import CANARY
from canary_loadtest.core.session import Session
from canary_loadtest.output import page
from canary_loadtest.output.about import About
from canary_loadtest.output.report import FORMAT, as_dict
from tests.loadtest.schema import SCHEMA, checked
from tests.support.repository import text_of


def written() -> dict[str, Any]:
    """Return a report's data, of which the verdict file's are a part."""
    session, history = Session(Expectation(30)), History()
    session.add(Answer(CANARY, "70-30"))
    history.record(0.5, session)
    data = page.data_of(session.verdict(), history, state="ended", to_go=session.to_go(), about=About("counts"))
    parsed: dict[str, Any] = json.loads(json.dumps(data))
    return parsed


def test_each_file_fits() -> None:
    """A verdict before the first answer and a report of one fit, and name the format of the schema."""
    nothing = as_dict(Session(Expectation(0)).verdict(), About(""))
    assert checked(nothing)["format"] == checked(written())["format"] == FORMAT
    assert json.loads(text_of(SCHEMA))["properties"]["format"] == {"const": FORMAT}


def test_members_that_may_come_or_be_missing_fit() -> None:
    """An interval that cannot be told is null."""
    data = written()
    data["canary_interval_percent"] = None
    checked(data)


@pytest.mark.parametrize("steps", [(), ("expected",), ("counts",), ("counts", "connections"), ("history",)])
def test_a_new_member_must_be_put_into_the_schema(steps: tuple[str, ...]) -> None:
    """A member that the schema does not have is refused, on every level."""
    data = within = written()
    for step in steps:
        within = within[step]
    within["new"] = 1
    with pytest.raises(jsonschema.ValidationError, match="'new' was unexpected"):
        checked(data)


@pytest.mark.parametrize("name", written())
def test_no_member_of_a_report_is_missing(name: str) -> None:
    """Each member is required, those of a report where one of them is there."""
    data = written()
    del data[name]
    with pytest.raises(jsonschema.ValidationError, match=f"'{name}' is a (required property|dependency)"):
        checked(data)
