"""The address of the service, as `--host`, a user class or the web UI's form has it."""

import re
from typing import Final
from urllib.parse import urlsplit

from locust.env import Environment

EXAMPLE: Final = "http://127.0.0.1:8080"


class TargetError(ValueError):
    """An address that no request can be sent to."""


def base_address(host: str) -> str:
    """Return an address to which a path can be added.

    Args:
        host: `http://` or `https://`, a name or an address, and perhaps a port and a path.

    Returns:
        The same without spaces around it and without a slash at its end.

    Raises:
        TargetError: it is not such an address; the message has the right spelling.
    """
    address = host.strip().rstrip("/")
    if not re.match(r"https?://", address, re.IGNORECASE):
        if address.lower() in {"http:", "https:"}:
            raise TargetError(f"--host {host!r} names no host: write an address such as {EXAMPLE}")
        right = f"an address such as {EXAMPLE}" if "://" in host or not address else f"http://{address}"
        raise TargetError(f"--host {host!r} does not begin with http:// or https://: write {right}")
    try:
        parts = urlsplit(address)
        named = parts.hostname is not None and parts.port != 0
    except ValueError as error:
        raise TargetError(f"--host {host!r} is not an address ({error}): write one such as {EXAMPLE}") from None
    if not named:
        raise TargetError(f"--host {host!r} names no host: write an address such as {EXAMPLE}")
    right, *rest = re.split(r"[?#]", address, maxsplit=1)
    if rest:
        raise TargetError(f"--host {host!r} has a query: write {right.rstrip('/')}, and set path in a class")
    return address


def hosts_of(environment: Environment) -> list[str | None]:
    """Return the addresses that requests will go to: `--host`, or those that the user classes have."""
    return [environment.host] if environment.host else [user.host for user in environment.user_classes]


def without_password(host: str) -> str:
    """Return an address without the user and the password that it may have, for outputs that others read."""
    return re.sub(r"(?<=//)[^/?#]*@", "", host.strip())
