"""The gate's two listeners: one for engines and people, one for the load test in its own pod."""

import re
import sys
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from flask import Flask, Response, jsonify, request
from gevent import Timeout

from canary_loadtest.core.outcome import Outcome
from canary_loadtest.core.refusal import ExpectationError
from canary_loadtest.gate.access import Access
from canary_loadtest.gate.kubernetes import ClusterError
from canary_loadtest.gate.rules.answers import Answer, Question
from canary_loadtest.gate.rules.objects import ObjectError
from canary_loadtest.gate.rules.state import Proof
from canary_loadtest.gate.service import Gate

# Argo Rollouts takes a late answer for an error, and Flagger never asks again whether to go back.
ANSWER_SECONDS: Final = 0.9
STATUS_OF_PROOF: Final = {
    Proof.NO_LEAK: HTTPStatus.OK,
    Proof.WANTED: HTTPStatus.ACCEPTED,
    Proof.LEAK: HTTPStatus.CONFLICT,
}
WEIGHT_AFTER: Final = {"Succeeded": "100"}  # by the phase that Flagger names at the end of a release
MOST_BODY_BYTES: Final = 1 << 20
SAY_AGAIN_SECONDS: Final = 60.0
NUMBERS: Final = re.compile(r"[0-9][0-9.,]*")


class Questions:
    """What engines and people ask of a gate, each as a view of Flask."""

    def __init__(self, gate: Gate, name: str, access: Access) -> None:
        """Begin.

        Args:
            gate: what answers.
            name: of the engine's object; a question about another one is refused.
            access: who may ask.
        """
        self._gate = gate
        self._name = name
        self._access = access
        self._said: dict[str, tuple[str, float]] = {}

    def app(self) -> Flask:
        """Return the application."""
        app = _app("gate")
        app.before_request(self._refused)
        app.add_url_rule("/livez", view_func=self._livez)
        app.add_url_rule("/alive", view_func=self._alive)
        app.add_url_rule("/verdict", view_func=self._verdict)
        for rule, view in {"go-on": self._go_on, "go-back": self._go_back, "proof": self._proof}.items():
            app.add_url_rule(f"/hooks/{rule}", endpoint=rule, view_func=view, methods=["GET", "POST"])
        return app

    def _refused(self) -> tuple[Response, int] | None:
        if request.path == "/livez":
            return None
        if refusal := self._access.refusal({key.lower(): value for key, value in request.headers.items()}):
            status, reason = refusal
            self._say("refused with", f"{status}: {reason}")
            response = jsonify(reason=reason)
            if status == HTTPStatus.UNAUTHORIZED:
                response.headers["WWW-Authenticate"] = "Bearer"
            return response, status
        asked = _body().get("name", self._name)
        if asked != self._name:
            reason = f"this gate is that of {self._name}, and the question is about {asked}"
            return jsonify(outcome=Outcome.INCONCLUSIVE, reason=reason), HTTPStatus.CONFLICT
        return None

    def _say(self, about: str, what: str) -> None:
        """Print an answer where it says something new, numbers apart: an engine may show no reason of its own.

        Args:
            about: the path that was asked.
            what: the status and the reason.
        """
        without_numbers, now = NUMBERS.sub("", what), time.monotonic()
        said, said_at = self._said.get(about, ("", 0.0))
        if without_numbers != said or now - said_at > SAY_AGAIN_SECONDS:
            self._said[about] = without_numbers, now
            print(f"gate: {about} {what}", file=sys.stderr, flush=True)

    def _livez(self) -> tuple[Response, int]:
        """Answer the kubelet, which may not ask anything else: the process answers."""
        return jsonify(alive=True), HTTPStatus.OK

    def _alive(self) -> tuple[Response, int]:
        is_alive = self._gate.alive
        return jsonify(alive=is_alive), HTTPStatus.OK if is_alive else HTTPStatus.SERVICE_UNAVAILABLE

    def _verdict(self) -> tuple[Response, int]:
        weight = request.args.get("weight", "")
        try:
            question = Question(request.args.get("release", ""), float(weight) if weight else None)
        except ValueError:
            reason = f"weight is {weight!r}: give a percentage"
            return jsonify(outcome=Outcome.INCONCLUSIVE, reason=reason), HTTPStatus.OK
        return self._told(self._asked(question), is_yes=True)

    def _go_on(self) -> tuple[Response, int]:
        answer = self._asked(Question())
        return self._told(answer, is_yes=answer.outcome is Outcome.CONFIRMED or answer.begins)

    def _go_back(self) -> tuple[Response, int]:
        answer = self._asked(Question())
        return self._told(answer, is_yes=answer.outcome is Outcome.REFUTED)

    def _proof(self) -> tuple[Response, int]:
        weight = request.args.get("weight") or WEIGHT_AFTER.get(_body().get("phase", ""), "0")
        if weight not in {"0", "100"}:
            return jsonify(reason=f"weight is {weight!r}: give 0 or 100"), HTTPStatus.BAD_REQUEST
        try:
            state, sentence = self._gate.prove(float(weight))
        except ClusterError as error:
            return jsonify(reason=str(error)), HTTPStatus.SERVICE_UNAVAILABLE
        return jsonify(state=state, sentence=sentence), STATUS_OF_PROOF[state]

    def _asked(self, question: Question) -> Answer:
        """Return the gate's answer, or, where that takes too long, one that holds the release."""
        try:
            with Timeout(ANSWER_SECONDS):
                return self._gate.answer(question)
        except Timeout:
            return Answer(Outcome.INCONCLUSIVE, f"the gate found no answer within {ANSWER_SECONDS:g} s")

    def _told(self, answer: Answer, *, is_yes: bool) -> tuple[Response, int]:
        status = HTTPStatus.OK if is_yes else HTTPStatus.CONFLICT
        self._say(request.path, f"{status}: {answer.outcome}: {answer.reason}")
        return jsonify(answer.to_dict(self._gate.state)), status


def _body() -> dict[str, Any]:
    """Return the object that an engine sends along, an empty one where it sends none."""
    body = request.get_json(silent=True)
    return body if isinstance(body, dict) else {}


def load_app(gate: Gate) -> Flask:
    """Return what the load test in the gate's own pod asks; it listens on the loopback address alone."""
    app = _app("gate-load")

    @app.get("/job")
    def job() -> Response:
        return jsonify(gate.job())

    @app.post("/counts")
    def counts() -> tuple[Response, int]:
        told = request.get_json()
        return _kept(lambda: gate.take_counts(told["id"], told["counts"]))

    @app.post("/trouble")
    def trouble() -> tuple[Response, int]:
        told = request.get_json()
        return _kept(lambda: gate.take_trouble(told["id"], str(told["trouble"])))

    @app.post("/proof")
    def proof() -> tuple[Response, int]:
        told = request.get_json()
        return _kept(lambda: gate.take_proof(told["id"], str(told["sentence"]), leaks=bool(told["leaks"])))

    return app


def _kept(keep: Callable[[], bool | None]) -> tuple[Response, int]:
    """Return how it went to keep something: False from `keep` is another job by now."""
    try:
        is_wanted = keep() is not False
    except (ClusterError, ObjectError) as error:
        return jsonify(reason=str(error)), HTTPStatus.SERVICE_UNAVAILABLE
    except (ExpectationError, KeyError, TypeError) as error:
        return jsonify(reason=str(error)), HTTPStatus.BAD_REQUEST
    return jsonify({}), HTTPStatus.OK if is_wanted else HTTPStatus.GONE


def _app(name: str) -> Flask:
    app = Flask(name)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined] # of the default provider

    @app.errorhandler(404)
    def unknown(_: Any) -> tuple[Response, int]:  # noqa: ANN401 - Werkzeug's error
        return jsonify(reason=f"there is no {request.path} here; see README.md"), HTTPStatus.NOT_FOUND

    return app
