"""The answer as the load test takes it: an own module, since the import of Locust patches the standard library."""

from typing import cast
from zlib import error as EncodingError  # noqa: N812 - a class

from locust.contrib.fasthttp import FAILURE_EXCEPTIONS, FastResponse


class PlainFailureResponse(FastResponse):
    """A response whose body fails as one that cannot be unzipped does, in any encoding.

    Of an encoding that it does not know, such as zstd, the client raises what Locust takes for an error in a task: a
    traceback for each answer.
    """

    def _content(self) -> bytes:
        try:
            return cast("bytes", super()._content())  # type: ignore[no-untyped-call]
        except FAILURE_EXCEPTIONS:
            raise
        except Exception as error:
            raise EncodingError(str(error)) from error
