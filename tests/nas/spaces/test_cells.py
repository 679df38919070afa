"""The cells space: canonical form, counts by hand, published networks, and the contract."""

from __future__ import annotations

import copy
import itertools
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import FixedTrial
from torch.nn import functional

from neuroguide._core.errors import InputError, OptionError
from neuroguide.nas.data import from_arrays
from neuroguide.nas.spaces import open_space
from neuroguide.nas.spaces.cells import OPERATIONS, Block, Cell, CellsArchitecture, CellsSpace, Half
from neuroguide.nas.spaces.cells.cell import CellOptions, canonical_cell, grown, halves, one_block, steps
from neuroguide.nas.spaces.cells.operations import drop_paths, make_operation
from neuroguide.nas.spaces.cells.published import NASNET_A_NORMAL, NASNET_A_REDUCTION, PNASNET_5
from neuroguide.nas.training import Fidelity, Trainer
from neuroguide.testing.spaces import check_networks, check_space

SMALL = {"operations": ("sep_conv_3x3", "identity", "max_pool_3x3"), "concat": "all", "reduction": "same"}


def options(blocks=(1, 2, 3), operations=OPERATIONS[:3], inputs=(0, 1), concat=("all", "unused")):
    return CellOptions(blocks, operations, inputs, concat)


@st.composite
def cells(draw, most=5):
    n = draw(st.integers(1, most))
    half = [st.builds(Half, st.integers(0, i + 1), st.sampled_from(OPERATIONS[:3])) for i in range(n)]
    blocks = tuple(draw(st.builds(Block, half[i], half[i])) for i in range(n))
    return Cell(blocks, draw(st.sampled_from(["all", "unused"])))


def rewritten(cell, order, swaps):
    """The same cell with blocks in another order (new position -> old position) and some halves swapped."""
    place = {old: new for new, old in enumerate(order)}

    def moved(half):
        return Half(half.input if half.input < 2 else 2 + place[half.input - 2], half.operation)

    blocks = []
    for old, swap in zip(order, swaps, strict=True):
        pair = moved(cell.blocks[old].first), moved(cell.blocks[old].second)
        blocks.append(Block(*(pair[::-1] if swap else pair)))
    return Cell(tuple(blocks), cell.concat)


def valid(cell):
    return all(h.input < 2 + i for i, b in enumerate(cell.blocks) for h in (b.first, b.second))


# -- the canonical form --------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(cells(), st.data())
def test_equivalent_writings_have_one_canonical_form(cell, data):
    order = data.draw(st.permutations(range(len(cell.blocks))))
    swaps = data.draw(st.lists(st.booleans(), min_size=len(order), max_size=len(order)))
    canonical = canonical_cell(cell)
    # any permutation is a writing of the same graph, even where a block comes before one that it takes
    assert canonical_cell(rewritten(cell, order, swaps)) == canonical
    assert canonical_cell(canonical) == canonical
    assert valid(canonical)


@settings(deadline=None, max_examples=40)
@given(cells(most=3))
def test_the_canonical_form_is_the_smallest_of_all_writings(cell):
    writings = [
        rewritten(cell, order, swaps)
        for order in itertools.permutations(range(len(cell.blocks)))
        for swaps in itertools.product([False, True], repeat=len(cell.blocks))
    ]
    listed = [[(h.input, OPERATIONS.index(h.operation)) for h in halves(w)] for w in writings if valid(w)]
    assert [(h.input, OPERATIONS.index(h.operation)) for h in halves(canonical_cell(cell))] == min(listed)


def test_the_number_of_cells_by_hand():
    # one block: unordered pairs, with repetition, of 2 inputs x 8 operations: the 136 of Liu et al. 2018, section 3.1
    assert len(list(one_block(options(operations=OPERATIONS)))) == 136
    # 3 operations: 6 halves, 21 blocks. Two blocks that do not touch: 21 * 22 / 2. The second takes the first:
    # 9 halves make 45 blocks, of which 21 do not
    small = open_space("cells", blocks=(1, 2), **SMALL)
    assert small.size() == 21 + 21 * 22 // 2 + 21 * (45 - 21) == 756
    # only the previous cell: 3 halves, 6 blocks
    narrow = open_space("cells", blocks=(1, 2), inputs=1, **SMALL)
    assert narrow.size() == 6 + 6 * 7 // 2 + 6 * (21 - 6) == 117
    # where the second takes the first, the kind of output matters
    both = open_space("cells", blocks=(1, 2), inputs=1, **{**SMALL, "concat": ("all", "unused")})
    assert both.size() == 6 + 21 + 2 * 90
    # with a reduction cell of its own, any pair
    pairs = open_space("cells", blocks=1, inputs=1, **{**SMALL, "reduction": ("same", "own")})
    assert pairs.size() == 6 * 6


def test_subspaces_share_hashes():
    whole = open_space("cells")
    for choices in ({}, {"concat": "unused"}, {"reduction": "own"}):
        small = open_space("cells", blocks=(1, 2), inputs=1, **{**SMALL, **choices})
        for arch in itertools.islice(small.enumerate(), 60):
            assert whole.hash(arch) == small.hash(arch)
            assert small.from_json(json.loads(json.dumps(whole.to_json(arch)))) == arch
            assert whole.suggest(FixedTrial(whole.parameters(arch))) == arch


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ((Block(Half(2, "identity"), Half(0, "identity")),), "in a circle"),
        ((Block(Half(3, "identity"), Half(0, "identity")),), "takes input 3"),
        ((Block(Half(-1, "identity"), Half(0, "identity")),), "takes input -1"),
        ((Block(Half(0, "conv"), Half(0, "identity")),), "operation 'conv'"),
        ((), "from 1 to 5 blocks, not 0"),
    ],
)
def test_impossible_cells_are_refused(blocks, words):
    arch = CellsArchitecture(Cell(blocks), Cell(blocks), 1, 8, "cifar", "pnas")
    with pytest.raises(InputError, match=words):
        open_space("cells").hash(arch)


def test_points_outside_of_a_subspace_are_refused():
    arch = open_space("cells").sample(np.random.default_rng(0))
    small = open_space("cells", blocks=(1, 2), inputs=1, **SMALL)
    assert not small.contains(arch)
    with pytest.raises(InputError, match="type CellsArchitecture, not str"):
        small.hash("arch")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"blocks": (1, 3)}, "consecutive"),
        ({"blocks": 6}, "from 1 to 5"),
        ({"operations": "sep_conv_3x4"}, "did you mean 'sep_conv_3x3'"),
        ({"inputs": (0, 2)}, "among 0"),
        ({"filters": 1}, "at least 2"),
        ({"drop_path": 1}, "below 1"),
        ({"auxiliary": 1}, "true or false"),
        ({"stem": "mnist"}, "known: cifar, imagenet"),
        ({"cells": 3}, "does not take"),
    ],
)
def test_impossible_options_are_refused(given, words):
    with pytest.raises(OptionError, match=words):
        open_space("cells", **given)


# -- moves -----------------------------------------------------------------------------------------------------------


def test_grown_cells_by_brute_force():
    """Algorithm 1, Expand-Cells: exactly the cells of b + 1 blocks from which one block can be taken away."""
    two = options(blocks=(1, 2), operations=OPERATIONS[:2], concat=("all",))
    space = CellsSpace(blocks=(1, 2), operations=OPERATIONS[:2], concat="all", reduction="same")
    every = {arch.normal for arch in space.enumerate()}
    reached = set()
    for cell in one_block(two):
        expansions = list(grown(cell, two))
        assert len(set(expansions)) == len(expansions)
        expected = {c for c in every if len(c.blocks) == 2 and any(canonical_cell(Cell((b,))) == cell
                    for b in c.blocks if max(b.first.input, b.second.input) < 2)}  # fmt: skip
        assert set(expansions) == expected
        reached |= expected
    assert reached == {c for c in every if len(c.blocks) == 2}


@settings(deadline=None, max_examples=15)
@given(cells(most=3), st.data())
def test_steps_are_mutual(cell, data):
    allowed = options()
    start = canonical_cell(cell)
    near = sorted(set(steps(start, allowed)) - {start}, key=repr)
    other = data.draw(st.sampled_from(near))
    assert start in set(steps(other, allowed))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"blocks": (1, 2), **SMALL, "repeats": (1, 2), "stem": ("cifar", "imagenet"), "stacking": ("pnas", "nasnet")},
        {"blocks": (1, 2), **SMALL, "inputs": 0, "reduction": ("same", "own"), "operations": "max_pool_3x3"},
        {"blocks": 2, **SMALL, "inputs": (0, 1), "reduction": "own", "concat": "unused"},
    ],
)
def test_contract(given):
    check_space(open_space("cells", **{"filters": 4, **given}), draws=6)


def test_a_description_tells_architectures_apart_and_has_one_length():
    space = CellsSpace(reduction="same", filters=(4, 8))
    drawn = [space.sample(np.random.default_rng(seed)) for seed in range(30)]
    described = [space.describe(arch) for arch in drawn]
    assert len({d.tobytes() for d in described}) == len(set(drawn))
    # ten places of seven inputs and eight operations, then the shares, which sum to 1
    assert np.allclose([d[150:174].sum() for d in described], 1)
    assert [d[:150].sum() for d in described] == [4 * len(arch.normal.blocks) for arch in drawn]


# -- networks --------------------------------------------------------------------------------------------------------


def _published(normal, reduction, **fields):
    space = open_space("cells", **fields)
    return space, space.canonicalise(CellsArchitecture(normal, reduction, **fields))


def test_pnasnet_5_has_the_published_size():
    space, arch = _published(PNASNET_5, PNASNET_5, repeats=3, filters=48, stem="cifar", stacking="pnas")
    # Liu et al. 2018, Table 3: 3.2 M
    assert space.cost(arch).parameters == pytest.approx(3.2e6, rel=0.05)
    # and Table 5, the mobile setting of ImageNet: 5.1 M and 588 M multiply-adds
    space, arch = _published(PNASNET_5, PNASNET_5, repeats=3, filters=54, stem="imagenet", stacking="pnas")
    cost = space.cost(arch, image_size=224, n_classes=1000)
    assert cost.parameters == pytest.approx(5.1e6, rel=0.02)
    assert cost.macs == pytest.approx(588e6, rel=0.01)


def test_what_stacking_and_the_output_of_a_cell_cost():
    """Figures that docs/decisions.md states."""
    space, arch = _published(PNASNET_5, PNASNET_5, repeats=3, filters=48, stem="cifar", stacking="nasnet")
    assert space.cost(arch).parameters == pytest.approx(4.27e6, rel=0.002)
    fields = {"repeats": 6, "filters": 32, "stem": "cifar", "stacking": "nasnet"}
    space, arch = _published(NASNET_A_NORMAL, NASNET_A_REDUCTION, **fields)
    assert space.cost(arch).parameters == pytest.approx(3.06e6, rel=0.002)


def test_the_parameters_of_pnasnet_5_by_hand():
    """F = 10, N = 1: three cells, the last two of stride 2, of 10, 20 and 40 filters and five blocks."""

    def separable(kernel, f):
        return 2 * (kernel**2 * f + f * f + 2 * f)

    def cell(f, channels, larger, strided):
        kernels = (5, 7, 5, 3, 3, 3)
        enter = sum(c * f + 2 * f for c in channels)
        # the identity on the previous cell is a 1x1 convolution where it strides
        return enter + sum(separable(k, f) for k in kernels) + (f * f + 2 * f) * strided

    expected = 27 * 30 + 2 * 30 + cell(10, (30, 30), False, False)
    expected += cell(20, (30, 50), False, True) + cell(40, (50, 100), True, True) + 200 * 10 + 10
    space, arch = _published(PNASNET_5, PNASNET_5, repeats=1, filters=10, stem="cifar", stacking="pnas")
    assert space.cost(arch).parameters == expected


def test_nasnet_a_builds_and_trains():
    fields = {"repeats": 2, "filters": 8, "stem": "cifar", "stacking": "nasnet"}
    space, arch = _published(NASNET_A_NORMAL, NASNET_A_REDUCTION, **fields)
    check_networks(space, [arch], image_size=32)
    network = space.build(arch)
    # 3 N + 2 cells; the normal one gives all five blocks, the reduction the three that no block takes
    assert [name for name, _ in network.named_children() if "_" in name] == [
        "stage1_cell1", "stage1_cell2", "stage2_reduction", "stage2_cell1", "stage2_cell2", "stage3_reduction",
        "stage3_cell1", "stage3_cell2",
    ]  # fmt: skip
    assert _shapes(space, arch) == {"stage1": (40, 32, 32), "stage2": (80, 16, 16), "stage3": (160, 8, 8)}


def _shapes(space, arch, size=32):
    shapes = {}
    network = space.build(arch).eval()
    for name in network.stage_names:
        network.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: shapes.update({name: tuple(output.shape[1:])})
        )
    with torch.no_grad():
        network(torch.randn(1, 3, size, size))
    return shapes


def test_shapes_and_stems():
    fields = {"repeats": 2, "filters": 8, "stem": "cifar", "stacking": "pnas"}
    space, arch = _published(PNASNET_5, PNASNET_5, **fields)
    assert _shapes(space, arch) == {"stage1": (40, 32, 32), "stage2": (80, 16, 16), "stage3": (160, 8, 8)}
    assert _shapes(space, arch, size=33) == {"stage1": (40, 33, 33), "stage2": (80, 17, 17), "stage3": (160, 9, 9)}
    space, arch = _published(PNASNET_5, PNASNET_5, **{**fields, "stem": "imagenet"})
    assert _shapes(space, arch, size=64) == {"stage1": (40, 8, 8), "stage2": (80, 4, 4), "stage3": (160, 2, 2)}


def test_cells_that_nothing_takes_are_not_built():
    """A cell that takes only the one before the previous: every second cell reaches the output."""
    cell = Cell((Block(Half(0, "sep_conv_3x3"), Half(0, "identity")),))
    space, arch = _published(cell, cell, repeats=2, filters=4, stem="cifar", stacking="pnas")
    network = space.build(arch)
    assert [n for n, _ in network.named_children() if "_" in n] == ["stage1_cell2", "stage2_cell1", "stage3_cell1"]
    assert _shapes(space, arch) == {"stage1": (4, 32, 32), "stage2": (8, 16, 16), "stage3": (16, 8, 8)}
    # with one cell a stage, the second is not reached: its place shows the first
    space, arch = _published(cell, cell, repeats=1, filters=4, stem="cifar", stacking="pnas")
    assert _shapes(space, arch) == {"stage1": (4, 32, 32), "stage2": (4, 32, 32), "stage3": (16, 8, 8)}


def test_blocks_are_added_and_concatenated():
    """A cell of pooling and identities, recomputed from its own parts."""
    cell = canonical_cell(
        Cell((
            Block(Half(1, "identity"), Half(1, "max_pool_3x3")),
            Block(Half(2, "avg_pool_3x3"), Half(0, "identity")),
        ), "all")
    )  # fmt: skip
    space, arch = _published(cell, cell, repeats=1, filters=4, stem="cifar", stacking="pnas")
    network = space.build(arch).eval()
    module = network.get_submodule("stage1_cell1")
    x = torch.rand(2, 12, 8, 8)
    before, previous = module.enter["0"](x), module.enter["1"](x)
    first = previous + functional.max_pool2d(previous, 3, 1, 1)
    second = functional.avg_pool2d(first, 3, 1, 1, count_include_pad=False) + before
    expected = torch.cat([first, second], dim=1).relu()
    assert torch.allclose(module(x, x), expected)
    # unused: only the second block's
    lone = Cell(cell.blocks, "unused")
    assert lone.outputs == (1,)
    assert cell.outputs == (0, 1)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_keep_or_halve_maps(name):
    for size in (1, 7, 8):
        for stride in (1, 2):
            out = make_operation(name, 6, stride).eval()(torch.randn(2, 6, size, size))
            assert out.shape == (2, 6, -(-size // stride), -(-size // stride))
            assert bool(torch.isfinite(out).all())


def test_drop_path_keeps_the_mean_and_drops_whole_maps():
    torch.manual_seed(0)
    out = drop_paths(torch.ones(4000, 2, 3, 3), 0.25)
    assert out.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert bool((out == out[:, :1, :1, :1]).all())
    assert float(out.mean()) == pytest.approx(1, abs=0.03)


def test_drop_path_grows_with_depth_and_is_off_in_evaluation():
    space = CellsSpace(repeats=2, filters=4, drop_path=0.6)
    network = space.build(space.canonicalise(CellsArchitecture(PNASNET_5, PNASNET_5, 2, 4, "cifar", "pnas")))
    cells = [m for n, m in network.named_children() if "_" in n]
    assert [c.drop_path for c in cells] == pytest.approx([0.1 * k for k in range(1, 7)])
    images = torch.randn(4, 3, 16, 16)
    assert torch.equal(network.eval()(images), network(images))
    network.train()
    assert not torch.equal(network(images), network(images))
    network.set_drop_path(0.0)
    assert torch.equal(network(images), network(images))


def test_the_second_classifier_is_seen_in_training_only():
    space = CellsSpace(repeats=1, filters=4, auxiliary=True)
    network = space.build(space.sample(np.random.default_rng(1)))
    assert network.eval()(torch.randn(2, 3, 32, 32)).shape == (2, 10)
    assert network.auxiliary_logits is None
    network.train()(torch.randn(2, 3, 32, 32))
    assert network.auxiliary_logits.shape == (2, 10)
    # a copy, as made for counting, leaves them behind
    assert copy.deepcopy(network).auxiliary_logits is None


def test_the_second_classifier_is_trained_with_a_weight_of_0_4():
    images = np.random.default_rng(0).integers(0, 255, (12, 16, 16, 3), np.uint8)
    data = from_arrays(images, np.arange(12) % 3, validation=3)
    fidelity = Fidelity(images=8, batch_size=8, learning_rate=1e-3, warmup=0, weight_decay=0, clip=1e9, augmentation=())
    space = CellsSpace(repeats=1, filters=4, auxiliary=True)
    network = space.build(space.sample(np.random.default_rng(1)), n_classes=3)
    twin = copy.deepcopy(network)
    trainer = Trainer(network, data, fidelity, seed=0, device=torch.device("cpu"))
    chosen = trainer._indices(0, 8)
    before = network.auxiliary[-1].weight.detach().clone()
    trainer.run()
    pixels = (data.train.images[chosen].float() / 255 - torch.tensor(data.mean)) / torch.tensor(data.std)
    loss = functional.cross_entropy(twin.train()(pixels.permute(0, 3, 1, 2)), data.train.labels[chosen])
    (loss + 0.4 * functional.cross_entropy(twin.auxiliary_logits, data.train.labels[chosen])).backward()
    # the first Nesterov step is 1.9 times the gradient
    assert torch.allclose(network.auxiliary[-1].weight, before - 1.9e-3 * twin.auxiliary[-1].weight.grad, atol=1e-6)
    assert trainer.summed_loss == pytest.approx(float(loss.detach()), rel=1e-5)
