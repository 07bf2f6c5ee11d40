"""The three objects that a gate may touch: the engine's, the route's, and the ConfigMap with its own state."""

import json
from pathlib import Path
from typing import Any, Final

import requests

from canary_loadtest.core.refusal import ExpectationError
from canary_loadtest.gate.rules.objects import Engine
from canary_loadtest.gate.rules.state import State

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
IN_CLUSTER: Final = "https://kubernetes.default.svc"
# An engine waits for an answer, which takes two of these requests; Flagger gives up its question for good.
TIMEOUT_SECONDS: Final = 0.4
KEY: Final = "state.json"
OBJECTS: Final = {
    Engine.ARGO_ROLLOUTS: "apis/argoproj.io/v1alpha1/namespaces/{}/rollouts/{}",
    Engine.FLAGGER: "apis/flagger.app/v1beta1/namespaces/{}/canaries/{}",
}
ROUTES: Final = "apis/networking.istio.io/v1/namespaces/{}/virtualservices/{}"
CONFIG_MAPS: Final = "api/v1/namespaces/{}/configmaps/{}"


class ClusterError(Exception):
    """The API server did not do what it was asked; the message says what that was, and what it said."""


class ConflictError(ClusterError):
    """Somebody else has written the state since this gate read or wrote it."""


class Cluster:
    """The API server, as far as a gate may use it."""

    def __init__(self, url: str, namespace: str) -> None:
        """Begin without a request.

        Args:
            url: of the API server; within a pod its service account's token is sent along.
            namespace: where the three objects are.
        """
        self._url = url.rstrip("/")
        self._namespace = namespace
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy of the environment lies between a pod and its API server
        if (authority := SERVICE_ACCOUNT / "ca.crt").exists():
            self._session.verify = str(authority)

    def engine_object(self, engine: Engine, name: str) -> dict[str, Any]:
        """Return the object of a release engine.

        Raises:
            ClusterError: it cannot be read.
        """
        return self._ask("GET", OBJECTS[engine].format(self._namespace, name))

    def virtual_service(self, name: str) -> dict[str, Any]:
        """Return the route.

        Raises:
            ClusterError: it cannot be read.
        """
        return self._ask("GET", ROUTES.format(self._namespace, name))

    def read_state(self, config_map: str) -> tuple[State, str]:
        """Return the state that a ConfigMap keeps, and the version of the object.

        Raises:
            ClusterError: it cannot be read, or has something else.
        """
        found = self._ask("GET", CONFIG_MAPS.format(self._namespace, config_map))
        text = (found.get("data") or {}).get(KEY, "")
        try:
            state = State.from_dict(json.loads(text)) if text.strip() else State()
        except (ExpectationError, ValueError) as error:
            raise ClusterError(f"ConfigMap {config_map}: {KEY}: {error}; empty it to begin again") from error
        return state, found["metadata"]["resourceVersion"]

    def write_state(self, config_map: str, state: State, version: str) -> str:
        """Write a state over the version that is known, and return the new version.

        Raises:
            ConflictError: the ConfigMap has another version by now.
            ClusterError: it cannot be written.
        """
        patch = {"metadata": {"resourceVersion": version}, "data": {KEY: json.dumps(state.to_dict())}}
        written = self._ask("PATCH", CONFIG_MAPS.format(self._namespace, config_map), json.dumps(patch))
        return str(written["metadata"]["resourceVersion"])

    def _ask(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        headers = {"Accept": "application/json", "Content-Type": "application/merge-patch+json"}
        token = SERVICE_ACCOUNT / "token"
        if token.exists():  # read each time: the kubelet renews it
            headers["Authorization"] = f"Bearer {token.read_text(encoding='utf-8').strip()}"
        what = f"{method} {path}"
        try:
            response = self._session.request(
                method, f"{self._url}/{path}", data=body, headers=headers, timeout=TIMEOUT_SECONDS
            )
            found = response.json()
        except requests.Timeout as error:
            raise ClusterError(f"{what}: no answer of the API server within {TIMEOUT_SECONDS:g} s") from error
        except requests.RequestException as error:
            raise ClusterError(f"{what}: {type(error).__name__}: {error}") from error
        if response.ok and isinstance(found, dict):
            return found
        said = found.get("message") if isinstance(found, dict) else found
        if response.status_code == requests.codes.conflict:
            raise ConflictError(f"{what}: {said}")
        lost = response.status_code == requests.codes.not_found and "/configmaps/" in path
        remedy = f"; create it: kubectl create configmap {path.rpartition('/')[2]}" if lost else ""
        raise ClusterError(f"{what}: status {response.status_code}: {said}{remedy}")
