"""Child processes that can be killed: for candidates of a search, and for files from others."""
