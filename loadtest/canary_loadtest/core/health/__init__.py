"""The second verdict, canary against stable: whether the canary errs more often than the version that it replaces."""
