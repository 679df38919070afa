"""What is lost with each block: what is changed, what is put back, and by how much a hand-made network suffers."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neuroguide._core.errors import InputError
from neuroguide.nas.spaces import open_space
from neuroguide.nas.vital import block_importance, vital_blocks


class Scaled(nn.Module):
    """Adds ``weight`` times its input to its input."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.constant_(self.conv.weight, weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x)


def network(*weights: float) -> nn.Sequential:
    stem = nn.Conv2d(3, 1, 1, bias=False)
    nn.init.ones_(stem.weight)
    return nn.Sequential(stem, *(Scaled(weight) for weight in weights))


def response(changed: nn.Module) -> dict[str, float]:
    with torch.no_grad():
        return {"response": float(changed(torch.ones(1, 3, 2, 2)).mean())}


def test_by_hand() -> None:
    """3 for the stem, times 2, times 5 = 30; untrained, the residual blocks multiply by 1.5 and the stem gives 0.3."""
    trained, fresh = network(1.0, 4.0), network(0.5, 0.5)
    nn.init.constant_(fresh[0].weight, 0.1)
    table = block_importance(trained, vital_blocks(trained, 2), response, fresh=fresh)
    assert list(table["block"]) == ["0", "1", "1", "2", "2"]
    assert list(table["way"]) == ["reset", "removed", "reset", "removed", "reset"]
    assert list(table["vital"]) == [True, False, False, False, False]
    np.testing.assert_allclose(table["response"], [3, 15, 22.5, 6, 9], rtol=1e-6)
    np.testing.assert_allclose(table["response loss"], [27, 15, 7.5, 24, 21], rtol=1e-6)
    assert response(trained)["response"] == 30


def test_batch_norms_are_estimated_anew_for_each_measurement_and_put_back() -> None:
    space = open_space("hourglass", expansion=1, squeeze_excite=False, kernel=3)
    torch.manual_seed(0)
    trained = space.build(space.sample(np.random.default_rng(1)))
    fresh = copy.deepcopy(trained)
    images = torch.randn(40, 3, 32, 32)
    with torch.no_grad():
        trained.train()(3 * images)
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    means: list[Tensor] = []

    def measure(changed: nn.Module) -> dict[str, float]:
        assert not changed.training
        means.append(changed.stem[1].running_mean.clone())
        return {"accuracy": 0.5}

    blocks = vital_blocks(trained, 32)
    table = block_importance(trained, blocks, measure, fresh=fresh, images=images, batch_size=20)
    assert (table["accuracy loss"] == 0).all()
    assert len(table) == len(blocks) + sum(not block.vital for block in blocks)
    # the stem's batch norm sees the same images whatever is changed behind it; with it reset too
    expected = fresh.stem[0](images).mean(dim=(0, 2, 3))
    for mean in means:
        torch.testing.assert_close(mean, expected, rtol=1e-4, atol=1e-5)
    assert all(torch.equal(before[name], value) for name, value in trained.state_dict().items())
    assert all(m.momentum == 0.1 for m in trained.modules() if isinstance(m, nn.BatchNorm2d))


def test_blocks_draw_weights_where_no_untrained_network_is_given() -> None:
    trained = network(1.0)
    torch.manual_seed(0)
    table = block_importance(trained, vital_blocks(trained, 2), response)
    assert list(table["way"]) == ["reset", "removed", "reset"]
    assert (table["response loss"] != 0).all()


def test_other_networks_are_refused() -> None:
    trained = network(1.0)
    blocks = vital_blocks(trained, 2)
    with pytest.raises(InputError, match="fresh is another network than Sequential"):
        block_importance(trained, blocks, response, fresh=network(1.0, 2.0))
    with pytest.raises(InputError, match=r"has the module .1\.conv., which this network has not"):
        block_importance(network(), blocks, response)
