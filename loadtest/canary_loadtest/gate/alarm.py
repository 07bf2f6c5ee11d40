"""The alarm of a rollback that is not proved: a message to an address of one's own."""

import sys
import threading
import time
from typing import Final

import requests

TIMEOUT_SECONDS: Final = 5.0
TRIES: Final = 3
PAUSE_SECONDS: Final = 5.0


def alarm(url: str, text: str) -> threading.Thread:
    """Send a message in the background as JSON with the member `text`, as the webhooks of chat tools take it.

    Where the address does not take it in several tries, standard error says so.

    Args:
        url: where to.
        text: the message.

    Returns:
        The thread that sends it.
    """
    thread = threading.Thread(target=_send, args=(url, text), daemon=True)
    thread.start()
    return thread


def _send(url: str, text: str) -> None:
    said = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE_SECONDS)
        try:
            response = requests.post(url, json={"text": text}, timeout=TIMEOUT_SECONDS)
        except requests.RequestException as error:
            said = f"{type(error).__name__}: {error}"
            continue
        if response.ok:
            return
        said = f"status {response.status_code}"
    print(f"gate: the alarm was not taken by --alarm-url in {TRIES} tries: {said}", file=sys.stderr, flush=True)
