"""What this installation has and lacks."""

from __future__ import annotations

import platform
import sys
from importlib import metadata, util

from neuroguide.cli import _output
from neuroguide.cli._arguments import Json

#: Package that an extra brings -> the extra.
EXTRAS = {
    "timm": "zoo",
    "torchvision": "zoo",
    "pynwb": "nwb",
    "pyarrow": "tables",
    "rsatoolbox": "rsatoolbox",
    "umap": "umap",
    "distributed": "distributed",
    "dask_jobqueue": "distributed",
    "optuna_dashboard": "dashboard",
    "onnxruntime": "onnx",
    "brainscore_vision": "brainscore",
}


def doctor(json: Json = False) -> None:
    """Versions, devices, the cache, and which optional parts are installed.

    Example: neuroguide doctor
    """
    import torch

    from neuroguide._core import settings
    from neuroguide._version import __version__
    from neuroguide.engine.device import resolve_device

    packages = ("torch", "numpy", "xarray", "netCDF4", "scipy", "pandas", "optuna")
    found: dict[str, object] = {
        "neuroguide": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{name: metadata.version(name) for name in packages},
        "device (auto)": str(resolve_device("auto")),
        "threads": torch.get_num_threads(),
        "cache": str(settings.home()),
        "cache exists": settings.home().is_dir(),
    }
    extras = {name: util.find_spec(name) is not None for name in EXTRAS}
    if json:
        _output.print_json({**found, "extras": extras})
        return
    _output.print_table("This installation", ["what", "value"], [[k, str(v)] for k, v in found.items()])
    rows = [[name, "yes" if here else f'no: pip install "neuroguide[{EXTRAS[name]}]"'] for name, here in extras.items()]
    _output.print_table("Optional parts", ["package", "installed"], rows)
    if sys.version_info >= (3, 13):
        _output.out.print("brainscore-vision needs Python 3.12 or older")
