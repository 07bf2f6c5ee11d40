"""Warnings: what Istio accepts and serves broken is reported with file, field and what clients get."""

from typing import Final

import pytest

from scripts.lab.translation import analysis
from tests.lab.states import ISTIO, ODD, SERVICE, SPLIT, V1, V2, state

DESTINATION_RULE: Final = "istio/destination-rule.yaml"
SHARE_OF_V1: Final = "its share, weight 70 of 100,"
SHARE_OF_V2: Final = "its share, weight 30 of 100,"


@pytest.mark.parametrize("path", ISTIO)
def test_the_files_under_istio_need_no_warning(path: str) -> None:
    """With both versions running, each state serves every request."""
    assert analysis.warnings(state(path), [V1, V2]) == ()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (
            "unknown-subset",
            f"spec.http[0].route[1].destination.subset: v9: {DESTINATION_RULE} defines v1, v2: {SHARE_OF_V2} gets 503",
        ),
        (
            "unknown-service",
            f"spec.http[0].route[1].destination.host: micro-apis: matches no Service: {SHARE_OF_V2} gets 503",
        ),
        (
            "unknown-port",
            (
                "spec.http[0].route[0].destination.port.number: 8080: the Service has port 19090 only: "
                f"{SHARE_OF_V1} gets 503"
            ),
        ),
        (
            "unbound",
            "spec.gateways: mesh: micro-gateway is not among them: the gateway answers 404 to everything",
        ),
        ("unknown-host", f"spec.hosts: micro-apis: matches no Service: requests to {SERVICE} get 404"),
        (
            "weight-missing",
            "spec.http[0].route[1].weight: missing, so it counts as 0: no request goes there",
        ),
        ("catch-all-first", "spec.http[1]: never used: spec.http[0] matches every request"),
        ("rule-other-host", "spec.host: micro-apis: matches no Service: the subsets do not exist, requests get 503"),
    ],
)
def test_what_istio_serves_broken_is_reported(path: str, expected: str) -> None:
    """Each state that Istio accepts and serves broken has one warning: file, field, and what clients get."""
    file = f"{ODD}/{path}.yaml"
    assert analysis.warnings(state(file), [V1, V2]) == (f"{file}: {expected}",)


def test_a_rule_without_subsets_is_reported_for_each_share() -> None:
    """Every destination whose subset does not exist is named, with the file that should define it."""
    rule = f"{ODD}/rule-without-subsets.yaml"
    fields = {"v1": ("spec.http[0].route[0]", 70), "v2": ("spec.http[0].route[1]", 30)}
    assert analysis.warnings(state(rule), [V1, V2]) == tuple(
        f"{SPLIT}: {field}.destination.subset: {subset}: {rule} defines no subset: "
        f"its share, weight {weight} of 100, gets 503"
        for subset, (field, weight) in fields.items()
    )


@pytest.mark.parametrize(
    ("path", "place", "share"),
    [
        (SPLIT, "spec.http[0].route[1]", SHARE_OF_V2),
        ("istio/virtual-service-0-100.yaml", "spec.http[0].route[1]", "its share, weight 100 of 100,"),
        ("istio/virtual-service-header.yaml", "spec.http[0].route[0]", "every request of this route"),
    ],
)
def test_a_version_that_does_not_run_is_reported(path: str, place: str, share: str) -> None:
    """A subset without endpoints is named with its labels and with the share of the requests that it fails."""
    reason = "destination.subset: v2: no endpoint has the labels version: v2"
    assert analysis.warnings(state(path), [V1]) == (f"{path}: {place}.{reason}: {share} gets 503",)


def test_a_version_that_is_sent_nothing_need_not_run() -> None:
    """At 100/0 the canary may be missing: no warning."""
    assert analysis.warnings(state("istio/virtual-service-100-0.yaml"), [V1]) == ()


def test_a_destination_without_weight_is_reported_once() -> None:
    """A destination without a weight gets no requests, so it does not matter whether its version runs."""
    assert len(analysis.warnings(state(f"{ODD}/weight-missing.yaml"), [V1])) == 1


def test_a_service_without_endpoints_is_reported() -> None:
    """A destination without subset means the whole Service, whose name the warning gives."""
    file = f"{ODD}/no-subset.yaml"
    expected = "spec.http[0].route[0].destination.host: micro-api: the Service has no endpoint"
    assert analysis.warnings(state(file), []) == (f"{file}: {expected}: every request of this route gets 503",)


def test_warnings_know_the_namespace() -> None:
    """The article's full host name is the Service of another namespace elsewhere, where no request is served."""
    file = f"{ODD}/article-hosts.yaml"
    assert analysis.warnings(state(file), [V1, V2], "default") == ()
    other = "micro-api.lab.svc.cluster.local"
    expected = f"{file}: spec.hosts: {SERVICE}: matches no Service: requests to {other} get 404"
    assert analysis.warnings(state(file), [V1, V2], "lab") == (expected,)
