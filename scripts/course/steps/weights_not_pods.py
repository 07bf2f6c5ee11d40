"""Step 13: weights, not pods."""

import time
from typing import Final

from scripts.course.mesh_bench import NAMESPACE, ROUTE, MeshBench
from scripts.course.rules.finding import Finding
from scripts.course.rules.proof import name_of
from scripts.course.rules.weights_not_pods import NO_VERSIONS, PERCENT, PODS_PERCENT, REPLICAS, judged
from scripts.course.state import Attempt

STATE: Final = name_of(PERCENT)
KUBECTL: Final = ("kubectl", f"--namespace={NAMESPACE}")
RUN_TIME: Final = "60s"
# Until every thread of the gateway has a new route: up to three seconds were seen.
SERVED_AFTER_SECONDS: Final = 5
WITHOUT_VERSIONS: Final = f"""\
# A route that names no version: each request may go to any pod of the Service,
# so that the ratio of the pods decides, as it does without a mesh.
#
#   kubectl --namespace={NAMESPACE} apply --filename .course/my-state.yaml
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: {ROUTE}
spec:
  hosts:
    - micro-api
  gateways:
    - micro-gateway
    - mesh
  http:
    - route:
        - destination:
            host: micro-api
            port:
              number: 19090
      headers:
        response:
          set:
            x-canary-route: {NO_VERSIONS}
"""


def start(bench: MeshBench) -> None:
    """Have two pods of each version at 70/30, and give the learner a route that names no version."""
    bench.serve(STATE)
    bench.folder.own_state.write_text(WITHOUT_VERSIONS, encoding="utf-8")


def check(bench: MeshBench) -> Finding:
    """Return whether 1 + 5 pods got 30 % by weights and 83 % without, and the weights are served again."""
    return judged(bench.pods(), bench.traffic(), bench.attempt.answer, bench.evidence())


def solve(bench: MeshBench) -> Attempt:
    """Predict, scale, measure the weights, take the versions away, measure again, and go back."""
    start(bench)  # from anything that was changed
    attempt = bench.answered(str(PERCENT))
    for version, count in REPLICAS.items():
        bench.type(*KUBECTL, "scale", f"deployment/micro-api-{version}", f"--replicas={count}")
    for version in REPLICAS:
        bench.type(*KUBECTL, "rollout", "status", f"deployment/micro-api-{version}", "--timeout=150s")
    bench.measure("weights.json", "--expect-canary", str(PERCENT), "--route", STATE, "-t", RUN_TIME)
    bench.type(*KUBECTL, "apply", "--filename", str(bench.folder.own_state))
    time.sleep(SERVED_AFTER_SECONDS)
    bench.measure("pods.json", "--expect-canary", str(PODS_PERCENT), "--route", NO_VERSIONS, "-t", RUN_TIME)
    bench.type("scripts/mesh/set-state.sh", STATE)
    return attempt
