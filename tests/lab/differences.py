"""What Istio accepts and the lab refuses: its row in the lab's README, the lab's message, and examples.

tests/lab/test_differences.py tests the lab's side without a cluster, tests/e2e/test_translation.py that of a live
istiod. The lab accepts nothing that Istio refuses.
"""

import re
from dataclasses import dataclass
from typing import Final

from tests.support.repository import text_of

_SPLIT: Final = "istio/virtual-service-70-30.yaml"
_HEADER: Final = "istio/virtual-service-header.yaml"
_LIMITS: Final = "istio/destination-rule-overload.yaml"
_TARGET: Final = "{host: micro-api, port: {number: 19090}}"


@dataclass(frozen=True)
class Difference:
    """One kind of document that Istio accepts and the lab refuses.

    Attributes:
        what: as the lab's README names it.
        refusal: a regular expression, found in the lab's message.
        examples: a manifest of istio/, a text in it, and its replacement.
    """

    what: str
    refusal: str
    examples: tuple[tuple[str, str, str], ...]

    def documents(self) -> list[str]:
        """Return the examples as YAML."""
        return [_changed(*example) for example in self.examples]


def listed(refusal: str) -> bool:
    """Return whether a message of the lab is about one of the differences."""
    return any(re.search(difference.refusal, refusal) for difference in DIFFERENCES)


def _changed(path: str, old: str, new: str) -> str:
    _, _, text = text_of(path).partition("---\n")
    assert old in text, f"{path}: no {old!r}"
    return text.replace(old, new, 1)


DIFFERENCES: Final = (
    Difference(
        "`tcp` and `tls` of a VirtualService, `delegate` of a route",
        "the lab does not serve this field: .*(keep only `http`|in its place)",
        (
            (_SPLIT, "  http:", f"  tcp: [{{route: [{{destination: {_TARGET}}}]}}]\n  http:"),
            (
                _SPLIT,
                "  http:",
                f"  tls: [{{match: [{{sniHosts: [micro-api]}}], route: [{{destination: {_TARGET}}}]}}]\n  http:",
            ),
        ),
    ),
    Difference(
        "`tunnel`, `proxyProtocol`, `retryBudget`, `warmup`, `useClientProtocol` and `workloadSelector` of a rule",
        "the lab does not serve this field: ",
        (
            (_LIMITS, "    loadBalancer:", "    proxyProtocol: {version: V2}\n    loadBalancer:"),
            (_LIMITS, "        maxRequests", "        useClientProtocol: true\n        maxRequests"),
            (_LIMITS, "  host:", "  workloadSelector: {matchLabels: {app: a}}\n  host:"),
        ),
    ),
    Difference(
        "an empty list or mapping, or `null` instead of one",
        r"must be a (list of at least one element|mapping of at least one `key: value`)",
        (
            (_SPLIT, "  gateways:\n    - micro-gateway\n    - mesh\n", "  gateways: []\n"),
            (_LIMITS, "loadBalancer:\n      simple: ROUND_ROBIN", "loadBalancer:"),
        ),
    ),
    Difference(
        "the same gateway twice",
        "is in this list twice: keep one",
        ((_SPLIT, "- mesh", "- micro-gateway"),),
    ),
    Difference(
        "a host with capitals or with a dot at its end; an IP address",
        "must be a host name in lower case",
        (
            (_SPLIT, "- micro-api", "- Micro-Api"),
            (_SPLIT, "- micro-api", "- micro-api.default.svc.cluster.local."),
            (_SPLIT, "- micro-api", "- 10.0.0.1"),
        ),
    ),
    Difference(
        "an empty name",
        "must be a name of letters, digits and hyphens",
        ((_SPLIT, "subset: v1", 'subset: ""'),),
    ),
    Difference(
        "a gateway whose name is a number, unless it is the first",
        "not of digits alone",
        ((_SPLIT, "- mesh", '- "1"'),),
    ),
    Difference(
        "a match of a pseudo-header such as `:path`",
        "must be a header name of letters, .*fields of their own",
        ((_HEADER, "x-canary:", '":path":'),),
    ),
    Difference(
        "a header's value that is empty, has a space at an end, `%` or what is not ASCII",
        "must be a header value of printable ASCII",
        (
            (_HEADER, '"true"', '""'),
            (_HEADER, '"true"', '" true"'),
            (_SPLIT, '"70-30"', '"%START_TIME%"'),
            (_SPLIT, '"70-30"', "é"),
        ),
    ),
    Difference(
        "a label's value that is empty or has more than 63 characters",
        "must be a label's value",
        ((_LIMITS, "version: v1", 'version: ""'), (_LIMITS, "version: v1", f"version: {'a' * 64}")),
    ),
    Difference(
        "a label's key with capitals before its slash",
        "must be a label's key",
        ((_LIMITS, "version: v1", "Example.org/version: v1"),),
    ),
    Difference(
        "`PASSTHROUGH` as load balancer",
        "must be ROUND_ROBIN or LEAST_REQUEST or LEAST_CONN or RANDOM",
        ((_LIMITS, "ROUND_ROBIN", "PASSTHROUGH"),),
    ),
    Difference(
        "a number in a notation such as `070` or `0x46`, or `null` for a weight",
        "must be a whole number from 0 to 2147483647",
        tuple((_SPLIT, "weight: 70", f"weight: {written}") for written in ("070", "0x46", "7_0", "null")),
    ),
    Difference(
        "weights that add up to more than 4294967295",
        "Envoy takes 4294967295 at most",
        (
            (
                _HEADER,
                "    - route:\n",
                "    - route:\n"
                + "        - {destination: {host: micro-api, port: {number: 19090}}, weight: 2147483647}\n" * 2
                + "        - {destination: {host: micro-api, port: {number: 19090}}, weight: 9}\n",
            ),
        ),
    ),
)
