"""A distance of one's own: the city-block distance, divided by the number of features."""

from dataclasses import dataclass

import torch
from torch import Tensor

import neuroguide as ng
from neuroguide.engine.dissimilarity import condense, distances


@dataclass(frozen=True)
class CityBlock:
    """Mean absolute difference of two responses, in the unit of the responses."""

    def dissimilarities(self, features: Tensor, *, constant: str) -> Tensor:
        """From (..., n_stimuli, n_features) to condensed RDMs (..., n_stimuli * (n_stimuli - 1) / 2)."""
        return condense(torch.cdist(features, features, p=1) / features.shape[-1])  # defined also where constant


distances.add("city-block", CityBlock())

if __name__ == "__main__":
    assert ng.rdm([[0.0, 0.0], [1.0, 3.0]], "city-block").values[0, 1] == 2.0
    ng.rdm(ng.open_recording("virtual"), "city-block", by="region")
