"""What can be built."""

from neuroguide.nas.spaces.base import Parameter, Space
from neuroguide.nas.spaces.declared import DeclaredSpace, choice
from neuroguide.nas.spaces.macro import MacroArchitecture, MacroSpace, Stage
from neuroguide.nas.spaces.opening import open_space, spaces

__all__ = [
    "DeclaredSpace",
    "MacroArchitecture",
    "MacroSpace",
    "Parameter",
    "Space",
    "Stage",
    "choice",
    "open_space",
    "spaces",
]
