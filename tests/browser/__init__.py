"""Tests in a real, headless Chromium: `make browser`. See `conftest` for the fixtures, `pages` for the checks."""
