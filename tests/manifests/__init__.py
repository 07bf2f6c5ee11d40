"""Tests of all manifests, without a cluster."""
