"""What the commands do: start a lab, shift it, find it, and stop it."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from canary_loadtest.core.message import Message
from scripts import REPOSITORY
from scripts.lab import envoy, prometheus
from scripts.lab.bootstrap import write_bootstrap
from scripts.lab.errors import LabError
from scripts.lab.ports import ANY_FREE_PORT, DEFAULT_PORTS, LOOPBACK, Ports, free_port, refuse_busy
from scripts.lab.processes import (
    READY_TIMEOUT_SECONDS,
    Command,
    deferred_interruptions,
    is_alive,
    spawn,
    stop,
    wait_until,
)
from scripts.lab.replicas import GROUP_LIMIT, endpoints_of, make_socket_folder, sockets_of
from scripts.lab.state import SUPERVISOR, LabFolder, LabState
from scripts.lab.traffic_state import TrafficState
from scripts.lab.translation import analysis, sidecar, translate
from scripts.lab.translation.assumptions import NOTHING_ASSUMED, Assumptions
from scripts.lab.translation.endpoints import Endpoint, HostPort
from scripts.lab.translation.stand_ins import groups_of, of_stable
from scripts.lab.watched import BROWSER_ROUTES, CLUSTERS, INSIDE_ROUTES, ROUTES

# The supervisor gives up earlier, and reports why.
START_TIMEOUT_SECONDS: Final = 2 * READY_TIMEOUT_SECONDS
# The supervisor gives its children 8 s twice before it kills them.
DOWN_TIMEOUT_SECONDS: Final = 40.0
NO_SETTINGS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True)
class Applied:
    """What `up` and `shift` report.

    Attributes:
        route_names: the values of `x-canary-route` that the new routes set.
        warnings: what Istio accepts but serves broken.
        host: a Host that leads to the routes.
        inside_host: the host that a client inside the mesh asks.
        stand_in: the subset or Service of somebody else's for which v2 of micro-api stands; "" for micro-api itself.
        others: those for which v1 stands, and whether each shares its replicas with another one.
        duration_seconds: from the first byte written until Envoy served the new routes; 0.0 for `up`.
    """

    route_names: tuple[str, ...]
    warnings: tuple[str, ...]
    host: str = ""
    inside_host: str = ""
    stand_in: str = ""
    others: Mapping[str, bool] = field(default_factory=dict)
    duration_seconds: float = 0.0


def up(  # noqa: PLR0913 - each is an option of the command
    folder: LabFolder,
    files: Sequence[str],
    *,
    ports: Ports = DEFAULT_PORTS,
    replicas: int = 2,
    tethered: bool = False,
    assumed: Assumptions = NOTHING_ASSUMED,
    otherwise: Sequence[str] = (),
    canary_settings: Mapping[str, str] = NO_SETTINGS,
) -> Applied:
    """Start a lab and return when everything in it answers.

    Args:
        folder: where the lab is kept.
        files: manifest files, and folders of these.
        ports: where to listen.
        replicas: replicas of each version, for each of somebody's subsets.
        tethered: whether the lab ends when this process does.
        assumed: what is assumed of the cluster.
        otherwise: files for the kinds that `files` do not have.
        canary_settings: variables of the replicas of v2 alone, such as faults.

    Returns:
        What is applied.

    Raises:
        LabError: a lab runs here already, the port is busy, or something did not start.
        UsageError: a file cannot be read, or there is no Prometheus.
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
        traffic_state = TrafficState.load(files, assumed, otherwise)
        refuse_busy("--port", ports.clients)
        manifests = traffic_state.manifests
        groups = min(groups_of(manifests), GROUP_LIMIT)
        sockets = make_socket_folder(groups * replicas)
        state = LabState(replicas, ports.clients, sockets, prometheus_port=ports.prometheus, groups=groups)
        metrics_port = 0 if ports.prometheus is None else ports.metrics or free_port()
        state = replace(state, canary_settings=dict(canary_settings), metrics_port=metrics_port)
        endpoints = endpoints_of(state)
        try:
            CLUSTERS.write(folder, translate.clusters(manifests, endpoints))
            ROUTES.write(folder, [translate.route_configuration(manifests)])
            BROWSER_ROUTES.write(folder, [translate.browser_routes(manifests)])
            INSIDE_ROUTES.write(folder, [sidecar.inside_configuration(manifests)])
            write_bootstrap(
                folder,
                HostPort(LOOPBACK, ports.clients),
                HostPort(LOOPBACK, ANY_FREE_PORT),
                with_others=True,
                scraped=None if ports.prometheus is None else sockets_of(state),
            )
            folder.write_traffic_state(traffic_state)
            folder.write_state(state)
            _start_supervisor(folder, interruptions, tethered=tethered)
        except BaseException:
            _sweep(folder)
            raise
    return _applied(traffic_state, endpoints)


def shift(folder: LabFolder, files: Sequence[str], assumed: Assumptions = NOTHING_ASSUMED) -> Applied:
    """Apply manifest files to a running lab and return when Envoy serves them; no request is lost meanwhile.

    Args:
        folder: where the lab is kept.
        files: each with resources that replace all those of their kinds.
        assumed: what is assumed of the cluster, with what is assumed already.

    Returns:
        What is applied.

    Raises:
        LabError: no lab runs here, or Envoy refuses the configuration; the old routes stay.
        UsageError: a file cannot be read.
        ManifestError: a file is refused; the old routes stay.
    """
    return _apply(folder, lambda before: before.with_files(files, assumed))


def restore(folder: LabFolder, traffic_state: TrafficState) -> Applied:
    """Apply an earlier traffic state to a running lab again, as `shift` applies files; raises LabError as it does."""
    return _apply(folder, lambda _: traffic_state)


def _apply(folder: LabFolder, change: Callable[[TrafficState], TrafficState]) -> Applied:
    """Apply what `change` makes of the traffic state, and return when Envoy serves it."""
    state = running(folder)
    with folder.lock(), deferred_interruptions():
        before = folder.read_traffic_state()
        after = change(before)
        endpoints = endpoints_of(state)
        routes = translate.route_configuration(after.manifests)
        started = time.monotonic()
        with envoy.Admin(state.admin_url) as admin:
            # Clusters first, as Istio does it: a route must find its cluster.
            envoy.apply(folder, admin, CLUSTERS, translate.clusters(after.manifests, endpoints))
            try:
                envoy.apply(folder, admin, ROUTES, [routes])
                envoy.apply(folder, admin, BROWSER_ROUTES, [translate.browser_routes(after.manifests)])
                envoy.apply(folder, admin, INSIDE_ROUTES, [sidecar.inside_configuration(after.manifests)])
            except LabError:
                envoy.apply(folder, admin, CLUSTERS, translate.clusters(before.manifests, endpoints))
                raise
        duration_seconds = time.monotonic() - started
        folder.write_traffic_state(after)
    return replace(_applied(after, endpoints), duration_seconds=duration_seconds)


def _applied(traffic_state: TrafficState, endpoints: Sequence[Endpoint]) -> Applied:
    """Return what is to be reported of a traffic state."""
    manifests = traffic_state.manifests
    return Applied(
        translate.route_names(manifests),
        analysis.warnings(manifests, endpoints),
        translate.host_to_ask(manifests),
        sidecar.inside_host(manifests),
        traffic_state.assumed.canary or "",
        of_stable(manifests, endpoints),
    )


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
        raise LabError(
            Message(
                "No lab runs in {path}. Start one with:\n  {command}", path=folder.path, command=folder.command("up")
            )
        )
    if state.phase != "ready" or not any(map(is_alive, state.processes)):
        raise LabError(
            Message(
                "The lab in {path} is {phase}. See why with:\n  {status}\nClean up with:\n  {down}",
                path=folder.path,
                phase=state.phase if state.phase != "ready" else "dead",
                status=folder.command("status"),
                down=folder.command("down"),
            )
        )
    return state


def down(folder: LabFolder) -> bool:
    """End a lab in any state, and remove what it left; the logs stay.

    Args:
        folder: where the lab is kept.

    Returns:
        Whether there was one.
    """
    if not folder.path.is_dir():
        return False
    with folder.lock():
        return _sweep(folder)


def _refuse_second(folder: LabFolder) -> None:
    state = folder.read_state()
    if state and any(is_alive(record) for record in state.processes if record.name == SUPERVISOR):
        raise LabError(
            Message(
                "A lab already runs in {path} at {url}. Start another one with --dir, or stop this one "
                "with:\n  {command}",
                path=folder.path,
                url=state.url,
                command=folder.command("down"),
            )
        )


def _start_supervisor(folder: LabFolder, interruptions: Sequence[int], *, tethered: bool) -> None:
    """Start the supervisor and wait for the lab; raise LabError if it does not become ready."""
    argv = [sys.executable, "-m", "scripts.lab.supervisor", str(folder.path)]
    import_path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    command = Command(SUPERVISOR, argv, os.environ | {"PYTHONPATH": import_path})
    with folder.log(command.name).open("wb") as log:
        process = spawn(command, stdout=log, stderr=log, tethered=tethered)
    wait_until(lambda: bool(interruptions) or process.poll() is not None or _is_decided(folder), START_TIMEOUT_SECONDS)
    if interruptions:  # possibly before the supervisor has recorded itself
        process.terminate()
        process.wait(DOWN_TIMEOUT_SECONDS)
        raise LabError("interrupted")
    state = folder.read_state()
    if state and state.phase == "ready":
        return
    last_lines = "\n    ".join(folder.log_tail(command.name))
    reason = (
        state.failure
        if state and state.failure
        else Message("the supervisor's log:\n    {last_lines}", last_lines=last_lines)
    )
    raise LabError(Message("The lab did not start: {reason}", reason=reason))


def _is_decided(folder: LabFolder) -> bool:
    """Return whether the supervisor has brought the lab up, or given up."""
    state = folder.read_state()
    return state is not None and state.phase != "starting"


def _sweep(folder: LabFolder) -> bool:
    """End every process that a lab still runs, remove its sockets and its state; return whether there was one."""
    state = folder.read_state()
    if state is None:
        return False
    supervisors = [record for record in state.processes if record.name == SUPERVISOR]
    # If it is alive, it ends the others in the right order.
    stop(supervisors, DOWN_TIMEOUT_SECONDS)
    state = folder.read_state() or state
    stop(state.processes)
    shutil.rmtree(state.socket_folder, ignore_errors=True)
    folder.forget()
    return True
