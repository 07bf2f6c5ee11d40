"""A cluster as a recorder sees it: kubectl, istioctl, and the ingress gateway."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

COMMAND_SECONDS: Final = 60
# A gateway listens only on the ports of its Service.
_HTTPS: Final = {"name": "https", "port": 443, "targetPort": 8443}


class ClusterError(Exception):
    """The cluster is not usable; the message says what to do."""


@dataclass(frozen=True)
class Cluster:
    """The cluster of one context of a kubeconfig; None is the kubeconfig that kubectl uses by default."""

    context: str
    kubeconfig: Path | None = None

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return the command line of kubectl or istioctl on this cluster."""
        file = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        return [program, *file, f"--context={self.context}", *arguments]

    def kubectl(self, *arguments: str) -> str:
        """Return the output of a kubectl command; raises ClusterError when it fails."""
        return output(self.command("kubectl", *arguments))

    def istioctl(self, *arguments: str) -> str:
        """Return the output of an istioctl command on `istio-system`; raises ClusterError when it fails."""
        return output(self.command("istioctl", "--namespace=istio-system", *arguments))

    def gateway(self, kind: str) -> list[dict[str, Any]]:
        """Return the current "routes" or "clusters" of the ingress gateway."""
        return self.proxy("deploy/istio-ingressgateway.istio-system", kind)

    def proxy(self, name: str, kind: str) -> list[dict[str, Any]]:
        """Return the current "routes" or "clusters" of a proxy."""
        return list(json.loads(self.istioctl("proxy-config", kind, name, "--output=json")))


def output(command: Sequence[str]) -> str:
    """Return the output of a command; raises ClusterError if it is missing, fails, or does not end."""
    try:
        result = subprocess.run(  # noqa: S603 - the program is kubectl or istioctl, without a shell
            command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise ClusterError(f"{command[0]}: not found on the PATH: install it") from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"{' '.join(command)}: no end after {COMMAND_SECONDS} s") from error
    if result.returncode:
        raise ClusterError(f"{' '.join(command)}: exit code {result.returncode}: {result.stderr.strip()}")
    return result.stdout


@contextmanager
def https_port(cluster: Cluster) -> Iterator[None]:
    """Give the ingress gateway a port for https while the context lasts, unless it has one."""
    service = ("service/istio-ingressgateway", "--namespace=istio-system")
    ports = cluster.kubectl("get", *service, "--output=jsonpath={.spec.ports[*].port}").split()
    is_missing = str(_HTTPS["port"]) not in ports
    changes = [{"op": "add", "path": "/spec/ports/-", "value": _HTTPS}]
    try:
        if is_missing:
            cluster.kubectl("patch", *service, "--type=json", f"--patch={json.dumps(changes)}")
        yield
    finally:
        if is_missing:
            deleted = {"spec": {"ports": [{"port": _HTTPS["port"], "$patch": "delete"}]}}
            cluster.kubectl("patch", *service, f"--patch={json.dumps(deleted)}")
