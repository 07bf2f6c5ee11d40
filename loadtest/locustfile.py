"""The load test of micro-api, for `locust -f` from a checkout or a copy of this folder.

    locust -f loadtest/locustfile.py --headless -u 10 -r 10 -t 60s --host http://127.0.0.1:8080 --expect-canary 30

Start reading at `canary_loadtest/runner/user.py` (what is asked), `core/contract.py` (what an answer counts as) and
`core/verdict.py` (what the counts prove).
"""

from canary_loadtest.locustfile import MicroApiUser

__all__ = ["MicroApiUser"]
