"""The verdict without Locust, on counts or on answers of other tools."""
