"""The page at `/`, which calls `/test/test` from a browser and shows each answer: one answer with all that it needs.

Style and script are written into it: behind a canary's proxy each request may reach another version, and a page
of one file is never half old and half new. `routes` sends it.
"""

import base64
import hashlib
from pathlib import Path

CONTENT_TYPE = "text/html; charset=utf-8"


def _read(suffix: str) -> str:
    return Path(__file__).with_suffix(suffix).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Name a text in a policy, as Content Security Policy wants it: a browser takes this one and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_STYLE, _SCRIPT = _read(".css"), _read(".js")

PAGE = _read(".html").replace("/* page.css */", _STYLE).replace("/* page.js */", _SCRIPT).encode()
"""The page, the same for v1 and v2."""

_POLICY = {
    "default-src": "'none'",
    "style-src": _hash(_STYLE),
    "script-src": _hash(_SCRIPT),
    "connect-src": "'self'",
    "img-src": "data:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}

HEADERS = (
    ("Content-Security-Policy", "; ".join(f"{name} {value}" for name, value in _POLICY.items())),
    ("Cache-Control", "no-cache"),
    ("X-Content-Type-Options", "nosniff"),
)
"""It may call its own host, and neither load anything nor be shown within another page."""
