"""Somebody brings manifests of his own: files and folders of any form, and the lab serves their names."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
import requests

from scripts.lab import control
from scripts.lab.__main__ import main
from scripts.lab.errors import LabError, UsageError
from scripts.lab.state import LabFolder
from scripts.lab.traffic_state import TrafficState
from scripts.lab.translation.assumptions import Assumptions
from scripts.lab.translation.manifests import ManifestError
from scripts.record.routes import manifests, record_of
from tests.lab import corpus
from tests.lab.helpers import Client, CommandLine, RunningLab, istio, one_line
from tests.support.repository import ROOT, text_of

GATEWAY: Final = istio("gateway.yaml")
ODD: Final = ROOT / "tests" / "data" / "manifests"
ASSUMED: Final = Assumptions(subsets=True, gateway=True)


def test_a_folder_is_one_state(tmp_path: Path) -> None:
    """All manifests in a folder belong together; what the lab does not use is passed over."""
    for name in ("gateway.yaml", "destination-rule.yaml", "virtual-service-70-30.yaml"):
        shutil.copy(istio(name), tmp_path)
    (tmp_path / "pods.yml").write_text("{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}")
    (tmp_path / "notes.txt").write_text("not a manifest")
    found = TrafficState.load([str(tmp_path)])
    assert set(found.files) == {"Gateway", "VirtualService", "DestinationRule", "Deployment"}


def test_a_folder_of_alternatives_is_refused() -> None:
    """Two files of one rule, as below istio/, are no state: the message names both."""
    with pytest.raises(ManifestError, match="2 resources of kind DestinationRule have the name micro-api-destination"):
        TrafficState.load([str(ROOT / "istio")])


def test_a_folder_without_manifests_is_named(tmp_path: Path) -> None:
    """An empty folder is wrong usage."""
    with pytest.raises(UsageError, match="no manifest is in this folder"):
        TrafficState.load([str(tmp_path)])


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("gbk", "it is not UTF-8 (it looks like GBK): save it as UTF-8"),
        ("utf-16", "it is UTF-16: save it as UTF-8"),
        ("utf-16-le", "it is UTF-16: save it as UTF-8"),
    ],
)
def test_a_file_in_another_encoding_is_named_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], encoding: str, words: str
) -> None:
    """Editors in China and PowerShell write these; the message says what it is, and what to do."""
    file = tmp_path / "rule.yaml"
    text = text_of("istio/virtual-service-70-30.yaml")
    file.write_bytes(f"apiVersion: networking.istio.io/v1 # 灰度\n{text}".encode(encoding))
    assert main(["render", "--dir", str(tmp_path), "--endpoint", "v1=a:1", str(file)]) == 2
    assert f"{file}: cannot be read: {words}" in one_line(capsys.readouterr().err)


@pytest.mark.parametrize("data", [bytes(range(256)), b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00", b"\0\0\0\0"])
def test_a_file_without_text_is_named_as_such(tmp_path: Path, data: bytes) -> None:
    """A picture or a program is not taken for a text of another encoding."""
    file = tmp_path / "a.yaml"
    file.write_bytes(data)
    with pytest.raises(UsageError, match="it is no text"):
        TrafficState.load([str(file)])


def test_a_refusal_points_to_all_other_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The lab names the first fault of a file, and the command that names all of them."""
    file = tmp_path / "my rule.yaml"
    file.write_text(text_of("istio/virtual-service-70-30.yaml").replace("weight: 70", 'weight: "70"'))
    assert main(["render", "--dir", str(tmp_path), "--endpoint", "v1=a:1", str(file)]) == 2
    *_, last = capsys.readouterr().err.splitlines()
    assert last.endswith(f"-m scripts.lab check '{file}'")
    assert main(["check", str(file)]) == 1


@pytest.mark.parametrize("kind", ["HTTPRoute", "Ingress", "Rollout", "Kustomization", "AuthorizationPolicy"])
def test_a_file_of_another_kind_is_named_as_such(tmp_path: Path, kind: str) -> None:
    """The message is about the kind, not about its version."""
    file = tmp_path / "a.yaml"
    file.write_text(f"{{apiVersion: a.example.com/v1, kind: {kind}, metadata: {{name: a}}, spec: {{}}}}")
    with pytest.raises(ManifestError, match=f"a.yaml: kind: {kind}: the lab does not apply this kind: "):
        TrafficState.load([str(file)])


def test_a_merge_key_is_read(tmp_path: Path) -> None:
    """What a merge key brings counts where the mapping itself has no such field."""
    text = text_of("istio/virtual-service-70-30.yaml")
    old = '          set:\n            x-canary-route: "70-30"\n'
    assert old in text
    new = "          set:\n            <<: {x-canary-route: hidden, x-team: pay}\n            x-canary-route: merged\n"
    file = tmp_path / "a.yaml"
    file.write_text(text.replace("        response:\n" + old, "        response:\n" + new))
    (service,) = TrafficState.load([str(file)]).manifests.virtual_services
    assert service.http[0].response_headers == {"x-team": "pay", "x-canary-route": "merged"}


def test_the_canary_stays_the_canary(tmp_path: Path) -> None:
    """A subset that was the canary by its weight is it after a shift to weights that would say otherwise."""
    text = text_of("tests/data/manifests/no-port-no-gateways.yaml")
    file = tmp_path / "a.yaml"
    file.write_text(text.replace("host: micro-api", "host: shop").replace("v1}", "blue}").replace("v2}", "green}"))
    before = TrafficState.load([GATEWAY, str(file)])
    assert before.assumed.canary == "green"
    file.write_text(file.read_text().replace("weight: 10", "weight: 100").replace("weight: 90", "weight: 1"))
    assert before.with_files([str(file)]).assumed.canary == "green"


@pytest.mark.live
def test_envoy_takes_every_form(lab: RunningLab, tmp_path: Path) -> None:
    """Every manifest with a record, and every seventh document of the corpus, is served by the real Envoy."""
    taken = [path for path in manifests() if '"refused"' not in record_of(path).read_text(encoding="utf-8")]
    for path in taken:
        control.shift(lab.folder, [str(ROOT / path)], ASSUMED)
        control.shift(lab.folder, [GATEWAY, istio("virtual-service-70-30.yaml"), istio("destination-rule.yaml")])
    for number in corpus.NUMBERS[::7]:
        file = tmp_path / f"{number}.yaml"
        file.write_text(corpus.text(number), encoding="utf-8")
        try:
            control.shift(lab.folder, [str(file)], ASSUMED)
        except ManifestError:
            continue
    control.shift(lab.folder, [GATEWAY])
    assert control.running(lab.folder)


def test_somebodys_names_are_served(lab: RunningLab, tmp_path: Path) -> None:
    """A shift to another Service prints the host to ask and what v2 stands for, and routes by that host's rules."""
    file = tmp_path / "shop.yaml"
    file.write_text(
        """
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: shop, namespace: prod}
spec:
  hosts: ["*.example.com"]
  gateways: [default/micro-gateway]
  http:
    - match: [{uri: {prefix: /closed}}]
      directResponse: {status: 410}
    - match: [{uri: {prefix: /abort}}]
      fault: {abort: {httpStatus: 418, percentage: {value: 100}}}
      route: [{destination: {host: shop, subset: blue}}]
    - match: [{headers: {Cookie: {regex: ".*group=beta.*"}}}]
      route: [{destination: {host: shop, subset: green}}]
    - route:
        - {destination: {host: shop, subset: blue}, weight: 100}
        - {destination: {host: shop, subset: green}, weight: 0}
---
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata: {name: shop, namespace: prod}
spec:
  host: shop
  subsets: [{name: blue, labels: {color: blue}}, {name: green, labels: {color: green}}]
""",
        encoding="utf-8",
    )
    command = ("shift", "--dir", lab.folder.path, file)
    asked = lab.command_line.run(*command)
    assert asked.returncode == 2
    assert "which of blue, green is the canary?" in one_line(asked.stderr)
    shift = lab.command_line.run(*command, "--canary", "green")
    assert shift.returncode == 0, shift.stderr
    assert "v2 of micro-api stands for green" in one_line(shift.stdout)
    assert "curl -H 'Host: www.example.com'" in one_line(shift.stdout)
    with Client(lab.url) as client:
        host = "www.example.com"
        assert client.ask(host).version == "v1"
        assert client.ask(host, Cookie="a=b; group=beta").version == "v2"
        assert client.ask().status == 404
    page = control.running(lab.folder).page_url
    with requests.Session() as session:
        session.trust_env = False
        statuses = [session.get(f"{page}{path}", timeout=30).status_code for path in ("test/test", "closed", "abort")]
    assert statuses == [200, 410, 418]


THREE: Final = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop]
  gateways: [micro-gateway]
  http:
    - route:
        - {destination: {host: shop, subset: v1}, weight: 50}
        - {destination: {host: shop, subset: v2}, weight: 30}
        - {destination: {host: shop, subset: v3}, weight: 20}
"""


THREE_IN_TURN: Final = """
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop}
spec:
  host: shop
  trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}
  subsets:
    - {name: v1, labels: {version: v1}}
    - {name: v2, labels: {version: v2}}
    - {name: v3, labels: {version: v3}}
"""


@pytest.mark.live
def test_subsets_that_share_replicas_after_a_shift_are_named(
    lab: RunningLab, random_value_header: str, tmp_path: Path
) -> None:
    """The newest is the canary; the other two share the replicas of v1, and `measure` expects the sum."""
    file = tmp_path / "shop.yaml"
    file.write_text(THREE)
    shift = lab.command_line.run("shift", "--dir", lab.folder.path, file, "--assume-subsets")
    said = one_line(shift.stdout)
    assert "v2 of micro-api stands for v3, the canary, and v1 for v1, v2. v1, v2 share replicas" in said
    measured = lab.command_line.run("measure", "--dir", lab.folder.path, "-t", "20s", "--alpha", "0.0001")
    assert "--expect-canary 20 " in one_line(measured.stdout)
    control.shift(lab.folder, [str(file)], Assumptions(subsets=True))  # by the numbers that the test sends
    with Client(lab.url) as client:
        answers = [
            client.ask("shop.default.svc.cluster.local", **{random_value_header: str(one)}) for one in range(100)
        ]
    assert [answer.version for answer in answers].count("v2") == 20


def test_each_subset_has_replicas_of_its_own(command_line: Callable[..., CommandLine], tmp_path: Path) -> None:
    """A lab of three subsets has three sorts of pods: a client inside, for which no route is, gets each by a third."""
    file = tmp_path / "shop.yaml"
    file.write_text(THREE + THREE_IN_TURN)
    folder = LabFolder(tmp_path / "lab")
    line = command_line()
    up = line.run("up", "--dir", folder.path, "--replicas", "1", "--state", file)
    try:
        assert (up.returncode, up.stderr) == (0, "")
        assert "2 replicas of v1, 1 of v2." in up.stdout
        assert "v2 of micro-api stands for v3, the canary, and v1 for v1, v2, each with replicas" in one_line(up.stdout)
        state = control.running(folder)
        with Client(state.inside_url) as inside:
            answers = [inside.ask("shop.default.svc.cluster.local") for _ in range(12)]
        assert [answer.version for answer in answers].count("v2") == 4
        assert line.run("shift", "--dir", folder.path, ROOT / "istio" / "article").returncode == 0
        with Client(state.inside_url) as inside:
            assert [inside.ask().version for _ in range(12)].count("v2") == 6
    finally:
        control.down(folder)


def test_the_articles_own_files_are_served(command_line: Callable[..., CommandLine], tmp_path: Path) -> None:
    """A folder with Deployments: 70 to 30 at the gateway, the pods' ratio inside, then all of its later states."""
    line = command_line()
    folder = LabFolder(tmp_path / "lab")
    up = line.run("up", "--dir", folder.path, "--replicas", "1", "--state", ROOT / "istio" / "article")
    try:
        assert (up.returncode, up.stderr) == (0, "")
        assert "Envoy serves v1 70 %, v2 30 % (a route without a name)." in up.stdout
        status = line.run("status", "--dir", folder.path)
        assert (status.returncode, status.stderr) == (0, "")
        state = control.running(folder)
        with Client(state.url) as client, Client(state.inside_url) as inside:
            assert {client.ask().version for _ in range(30)} <= {"v1", "v2"}
            assert [inside.ask().version for _ in range(10)].count("v2") == 5
        assert line.run("shift", "--dir", folder.path, istio("virtual-service-0-100.yaml")).returncode == 0
        with Client(state.url) as client:
            assert client.ask().version == "v2"
    finally:
        control.down(folder)


def test_up_suggests_to_shift_to_ones_own_file(command_line: Callable[..., CommandLine], tmp_path: Path) -> None:
    """A file below istio/ has other names: it is not suggested to somebody with a file of his own."""
    file = tmp_path / "shop.yaml"
    file.write_text(THREE)
    folder = LabFolder(tmp_path / "lab")
    try:
        up = command_line().run("up", "--dir", folder.path, "--replicas", "1", "--state", file, "--assume-subsets")
        assert f"shift --dir {folder.path} {file}  # after an edit\n" in up.stdout
        assert "istio/" not in up.stdout
    finally:
        control.down(folder)


def test_a_file_that_needs_what_no_one_assumed_is_served_broken(own_lab: RunningLab, tmp_path: Path) -> None:
    """Without gateways each request gets 404; once the gateway and the subsets are assumed, 200."""
    file = tmp_path / "a.yaml"
    file.write_text(text_of(str((ODD / "no-port-no-gateways.yaml").relative_to(ROOT))).replace("micro-api", "shop"))
    shift = ("shift", "--dir", own_lab.folder.path, file)
    bare = own_lab.command_line.run(*shift)
    assert bare.returncode == 0
    assert "--assume-gateway" in one_line(bare.stderr)
    with Client(own_lab.url) as client:
        assert client.ask("shop.default.svc.cluster.local").status == 404
        half = own_lab.command_line.run(*shift, "--assume-gateway")
        assert "--assume-subsets" in one_line(half.stderr)
        assert client.ask("shop.default.svc.cluster.local").status == 503
        whole = own_lab.command_line.run(*shift, "--assume-gateway", "--assume-subsets")
        assert (whole.returncode, "warning" in whole.stderr) == (0, True)  # exportTo
        assert client.ask("shop.default.svc.cluster.local").status == 200


def test_a_refusal_of_envoy_leaves_the_old_routes(lab: RunningLab, tmp_path: Path) -> None:
    """A regular expression that only Envoy can refuse is refused with Envoy's reason."""
    file = tmp_path / "a.yaml"
    text = text_of("istio/virtual-service-header.yaml")
    file.write_text(text.replace('exact: "true"', 'regex: "a{1001}"'))
    with pytest.raises(LabError, match="Envoy refuses this configuration"):
        control.shift(lab.folder, [str(file)])
    with Client(lab.url) as client:
        assert client.ask().route_name == "70-30"
