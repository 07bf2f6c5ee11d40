"""The page's server: on this machine alone, by the standard library, and it only reads.

A page of another site could ask for 127.0.0.1 under a name of its own (DNS rebinding), so the Host has to be an address
of this machine.
"""

import errno
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlsplit

from canary_loadtest.core.message import Message
from scripts.course.errors import CourseError
from scripts.course.evidence import UNREADABLE
from scripts.course.page.view import FOLDER, LEARNER, PROJECTOR, Wish, html
from scripts.course.page.words import CHINESE, ENGLISH, WORDS
from scripts.course.state import CourseFolder
from scripts.lab.terminal import told

ADDRESS: Final = "127.0.0.1"
HTML: Final = "text/html; charset=utf-8"
TEXT: Final = "text/plain; charset=utf-8"
FILES: Final = {"/page.css": "text/css; charset=utf-8", "/page.js": "text/javascript; charset=utf-8"}
# The page loads its own two files and asks for itself; nothing else, and no other page may show it.
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = (
    ("Content-Security-Policy", POLICY),
    ("Cache-Control", "no-store"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
# A client that sends nothing holds its thread no longer.
TIMEOUT_SECONDS: Final = 5
# How long the prompt may wait for the page when it ends.
POLL_SECONDS: Final = 0.1


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD; every other method gets 501."""

    timeout = TIMEOUT_SECONDS

    def __init__(self, folder: CourseFolder, *arguments: Any) -> None:  # noqa: ANN401 - those of the standard library
        """Take the folder of the course, and what a request comes with."""
        self._folder = folder
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer with the page or one of its files."""
        self._answer()

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the standard library names it
        """Print nothing: the page asks every second, and the prompt is in the same terminal."""

    def _answer(self) -> None:
        port = cast("Server", self.server).server_port
        if self.headers.get("Host") not in {f"{ADDRESS}:{port}", f"localhost:{port}"}:
            self._send(HTTPStatus.MISDIRECTED_REQUEST, TEXT, f"This page is at http://{ADDRESS}:{port} only.\n")
            return
        asked = urlsplit(self.path)
        if asked.path == "/":
            self._send(HTTPStatus.OK, HTML, self._page(asked.query))
        elif asked.path in FILES:
            self._send(HTTPStatus.OK, FILES[asked.path], (FOLDER / asked.path[1:]).read_text(encoding="utf-8"))
        else:
            self._send(HTTPStatus.NOT_FOUND, TEXT, "Not found: the page is at /\n")

    def _page(self, query: str) -> str:
        wish = wish_of(query, self.headers.get("Accept-Language", ""))
        try:
            return html(self._folder.read(), wish, time.time())
        except CourseError as error:
            problem = str(error)
        except (*UNREADABLE, OSError) as error:  # what a person has written into it by hand
            problem = f"{self._folder.file}: {error}"
        return html(None, wish, time.time(), problem)

    def _send(self, status: HTTPStatus, content_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in HEADERS:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """The server; its threads end with the process."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - those of the standard library
        """Say nothing of a browser that has closed the connection."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{ADDRESS}:{self.server_port}"


def wish_of(query: str, accept_language: str) -> Wish:
    """Return how somebody wants the page: what the address does not say, the browser's first language does.

    Args:
        query: the part of the address after the question mark.
        accept_language: the header of the request.
    """
    asked = parse_qs(query)
    language = asked.get("lang", [""])[-1]
    if language not in WORDS:
        language = CHINESE if accept_language.strip().lower().startswith("zh") else ENGLISH
    return Wish(language, PROJECTOR if asked.get("view", [""])[-1] == PROJECTOR else LEARNER)


def listening(folder: CourseFolder, port: int = 0) -> Server:
    """Return a server that listens.

    Args:
        folder: the folder of the course.
        port: 0 leaves the choice to the kernel.

    Raises:
        CourseError: the port is not free.
    """
    try:
        return Server((ADDRESS, port), partial(Handler, folder))
    except (OSError, OverflowError) as error:
        reason = Message("it is in use") if getattr(error, "errno", None) == errno.EADDRINUSE else error
        raise CourseError(
            Message(
                "port {port} of {address}: {reason}: name another one with --port, or leave it out, and "
                "the system chooses",
                port=port,
                address=ADDRESS,
                reason=reason,
            )
        ) from error


def serve(folder: CourseFolder, port: int) -> int:
    """Serve the page until Ctrl-C, and return 0; arguments and errors as those of `listening`."""
    with listening(folder, port) as server:
        try:
            print(told(Message("The page is at {url}; Ctrl-C ends it.", url=server.url)), flush=True)
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


class Background:
    """The page while the prompt waits for a line: served from the first time that it is asked for."""

    def __init__(self, folder: CourseFolder) -> None:
        """Take the folder of the course."""
        self._folder = folder
        self._server: Server | None = None

    def show(self) -> int:
        """Print where the page is, and return 0; raises CourseError where there is no port for it."""
        if self._server is None:
            self._server = listening(self._folder)
            threading.Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), daemon=True).start()
        print(told(Message("The page is at {url} until you quit.", url=self._server.url)))
        return 0

    def end(self) -> None:
        """Let the address go."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


@contextmanager
def background(folder: CourseFolder) -> Iterator[Background]:
    """Give the page of a prompt, and end it with the prompt."""
    page = Background(folder)
    try:
        yield page
    finally:
        page.end()
