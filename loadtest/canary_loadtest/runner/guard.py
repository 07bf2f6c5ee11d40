"""What may be changed through Locust's web UI: not by a page of another site, and never which files are written.

Any page that is open in a browser can send a form to 127.0.0.1, and a name of its own can be made to lead there (DNS
rebinding). Locust asks for no password by default, and takes every option from the form that starts a test.
"""

import sys
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.datastructures import MultiDict

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# Options whose value names a file or a command, Locust's own and ours, the limit that protects the target, and those of
# the metrics' server, which runs already: the command line alone sets them.
FIXED_OPTIONS: Final = frozenset(
    {
        *("ca_file", "junit", "max_rate", "report", "summary", "verdict_json", "verdict_text"),
        *("metrics_host", "metrics_port", "metrics_wait"),
        *("config", "csv_prefix", "html_file", "json_file", "locustfile", "logfile", "pid_file"),
    }
)


def protect(app: Flask, web_host: str) -> None:
    """Refuse what another site asks a browser to change, and ignore options that name files.

    A request without an Origin, such as curl's, is let in.

    Args:
        app: Locust's web UI.
        web_host: the address that it is bound to.
    """

    def refuse_other_sites() -> Response | None:
        if request.method in SAFE_METHODS:
            return None
        complaint = _complaint(request.headers.get("Origin"), request.host, web_host)
        if complaint:
            return Response(f"{complaint}\n", 403, content_type="text/plain; charset=utf-8")
        _keep_fixed_options()
        return None

    app.before_request(refuse_other_sites)


def _complaint(origin: str | None, host: str, web_host: str) -> str:
    """Return why a request that changes something is refused, "" where it is not."""
    if origin is not None and urlsplit(origin).netloc != host:
        return f"refused: the page at {origin!r} is not this web UI"
    if _is_loopback(web_host) and not _is_loopback(urlsplit(f"//{host}").hostname or ""):
        return f"refused: {host!r} is not a name of this machine, and the web UI is bound to it (--web-host)"
    return ""


def _is_loopback(host: str) -> bool:
    """Return whether a host is this machine's loopback interface, by name or by address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _keep_fixed_options() -> None:
    """Take options that name files out of a form, and report it."""
    fixed = sorted(FIXED_OPTIONS & request.form.keys())
    if fixed and any(request.form[name] for name in fixed):
        print(f"ignored from the web UI, set on the command line only: {', '.join(fixed)}", file=sys.stderr, flush=True)
    if fixed:
        left = [(name, value) for name, value in request.form.items(multi=True) if name not in FIXED_OPTIONS]
        request._get_current_object().form = MultiDict(left)  # type: ignore[attr-defined] # noqa: SLF001 - Flask has no other way to the request itself
