"""The `neuroguide` command."""
