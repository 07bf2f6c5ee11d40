"""All that needs Locust: the user, its client, and Locust's events."""

from canary_loadtest.runner.libraries import check

check()
