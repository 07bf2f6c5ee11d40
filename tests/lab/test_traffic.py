"""What clients of a real Envoy see in each traffic state, and while it changes."""

from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from scripts.lab import control
from scripts.lab.processes import wait_until
from tests.lab.helpers import TIMEOUT_SECONDS, Client, Load, RunningLab, edited, istio

ALL_PERCENTS: Final = range(100)


@pytest.mark.parametrize(
    ("state", "v2_percent"), [("100-0", 0), ("90-10", 10), ("70-30", 30), ("50-50", 50), ("0-100", 100)]
)
def test_each_state_splits_exactly_as_its_weights_say(
    lab: RunningLab, random_value_header: str, state: str, v2_percent: int
) -> None:
    """With every random number sent once, a version gets as many of 100 requests as its weight."""
    file = istio(f"virtual-service-{state}.yaml")
    control.shift(lab.folder, [file])
    with Client(lab.url) as client:
        answered = client.send_numbers(random_value_header, ALL_PERCENTS)
        route_name = client.ask(**{random_value_header: "0"}).route_name
    assert answered == +Counter(v1=100 - v2_percent, v2=v2_percent)
    assert route_name == state


@pytest.mark.parametrize(
    ("value", "version", "route_name"),
    [("true", "v2", "header-canary"), ("false", "v1", "header-stable"), ("", "v1", "header-stable")],
)
def test_header_state_sends_only_requests_with_the_header_to_the_canary(
    lab: RunningLab, value: str, version: str, route_name: str
) -> None:
    """Only a request header x-canary with the exact value `true` leads to the canary."""
    control.shift(lab.folder, [istio("virtual-service-header.yaml")])
    with Client(lab.url) as client:
        answer = client.ask(x_canary=value)
    assert (answer.status, answer.version, answer.route_name) == (200, version, route_name)


def test_the_listener_for_browsers_takes_any_host(lab: RunningLab, random_value_header: str) -> None:
    """A browser sends the host of its address and gets the same routes; the clients' listener answers 404 to it."""
    control.shift(lab.folder, [istio("virtual-service-70-30.yaml")])
    page_url = control.running(lab.folder).page_url
    host = page_url.removeprefix("http://").removesuffix("/")
    with Client(page_url) as browser, Client(lab.url) as client:
        answers = [browser.ask(host, **{random_value_header: str(number)}) for number in ALL_PERCENTS]
        assert client.ask(host).status == 404
    assert Counter(answer.version for answer in answers) == {"v1": 70, "v2": 30}
    assert {answer.route_name for answer in answers} == {"70-30"}


def test_twenty_shifts_under_load_lose_nothing(lab: RunningLab) -> None:
    """During twenty changes of weights and rules every request is answered, after each shift by the new route."""
    states = ["100-0", "0-100", "90-10", "50-50"] * 5
    rules = [istio("destination-rule.yaml")]
    with Load(lab.url, clients=4) as load:
        for number, state in enumerate(states):
            load.note = ""
            control.shift(lab.folder, [istio(f"virtual-service-{state}.yaml"), *rules])
            load.note = f"{number} {state}"
            load.wait_for(20)
    assert Counter(answer.status for _, answer in load.answers).keys() == {200}
    served = {(note.split()[1], answer.route_name) for note, answer in load.answers if note}
    assert served == {(state, state) for state in states}
    assert len({note for note, _ in load.answers if note}) == len(states)


def test_changing_the_destination_rule_under_load_loses_nothing(lab: RunningLab, tmp_path: Path) -> None:
    """A new rule makes new clusters, and the requests in the old ones are answered too."""
    least_request = tmp_path / "least-request.yaml"
    least_request.write_text(edited("destination-rule.yaml", "ROUND_ROBIN", "LEAST_REQUEST"))
    with Load(lab.url, clients=4) as load:
        for file in [str(least_request), istio("destination-rule.yaml")] * 5:
            control.shift(lab.folder, [file])
            load.wait_for(20)
    assert {answer.status for _, answer in load.answers} == {200}


def test_unknown_subset_is_served_as_503_for_its_share(
    lab: RunningLab, random_value_header: str, tmp_path: Path
) -> None:
    """An undefined subset is accepted with a warning; its share of the requests gets 503, which names the canary."""
    file = tmp_path / "unknown-subset.yaml"
    file.write_text(edited("virtual-service-70-30.yaml", "subset: v2", "subset: v9"))
    applied = control.shift(lab.folder, [str(file)])
    with Client(lab.url) as client:
        answers = [client.ask(**{random_value_header: str(number)}) for number in ALL_PERCENTS]
    assert Counter((answer.version, answer.status, answer.drawn) for answer in answers) == {
        ("v1", 200, "stable"): 70,
        ("", 503, "canary"): 30,
    }
    assert any("v9" in warning and str(file) in warning for warning in applied.warnings)


def test_virtual_service_for_another_host_is_served_as_404(lab: RunningLab, tmp_path: Path) -> None:
    """As on Istio, a request for a host without a VirtualService gets 404, and the user is warned."""
    file = tmp_path / "another-host.yaml"
    file.write_text(edited("virtual-service-70-30.yaml", "hosts:\n    - micro-api", "hosts:\n    - elsewhere"))
    applied = control.shift(lab.folder, [str(file)])
    assert any("elsewhere" in warning for warning in applied.warnings)
    with Client(lab.url) as client:
        assert client.ask().status == 404
        assert client.ask(host="elsewhere.default.svc.cluster.local").status == 200


def test_any_port_in_the_host_header_is_ignored(lab: RunningLab) -> None:
    """As on Istio, the route of a host serves it with any port."""
    with Client(lab.url) as client:
        assert client.ask(host="micro-api.default.svc.cluster.local:8080").status == 200


def test_the_overload_lesson_sheds_all_but_eleven_requests(lab: RunningLab) -> None:
    """While the canary is busy the article's limits let 10 + 1 requests in; all others get 503, overloaded."""
    control.shift(lab.folder, [istio("destination-rule-overload.yaml"), istio("virtual-service-0-100.yaml")])
    with lab.paused("v2") as resume, Load(lab.url, clients=40) as load:
        load.wait_for(200)
        while_busy = list(load.answers)
        resume()
    assert {(answer.status, answer.is_overloaded) for _, answer in while_busy} == {(503, True)}
    assert [answer.status for _, answer in load.answers].count(200) >= 11


def test_the_default_rule_sheds_nothing(lab: RunningLab) -> None:
    """While the canary is busy forty requests wait for it, and all are answered."""
    control.shift(lab.folder, [istio("virtual-service-0-100.yaml")])
    with lab.paused("v2") as resume, Load(lab.url, clients=40) as load:
        assert wait_until(lambda: lab.requests_in_flight() == 40, TIMEOUT_SECONDS)
        resume()
    assert {answer.status for _, answer in load.answers} == {200}


def test_an_aborted_request_names_the_version_that_was_drawn(
    lab: RunningLab, random_value_header: str, tmp_path: Path
) -> None:
    """Where the fault filter answers 503 to everybody, the header still tells 70 from 30."""
    file = tmp_path / "fault.yaml"
    file.write_text(edited("mesh/virtual-service-fault.yaml", "value: 10", "value: 100").replace("0.2s", "0.001s"))
    control.shift(lab.folder, [str(file)])
    with Client(lab.url) as client:
        answers = [client.ask(**{random_value_header: str(number)}) for number in ALL_PERCENTS]
    assert Counter((answer.status, answer.drawn) for answer in answers) == {(503, "stable"): 70, (503, "canary"): 30}
