"""The `neuroguide` command; it parses, calls the public functions and prints, with no logic of its own."""

from neuroguide.cli.main import main

__all__ = ["main"]
