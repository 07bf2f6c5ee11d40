"""The least that Flask can do: the service's answer without metrics, log and headers; gunicorn imports it."""

from flask import Flask, Response

from canary_loadtest.core.contract import CONTENT_TYPE, STABLE_BODY

app = Flask(__name__, static_folder=None)


@app.get("/test/test")
def test() -> Response:
    """Answer the contract's one call."""
    return Response(STABLE_BODY, content_type=CONTENT_TYPE)
