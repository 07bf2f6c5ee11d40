"""The change of a traffic state: what is applied in which order, with a stand-in for kubectl."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from scripts.mesh import route_stopwatch, set_state
from scripts.mesh.set_state import HTTP_ROUTE, HTTP_ROUTE_DEFINITION, VIRTUAL_SERVICE, file_of, main, route_names
from tests.manifests.files import ISTIO
from tests.support.repository import ROOT, resource, text_of

# $DECLARED: what the cluster has, $LIVE before the first change, $AFTER from then on; $FAILS: the verb that fails.
KUBECTL = """\
#!/bin/sh
case "$1 $*" in
  "$FAILS "*) echo "no $1" >&2; exit 3 ;;
  get*) case " $DECLARED " in *" $2 "*) if [ -e "$CHANGED" ]; then echo "$AFTER"; else echo "$LIVE"; fi ;; esac ;;
  create*) echo "$MANIFEST" ;;
  apply*) touch "$CHANGED" ;;
esac
"""
APPLY = "kubectl apply --filename"
SET = Callable[..., int]


def split(name: str, v1: int, v2: int, **metadata: object) -> str:
    """Return a virtual service of one route, as JSON."""
    weights = {"v1": v1, "v2": v2}
    route = [{"destination": {"subset": version}, "weight": weight} for version, weight in weights.items()]
    headers = {"response": {"set": {"x-canary-route": name}}}
    return json.dumps({"metadata": metadata, "spec": {"http": [{"route": route, "headers": headers}]}})


NEW = split("new", 70, 30)
STATES = [path for path in ISTIO if "/virtual-service-" in path or "/http-route-" in path]


@pytest.fixture
def set_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SET:
    """A function that sets a state on a cluster that has what it is told; every answer comes by the new route."""
    (tmp_path / "kubectl").write_text(KUBECTL, encoding="utf-8")
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(route_stopwatch, "HOLD_SECONDS", 0.0)
    monkeypatch.setattr(set_state, "ask", lambda _url, _host: "new")

    def run(
        state: str,
        *declared: str,
        fails: str = "nothing",
        live: str = NEW,
        after: str = NEW,
        more: Sequence[str] = (),
    ) -> int:
        for name, value in {"LIVE": live, "AFTER": after, "MANIFEST": NEW, "CHANGED": f"{tmp_path}/changed"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("DECLARED", " ".join(declared))
        monkeypatch.setenv("FAILS", fails)
        return main(["apply", *more, state, "http://127.0.0.1:1/", "service.test"])

    return run


def shown(text: str) -> list[str]:
    """Return the commands that a run has shown."""
    return [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]


@pytest.mark.parametrize("declared", [(), (VIRTUAL_SERVICE,)])
def test_a_virtual_service_is_applied(
    set_to: SET, declared: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    """Without a twin one command is enough, and the time until the new route is served follows it."""
    assert set_to("70-30", *declared) == 0
    printed = capfd.readouterr().out
    assert shown(printed) == [f"{APPLY} istio/virtual-service-70-30.yaml"]
    assert printed.splitlines()[-1].startswith("# new: served already before the command (")


def test_an_http_route_goes_after_its_virtual_service_is_served(set_to: SET, capfd: pytest.CaptureFixture[str]) -> None:
    """At no moment is the host without a route, and the time is known before the twin is removed."""
    assert set_to("mirror", HTTP_ROUTE, HTTP_ROUTE_DEFINITION) == 0
    printed = capfd.readouterr().out
    assert shown(printed) == [
        f"{APPLY} istio/mesh/virtual-service-mirror.yaml",
        f"kubectl delete {HTTP_ROUTE} --timeout=150s",
    ]
    assert printed.index("# new: served") < printed.index("kubectl delete")


def test_a_virtual_service_goes_after_its_http_route_is_accepted(
    set_to: SET, capfd: pytest.CaptureFixture[str]
) -> None:
    """The virtual service wins while both exist, so that its deletion is what is timed."""
    assert set_to("gateway-api/header", VIRTUAL_SERVICE, HTTP_ROUTE_DEFINITION) == 0
    printed = capfd.readouterr().out
    gateway, services, apply, wait, delete = shown(printed)
    assert gateway == f"{APPLY} istio/gateway-api/gateway.yaml"
    assert services == f"{APPLY} istio/gateway-api/services.yaml"
    assert apply == f"{APPLY} istio/gateway-api/http-route-header.yaml"
    assert wait.startswith(f"kubectl wait {HTTP_ROUTE} --timeout=150s '--for=jsonpath=")
    assert delete == f"kubectl delete {VIRTUAL_SERVICE} --timeout=150s"
    assert printed.index("# new: served") > printed.index("kubectl delete")


def test_an_http_route_without_a_twin_is_applied(set_to: SET, capfd: pytest.CaptureFixture[str]) -> None:
    """What the routes refer to comes first."""
    assert set_to("gateway-api/70-30", HTTP_ROUTE, HTTP_ROUTE_DEFINITION) == 0
    assert shown(capfd.readouterr().out) == [
        f"{APPLY} istio/gateway-api/gateway.yaml",
        f"{APPLY} istio/gateway-api/services.yaml",
        f"{APPLY} istio/gateway-api/http-route-70-30.yaml",
    ]


@pytest.mark.parametrize(
    ("state", "fails", "message"),
    [
        ("70-30", "apply", "set-state.sh: 70-30: the command ended with exit code 3"),
        ("70-30", "create", "no create"),
        ("70-30", "delete", "no delete"),
        ("gateway-api/70-30", "apply", "no apply"),
    ],
)
def test_a_command_that_fails_ends_the_change(
    set_to: SET, state: str, fails: str, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 1, and the message is kubectl's or the stopwatch's."""
    assert set_to(state, HTTP_ROUTE, HTTP_ROUTE_DEFINITION, fails=fails) == 1
    assert message in capfd.readouterr().err


@pytest.mark.parametrize("path", STATES)
def test_the_routes_of_every_state_are_found(path: str) -> None:
    """An HTTP route names them in a list, and a virtual service by the header's name."""
    names = re.findall(r'x-canary-route(?:: |\n +value: )"?([-\w]+)', text_of(path))
    assert names
    assert list(route_names(resource(path))) == names


def test_a_state_leads_to_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the Gateway API is named so, wherever another of the same name lies."""
    monkeypatch.chdir(ROOT)
    assert file_of("70-30") == "istio/virtual-service-70-30.yaml"
    assert file_of("mirror") == "istio/mesh/virtual-service-mirror.yaml"
    assert file_of("gateway-api/mirror") == "istio/gateway-api/http-route-mirror.yaml"


def test_an_edit_that_kept_the_name_is_told(set_to: SET, capfd: pytest.CaptureFixture[str]) -> None:
    """Where the same name stood for other weights, no answer shows since when the new ones are served."""
    assert set_to("70-30", VIRTUAL_SERVICE, live=split("new", 60, 40)) == 0
    printed = capfd.readouterr().out
    assert "# other weights had the same name before" in printed
    assert "new: v1 60 %, v2 40 %" in printed
    assert "served already" not in printed


def test_other_weights_at_the_end_are_a_failure(set_to: SET, capfd: pytest.CaptureFixture[str]) -> None:
    """Another terminal may have changed them: what the cluster declares is read again, and compared."""
    assert set_to("70-30", VIRTUAL_SERVICE, after=split("new", 50, 50)) == 1
    assert "other weights than istio/virtual-service-70-30.yaml: new: v1 50 %, v2 50 %" in capfd.readouterr().err


def test_what_replace_has_spoiled_is_refused_with_the_remedy(set_to: SET, capfd: pytest.CaptureFixture[str]) -> None:
    """After `kubectl get | kubectl replace` no apply works any more; only a deletion helps."""
    last = {"kubectl.kubernetes.io/last-applied-configuration": '{"metadata": {"resourceVersion": "12"}}'}
    assert set_to("70-30", VIRTUAL_SERVICE, live=split("new", 70, 30, annotations=last)) == 2
    assert "delete it, and run this again: kubectl delete virtualservice/micro-api-route" in capfd.readouterr().err


def test_an_interruption_has_no_traceback(set_to: SET, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the routes are waited for is exit code 130."""

    def interrupted(_url: str, _host: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(set_state, "ask", interrupted)
    assert set_to("70-30") == 130


def test_a_route_that_leads_nowhere_is_not_served(
    set_to: SET, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right name on a 503 is not enough, and the message has the cause to look for."""
    monkeypatch.setattr(route_stopwatch, "SETTLE_SECONDS", 0.2)
    monkeypatch.setattr(set_state, "ask", lambda _url, _host: "new (status 503)")
    assert set_to("70-30") == 1
    assert "by new (status 503)\n  503: a subset without a destination rule" in capfd.readouterr().err


def test_only_a_declared_fault_may_answer_with_its_status() -> None:
    """The state `fault` answers with 503 on purpose, and no other status of it counts as served."""
    fault, split_state = resource("istio/mesh/virtual-service-fault.yaml"), resource("istio/virtual-service-70-30.yaml")
    assert set_state.wanted_answers(fault) == {"fault", "fault (status 503)"}
    assert set_state.wanted_answers(split_state) == {"70-30"}


@pytest.mark.parametrize(("more", "code"), [((), 1), (("--any-status",), 0)])
def test_a_version_that_fails_can_be_given_a_weight(
    more: tuple[str, ...], code: int, set_to: SET, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --any-status an error that names the route is an answer by it; without, the route is not served yet."""
    monkeypatch.setattr(set_state, "ask", lambda _url, _host: "new (status 500)")
    monkeypatch.setattr(route_stopwatch, "SETTLE_SECONDS", 1.5)
    assert set_to("70-30", more=more) == code
