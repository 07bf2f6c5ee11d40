"""The load test of micro-api, for `locust -f`.

    locust -f loadtest/locustfile.py --headless -u 10 -r 10 -t 60s --host http://127.0.0.1:8080 --expect-v3 30

Start reading at `user` (what is asked), `classify` (what an answer counts as) and `verdict` (what the counts prove).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # Locust starts anywhere, and the folder may be copied

from loadtest.user import CanaryUser


class MicroApiUser(CanaryUser):
    """Asks micro-api for `/test/test`.

    For another service set `path`, and `classify` to a function of (status, headers, body).
    """
