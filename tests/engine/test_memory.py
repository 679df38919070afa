import pytest
import torch

from neuroguide._core.errors import InputError, OptionError
from neuroguide.engine import external, memory
from neuroguide.engine.dissimilarity import rdm
from neuroguide.engine.memory import LazyRDM, compare_tiled, sampled_spearman
from neuroguide.engine.similarity import compare_all


def features(n=150):
    generator = torch.Generator().manual_seed(0)
    shared = torch.randn(n, 10, generator=generator)
    return [
        shared @ torch.randn(10, p, generator=generator) + torch.randn(n, p, generator=generator) for p in (20, 7, 40)
    ]


@pytest.mark.parametrize("size", [17, 64, 4096])
@pytest.mark.parametrize("distance", ["correlation", "cosine", "euclidean"])
def test_blocks_are_the_rdm(size, distance):
    values = features()[0].double()
    lazy = LazyRDM.of(values, distance)
    whole = torch.zeros(150, 150, dtype=torch.float64)
    for rows, columns in memory.blocks(150, size):
        whole[rows, columns] = lazy.block(rows, columns)
    first, second = torch.triu_indices(150, 150, 1)
    torch.testing.assert_close(whole[first, second], rdm(values, distance))
    torch.testing.assert_close(lazy.pairs(first, second), rdm(values, distance))


@pytest.mark.parametrize("method", ["pearson", "cosine", "cka", "spearman"])
def test_equals_comparing_whole_rdms(method, monkeypatch, tmp_path):
    one, two, three = features()
    monkeypatch.setattr(memory, "_block_size", lambda *arguments: 37)
    monkeypatch.setattr(external, "_BYTES", 64_000_000 // 900)
    monkeypatch.setattr(external, "_CHUNK", 1000)
    lazy = [LazyRDM.of(one), LazyRDM.of(two), LazyRDM.of(three, "euclidean")]
    result = compare_tiled(lazy[:1], lazy[1:], method, memory="64MB", folder=tmp_path)
    whole = [rdm(one.double()), rdm(two.double()), rdm(three.double(), "euclidean")]
    expected = compare_all(whole[0][None], torch.stack(whole[1:]), method)
    torch.testing.assert_close(result, expected, rtol=0, atol=2e-6)
    assert not list(tmp_path.iterdir())


def test_ranks_on_disk_with_ties(monkeypatch, tmp_path):
    monkeypatch.setattr(external, "_CHUNK", 77)
    values = torch.randint(12, (1000,), generator=torch.Generator().manual_seed(0)).float()
    stored = external.Stored.create(tmp_path / "values", 1000, torch.float32)
    stored.values.copy_(values)
    for bytes_ in (64 * 1000, 64 * 130, 64):
        ranks = external.external_ranks(stored, tmp_path / f"ranks{bytes_}", bytes_)
        expected = 2 * external_reference(values) - 1001
        assert torch.equal(ranks.values, expected.long())


def external_reference(values):
    import scipy.stats

    return torch.from_numpy(scipy.stats.rankdata(values.numpy()))


def test_a_sample_of_pairs_with_its_error():
    one, two, _ = features(300)
    exact = compare_all(rdm(one)[None], rdm(two)[None], "spearman").item()
    value, error = sampled_spearman(LazyRDM.of(one), LazyRDM.of(two), n_pairs=20_000)
    assert 0.002 < error.item() < 0.02
    assert abs(value.item() - exact) < 5 * error.item()
    with pytest.raises(OptionError, match="at least 1000"):
        sampled_spearman(LazyRDM.of(one), LazyRDM.of(two), n_pairs=10)


def test_bad_input():
    one = LazyRDM.of(features()[0])
    with pytest.raises(InputError, match="same stimuli"):
        compare_tiled([one], [LazyRDM.of(features(20)[0])])
    with pytest.raises(InputError, match="same stimuli"):
        sampled_spearman(one, LazyRDM.of(features(20)[0]))
    with pytest.raises(OptionError, match="tile by tile"):
        LazyRDM.of(features()[0], "poisson-kl")
    with pytest.raises(InputError, match="row 3 have the same response"):
        LazyRDM.of(features()[0].index_fill(0, torch.tensor([3]), 1.0))
    with pytest.raises(InputError, match="n_stimuli, n_features"):
        LazyRDM.of(torch.rand(5))
    with pytest.raises(OptionError, match="method"):
        compare_tiled([one], [one], "kendall")
    with pytest.raises(OptionError, match="memory"):
        compare_tiled([one], [one], memory="a lot")
    equal = {"pearson": LazyRDM.of(torch.eye(10), "euclidean"), "spearman": LazyRDM.of(torch.eye(2), "euclidean")}
    for method, one in equal.items():
        with pytest.raises(InputError, match="same value in all its pairs"):
            compare_tiled([one], [one], method)
