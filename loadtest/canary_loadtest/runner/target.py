"""The address of the service, as `--host`, a user class or the web UI's form has it."""

import re
from urllib.parse import urlsplit


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
        guess = "http://127.0.0.1:8080" if "://" in host or not address else f"http://{address}"
        raise TargetError(f"--host {host!r} does not begin with http:// or https://: write {guess}")
    try:
        parts = urlsplit(address)
        named = parts.hostname is not None and parts.port != 0
    except ValueError as error:
        raise TargetError(f"--host {host!r} is not an address ({error}): write http://127.0.0.1:8080") from None
    if not named:
        raise TargetError(f"--host {host!r} names no host: write http://127.0.0.1:8080")
    right, *rest = re.split(r"[?#]", address, maxsplit=1)
    if rest:
        raise TargetError(f"--host {host!r} has a query: write {right.rstrip('/')}, and set path in a class")
    return address
