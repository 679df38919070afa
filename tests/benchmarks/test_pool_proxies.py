"""Zero-cost proxies against their definitions, computed another way on small networks."""

import numpy as np
import pytest
import torch
from pool_proxies import PROXIES, grad_norm, jacobian_covariance, naswot, snip, synflow
from torch import nn

from neuroguide.nas.spaces import open_space


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(6, 3, 8, 8, generator=generator), torch.tensor([0, 1, 2, 3, 0, 1])


@pytest.fixture
def linear():
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 5, bias=False), nn.ReLU(), nn.Linear(5, 4))


def gradients_by_hand(network, images, labels):
    """Of a network of two linear layers with a ReLU between, from the chain rule."""
    x = images.flatten(1).double().numpy()
    first, second, bias = (p.detach().double().numpy() for p in network.parameters())
    hidden = np.maximum(x @ first.T, 0)
    logits = hidden @ second.T + bias
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    shares[np.arange(len(x)), labels.numpy()] -= 1
    shares /= len(x)
    return ((shares @ second * (hidden > 0)).T @ x, first), (shares.T @ hidden, second)


def test_grad_norm_and_snip_are_those_of_the_chain_rule(linear, batch):
    layers = gradients_by_hand(linear, *batch)
    assert grad_norm(linear, *batch) == pytest.approx(sum(np.linalg.norm(g) for g, _ in layers), rel=1e-5)
    assert snip(linear, *batch) == pytest.approx(sum(np.abs(g * w).sum() for g, w in layers), rel=1e-5)


def test_synflow_is_the_sum_over_paths(linear, batch):
    # every weight lies on the paths through it: summed over both layers each path is counted twice, biases apart
    first, second, _ = (p.detach().double().abs() for p in linear.parameters())
    paths = (second @ first).sum()
    assert synflow(linear, *batch) == pytest.approx(float(2 * paths), rel=1e-9)


def test_synflow_ignores_signs_data_and_normalisation(batch):
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 4)
    )
    before = synflow(network, *batch)
    with torch.no_grad():
        network[0].weight.mul_(-1)
        network[1].weight.mul_(7)
    assert synflow(network, 5 * batch[0], batch[1]) == pytest.approx(before)


def test_jacobian_covariance_of_a_linear_map_is_the_worst(batch):
    # all images share their Jacobian: one eigenvalue is n, the others are 0
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 4)).double()
    found = jacobian_covariance(network, batch[0].double(), batch[1])
    k = 1e-5
    expected = -(np.log(6 + k) + 1 / (6 + k)) - 5 * (np.log(k) + 1 / k)
    assert found == pytest.approx(expected, rel=1e-3)


def test_jacobian_covariance_by_finite_differences(linear, batch):
    images = batch[0].double()
    network = linear.double()
    rows = []
    for image in images:
        columns = []
        for i in range(192):
            step = torch.zeros(192, dtype=torch.float64)
            step[i] = 1e-6
            step = step.view(1, 3, 8, 8)
            columns.append(float((network(image[None] + step) - network(image[None] - step)).detach().sum() / 2e-6))
        rows.append(columns)
    values = np.linalg.eigvalsh(np.corrcoef(rows))
    expected = -(np.log(values + 1e-5) + 1 / (values + 1e-5)).sum()
    assert jacobian_covariance(network, images, batch[1]) == pytest.approx(expected, rel=1e-2)


def test_naswot_counts_agreeing_units(batch):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 40), nn.ReLU(), nn.Linear(40, 4))
    codes = (network[1](batch[0].flatten(1)) > 0).int()
    kernel = np.array([[(a == b).sum().item() for b in codes] for a in codes], dtype=float)
    sign, expected = np.linalg.slogdet(kernel)
    assert sign == 1
    assert naswot(network, *batch) == pytest.approx(expected)


@pytest.mark.parametrize("name", PROXIES)
def test_proxies_leave_members_as_they_were_and_repeat(name):
    space = open_space("macro")
    torch.manual_seed(0)
    network = space.build(space.sample(np.random.default_rng(3)))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    images, labels = torch.randn(8, 3, 32, 32), torch.arange(8)
    first = PROXIES[name](network, images, labels)
    assert np.isfinite(first)
    assert PROXIES[name](network, images, labels) == first
    assert network.training
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())
