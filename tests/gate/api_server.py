"""A stand-in for the API server: the three objects that a gate may touch, and what can go wrong with them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NAMESPACE = "canary-mesh"
ROLLOUT = f"apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/rollouts/micro-api"
CANARY = f"apis/flagger.app/v1beta1/namespaces/{NAMESPACE}/canaries/micro-api"
ROUTE = f"apis/networking.istio.io/v1/namespaces/{NAMESPACE}/virtualservices/micro-api-route"
FLAGGER_ROUTE = f"apis/networking.istio.io/v1/namespaces/{NAMESPACE}/virtualservices/micro-api"
CREATED = "2026-11-30T07:00:00Z"
RELEASE = f"abc revision 2 of {CREATED}"
# A release that is over has another status of its condition, and so another time.
PROMOTED = {"Failed": ("False", "2026-11-30T07:23:40Z"), "Succeeded": ("True", "2026-11-30T07:25:02Z")}
STATE = f"api/v1/namespaces/{NAMESPACE}/configmaps/micro-api-gate"


@dataclass
class ApiServer:
    """What the stand-in has.

    Attributes:
        url: where it listens.
        objects: by path.
        closed: set at the end, so that what hangs is let go.
        hangs: whether questions are left without an answer.
        asked: each request's method and path.
    """

    url: str = ""
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    closed: threading.Event = field(default_factory=threading.Event)
    hangs: bool = False
    asked: list[str] = field(default_factory=list)

    def put(self, path: str, **members: Any) -> None:  # noqa: ANN401 - values of JSON
        """Set an object, which gets a new version."""
        version = int(self.objects.get(path, {}).get("metadata", {}).get("resourceVersion", "0")) + 1
        metadata = {"name": path.rsplit("/", 1)[1], **members.pop("metadata", {}), "resourceVersion": str(version)}
        self.objects[path] = {"metadata": metadata, **members}

    def set_rollout(
        self, *weights_percent: float, template: str = "abc", revision: str = "2", created: str = CREATED
    ) -> None:
        """Set the Rollout."""
        istio = {
            "virtualService": {"name": "micro-api-route", "routes": ["primary"]},
            "destinationRule": {"name": "micro-api", "stableSubsetName": "stable", "canarySubsetName": "canary"},
        }
        steps: list[dict[str, Any]] = []
        for weight in weights_percent:
            steps += [{"setWeight": weight}, {"analysis": {"templates": [{"templateName": "verdict"}]}}]
        self.put(
            ROLLOUT,
            metadata={"annotations": {"rollout.argoproj.io/revision": revision}, "creationTimestamp": created},
            spec={"strategy": {"canary": {"steps": steps, "trafficRouting": {"istio": istio}}}},
            status={"currentPodHash": template, "stableRS": "old"},
        )

    def set_canary(
        self, *weights_percent: int, phase: str = "Progressing", written_percent: int = 30, template: str = "abc"
    ) -> None:
        """Set the Canary, whose route is `FLAGGER_ROUTE`; its condition is that of the phase, as Flagger has it."""
        status, since = PROMOTED.get(phase, ("Unknown", "2026-11-30T07:20:31Z"))
        conditions = [{"type": "Promoted", "status": status, "reason": phase, "lastTransitionTime": since}]
        self.put(
            CANARY,
            spec={"targetRef": {"name": "micro-api"}, "analysis": {"stepWeights": list(weights_percent)}},
            status={
                "lastAppliedSpec": template,
                "phase": phase,
                "conditions": conditions,
                "canaryWeight": written_percent,
            },
        )

    def set_flagger_weight(self, weight_percent: float) -> None:
        """Set the route of the Canary."""
        weights = {"primary": 100 - weight_percent, "canary": weight_percent}
        destinations = [
            {"destination": {"host": f"micro-api-{role}"}, "weight": weight} for role, weight in weights.items()
        ]
        self.put(FLAGGER_ROUTE, spec={"http": [{"route": destinations}]})

    def set_weight(self, weight_percent: float) -> None:
        """Set the route of the Rollout."""
        destinations = [
            {"destination": {"host": "micro-api", "subset": "stable"}, "weight": 100 - weight_percent},
            {"destination": {"host": "micro-api", "subset": "canary"}, "weight": weight_percent},
        ]
        self.put(ROUTE, spec={"http": [{"name": "primary", "route": destinations}]})

    def set_state(self, text: str = "") -> None:
        """Set the gate's ConfigMap."""
        self.put(STATE, data={"state.json": text} if text else {})

    @property
    def state(self) -> dict[str, Any]:
        """What the gate keeps."""
        found: dict[str, Any] = json.loads(self.objects[STATE]["data"]["state.json"])
        return found


@contextmanager
def serving() -> Iterator[ApiServer]:
    """Serve the objects of a release at 30 % until the block ends."""
    given = ApiServer()
    given.set_rollout(30, 60)
    given.set_weight(30)
    given.set_state()

    class Handler(BaseHTTPRequestHandler):
        """Answers for `given`."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(lambda found: (200, found))

        def do_PATCH(self) -> None:
            patch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))

            def patched(found: dict[str, Any]) -> tuple[int, dict[str, Any]]:
                if patch["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]:
                    return 409, {"message": "the object has been modified"}
                given.put(STATE, data=found["data"] | patch["data"], metadata=found["metadata"])
                return 200, given.objects[STATE]

            self._answer(patched)

        def _answer(self, what: Any) -> None:  # noqa: ANN401 - a function of the object
            path = self.path.strip("/")
            given.asked.append(f"{self.command} {path}")
            if given.hangs:
                given.closed.wait()
            found = given.objects.get(path)
            status, body = what(found) if found is not None else (404, {"message": f"{path} not found"})
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    given.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield given
    finally:
        given.closed.set()
        server.shutdown()
        server.server_close()
