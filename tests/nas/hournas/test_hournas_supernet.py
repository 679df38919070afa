"""The relaxation draws as it says and sends gradients where it should; weights are shared and inherited."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from neuroguide.nas.hournas.proposal import gumbel
from neuroguide.nas.hournas.supernet import (
    Path,
    architecture_of,
    counted_table,
    initial_supernet,
    relaxed_path,
    vital_blocks,
)
from neuroguide.nas.samplers.adam import Adam
from neuroguide.nas.spaces import open_space


@pytest.fixture
def supernet(tiny_space):
    return initial_supernet(tiny_space, n_classes=4, seed=1)


@pytest.fixture
def images():
    return torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def uniform(table):
    return torch.zeros(table.allowed.shape, dtype=torch.float64, requires_grad=True)


def test_the_first_operation_is_a_draw_from_the_softmax():
    # as many blocks as draws: blocks are drawn independently
    logits = torch.tensor([0.5, -0.5, 1.0, 3.0]).double()
    allowed = torch.tensor([True, True, True, False])
    path = relaxed_path(
        logits.expand(3000, -1), allowed.expand(3000, -1), paths=2, temperature=0.7,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    assert all(3 not in pair and pair[0] != pair[1] for pair in path.operations)
    share = torch.bincount(torch.tensor([pair[0] for pair in path.operations]), minlength=3) / 3000
    torch.testing.assert_close(share.double(), logits[:3].softmax(0), atol=0.03, rtol=0)


def test_with_all_paths_it_is_the_straight_through_gumbel_softmax():
    logits = torch.randn(1, 5, generator=torch.Generator().manual_seed(2)).double().requires_grad_()
    allowed = torch.ones(1, 5, dtype=torch.bool)
    path = relaxed_path(logits, allowed, paths=5, temperature=0.6, generator=torch.Generator().manual_seed(7))
    outputs = torch.randn(5, generator=torch.Generator().manual_seed(3))
    order = list(path.operations[0])
    (path.weights[0] * outputs[order]).sum().backward()
    found, logits.grad = logits.grad.clone(), None
    noise = gumbel(logits.detach(), torch.Generator().manual_seed(7))
    soft = ((logits + noise) / 0.6).softmax(-1)
    hard = functional.one_hot(soft.argmax(-1), 5)
    assert order[0] == int(soft.argmax())
    ((hard + soft - soft.detach()) * outputs).sum().backward()
    torch.testing.assert_close(found, logits.grad, atol=1e-6, rtol=1e-5)


def test_weights_are_exactly_one_and_zero_and_so_is_the_output(supernet, tiny_table, images):
    path = relaxed_path(
        uniform(tiny_table), tiny_table.allowed, paths=3, temperature=1.0, generator=torch.Generator().manual_seed(1)
    )
    assert all(weights.tolist() == [1.0] + [0.0] * (len(weights) - 1) for weights in path.weights)
    supernet.path = path
    relaxed = supernet(images)
    supernet.path = Path(tuple((operations[0],) for operations in path.operations))
    torch.testing.assert_close(relaxed, supernet(images))


def test_a_gradient_says_how_the_loss_changes_with_the_operation(tiny_space, tiny_table, images):
    """Of one block, the weight's gradient is the inner product of the loss's slope and the operation's output."""
    supernet = initial_supernet(tiny_space, n_classes=4, seed=1)
    path = relaxed_path(
        uniform(tiny_table), tiny_table.allowed, paths=2, temperature=1.0, generator=torch.Generator().manual_seed(2)
    )
    weights = tuple(w.detach().requires_grad_() for w in path.weights)
    supernet.path = Path(path.operations, weights)
    functional.cross_entropy(supernet(images), torch.arange(6) % 4).backward()
    b = vital_blocks(tiny_space)[-1]
    found = weights[b].grad
    # a small weight on the second operation changes the loss by its gradient
    step = 1e-2
    losses = []
    for second in (-step, step):
        moved = [w.detach() for w in weights]
        moved[b] = torch.tensor([1.0, second])
        supernet.path = Path(path.operations, tuple(moved))
        losses.append(functional.cross_entropy(supernet(images), torch.arange(6) % 4).item())
    assert float(found[1]) == pytest.approx((losses[1] - losses[0]) / (2 * step), rel=0.05, abs=1e-4)


def test_a_helpful_operation_gains(tiny_table):
    """Logits follow the gradient towards the operation whose output lowers the loss."""
    logits = torch.zeros(1, 4, dtype=torch.float64, requires_grad=True)
    allowed = torch.ones(1, 4, dtype=torch.bool)
    worth = torch.tensor([0.0, 0.0, 1.0, 0.0])
    optimiser = Adam([logits], learning_rate=0.1)
    generator = torch.Generator().manual_seed(0)
    for _ in range(100):
        path = relaxed_path(logits, allowed, paths=2, temperature=1.0, generator=generator)
        optimiser.step(-(path.weights[0] * worth[list(path.operations[0])]).sum())
    assert logits.detach().softmax(-1)[0, 2] > 0.9


def test_only_what_runs_has_gradients(supernet, images):
    supernet.path = Path(tuple((i % 4,) for i in range(len(supernet.blocks))))
    supernet(images).sum().backward()
    for b, block in enumerate(supernet.blocks):
        for i, operation in enumerate(block):
            touched = any(p.grad is not None for p in operation.parameters())
            assert touched == (i == b % 4)


def test_a_network_inherits_the_shared_weights(tiny_space, tiny_table, supernet, images):
    choices = [1] * len(tiny_space.positions)
    # the identity stands before a block: the canonical network has it behind
    first = next(p.index for p in tiny_space.positions if not p.vital)
    choices[first], choices[first + 1] = len(tiny_space.operations), 3
    network = tiny_space.build(architecture_of(tiny_space, choices), image_size=16, n_classes=4)
    supernet.inherit(network, choices, tiny_space)
    supernet.path = Path(tuple((i,) for i in choices))
    logits, stages = supernet.with_stages(images)
    torch.testing.assert_close(network.train()(images), logits)
    assert len(stages) == len(network.stage_names)
    with torch.no_grad():
        last = network.get_submodule(network.stage_names[0])(network.stem(images)).flatten(1)
    torch.testing.assert_close(stages[0].detach(), last)


def test_supernets_derive_from_the_seed(tiny_space):
    before = torch.get_rng_state()
    a, b, c = (initial_supernet(tiny_space, n_classes=4, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(a.stem[0].weight, b.stem[0].weight)
    assert not torch.equal(a.stem[0].weight, c.stem[0].weight)


def test_another_space_is_refused():
    with pytest.raises(ValueError, match="searches the space 'hourglass'"):
        counted_table(open_space("macro"))
