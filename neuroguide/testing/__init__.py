"""Contract tests that a plugin can run."""
