"""What the manifests of the release engines and of their gates say fits together."""

import re
from typing import Any, Final

import pytest
import yaml

from tests.manifests.files import OPERATOR, header
from tests.support.repository import resource, text_of

GATE: Final = "istio/gate/deployment.yaml"
ROLLOUT: Final = "istio/argo-rollouts/rollout.yaml"
TEMPLATE: Final = "istio/argo-rollouts/analysis-template.yaml"
CANARY: Final = "istio/flagger/canary.yaml"
OBJECTS: Final = {"argo-rollouts": ("argoproj.io", "rollouts", ROLLOUT), "flagger": ("flagger.app", "canaries", CANARY)}
# The route's name: of the file that is applied, and the one that Flagger gives to what it makes.
ROUTES: Final = {
    "argo-rollouts": resource("istio/argo-rollouts/route/virtual-service.yaml")["metadata"]["name"],
    "flagger": resource(CANARY)["spec"]["targetRef"]["name"],
}
PORT: Final = 8080
VERDICTS: Final = ("CONFIRMED", "REFUTED", "INCONCLUSIVE")
QUESTIONS: Final = {"argo-rollouts": ({"GET"}, {"/verdict"}), "flagger": ({"POST"}, {"/hooks/*"})}


def patches(path: str) -> list[dict[str, Any]]:
    """Return the patches of a kustomization, as objects."""
    return [yaml.safe_load(patch["patch"]) for patch in resource(path)["patches"]]


def containers() -> dict[str, dict[str, Any]]:
    """Return the gate's containers by their names."""
    return {one["name"]: one for one in resource(GATE)["spec"]["template"]["spec"]["containers"]}


def options(engine: str) -> dict[str, dict[str, str]]:
    """Return the options of each container that an engine's overlay gives."""
    (patch,) = patches(f"istio/{engine}/gate/kustomization.yaml")
    listed = patch["spec"]["template"]["spec"]["containers"]
    return {one["name"]: dict(word.split("=", 1) for word in one["args"]) for one in listed}


def weights(engine: str) -> list[int]:
    """Return the canary's weights that an engine's object declares."""
    spec = resource(OBJECTS[engine][2])["spec"]
    if engine == "flagger":
        return list(spec["analysis"]["stepWeights"])
    return [step["setWeight"] for step in spec["strategy"]["canary"]["steps"] if "setWeight" in step]


def hooks() -> dict[str, dict[str, Any]]:
    """Return Flagger's hooks by their type, of which there is one each."""
    listed = resource(CANARY)["spec"]["analysis"]["webhooks"]
    found = {hook["type"]: hook for hook in listed}
    assert len(found) == len(listed)
    return found


def test_a_rollouts_pods_are_those_of_the_plain_flows() -> None:
    """The pod template is that of k8s/base, but for the release that it begins with."""
    template, plain = (resource(path)["spec"]["template"]["spec"] for path in (ROLLOUT, "k8s/base/deployment.yaml"))
    assert template["containers"][0].pop("image") == "micro-api:1.1-SNAPSHOT"
    del plain["containers"][0]["image"]
    assert template == plain


def test_both_engines_begin_with_the_same_release_and_have_the_same_weights() -> None:
    """Flagger's Deployment has the image of the Rollout; the weights rise, and end before 100."""
    assert resource("istio/flagger/kustomization.yaml")["images"] == [{"name": "micro-api", "newTag": "1.1-SNAPSHOT"}]
    assert weights("argo-rollouts") == weights("flagger") == sorted(set(weights("flagger")))
    assert 0 < weights("flagger")[0] < weights("flagger")[-1] < 100


def test_the_rollout_changes_the_route_and_the_subsets_that_are_there() -> None:
    """It names the virtual service, its route, the destination rule and both subsets."""
    istio = resource(ROLLOUT)["spec"]["strategy"]["canary"]["trafficRouting"]["istio"]
    route = resource("istio/argo-rollouts/route/virtual-service.yaml")
    rule = resource("istio/argo-rollouts/route/destination-rule.yaml")
    assert istio["virtualService"] == {
        "name": route["metadata"]["name"],
        "routes": [one["name"] for one in route["spec"]["http"]],
    }
    assert istio["destinationRule"]["name"] == rule["metadata"]["name"]
    subsets = [one["name"] for one in rule["spec"]["subsets"]]
    assert [istio["destinationRule"][f"{name}SubsetName"] for name in ("stable", "canary")] == subsets
    (only,) = route["spec"]["http"]
    assert [(one["destination"]["subset"], one["weight"]) for one in only["route"]] == [("stable", 100), ("canary", 0)]


def test_a_destination_of_the_rollout_names_its_role() -> None:
    """An error that the proxy answers for a subset says which one was drawn."""
    (only,) = resource("istio/argo-rollouts/route/virtual-service.yaml")["spec"]["http"]
    for one in only["route"]:
        assert one["headers"]["response"]["set"] == {"x-canary-subset": one["destination"]["subset"]}


def test_each_weight_is_followed_by_the_question_about_it() -> None:
    """An analysis after each weight, always the same, with arguments for all that the template asks for."""
    steps = resource(ROLLOUT)["spec"]["strategy"]["canary"]["steps"]
    analyses = [step["analysis"] for step in steps[1::2]]
    assert [list(step) for step in steps] == [["setWeight"], ["analysis"]] * len(analyses)
    (first, *others) = analyses
    assert all(one == first for one in others)
    template = resource(TEMPLATE)
    assert first["templates"] == [{"templateName": template["metadata"]["name"]}]
    names = [one["name"] for one in template["spec"]["args"]]
    assert [one["name"] for one in first["args"]] == names
    (metric,) = template["spec"]["metrics"]
    assert set(re.findall(r"\{\{args\.(\w+)\}\}", metric["provider"]["web"]["url"])) == set(names)


def test_the_analysis_ends_as_its_header_says() -> None:
    """Once CONFIRMED or REFUTED is enough; INCONCLUSIVE is asked for all of `count`, and then is no success."""
    (metric,) = resource(TEMPLATE)["spec"]["metrics"]
    assert (metric["consecutiveSuccessLimit"], metric["failureLimit"]) == (1, 0)
    assert metric["inconclusiveLimit"] == metric["count"]
    told = " ".join(line.removeprefix("# ").strip() for line in header(TEMPLATE))
    assert f"every {metric['interval'].removesuffix('s')} s" in told
    assert f"{metric['count']} times at most" in told
    assert f"the {metric['consecutiveErrorLimit'] + 1}th error in a row aborts" in told


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("rollback", "/hooks/go-back"),
        ("confirm-traffic-increase", "/hooks/go-on"),
        ("confirm-promotion", "/hooks/go-on"),
        ("post-rollout", "/hooks/proof"),
    ],
)
def test_a_hook_of_flagger_asks_the_gate(kind: str, path: str) -> None:
    """Each is a question to the gate's Service, in the namespace of istio/flagger/namespace.yaml."""
    gate = resource("istio/gate/service.yaml")["metadata"]["name"]
    namespace = resource("istio/flagger/namespace.yaml")["metadata"]["name"]
    assert hooks()[kind]["url"] == f"http://{gate}.{namespace}:{PORT}{path}"


def test_flagger_has_no_hook_that_takes_a_release_back_when_the_gate_is_away() -> None:
    """Only `rollback` does, which a gate has to answer; those of the type rollout would count its absence."""
    assert hooks().keys() == {"rollback", "confirm-traffic-increase", "confirm-promotion", "post-rollout"}
    assert "metrics" not in resource(CANARY)["spec"]["analysis"]


def test_flagger_owns_the_service_and_the_number_of_pods() -> None:
    """The overlay takes both out of the plain flows' manifests, and the budget is for the pods that serve."""
    deployment, service, budget = patches("istio/flagger/kustomization.yaml")
    assert deployment["spec"]["replicas"] is None
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert (service["$patch"], service["kind"]) == ("delete", "Service")
    primary = f"{resource(CANARY)['spec']['targetRef']['name']}-primary"
    assert budget["spec"]["selector"] == {"matchLabels": {"app": primary}}


@pytest.mark.parametrize("engine", OBJECTS)
def test_a_gate_reads_what_it_is_asked_about_and_writes_its_own_state(engine: str) -> None:
    """Each rule is for one object by its name; nothing may be listed, created or deleted."""
    group, kind, path = OBJECTS[engine]
    name, state = (resource(file)["metadata"]["name"] for file in (path, "istio/gate/config-map.yaml"))
    role, binding = yaml.safe_load_all(text_of(f"istio/{engine}/gate/role.yaml"))
    rules = [(one["apiGroups"], one["resources"], one["resourceNames"], one["verbs"]) for one in role["rules"]]
    assert rules == [
        ([group], [kind], [name], ["get"]),
        (["networking.istio.io"], ["virtualservices"], [ROUTES[engine]], ["get"]),
        ([""], ["configmaps"], [state], ["get", "patch"]),
    ]
    account = resource("istio/gate/service-account.yaml")["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account}]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert options(engine)["gate"].items() >= {"--engine": engine, "--object": name, "--state": state}.items()


@pytest.mark.parametrize("engine", OBJECTS)
def test_who_may_ask_a_gate_is_the_same_for_its_sidecar_and_for_itself(engine: str) -> None:
    """The policy admits the identity that the gate knows, with the questions of that engine, at the gate's port."""
    policy = resource(f"istio/{engine}/gate/authorization-policy.yaml")["spec"]
    (rule,) = policy["rules"]
    (account,) = rule["from"][0]["source"]["serviceAccounts"]
    namespace, _, name = account.partition("/")
    assert options(engine)["gate"]["--allow-peer"] == f"spiffe://cluster.local/ns/{namespace}/sa/{name}"
    operation = rule["to"][0]["operation"]
    methods, paths = QUESTIONS[engine]
    assert (set(operation["methods"]), set(operation["paths"])) == (methods, paths)
    assert operation["ports"] == [str(PORT)]
    assert policy["selector"] == resource("istio/gate/peer-authentication.yaml")["spec"]["selector"]
    assert resource("istio/gate/peer-authentication.yaml")["spec"]["mtls"] == {"mode": "STRICT"}


@pytest.mark.parametrize("engine", OBJECTS)
def test_the_load_test_comes_by_the_ingress_gateway(engine: str) -> None:
    """The address is that of the gateway, and the Host the service's full name in the pod's own namespace."""
    (gateway,) = resource(OPERATOR)["spec"]["components"]["ingressGateways"]
    load = options(engine)["load"]
    assert load["--host"] == f"http://{gateway['name']}.istio-system"
    service = resource("k8s/base/service.yaml")["metadata"]["name"]
    assert load["--host-header"] == f"{service}.$(NAMESPACE).svc.cluster.local"
    assert "NAMESPACE" in {one["name"] for one in containers()["load"]["env"]}


def test_the_gate_answers_where_its_service_leads() -> None:
    """The Service has the port of the container, and selects the gate's pod."""
    (port,) = resource("istio/gate/service.yaml")["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (PORT, "http")
    assert containers()["gate"]["ports"] == [{"name": "http", "containerPort": PORT}]
    labels = resource(GATE)["spec"]["template"]["metadata"]["labels"]
    for selector in (
        resource("istio/gate/service.yaml")["spec"]["selector"],
        resource("istio/gate/peer-authentication.yaml")["spec"]["selector"]["matchLabels"],
        resource(GATE)["spec"]["selector"]["matchLabels"],
    ):
        assert selector == labels


def test_the_gates_pod_is_as_restricted_as_its_namespace_demands() -> None:
    """No root, no capabilities, no writable root; and the token is in one of its containers."""
    pod = resource(GATE)["spec"]["template"]["spec"]
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert pod["automountServiceAccountToken"] is False
    for one in pod["containers"]:
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert one["imagePullPolicy"] == "IfNotPresent"
        assert {"cpu", "memory"} <= one["resources"]["requests"].keys()
        assert "memory" in one["resources"]["limits"]
    mounted = {name: [volume["name"] for volume in one["volumeMounts"]] for name, one in containers().items()}
    assert mounted == {"gate": ["token"], "load": ["tmp"]}
    for engine in OBJECTS:
        labels = resource(f"istio/{engine}/namespace.yaml")["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        assert labels["istio-injection"] == "enabled"


def test_there_is_one_gate_at_a_time() -> None:
    """An old pod ends before a new one begins, so that no two write the same counts."""
    spec = resource(GATE)["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def table(engine: str, language: str) -> dict[str, str]:
    """Return what an engine's page says that it does, by the verdict; the fourth row is that of a silent gate."""
    lines = text_of(f"istio/{engine}/README{language}.md").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|---"))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start + 1 : start + 5]]
    return dict(rows)


@pytest.mark.parametrize("language", ["", ".zh-CN"])
@pytest.mark.parametrize("engine", OBJECTS)
def test_the_page_has_a_row_for_each_verdict_and_for_a_gate_that_is_away(engine: str, language: str) -> None:
    """The three verdicts in their order, then the gate that does not answer."""
    rows = list(table(engine, language))
    assert (tuple(rows[:3]), len(rows)) == (VERDICTS, 4)


@pytest.mark.parametrize("language", ["", ".zh-CN"])
def test_the_page_of_argo_rollouts_has_the_figures_of_the_analysis(language: str) -> None:
    """How often it asks, how many times, what the pause is called, and which error in a row aborts."""
    (metric,) = resource(TEMPLATE)["spec"]["metrics"]
    does = table("argo-rollouts", language)
    asked = rf"\b{metric['interval'].removesuffix('s')} ?[s秒].*\b{metric['count']}\b.*`InconclusiveAnalysisRun`"
    assert re.search(asked, does["INCONCLUSIVE"])
    *_, silent = does.values()
    assert re.search(rf"\b{metric['consecutiveErrorLimit'] + 1}(?:th| 次)", silent)


@pytest.mark.parametrize("language", ["", ".zh-CN"])
def test_the_page_of_flagger_has_the_interval_of_its_canary(language: str) -> None:
    """After how long a go-ahead is asked for again, and the type of hook that is not there."""
    does = table("flagger", language)
    interval = resource(CANARY)["spec"]["analysis"]["interval"]
    assert re.search(rf"\b{interval.removesuffix('s')} ?[s秒]", does["CONFIRMED"])
    *_, silent = does.values()
    assert "`rollout`" in silent


@pytest.mark.parametrize("engine", OBJECTS)
def test_both_languages_have_the_same_figures(engine: str) -> None:
    """Each row has the same numbers and the same names of the engine in English and in Chinese."""
    figures = re.compile(r"\d+(?:\.\d+)?|`[^`]+`")
    english, chinese = (table(engine, language).values() for language in ("", ".zh-CN"))
    assert [sorted(figures.findall(row)) for row in english] == [sorted(figures.findall(row)) for row in chinese]
