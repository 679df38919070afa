"""Score neural networks against recordings from primate visual cortex, and let them guide architecture search."""

from neuroguide._version import __version__

__all__ = ["__version__"]
