"""A name, a file or a torch module -> activations of named layers."""

from neuroguide.models.brainscore import to_model_commitment
from neuroguide.models.controls import LuminanceContrast
from neuroguide.models.libraries import Pixels
from neuroguide.models.preprocess import Preprocess
from neuroguide.models.zoo import Model, open_model, openers

__all__ = ["LuminanceContrast", "Model", "Pixels", "Preprocess", "open_model", "openers", "to_model_commitment"]
