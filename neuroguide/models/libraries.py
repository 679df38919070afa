"""Networks of other libraries, with the preprocessing that they were trained with; and the pixels."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from neuroguide._core.errors import DownloadError, InputError
from neuroguide._core.options import unknown_option
from neuroguide.models.factory import one_line
from neuroguide.models.optional import library, preprocess_of_timm
from neuroguide.models.preprocess import Preprocess
from neuroguide.models.zoo import Model, openers


@openers.register("timm")
def _timm(name: str, pretrained: bool) -> Model:
    timm = library("timm", "opening a model of timm")
    known = timm.list_models()
    if ":" not in name and name.partition(".")[0] not in known:  # names with a colon are repositories of a hub
        raise unknown_option("model of timm", name, known)
    module = _created(f"timm:{name}", lambda: timm.create_model(name, pretrained=pretrained))
    return Model(f"timm:{name}", module, preprocess_of_timm(module))


@openers.register("torchvision")
def _torchvision(name: str, pretrained: bool) -> Model:
    models = library("torchvision", "opening a model of torchvision").models
    known = models.list_models(module=models)
    if name not in known:
        raise unknown_option("model of torchvision", name, known)
    weights = models.get_model_weights(name).DEFAULT
    module = _created(f"torchvision:{name}", lambda: models.get_model(name, weights=weights if pretrained else None))
    shown = weights.transforms()
    interpolation = str(getattr(shown.interpolation, "value", shown.interpolation))
    preprocess = Preprocess(int(shown.crop_size[0]), tuple(shown.mean), tuple(shown.std), interpolation=interpolation)
    return Model(f"torchvision:{name}", module, preprocess)


@openers.register("pixels")
def _pixels(_name: str, _pretrained: bool) -> Model:
    return Model("pixels", Pixels(), Preprocess(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)), identifier="pixels-224")


class Pixels(nn.Module):
    """The pixels of a stimulus as a layer, ``pixels``: the baseline that every network should beat."""

    stage_names = ("pixels",)

    def __init__(self) -> None:
        super().__init__()
        self.pixels = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """The images themselves, of any shape."""
        shown: Tensor = self.pixels(images)
        return shown


def _created(name: str, create: Any) -> nn.Module:
    try:
        module = create()
    except OSError as error:
        raise DownloadError(
            f"the weights of {name} cannot be downloaded ({one_line(error, 120)}); check the connection, or give "
            "a network with weights of your own as 'path/to/file.py:make'"
        ) from error
    except Exception as error:
        raise InputError(f"{name} cannot be made: {one_line(error)}") from error
    if not isinstance(module, nn.Module):
        raise InputError(f"{name} is {type(module).__name__}, a torch.nn.Module was expected")
    return module
