"""Tests of scripts/lab: the translation without processes, the lab with a real Envoy and real replicas."""
