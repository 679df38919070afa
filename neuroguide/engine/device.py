"""Where the numbers are computed: explicit devices and dtypes, no global state.

TF32 stays as torch has it (off) unless the user asks for it with ``torch.set_float32_matmul_precision``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from neuroguide._core.errors import OptionError
from neuroguide._core.options import check_option

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """The torch device meant by a name.

    Parameters
    ----------
    device : str or torch.device
        ``"auto"`` takes CUDA where there is one, then MPS, then the CPU. Otherwise a torch device such as ``"cpu"``,
        ``"cuda:1"`` or ``"mps"``.

    Raises
    ------
    OptionError
        If the name is no device, or the device is not in this machine.
    """
    if isinstance(device, str) and device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError):
        check_option("device", str(device).split(":")[0], ("auto", "cpu", "cuda", "mps"))
        raise OptionError(
            f"device {device!r} is not understood; give 'auto', 'cpu', 'cuda', 'cuda:0' or 'mps'"
        ) from None
    check_option("device", resolved.type, ("cpu", "cuda", "mps"))
    missing = (
        (resolved.type == "cuda" and (resolved.index or 0) >= torch.cuda.device_count())
        or (resolved.type == "mps" and not torch.backends.mps.is_available())
        or (resolved.type in ("cpu", "mps") and (resolved.index or 0) > 0)
    )
    if missing:
        raise OptionError(f"device {str(device)!r} is not available on this machine; use device='auto' or 'cpu'")
    return resolved


def resolve_dtype(dtype: str | torch.dtype, device: str | torch.device = "cpu") -> torch.dtype:
    """The floating type meant by a name, checked against the device.

    Parameters
    ----------
    dtype : str or torch.dtype
        ``"float32"`` or ``"float64"``, or the torch dtype of one of them.
    device : str or torch.device
        Where it will be used; MPS has no float64.

    Raises
    ------
    OptionError
        If it is neither, or the device has no such type.
    """
    name = str(dtype).removeprefix("torch.")
    resolved = _DTYPES[check_option("dtype", name, _DTYPES)]
    if resolved == torch.float64 and resolve_device(device).type == "mps":
        raise OptionError("the device 'mps' has no float64; use dtype='float32' or device='cpu'")
    return resolved


def as_floating(values: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """``values`` in the dtype of the computation: the given one, else its own if float32 or float64, else float32."""
    if dtype is None:
        dtype = values.dtype if values.dtype in (torch.float32, torch.float64) else torch.float32
    return values.to(dtype)
