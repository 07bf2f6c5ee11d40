"""The failures of each step that docs/workshop/instructor.md names, as a learner brings them about."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from scripts.course.catalog import WORKSHOP, Step
from tests.course.learner import Learner

PAGES: Final = [WORKSHOP / name for name in ("instructor.md", "instructor.zh-CN.md")]
FIGURE: Final = re.compile(r"\d+")

LAB: Final = ".venv/bin/python -m scripts.lab"
ANSWER: Final = ".venv/bin/python -m scripts.course answer"
INTO: Final = "--verdict-json .course/verdicts"
OWN: Final = ".course/my-state.yaml"
SPLIT: Final = "istio/virtual-service-70-30.yaml"
RULE: Final = "istio/destination-rule.yaml"
SHIFT_OWN: Final = f"{LAB} shift {OWN}"
WEIGHT_OF_V2: Final = "-e 's/weight: 0/weight: 15/'"
WEIGHTS: Final = f"-e 's/weight: 100/weight: 85/' {WEIGHT_OF_V2}"
NAME: Final = """-e 's/"100-0"/"85-15"/'"""
SHIFT_MEANWHILE: Final = f"sleep 4; {LAB} shift {SPLIT}; wait $!"
IN_ORDER: Final = f"sed '1,/^---$/d' istio/virtual-service-header.yaml > {OWN}"
# Without its last route, the one that takes what is left.
TESTERS_ALONE: Final = f"{IN_ORDER}; sed -i.bak '/^    - route:/,$d' {OWN}"
ERRORS_WITHOUT_A_NAME: Final = f"{LAB} measure -t 3s {INTO}/nameless.json"
NAMED_ERRORS: Final = f"{ERRORS_WITHOUT_A_NAME}; {LAB} shift {SPLIT}; {LAB} measure {INTO}/named.json"
SHIFT_FIRST: Final = f"{LAB} shift istio/virtual-service-90-10.yaml"
SET_IMAGE: Final = "kubectl set image deployment/micro-api micro-api=micro-api"
UPDATE: Final = f"{SET_IMAGE}:1.1-SNAPSHOT; kubectl rollout status deployment/micro-api"
STICK: Final = f"{SET_IMAGE}:1.2-SNAPSHOT"
PAUSE: Final = "scripts/cluster/pause.sh start"
LOAD: Final = ".venv/bin/python loadtest locust --headless -u 10 -r 10 --max-rate 100 --host http://127.0.0.1:19090"
UNDER_LOAD: Final = f"{LOAD} --expect-canary 0 --keep-going -t 40s {INTO}/update.json & sleep 8; {UPDATE}; wait $!"
ENGINE: Final = "kubectl --namespace=canary-argo-rollouts"
PATCH_ROLLOUT: Final = f"{ENGINE} patch rollout/micro-api"
CONTAINER: Final = "/spec/template/spec/containers/0"
IMAGE: Final = f"""[{{"op":"replace","path":"{CONTAINER}/image","value":"micro-api:1.3-SNAPSHOT"}}]"""
VARIABLE: Final = """{"name":"SERVICE_ERROR_RATIO","value":"0.05"}"""
WITH_ERRORS: Final = f"""[{{"op":"add","path":"{CONTAINER}/env/-","value":{VARIABLE}}}]"""
# From the phase before the patch to the one of this release.
BEGUN: Final = f"{ENGINE} wait rollout/micro-api '--for=jsonpath={{.status.phase}}=Progressing' --timeout=60s"
HEALTHY: Final = f"{ENGINE} wait rollout/micro-api '--for=jsonpath={{.status.phase}}=Healthy' --timeout=300s"
DEGRADED: Final = f"{ENGINE} wait rollout/micro-api '--for=jsonpath={{.status.phase}}=Degraded' --timeout=60s"
RELEASE: Final = f"{PATCH_ROLLOUT} --type=json --patch='{IMAGE}'; {BEGUN}"
BREAK: Final = f"{PATCH_ROLLOUT} --type=json --patch='{WITH_ERRORS}'; {BEGUN}"
PROMOTE: Final = f"""{PATCH_ROLLOUT} --subresource=status --type=merge --patch='{{"status":{{"promoteFull":true}}}}'"""
ABORT: Final = f"""{PATCH_ROLLOUT} --subresource=status --type=merge --patch='{{"status":{{"abort":true}}}}'"""

MESH: Final = "kubectl --namespace=canary-mesh"
SCALE_V1: Final = f"{MESH} scale deployment/micro-api-v1 --replicas=1"
SCALE_V2: Final = f"{MESH} scale deployment/micro-api-v2 --replicas=5"
READY: Final = "; ".join(f"{MESH} rollout status deployment/micro-api-{one} --timeout=150s" for one in ("v1", "v2"))
SCALED: Final = f"{ANSWER} 30; {SCALE_V1}; {SCALE_V2}; {READY}"
NO_SIDECARS: Final = "; ".join(
    (
        "kubectl label namespace canary-mesh istio-injection-",
        f"{MESH} rollout restart deployment/micro-api-v1 deployment/micro-api-v2",
        READY,
    )
)
MESH_LOAD: Final = (
    ".venv/bin/python loadtest locust --headless -u 10 -r 10 --max-rate 100 --host http://127.0.0.1:19080"
    " --host-header micro-api.canary-mesh.svc.cluster.local -t 60s"
)
BY_WEIGHTS: Final = f"{MESH_LOAD} --expect-canary 30 --route 70-30 {INTO}/weights.json"
BY_PODS: Final = f"{MESH_LOAD} --expect-canary 83 --route no-versions {INTO}/pods.json"

# For each step its rows in the document: what is typed after the step's start, before `check`.
MISTAKES: Final[Mapping[int, Sequence[str]]] = {
    1: (
        "true",
        f"{LAB} measure --only-split --expect-canary 50 {INTO}/claim-50.json; sleep 1.1; {ANSWER} 30",
        f"{ANSWER} 30; {LAB} measure --only-split --expect-canary 30 {INTO}/claim-30.json",
    ),
    2: (
        f"{LAB} measure --only-split",
        f"{LAB} measure --only-split {INTO}/a.json; {LAB} measure --only-split --expect-canary 50 {INTO}/a.json",
        f"{LAB} measure --only-split {INTO}/true.json; {LAB} measure --only-split --expect-canary 32 {INTO}/false.json",
    ),
    3: (
        f"sed -i.bak {WEIGHTS} {NAME} {OWN}",
        f"sed -i.bak {WEIGHT_OF_V2} {NAME} {OWN}; {SHIFT_OWN}",
        f"sed -i.bak {WEIGHTS} {OWN}; {SHIFT_OWN}",
    ),
    4: (
        f"{LAB} measure --keep-going -t 8s {INTO}/across.json & {SHIFT_MEANWHILE}",
        f"{LAB} measure -t 8s --route '' {INTO}/across.json & {SHIFT_MEANWHILE}",
        f"{LAB} measure --keep-going -t 8s --route '' {INTO}/across.json & {SHIFT_MEANWHILE}",
    ),
    5: (
        f"sed -i.bak 's/- micro-apis$/- micro-api/' {OWN}; {SHIFT_OWN}",
        f"{LAB} shift {SPLIT} {RULE}; {ANSWER} status_404",
        f"{LAB} shift {SPLIT} {RULE}",
    ),
    6: (
        f"{LAB} measure --header 'x-canary: true' {INTO}/testers.json",
        f"{TESTERS_ALONE}; {SHIFT_OWN}",
        f"{IN_ORDER}; {SHIFT_OWN}; {LAB} measure --header 'x-canary: true' --expect-canary 100 {INTO}/testers.json",
    ),
    7: (
        f"{LAB} shift {SPLIT} {RULE}",
        f"{ERRORS_WITHOUT_A_NAME}; {LAB} measure -t 3s {INTO}/named.json",
        f"{NAMED_ERRORS}; {ANSWER} a-subset-that-is-not-defined",
    ),
    8: (
        f"{LAB} shift {SPLIT} {RULE}; {LAB} measure --expect-canary 30 {INTO}/repaired.json",
        f"{ANSWER} a-destination-without-its-subset",
        f"{ANSWER} the-two-versions-are-swapped; {LAB} shift {SPLIT}",
    ),
    9: (
        f"{SHIFT_FIRST}; {LAB} measure",
        f"{SHIFT_FIRST}; {LAB} measure --max-rate 20 -t 3s {INTO}/at-10.json",
        f"{SHIFT_FIRST}; {LAB} measure {INTO}/at-10.json",
    ),
    10: (
        UPDATE,
        UNDER_LOAD,
        f"{UNDER_LOAD}; {STICK}; sleep 15",
    ),
    11: (
        "kubectl apply --kustomize k8s/canary; kubectl rollout status deployment/micro-api",
        PAUSE,
        f"{PAUSE}; {LOAD} --expect-canary 50 -t 60s {INTO}/half.json",
    ),
    12: (
        "true",
        f"{ANSWER} 0; kubectl rollout resume deployment/micro-api; kubectl rollout status deployment/micro-api",
        f"{ANSWER} 0; scripts/cluster/pause.sh undo",
    ),
    13: (
        f"{ANSWER} 30; {SCALE_V1}; {READY}",
        f"{SCALED}; {NO_SIDECARS}",
        f"{SCALED}; {BY_WEIGHTS}; {MESH} apply --filename {OWN}; sleep 5; {BY_PODS}",
    ),
    14: (
        f"{ENGINE} get rollout/micro-api; {ANSWER} 30",
        f"{RELEASE}; {PROMOTE}; {HEALTHY}",
        f"{RELEASE}; {HEALTHY}; {ANSWER} 30; {BREAK}; {ABORT}; {DEGRADED}",
    ),
}


def rows(page: Path, number: int) -> list[str]:
    """Return what the check says, as a page quotes it in each row of a step's table."""
    section = re.split(r"^### ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (own,) = [one for one in section if re.match(rf"(?:Step {number}:|第 {number} 步：)", one)]
    return re.findall(r"^\| `([^`]+)` \|", own, re.MULTILINE)


def assert_mistakes_are_said(learner: Learner, step: Step) -> None:
    """Assert that after the step's start and each mistake the check says what the page has, figures aside."""
    for typed, quoted in zip(MISTAKES[step.number], rows(PAGES[0], step.number), strict=True):
        (learner.repository / ".course" / "progress.json").unlink(missing_ok=True)  # the values of the first start
        learner.goto(step.number)
        learner.types(typed)
        checked = learner.course("check")
        assert checked.returncode == 10, checked.stdout
        said = FIGURE.sub("0", " ".join(checked.stdout.split()))
        assert f"not yet: {FIGURE.sub('0', quoted)}" in said, f"{typed}\n{checked.stdout}"
