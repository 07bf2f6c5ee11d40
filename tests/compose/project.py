"""A project of docker-compose.yml as a reader starts it, with its own name and ports, and its removal."""

import os
import subprocess
import uuid
from dataclasses import dataclass, field
from typing import Final

import docker
from docker.models.containers import Container

from tests.support.repository import ROOT

TIMEOUT_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Project:
    """One running copy of docker-compose.yml.

    Attributes:
        engine: where it runs.
        name: the name of the project.
    """

    engine: docker.DockerClient
    name: str = field(default_factory=lambda: f"test-{uuid.uuid4().hex[:8]}")

    def compose(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `docker compose` to its end, on ports that the kernel chooses."""
        return subprocess.run(
            ["docker", "compose", "--project-name", self.name, *arguments],
            cwd=ROOT,
            env={**os.environ, "LAB_PORT": "0", "LAB_PROMETHEUS_PORT": "0", **environment},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    def shift(self, state: str) -> subprocess.CompletedProcess[str]:
        """Render another traffic state, as the README shows."""
        return self.compose("run", "--rm", "render", STATE=state)

    def load_test(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run the load test with a small error probability."""
        return self.compose("run", "--rm", "--env", "LOCUST_ALPHA_STOP=1e-6", "loadtest", *options)

    def url(self, service: str, port: int) -> str:
        """Return where a published port is on this machine."""
        shown = self.compose("port", service, str(port))
        assert shown.returncode == 0, shown.stderr
        return f"http://{shown.stdout.strip()}"

    def containers(self) -> list[Container]:
        """Return all containers of the project, exited ones included."""
        return self.engine.containers.list(all=True, filters=self._label)

    def left_over(self) -> list[object]:
        """Return everything of the project that the engine still has."""
        networks, volumes = self.engine.networks, self.engine.volumes
        return [*self.containers(), *networks.list(filters=self._label), *volumes.list(filters=self._label)]

    @property
    def _label(self) -> dict[str, str | list[str] | bool]:
        return {"label": f"com.docker.compose.project={self.name}"}
