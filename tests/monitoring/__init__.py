"""Tests of monitoring/; those that need the programs prometheus and promtool carry the marker `prometheus`."""
