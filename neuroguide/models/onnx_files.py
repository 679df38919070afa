"""Networks in ONNX files, run by onnxruntime on the CPU, as models that can be scored."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neuroguide._core.errors import FileError, InputError, missing_extra
from neuroguide.models.factory import one_line
from neuroguide.models.preprocess import Preprocess

#: Under which name an exported file says, as JSON, how images become its input.
METADATA = "neuroguide.preprocess"


class OnnxNetwork(nn.Module):
    """A network in an ONNX file; each of its outputs but the first is a module, so that layers can be named.

    Parameters
    ----------
    path : Path
        A file with one input ``(n, channels, size, size)``, whose first output is the logits.

    Attributes
    ----------
    preprocess : Preprocess
        As the file says.
    stage_names : tuple of str
        Names of its other outputs.

    Raises
    ------
    FileError
        If there is no such file.
    MissingExtraError
        If onnxruntime is not installed.
    InputError
        If onnxruntime cannot load it, or the file does not say how images become its input.
    """

    content: Tensor

    def __init__(self, path: Path) -> None:
        super().__init__()
        if not path.is_file():
            raise FileError(f"there is no file {path}")
        try:
            import onnxruntime
        except ImportError as error:
            raise missing_extra("onnxruntime", "onnx", f"running {path.name}") from error
        try:
            options = onnxruntime.SessionOptions()
            # as many threads as torch, which wait for one another without spinning
            options.intra_op_num_threads = torch.get_num_threads()
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            described = json.loads(self._session.get_modelmeta().custom_metadata_map[METADATA])
            self.preprocess = Preprocess(**described)
        except KeyError as error:
            raise InputError(
                f"{path} does not say how images become its input; only ONNX files that neuroguide exported can be "
                "scored"
            ) from error
        except Exception as error:  # whatever onnxruntime raises
            raise InputError(f"{path} cannot be loaded: {one_line(error)}") from error
        self._input = self._session.get_inputs()[0].name
        self._outputs = [output.name for output in self._session.get_outputs()]
        self.stage_names = tuple(self._outputs[1:])
        for name in self.stage_names:
            self._place(name)
        # so that a model's identifier depends on the weights in the file
        digest = hashlib.sha256(path.read_bytes()).digest()
        self.register_buffer("content", torch.frombuffer(bytearray(digest), dtype=torch.uint8))

    def _place(self, name: str) -> None:
        """A module that hands on one output, under its name, dots included."""
        where: nn.Module = self
        for part in name.split("."):
            if part not in where._modules:
                where.add_module(part, nn.Identity())
            where = where.get_submodule(part)

    def forward(self, images: Tensor) -> Tensor:
        """The first output, for images of shape (n, channels, size, size); computed in float32."""
        answers = self._session.run(self._outputs, {self._input: images.detach().float().cpu().numpy()})
        logits, *stages = (torch.from_numpy(answer).to(images) for answer in answers)
        for name, answer in zip(self.stage_names, stages, strict=True):
            self.get_submodule(name)(answer)
        return logits
