"""A canary release step by step: each step by the load test's verdict, and a rollback that is proved by traffic."""
