"""Recorders of test data from a real istiod and a real API server."""
