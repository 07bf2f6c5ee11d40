"""Tests of the service, most of them against its WSGI application, the last ones against real processes."""
