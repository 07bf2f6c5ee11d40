"""The load test of micro-api, which `canary-loadtest` runs where no other locustfile is named."""

from canary_loadtest.runner.user import CanaryUser


class MicroApiUser(CanaryUser):
    """Asks micro-api for `/test/test`.

    For another service set `path`, and `classify` to a function of (status, headers, body).
    """
