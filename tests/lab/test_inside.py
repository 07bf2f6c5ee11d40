"""A client inside the mesh, next to the gateway: what a sidecar's routes give it, from the lab's real Envoy."""

from collections import Counter
from pathlib import Path

from scripts.lab import control
from scripts.lab.traffic_state import TrafficState
from scripts.lab.translation.sidecar import inside_host
from tests.lab.helpers import HOST, Client, RunningLab, edited, istio, one_line
from tests.support.text import too_long

NAMES = ("micro-api", "micro-api.default", "micro-api.default.svc", HOST, f"{HOST}.", "micro-api:19090")


def inside(lab: RunningLab) -> Client:
    """Return a client inside the mesh of a lab."""
    return Client(control.running(lab.folder).inside_url)


def test_a_rule_for_the_mesh_counts_inside_too(lab: RunningLab) -> None:
    """By any name of the Service the client gets the route, with the role that was drawn."""
    control.shift(lab.folder, [istio("virtual-service-0-100.yaml")])
    with inside(lab) as client:
        answers = {name: client.ask(name) for name in NAMES}
    assert {(one.version, one.route_name, one.drawn) for one in answers.values()} == {("v2", "0-100", "canary")}


def test_a_rule_for_the_gateway_alone_is_the_pods_ratio_inside(lab: RunningLab, tmp_path: Path) -> None:
    """The article's binding: all at the gateway go to v2, and inside each pod gets as much as another."""
    file = tmp_path / "gateway-only.yaml"
    file.write_text(edited("virtual-service-0-100.yaml", "    - mesh\n", ""))
    control.shift(lab.folder, [str(file)])
    with inside(lab) as client, Client(lab.url) as outside:
        within = [client.ask() for _ in range(20)]
        assert {outside.ask().version for _ in range(20)} == {"v2"}
    assert Counter(answer.version for answer in within) == {"v1": 10, "v2": 10}  # ROUND_ROBIN of one replica each
    assert {answer.route_name for answer in within} == {""}


def test_a_rule_without_gateways_counts_inside_alone(lab: RunningLab, tmp_path: Path) -> None:
    """Two thirds of all public canaries: the gateway answers 404, a client inside gets the weights."""
    file = tmp_path / "mesh-only.yaml"
    text = edited("virtual-service-0-100.yaml", "  gateways:\n    - micro-gateway\n    - mesh\n", "")
    file.write_text(text)
    control.shift(lab.folder, [str(file)])
    with inside(lab) as client, Client(lab.url) as outside:
        assert outside.ask().status == 404
        assert client.ask().version == "v2"


def test_an_unknown_host_has_nowhere_to_go(lab: RunningLab) -> None:
    """A sidecar would pass it on to the address that was asked; here there is none, and the answer says so."""
    with inside(lab) as client:
        assert client.ask("elsewhere.example.com").status == 502


def test_measure_and_show_take_the_way_inside(lab: RunningLab, tmp_path: Path) -> None:
    """Their option `--inside` knows the port, and expects the pods' ratio where no rule counts; no route is named."""
    file = tmp_path / "gateway-only.yaml"
    file.write_text(edited("virtual-service-0-100.yaml", "    - mesh\n", ""))
    control.shift(lab.folder, [str(file)])
    where = ("--inside", "--dir", lab.folder.path)
    quick = ("-t", "20s", "--alpha", "0.0001", "--tolerance", "20", "--margin", "20")
    ended = lab.command_line.run("measure", *where, *quick)
    typed = one_line(ended.stdout)
    url = control.running(lab.folder).inside_url
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"--host {url} --host-header {HOST} --expect-canary 50 {' '.join(quick)}" in typed
    shown = lab.command_line.run("show", *where).stdout
    assert shown.startswith(f"host {HOST}, routes inside\nroute default\n")
    assert too_long(shown) == []


def test_the_port_is_told(lab: RunningLab) -> None:
    """By `status`, in text and in JSON."""
    url = control.running(lab.folder).inside_url
    assert f"For clients inside the mesh: {url}\n" in lab.command_line.run("status", "--dir", lab.folder.path).stdout
    assert f'"{url}"' in lab.command_line.run("status", "--json", "--dir", lab.folder.path).stdout


def test_a_public_host_is_asked_by_its_service_inside(tmp_path: Path) -> None:
    """A client inside does not ask shop.example.com, which is the gateway's, but the Service behind it."""
    file = tmp_path / "shop.yaml"
    text = edited("virtual-service-70-30.yaml", "  hosts:\n    - micro-api", "  hosts:\n    - shop.example.com")
    file.write_text(text.replace("host: micro-api", "host: shop"))
    state = TrafficState.load([istio("gateway.yaml"), str(file)])
    assert inside_host(state.manifests) == "shop.default.svc.cluster.local"
