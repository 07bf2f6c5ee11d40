"""The files of monitoring/ as the tests read them: the dashboard's queries, the rules, and the metrics in them."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.repository import ROOT, resource

MONITORING = ROOT / "monitoring"
DASHBOARD = MONITORING / "grafana" / "canary.json"
# A name that is neither a function's (a bracket follows) nor a label's (that is in braces or brackets).
NAME = re.compile(r"\b[a-z][a-z_]*(?::[a-z0-9_]+)*(?=$|[\s{\[)])")
WORDS = {"and", "or", "count", "max", "sum"}
# Each the last of its group: once both versions have it, they have all.
LAST_RULES = (
    "namespace_version:http_request_duration_seconds:p99_rate30s",
    "namespace_version:envoy_errors:ratio_rate30s",
)
LABEL_VALUES = re.compile(r"label_values\((\w+), (\w+)\)")


def rules() -> list[dict[str, Any]]:
    """Return all rules."""
    return [rule for group in resource("monitoring/rules/rules.yml")["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    loaded: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return loaded


def panels(board: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the panels of a dashboard; a row is none, it is the heading of those below it."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries(namespace: str) -> dict[str, str]:
    """Return each query that the dashboard sends, of its panels, annotations and variables, by where it stands.

    Args:
        namespace: what is chosen for the variable of that name.
    """
    found = dict(_queries(dashboard()))
    return {where: query.replace("$namespace", namespace) for where, query in found.items()}


def _queries(board: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for panel in panels(board):
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for annotation in board["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            # Grafana's own function, which asks for the values of a label; PromQL says it so.
            yield variable["name"], LABEL_VALUES.sub(r"count by (\2) (\1)", variable["query"]["query"])


def metrics_of(expression: str) -> set[str]:
    """Return the names of the metrics in an expression, and of what rules record."""
    bare = re.sub(r"#.*|\{[^}]*\}|\"[^\"]*\"|\b(?:by|group_left|ignoring|on) \([^)]*\)", " ", expression)
    bare = re.sub(r"\[\w+\]", " ", bare)
    return {name for name in NAME.findall(bare) if name not in WORDS}
