"""All that needs Locust: the user, its client, and Locust's events."""
