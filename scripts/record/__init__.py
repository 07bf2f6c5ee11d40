"""Records for the tests: what a real istiod and a real API server say."""
