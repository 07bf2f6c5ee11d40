"""The page about OpenKruise Rollouts, which is not run: what it says of the load test is true."""

import re
from typing import Final

import pytest
import yaml

from canary_loadtest.core.outcome import EXIT_CODES
from tests.support.repository import text_of

PAGES: Final = ("docs/openkruise.md", "docs/openkruise.zh-CN.md")


@pytest.mark.parametrize("page", PAGES)
def test_the_page_has_the_exit_codes_of_the_load_test(page: str) -> None:
    """A row for each verdict with its exit code, and one for any other code."""
    rows = re.findall(r"^\| (\d+) \| ([A-Z]+) \|", text_of(page), re.MULTILINE)
    assert {outcome: int(code) for code, outcome in rows} == {str(one): code for one, code in EXIT_CODES.items()}


@pytest.mark.parametrize("page", PAGES)
def test_each_step_of_the_page_is_one_that_it_measures(page: str) -> None:
    """Each step holds until it is approved; its weight is an expected share, and the next one the next weight."""
    text = text_of(page)
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    route, rollout = yaml.safe_load_all(block)
    steps = rollout["spec"]["strategy"]["canary"]["steps"]
    weights = [step["traffic"].removesuffix("%") for step in steps]
    assert all(step["pause"] == {} for step in steps)
    asked = re.findall(r"--expect-canary (\d+) --next-weight (\d+)", text)
    assert asked == list(zip(weights, [*weights[1:], "100"], strict=True))
    assert f"--release-steps {len(steps)}" in text
    (referred,) = rollout["spec"]["strategy"]["canary"]["trafficRoutings"][0]["customNetworkRefs"]
    assert (referred["kind"], referred["name"]) == (route["kind"], route["metadata"]["name"])
