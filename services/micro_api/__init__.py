"""The micro-api service: two versions that differ in one answer, so that a canary can be watched.

Read `app` first; gunicorn enters by `gunicorn_conf`.
"""
