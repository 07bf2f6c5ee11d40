"""A load test that reports whether a canary's traffic split is the configured one.

    from canary_loadtest import CanaryUser

`runner` sends the requests and `judge` reads answers that another tool received; both hand every answer to a
classifier (`core.contract` has the default), count it in a `core.tally`, ask `core.rules` and print the
`core.verdict`. Locust is imported only when `CanaryUser` is asked for: the judge needs the standard library alone.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from canary_loadtest.runner.user import CanaryUser

__all__ = ["CanaryUser"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - of any type
    """Return `CanaryUser`, importing Locust for it."""
    if name != "CanaryUser":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from canary_loadtest.runner.user import CanaryUser  # noqa: PLC0415 - see the module

    return CanaryUser
