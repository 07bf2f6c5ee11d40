"""What the lab's commands do: `up`, `shift`, `status` and `down`.

`__main__` and `demo` call it, and the tests. No command needs another process's help but Envoy's and the
supervisor's: what a lab is stands in its folder.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts import REPOSITORY
from scripts.lab import envoy, prometheus, xds
from scripts.lab.processes import Command, deferred_interruptions, is_alive, refuse_busy, spawn, stop, wait_until
from scripts.lab.state import DEFAULT_PORTS, PROGRAM, AppliedFile, LabError, LabFolder, LabState, Ports, UsageError
from scripts.lab.supervisor import (
    READY_TIMEOUT_SECONDS,
    SUPERVISOR,
    pod_names,
    replica_sockets,
    socket_path,
)
from scripts.lab.translation import manifests, translate
from scripts.lab.translation.endpoints import Endpoint, HostPort

LOOPBACK = "127.0.0.1"
# The shortest limit of any system for the address of a Unix socket (macOS; Linux has 108), less the final zero.
SOCKET_PATH_LIMIT_BYTES = 103
# The supervisor gives up earlier, and says why.
START_TIMEOUT_SECONDS = 2 * READY_TIMEOUT_SECONDS
# The supervisor gives its children 8 s twice before it kills them.
DOWN_TIMEOUT_SECONDS = 40.0


@dataclass(frozen=True)
class Applied:
    """What `up` and `shift` report.

    Attributes:
        route_names: the names by which the new routes call themselves in `x-canary-route`.
        warnings: what Istio accepts but serves broken.
        duration_seconds: from the first byte written until Envoy served the new routes; 0.0 for `up`.
    """

    route_names: tuple[str, ...]
    warnings: tuple[str, ...]
    duration_seconds: float = 0.0


def up(
    folder: LabFolder,
    files: Sequence[str],
    *,
    ports: Ports = DEFAULT_PORTS,
    replicas: int = 2,
    tethered: bool = False,
) -> Applied:
    """Start a lab and return when everything in it answers.

    Args:
        folder: where the lab is kept.
        files: manifest files: a Gateway, a VirtualService and a DestinationRule.
        ports: where to listen.
        replicas: replicas of each version.
        tethered: whether the lab ends when this process does.

    Returns:
        What is applied.

    Raises:
        LabError: a lab runs here already, the port is busy, or something did not start.
        UsageError: a file is missing, or there is no Prometheus.
        ManifestError: a file is refused.
    """
    with folder.lock(), deferred_interruptions() as interruptions:
        _refuse_second(folder)
        _sweep(folder)
        folder.create()
        envoy.binary()
        if ports.prometheus is not None:
            prometheus.binary()
            refuse_busy("--prometheus-port", ports.prometheus)
        applied = _read_files(files)
        parsed = _combine(applied)
        refuse_busy("--port", ports.clients)
        state = LabState(replicas, ports.clients, _make_socket_folder(replicas), prometheus_port=ports.prometheus)
        endpoints = _endpoints(state)
        try:
            xds.CLUSTERS.write(folder, translate.clusters(parsed, endpoints))
            xds.ROUTES.write(folder, [translate.route_configuration(parsed)])
            scraped = None if ports.prometheus is None else replica_sockets(state)
            xds.write_bootstrap(
                folder,
                HostPort(LOOPBACK, ports.clients),
                HostPort(LOOPBACK, 0),
                browser_host=translate.full_host_name(translate.SERVICE_NAME, "default"),
                scraped=scraped,
            )
            folder.write_applied(applied)
            folder.write_state(state)
            _start_supervisor(folder, interruptions, tethered=tethered)
        except BaseException:
            _sweep(folder)
            raise
    return Applied(translate.route_names(parsed), translate.warnings(parsed, endpoints))


def shift(folder: LabFolder, files: Sequence[str], *, random_value_header: str | None = None) -> Applied:
    """Apply manifest files to a running lab and return when Envoy serves them; no request is lost meanwhile.

    Args:
        folder: where the lab is kept.
        files: each with a resource that takes the place of the one of its kind.
        random_value_header: for tests: the request header that holds the number which is drawn otherwise.

    Returns:
        What is applied.

    Raises:
        LabError: no lab runs here, or Envoy refuses; the old routes stay.
        UsageError: a file is missing.
        ManifestError: a file is refused; the old routes stay.
    """
    state = running(folder)
    with folder.lock(), deferred_interruptions():
        before = folder.read_applied()
        applied = before | _read_files(files)
        parsed, parsed_before = _combine(applied), _combine(before)
        endpoints = _endpoints(state)
        routes = translate.route_configuration(parsed, random_value_header=random_value_header)
        started = time.monotonic()
        with envoy.Admin(state.admin_url) as admin:
            # Clusters first, as Istio does it: a route must find its cluster.
            envoy.apply(folder, admin, xds.CLUSTERS, translate.clusters(parsed, endpoints))
            try:
                envoy.apply(folder, admin, xds.ROUTES, [routes])
            except LabError:
                envoy.apply(folder, admin, xds.CLUSTERS, translate.clusters(parsed_before, endpoints))
                raise
        duration_seconds = time.monotonic() - started
        folder.write_applied(applied)
    return Applied(translate.route_names(parsed), translate.warnings(parsed, endpoints), duration_seconds)


def running(folder: LabFolder) -> LabState:
    """Return the state of the lab that runs in a folder.

    Args:
        folder: where the lab is kept.

    Returns:
        Its state.

    Raises:
        LabError: none is ready there.
    """
    state = folder.read_state()
    if state is None:
        raise LabError(f"No lab runs in {folder.path}. Start one with:\n  {PROGRAM} up")
    if state.phase != "ready" or not any(map(is_alive, state.processes)):
        raise LabError(
            f"The lab in {folder.path} is {state.phase if state.phase != 'ready' else 'dead'}. See why with:\n"
            f"  {PROGRAM} status\nClean up with:\n  {PROGRAM} down"
        )
    return state


def down(folder: LabFolder) -> bool:
    """End a lab, whatever state it is in, and remove what it left; the logs stay.

    Args:
        folder: where the lab is kept.

    Returns:
        Whether there was one.
    """
    if not folder.path.is_dir():
        return False
    with folder.lock():
        return _sweep(folder)


def current_routes(folder: LabFolder) -> tuple[str, ...]:
    """Return the names of the routes that are applied."""
    return translate.route_names(_combine(folder.read_applied()))


def _refuse_second(folder: LabFolder) -> None:
    state = folder.read_state()
    if state and any(is_alive(record) for record in state.processes if record.name == SUPERVISOR):
        raise LabError(
            f"A lab already runs in {folder.path} at {state.url}. Start another one with --dir, or stop this one "
            f"with:\n  {PROGRAM} down"
        )


def _read_files(files: Iterable[str]) -> dict[str, AppliedFile]:
    """Return the files by the kinds of resource in them."""
    resources: list[manifests.Resource] = []
    texts: dict[str, str] = {}
    for file in files:
        try:
            texts[file] = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{file}: cannot be read: {error}; name a file such as istio/virtual-service-70-30.yaml"
            ) from error
        resources += manifests.parse(texts[file], file)
    by_kind: dict[str, AppliedFile] = {}
    for resource in resources:
        kind = type(resource).__name__
        if kind in by_kind:
            raise UsageError(
                f"{resource.file}: a second {kind}: {by_kind[kind].file} has one already; name one of them"
            )
        by_kind[kind] = AppliedFile(resource.file, texts[resource.file])
    return by_kind


def _combine(applied: dict[str, AppliedFile]) -> manifests.Manifests:
    """Return the resources that count: of each file those of the kind that it is applied for."""
    return manifests.combine(
        [
            resource
            for kind, file in applied.items()
            for resource in manifests.parse(file.text, file.file)
            if type(resource).__name__ == kind
        ]
    )


def _endpoints(state: LabState) -> list[Endpoint]:
    """Return the replicas as the endpoints of the Service."""
    return [
        Endpoint({"app": "micro-api", "version": version}, socket_path(state, pod_name))
        for version, pod_name in pod_names(state.replicas)
    ]


def _make_socket_folder(replicas: int) -> str:
    """Make the folder for the sockets, where the address of a socket is short enough."""
    folder = tempfile.mkdtemp(prefix="lab-")
    longest = max(len(os.fsencode(f"{folder}/{pod_name}.sock")) for _, pod_name in pod_names(replicas))
    if longest > SOCKET_PATH_LIMIT_BYTES:
        shutil.rmtree(folder)
        raise UsageError(
            f"TMPDIR={tempfile.gettempdir()}: "
            f"{longest - SOCKET_PATH_LIMIT_BYTES} bytes too long for Unix sockets; set TMPDIR to a shorter path, "
            "such as /tmp"
        )
    return folder


def _start_supervisor(folder: LabFolder, interruptions: Sequence[int], *, tethered: bool) -> None:
    """Start the supervisor and wait for the lab to be ready; raise LabError when it is not to be."""
    argv = [sys.executable, "-m", "scripts.lab.supervisor", str(folder.path)]
    import_path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    command = Command(SUPERVISOR, argv, os.environ | {"PYTHONPATH": import_path})
    with folder.log(command.name).open("wb") as log:
        process = spawn(command, stdout=log, stderr=log, tethered=tethered)
    wait_until(lambda: bool(interruptions) or process.poll() is not None or _is_decided(folder), START_TIMEOUT_SECONDS)
    if interruptions:  # maybe before the supervisor has written itself down
        process.terminate()
        process.wait(DOWN_TIMEOUT_SECONDS)
        raise LabError("interrupted")
    state = folder.read_state()
    if state and state.phase == "ready":
        return
    last_lines = "\n    ".join(folder.log_tail(command.name))
    reason = state.failure if state and state.failure else f"the supervisor's log:\n    {last_lines}"
    raise LabError(f"The lab did not start: {reason}")


def _is_decided(folder: LabFolder) -> bool:
    """Tell whether the supervisor has brought the lab up, or given up."""
    state = folder.read_state()
    return state is not None and state.phase != "starting"


def _sweep(folder: LabFolder) -> bool:
    """End whatever a lab still runs, remove its sockets and forget it; return whether there was one."""
    state = folder.read_state()
    if state is None:
        return False
    supervisors = [record for record in state.processes if record.name == SUPERVISOR]
    # Alive, it ends the others in the right order.
    stop(supervisors, DOWN_TIMEOUT_SECONDS)
    state = folder.read_state() or state
    stop(state.processes)
    shutil.rmtree(state.socket_folder, ignore_errors=True)
    folder.forget()
    return True
