"""The application factory: the parts of the service, put together."""

from http import HTTPStatus

from flask import Flask, Response

from .metrics import Metrics
from .routes import add_routes
from .settings import Settings
from .telemetry import Telemetry


class _Application(Flask):
    """Flask with an answer to OPTIONS that does not claim to be HTML."""

    def make_default_options_response(self) -> Response:
        """Answer OPTIONS with the methods that the path allows, and nothing else."""
        response = super().make_default_options_response()
        response.status_code = HTTPStatus.NO_CONTENT
        del response.headers["Content-Type"]
        return response


def create_app(settings: Settings | None = None) -> Flask:
    """Build the service.

    Args:
        settings: what to serve; None to read the environment.

    Returns:
        A WSGI application that answers by the contract and reports on each request.

    Raises:
        SettingsError: the environment has a value that is not allowed.
    """
    settings = settings or Settings.from_env()
    metrics = Metrics(settings)
    app = _Application(__name__, static_folder=None)
    # `/test//test` is unknown (404), not a redirect with an HTML body. Leading slashes still count as one.
    app.url_map.merge_slashes = False
    add_routes(app, settings, metrics)
    # Outside of Flask, so that answers without a view (404, 405, 500) are reported too.
    app.wsgi_app = Telemetry(app.wsgi_app, settings, metrics)  # type: ignore[method-assign]  # Flask's documented way
    return app
