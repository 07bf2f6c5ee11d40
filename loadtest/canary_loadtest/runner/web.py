"""The tab "Canary split" in Locust's web UI, which is also a page of its own: `/canary-split`.

Locust lets a tab be added that shows a table; this one has no table and is filled with the page, in a frame.
"""

import argparse
import json
import sys
from typing import Any, Final, cast

from flask import Blueprint, Flask, Response, jsonify, request
from locust.web import WebUI

from canary_loadtest.core.refusal import ExpectationError
from canary_loadtest.options import expectation_of
from canary_loadtest.output import page, report
from canary_loadtest.runner.guard import protect
from canary_loadtest.runner.run import JudgingRun
from canary_loadtest.runner.target import TargetError, base_address

KEY: Final = "canary-split"
TITLE: Final = "Canary split"


def page_data(run: JudgingRun) -> dict[str, Any]:
    """Return what the page and the report show of a test so far."""
    verdict = run.verdict_so_far()
    data = page.data_of(
        verdict,
        run.history,
        state=run.state,
        to_go=run.session.to_go(),
        about=run.about(),
    )
    return data | {"exit_code": run.exit_code(verdict)}


def refused_entry(options: argparse.Namespace) -> Response | None:
    """Return Locust's own answer to a wrong entry for a start form that names a test which cannot begin, else None.

    Args:
        options: Locust's, which the form changes in part.
    """
    if request.endpoint != "locust.swarm":
        return None
    entered = argparse.Namespace(**(vars(options) | request.form.to_dict()))
    try:
        expectation_of(entered)
        if entered.host:
            base_address(entered.host)
    except (TargetError, ExpectationError) as error:
        print(f"not started: {error}", file=sys.stderr, flush=True)
        return jsonify(success=False, message=str(error), host=options.host)
    return None


def extend(web_ui: WebUI, run: JudgingRun, options: argparse.Namespace) -> None:
    """Protect a web UI that is not started yet from other sites, and add the tab and its page to it.

    Args:
        web_ui: Locust's.
        run: what is shown.
        options: Locust's, for the address and the path of the web UI.
    """
    app = cast("Flask", web_ui.app)
    protect(app, options.web_host)
    app.before_request(lambda: refused_entry(options))
    script = f"<script>{(page.FOLDER / 'tab.js').read_text(encoding='utf-8')}</script>"

    def live() -> str:
        return page.render()

    def data() -> Response:
        return Response(json.dumps(page_data(run)), content_type="application/json")

    def download() -> Response:
        return Response(
            page.render(page_data(run), report.table(run.verdict_so_far())),
            content_type="text/html; charset=utf-8",
            headers={"Content-Disposition": f"attachment; filename={KEY}.html"},
        )

    def fill_the_tab(response: Response) -> Response:
        if request.endpoint == "locust.index" and response.mimetype == "text/html":
            response.set_data(response.get_data(as_text=True).replace("</body>", f"{script}</body>"))
        return response

    routes = Blueprint(KEY, __name__, url_prefix=options.web_base_path or None)
    for path, view in ((f"/{KEY}", live), (f"/{KEY}/data", data), (f"/{KEY}/report", download)):
        routes.add_url_rule(path, view.__name__, web_ui.auth_required_if_enabled(view))
    app.register_blueprint(routes)
    app.after_request(fill_the_tab)
    web_ui.template_args["extended_tabs"] = [{"title": TITLE, "key": KEY}]
