"""The micro-api service: two versions that differ in one answer, so that a canary release can be watched."""
