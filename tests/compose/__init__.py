"""Tests of docker-compose.yml; those that need Docker carry the marker `docker`."""
