"""What is compared of a layer that arrives in slices equals what is compared of the whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from neuroguide._core.errors import InputError
from neuroguide.engine import dissimilarity
from neuroguide.engine.comparison.kernels import linear_cka
from neuroguide.engine.mapping import cross_validated_pls, cross_validated_ridge
from neuroguide.models.slices import FeatureSlice
from neuroguide.scoring.distances import one_distance
from neuroguide.scoring.layers import layer_features, layer_rdms

FEATURES = torch.rand(30, 200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
IDS = [f"s{i}" for i in range(30)]


def sliced(features: torch.Tensor) -> Iterator[FeatureSlice]:
    """Three slices in one buffer that is used again, as a file gives them, then a small layer."""
    buffer = torch.empty(30 * 70, dtype=features.dtype)
    for index, part in enumerate(torch.split(features, 70, dim=1)):
        view = buffer[: part.numel()].view(part.shape)
        view.copy_(part)
        yield FeatureSlice("large", view, index, 3)
    yield FeatureSlice("small", features[:, :5], 0, 1)


class Total:
    """A distance of one's own, which knows nothing of slices."""

    def dissimilarities(self, features: torch.Tensor, *, constant: str) -> torch.Tensor:
        return dissimilarity.condense((features.sum(-1).unsqueeze(-1) - features.sum(-1)).abs().sqrt())


@pytest.mark.parametrize("distance", ["correlation", "cosine", "euclidean", "poisson-kl", Total()])
def test_rdms(distance) -> None:
    found = dict(layer_rdms(sliced(FEATURES), one_distance(distance), stimulus_ids=IDS, model="net"))
    assert list(found) == ["large", "small"]
    torch.testing.assert_close(found["large"], dissimilarity.rdm(FEATURES, distance), rtol=0, atol=1e-9)
    torch.testing.assert_close(found["small"], dissimilarity.rdm(FEATURES[:, :5], distance), rtol=0, atol=1e-9)


def test_undefined_stimuli_are_named_with_their_layer() -> None:
    flat = FEATURES.clone()
    flat[7] = 1
    with pytest.raises(InputError, match=r"layer 'large' of net: .*: s7;"):
        list(layer_rdms(sliced(flat), one_distance("correlation"), stimulus_ids=IDS, model="net"))


def test_stand_ins_fit_as_the_features_do() -> None:
    generator = torch.Generator().manual_seed(1)
    responses = FEATURES @ torch.randn(200, 4, generator=generator, dtype=torch.float64)
    folds = torch.arange(30) % 5
    found = dict(layer_features(sliced(FEATURES)))
    assert found["large"].shape == (30, 30)
    assert torch.equal(found["small"], FEATURES[:, :5])
    torch.testing.assert_close(linear_cka(found["large"], responses), linear_cka(FEATURES, responses))
    for fit in (cross_validated_ridge, lambda x, y, f: cross_validated_pls(x, y, f, n_components=5)):
        ours, expected = (fit(x, responses, folds).predictions for x in (found["large"], FEATURES))
        # more features than stimuli: a path of alphas down to next to none magnifies rounding
        torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-3)
