"""The lines below a sentence that say what a person can do next: a word, and a command or an address."""

from typing import Final

from canary_loadtest.core.message import Message
from canary_loadtest.output.text import padded
from scripts.lab.terminal import told

WIDTH: Final = 7
REQUEST: Final = Message("request")
WATCH: Final = Message("watch")


def entry(word: str, text: str) -> str:
    """Return the line of a word in the user's language."""
    return f"  {padded(told(word), WIDTH)} {told(text)}"


def request(host: str, url: str) -> str:
    """Return the two lines of a request with a Host."""
    return entry(REQUEST, f"curl -H 'Host: {host}' \\\n            {url}")


def watch(page_url: str) -> str:
    """Return the line of the page."""
    return entry(WATCH, Message("{url} (in a browser)", url=page_url))
