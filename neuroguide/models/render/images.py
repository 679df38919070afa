"""Sets of rendered images with labels, to train a network on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from neuroguide._core.options import check_option
from neuroguide._core.seeds import derive_seed
from neuroguide.models.render.catalogue import CATEGORIES
from neuroguide.models.render.scenes import object_indices, sample_parameters
from neuroguide.models.render.tracing import render_objects

#: The splits; no two share an image.
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class ObjectImages:
    """Rendered images and what they show.

    Attributes
    ----------
    images : uint8 array of shape (n_images, size, size, 3)
        Pixels.
    labels : int64 array of shape (n_images,)
        Category of each image, as a position in ``classes``.
    objects : int64 array of shape (n_images,)
        Object of each image, as a position in ``neuroguide.models.render.OBJECTS``.
    classes : tuple of str
        Names of the categories.
    parameters : DataFrame
        What each image shows, see :func:`neuroguide.models.render.sample_parameters`.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    objects: npt.NDArray[np.int64]
    classes: tuple[str, ...]
    parameters: pd.DataFrame

    def __len__(self) -> int:
        return len(self.images)


def object_images(
    n: int,
    split: str = "train",
    *,
    image_size: int = 32,
    seed: int = 0,
    variation: str = "medium",
    device: str | torch.device = "auto",
) -> ObjectImages:
    """Render a training, validation or test set of the built-in objects.

    Parameters
    ----------
    n : int
        How many images; a larger set begins with the smaller one.
    split : {"train", "validation", "test"}
        Which series of images.
    image_size : int
        Height and width in pixels.
    seed : int
        Seed of all three splits.
    variation : {"low", "medium", "high"}
        How far position, size and pose depart from the canonical view.
    device : str or torch.device
        Where the images are rendered.

    Raises
    ------
    InputError
        If ``n`` is negative or the size is not possible.
    OptionError
        If the split, the variation or the device is unknown.
    """
    check_option("split", split, SPLITS)
    parameters = sample_parameters(n, derive_seed(seed, split), variation)
    objects = object_indices(parameters["object_name"].to_numpy(dtype=object)).astype(np.int64)
    return ObjectImages(
        images=render_objects(parameters, image_size, device=device),
        labels=objects // (len(CATEGORIES)),
        objects=objects,
        classes=CATEGORIES,
        parameters=parameters,
    )
