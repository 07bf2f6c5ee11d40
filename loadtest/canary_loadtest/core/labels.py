"""The labels that answers are counted under, and the hint for each that is not a version's.

A classifier returns `CANARY`, `STABLE` or any other word, which names a kind of other answer.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from canary_loadtest.core.message import Message

CANARY: Final = "canary"
STABLE: Final = "stable"
VERSIONS: Final = frozenset({CANARY, STABLE})

ABANDONED: Final = "abandoned"
CLIENT_ERROR: Final = "client_error"
CONNECTION_ERROR: Final = "connection_error"
CONNECTION_REFUSED: Final = "connection_refused"
CONNECTION_RESET: Final = "connection_reset"
NAME_NOT_RESOLVED: Final = "name_not_resolved"
INVALID_HTTP: Final = "invalid_http"
MORE_KINDS: Final = "more_kinds"
NO_ANSWER: Final = "no_answer"
OTHER_OR_NONE: Final = "other_or_none"
OVERLOADED_503: Final = "overloaded_503"
TIMEOUT: Final = "timeout"
TLS_ERROR: Final = "tls_error"
TRUNCATED_BODY: Final = "truncated_body"
UNEXPECTED_BODY: Final = "unexpected_body"
UNEXPECTED_CONTENT_TYPE: Final = "unexpected_content_type"
UNEXPECTED_ENCODING: Final = "unexpected_encoding"
UNEXPECTED_LINE: Final = "unexpected_line"
UNEXPECTED_RECORD: Final = "unexpected_record"
UNEXPECTED_STATUS: Final = "unexpected_status"
UNEXPECTED_TEXT: Final = "unexpected_text"
UNEXPECTED_VALUE: Final = "unexpected_value"
UNEXPECTED_VERSION: Final = "unexpected_version"
UNNAMED_VERSION: Final = "unnamed_version"
VERSION_MISMATCH: Final = "version_mismatch"
WRONG_ROUTE: Final = "wrong_route"

MOST_CHARACTERS: Final = 60  # of a kind or a route in a table of 80 columns

# What to do first about each kind, without options: every program that prints them has others.
HINTS: Final[Mapping[str, str]] = {
    ABANDONED: Message(
        "users were taken away while they waited for an answer: keep their number constant during a run"
    ),
    CLIENT_ERROR: Message("the client failed before it had an answer: see the error in the log"),
    CONNECTION_ERROR: Message("connections failed or broke off: check the target, and that both versions are alive"),
    CONNECTION_REFUSED: Message("nothing listens at the target: check its address and port, and that it is up"),
    CONNECTION_RESET: Message(
        "connections were reset: check that both versions are alive, and if the mesh asks for mutual TLS"
    ),
    INVALID_HTTP: Message("what came is no valid HTTP: check the port, and what listens there"),
    NAME_NOT_RESOLVED: Message("the target's name has no address: check its spelling, and where it is known"),
    MORE_KINDS: Message("there are too many kinds of other answers to list: check what the target answers"),
    NO_ANSWER: Message("find out why these requests got no answer, for example with curl -sS"),
    OTHER_OR_NONE: Message("these requests got another answer, or none: ask again with curl -i"),
    OVERLOADED_503: Message("Envoy sheds load: the DestinationRule's connectionPool is smaller than the load"),
    TIMEOUT: Message("requests were not answered in time: check the load and the health of the service"),
    TLS_ERROR: Message("there is no trusted https connection: check the scheme, and who signed the certificate"),
    TRUNCATED_BODY: Message("answers broke off before their end: look for pods that were killed while they answered"),
    UNEXPECTED_BODY: Message("a 200 with another body: check that this is the right service and path"),
    UNEXPECTED_CONTENT_TYPE: Message("a 200 of another content type: check that this is the right service and path"),
    UNEXPECTED_ENCODING: Message("the body is compressed although none was asked for: check the proxies on the way"),
    UNEXPECTED_LINE: Message("lines without an answer of this contract: check what the file has"),
    UNEXPECTED_RECORD: Message("lines that are no record of an answer: check what the file has"),
    UNEXPECTED_STATUS: Message("records whose status is not a number: check what the file has"),
    UNEXPECTED_TEXT: Message("text of other answers, whose status is not known: ask again with curl -i"),
    UNEXPECTED_VALUE: Message("records of neither version: check which field names it, and its two values"),
    UNEXPECTED_VERSION: Message("log lines of a version other than v1 and v2: check which service wrote them"),
    UNNAMED_VERSION: Message("right answers whose header names neither version: check the header, and its two values"),
    VERSION_MISMATCH: Message("the body of one version with the header of the other: check which image is deployed"),
    WRONG_ROUTE: Message("answers came by another route: wait until the new weights are served, or look for a bypass"),
    "status_301": Message("the proxy redirects: ask for the address that it redirects to"),
    "status_302": Message("the proxy redirects: ask for the address that it redirects to"),
    "status_403": Message("the mesh or the service refuses this client: check the AuthorizationPolicy"),
    "status_404": (
        Message(
            "no route for this Host and path: check the Host header, and the VirtualService's hosts, "
            "gateways and default route"
        )
    ),
    "status_426": Message("the proxy does not take HTTP/1.0: ask by HTTP/1.1"),
    "status_500": Message("the service failed, or an HTTPRoute names a backend that does not exist"),
    "status_503": Message("a subset has no ready pod, or no DestinationRule defines it"),
}


class RowNames(NamedTuple):
    """What the two versions are called in tables and pages.

    Attributes:
        canary: the row of the canary's answers.
        stable: the row of the stable version's answers.
    """

    canary: str = Message("canary")
    stable: str = Message("stable")


def escaped(text: str, most_characters: int) -> str:
    """Return text from outside so that it is safe within a line of a terminal, or of a CI system's log.

    Characters that begin a line, move the cursor or set a colour are escaped, and so are the marks of commands to
    GitHub Actions (`::error::`) and Azure Pipelines (`##vso[`), which they take from any line.

    Args:
        text: any text, also with half a character.
        most_characters: how long the result may be.

    Returns:
        The text itself where that is harmless and short enough; a longer one ends in three dots.
    """
    shown = text[: most_characters + 1].replace("::", r":\x3a").replace("##", r"#\x23")
    shown = visible(shown)
    return shown if len(shown) <= most_characters else f"{shown[: most_characters - 3]}..."


def visible(text: str) -> str:
    """Return text with the escape of each character that is not printable, in its place."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def printable(text: str) -> str:
    """Return text from outside as one word: `escaped`, at most `MOST_CHARACTERS`, with `_` for each space."""
    return escaped(text.replace(" ", "_"), MOST_CHARACTERS)


def status_label(status: int) -> str:
    """Return the label of an answer with an HTTP status that the contract does not have."""
    return f"status_{status}"


def hint(label: str) -> str:
    """Return what to do first about answers with a label that is not a version's."""
    return HINTS.get(
        label, Message("find out what the {label} answers are: until then they may be of either version", label=label)
    )
