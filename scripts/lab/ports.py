"""The ports of a lab on 127.0.0.1: which ones are asked for, and who has one that is busy."""

import socket
from contextlib import suppress
from typing import Final, NamedTuple

import psutil

from canary_loadtest.core.message import Message
from scripts.lab.errors import LabError

LOOPBACK: Final = "127.0.0.1"
ANY_FREE_PORT: Final = 0


class Ports(NamedTuple):
    """The ports that a lab is asked to listen on; `ANY_FREE_PORT` leaves the choice to the kernel.

    Attributes:
        clients: Envoy's port.
        prometheus: the port of a Prometheus next to the lab, None for no Prometheus.
        metrics: the port at which that Prometheus looks for a load test.
    """

    clients: int = ANY_FREE_PORT
    prometheus: int | None = None
    metrics: int = ANY_FREE_PORT


DEFAULT_PORTS: Final = Ports()


def free_port() -> int:
    """Return a port that is free now, for a program that starts later."""
    with socket.create_server((LOOPBACK, ANY_FREE_PORT)) as probe:
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Return whether a program of this user could listen on a port now."""
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError:
        return False
    return True


def refuse_busy(option: str, port: int) -> None:
    """Raise an error that names the owner of a busy port, which the program that needs it could not name.

    Args:
        option: the option that the user gave it with.
        port: the port; `ANY_FREE_PORT` is never busy.

    Raises:
        LabError: the port is busy, or not for this user.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            owner = listener_on(port)
            raise LabError(
                Message(
                    "{option} {port}: {strerror}{owner}. Choose another port, or leave out {option} for a free one",
                    option=option,
                    port=port,
                    strerror=error.strerror,
                    owner=Message(": {owner} listens on it", owner=owner) if owner else "",
                )
            ) from error


def listener_on(port: int) -> str:
    """Return `name (pid 123)` of the process that listens on a TCP port, or "" if none is visible to this user."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:  # macOS shows other users' sockets to root alone
        return ""
    for connection in connections:
        if (
            connection.laddr
            and connection.pid
            and (connection.status, connection.laddr.port) == (psutil.CONN_LISTEN, port)
        ):
            with suppress(psutil.Error):
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""
