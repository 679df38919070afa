"""Run a candidate or a score somewhere."""
