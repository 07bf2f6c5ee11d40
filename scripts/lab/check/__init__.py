"""`lab check`: all findings of manifest files, each with its place, its effect and its fix, without a cluster."""
