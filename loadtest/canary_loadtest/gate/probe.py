"""One request of the window that proves which version has all requests."""

import http.client
from typing import Final
from urllib.parse import urlsplit

from canary_loadtest.core import contract
from canary_loadtest.core.answer import ANY_MESH, ROUTE_HEADER, Answer, Destinations
from canary_loadtest.core.labels import CONNECTION_ERROR, TIMEOUT

PATH: Final = "/test/test"
TIMEOUT_SECONDS: Final = 10.0


def ask(
    url: str, host: str = "", destinations: Destinations = ANY_MESH, versions: Destinations | None = None
) -> Answer:
    """Send one request on a connection of its own, and return its answer.

    Args:
        url: where to, such as `http://127.0.0.1:8080`.
        host: the Host header, "" for the one of the URL.
        destinations: how answers name their destination.
        versions: how right answers name the version that they are from, None where the contract says it.
    """
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)
    headers = {"Connection": "close", "Accept-Encoding": "identity"} | ({"Host": host} if host else {})
    try:
        connection.request("GET", PATH, headers=headers)
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        label = contract.classify(response.status, named, response.read())
        if versions is not None:
            label = versions.relabelled(label, named)
    except TimeoutError:
        return Answer(TIMEOUT)
    except (OSError, http.client.HTTPException):
        return Answer(CONNECTION_ERROR)
    finally:
        connection.close()
    return Answer(label, named.get(ROUTE_HEADER, ""), None, destinations.of(named))
