"""Who listens on a port."""

import os
import socket

from scripts.lab.ports import listener_on


def test_the_listener_on_a_port_is_named() -> None:
    """The owner of a listening socket is found by its port; a port without one has none."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listener_on(port).endswith(f"(pid {os.getpid()})")
    assert listener_on(port) == ""
