"""The gate: what a release engine asks whether its canary may go on, and the load test that it has run for that."""
