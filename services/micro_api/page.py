"""The page at `/`, which calls `/test/test` from a browser and shows each answer.

It contains its style and its script: behind a canary's proxy each request may reach another version, and a page in
several files could be half old and half new.
"""

import base64
import hashlib
from pathlib import Path
from typing import Final

CONTENT_TYPE: Final = "text/html; charset=utf-8"


def _read(suffix: str) -> str:
    return Path(__file__).with_suffix(suffix).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Return the name of a text in a Content Security Policy: a browser accepts this text only."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_STYLE, _SCRIPT = _read(".css"), _read(".js")

PAGE: Final = _read(".html").replace("/* page.css */", _STYLE).replace("/* page.js */", _SCRIPT).encode()
"""The page, the same for v1 and v2."""

_POLICY: Final = {
    "default-src": "'none'",
    "style-src": _hash(_STYLE),
    "script-src": _hash(_SCRIPT),
    "connect-src": "'self'",
    "img-src": "data:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}

HEADERS: Final = (
    ("Content-Security-Policy", "; ".join(f"{name} {value}" for name, value in _POLICY.items())),
    ("Cache-Control", "no-cache"),
    ("X-Content-Type-Options", "nosniff"),
)
"""The page may call its own host; it may not load anything or be shown inside another page."""
