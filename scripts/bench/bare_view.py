"""The least that Flask can be asked to do: what `service` measures the service against.

gunicorn imports it, with the service's own settings: the same answer, without metrics, log or headers of its own.
"""

from flask import Flask, Response

from canary_loadtest.core.contract import CONTENT_TYPE, STABLE_BODY

app = Flask(__name__, static_folder=None)


@app.get("/test/test")
def test() -> Response:
    """Answer the contract's one call."""
    return Response(STABLE_BODY, content_type=CONTENT_TYPE)
