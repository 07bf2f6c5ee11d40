"""Tests of the container images; those that need Docker carry the marker `docker`."""
