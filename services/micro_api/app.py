"""The application factory: what the service is made of, in the order a request meets it.

gunicorn calls `create_app` in each worker (see `gunicorn_conf`); tests call it with their own settings.
"""

from http import HTTPStatus

from flask import Flask, Response

from .metrics import Metrics
from .routes import add_routes
from .settings import Settings
from .telemetry import Telemetry


class _Application(Flask):
    """Flask, but for its answer to OPTIONS, which claims to be HTML and is empty."""

    def make_default_options_response(self) -> Response:
        """Answer OPTIONS with the methods that the path takes and nothing else."""
        response = super().make_default_options_response()
        response.status_code = HTTPStatus.NO_CONTENT
        del response.headers["Content-Type"]
        return response


def create_app(settings: Settings | None = None) -> Flask:
    """Build the service.

    Args:
        settings: What to serve; read from the environment when left out.

    Returns:
        A WSGI application that answers by the contract and reports on each request.

    Raises:
        SettingsError: The environment holds a value that is not allowed.
    """
    settings = settings or Settings.from_env()
    metrics = Metrics(settings)
    app = _Application(__name__, static_folder=None)
    # `/test//test` is unknown (404), not a redirect with an HTML body. Slashes in front count as one all the same.
    app.url_map.merge_slashes = False
    add_routes(app, settings, metrics)
    # Outside of Flask, so that answers which no view made (404, 405, 500) are reported like the others.
    app.wsgi_app = Telemetry(app.wsgi_app, settings, metrics)  # type: ignore[method-assign]  # Flask's documented way
    return app
