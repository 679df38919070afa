import numpy as np
import pytest
import torch

from neuroguide._core.errors import InputError, NeuroguideWarning, OptionError
from neuroguide.engine.ceiling import ceiling_from_splits, leave_one_out_ceiling, split_half_ceiling
from neuroguide.engine.dissimilarity import rdm
from neuroguide.engine.repetitions import half_means
from neuroguide.engine.similarity import compare


def recorded(n_stimuli=40, n_repetitions=8, n_sites=60, noise=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    truth = torch.randn(n_stimuli, 1, n_sites, generator=generator, dtype=torch.float64)
    trials = torch.randn(n_stimuli, n_repetitions, n_sites, generator=generator, dtype=torch.float64)
    return truth.squeeze(1), truth + noise * trials


def test_of_two_repetitions_there_is_one_split():
    _, responses = recorded(n_repetitions=2, noise=0.4)
    expected = compare(rdm(responses[:, 0]), rdm(responses[:, 1]))
    result = split_half_ceiling(responses, seed=3)
    # each stimulus may swap its two repetitions, so that splits differ, but only by noise
    assert result.splits.shape == (100,)
    assert result.split_half.item() == pytest.approx(expected.item(), abs=0.05)
    rbar = result.splits.mean().item()
    assert result.reliability.item() == pytest.approx(2 * rbar / (1 + rbar))
    assert result.ceiling.item() == pytest.approx((2 * rbar / (1 + rbar)) ** 0.5)


def test_it_is_what_the_truth_itself_scores():
    truth, responses = recorded()
    reached = compare(rdm(truth), rdm(responses.mean(1))).item()
    assert split_half_ceiling(responses).ceiling.item() == pytest.approx(reached, abs=0.03)


def test_halves_keep_repetitions_whole_and_use_all_of_them():
    responses = torch.arange(5.0)[None, :, None].expand(3, 5, 4).clone()
    responses[1, 3:] = torch.nan
    first, second = half_means(responses, 50, torch.Generator().manual_seed(0))
    assert torch.equal(first, first[..., :1].expand_as(first))
    sizes = torch.tensor([5.0, 3.0, 5.0])
    total = responses.nansum(1)[:, 0]
    small, large = sizes // 2, sizes - sizes // 2
    one = first[..., 0] * small + second[..., 0] * large
    other = first[..., 0] * large + second[..., 0] * small
    matches = torch.isclose(one, total) | torch.isclose(other, total)
    assert bool(matches.all())
    assert len(first[:, 0, 0].unique()) > 5


def test_sites_with_other_repetitions_are_split_on_their_own():
    responses = torch.randn(6, 4, 3)
    responses[:, 3, 1] = torch.nan
    first, second = half_means(responses, 30, torch.Generator().manual_seed(0))
    assert not torch.isnan(first).any()
    assert not torch.isnan(second).any()
    torch.testing.assert_close(first[..., 0] + second[..., 0], responses[..., 0].mean(1).mul(2).expand(30, 6))


def test_padding_changes_nothing():
    _, responses = recorded()
    padded = torch.cat([responses, torch.full_like(responses[:, :3], torch.nan)], 1)
    a, b = split_half_ceiling(responses), split_half_ceiling(padded)
    assert a.split_half.item() == pytest.approx(b.split_half.item(), abs=0.01)


def test_same_seed_same_splits():
    _, responses = recorded()
    a, b, c = (split_half_ceiling(responses, seed=seed).splits for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize("normalise", ["center", "zscore"])
def test_normalised_in_each_half(normalise):
    _, responses = recorded()
    shifted = responses + 100 * torch.rand(60, dtype=torch.float64)
    a = split_half_ceiling(responses, normalise=normalise).split_half
    torch.testing.assert_close(a, split_half_ceiling(shifted, normalise=normalise).split_half)


def test_no_agreement_is_refused():
    with pytest.raises(InputError, match="do not agree"):
        ceiling_from_splits(torch.full((100,), -0.01))
    with pytest.raises(InputError, match="do not agree"):
        ceiling_from_splits(torch.full((100,), torch.nan))


def test_little_agreement_warns():
    with pytest.warns(NeuroguideWarning, match="slightly low"):
        ceiling_from_splits(torch.full((100,), 0.2))


def test_bad_input():
    _, responses = recorded()
    with pytest.raises(OptionError, match="at least 100"):
        split_half_ceiling(responses, n_splits=10)
    with pytest.raises(InputError, match="shape"):
        split_half_ceiling(responses[0])
    responses[5, 1:] = torch.nan
    with pytest.raises(InputError, match="row 5 have fewer at 60 of 60 sites"):
        split_half_ceiling(responses)
    with pytest.raises(InputError, match="infinite"):
        split_half_ceiling(torch.full((4, 3, 2), torch.inf))


@pytest.mark.real
def test_v4_session_210325(neuroguide_home):
    # SOURCES: 50 units x 640 images x 6 to 10 repetitions; RDM split-half r 0.67 raw, about 0.57 z-scored
    path = next((neuroguide_home / "cowley2023").rglob("*210325*.npy"), None)
    if path is None:
        pytest.skip("session 210325 is not in the download cache")
    counts = torch.from_numpy(np.load(path, allow_pickle=False)).permute(1, 2, 0)
    raw = split_half_ceiling(counts.double(), seed=0)
    assert raw.split_half.item() == pytest.approx(0.67, abs=0.02)


def test_bounds_by_hand_and_missing_pairs():
    rdms = torch.rand(3, 15, dtype=torch.float64)
    scores = (rdms - rdms.mean(1, keepdim=True)) / rdms.std(1, keepdim=True)
    result = leave_one_out_ceiling(rdms)
    torch.testing.assert_close(result.upper_each, compare(rdms, scores.mean(0)))
    torch.testing.assert_close(result.lower_each[1], compare(rdms[1], scores[0] + scores[2]))
    padded = torch.cat([rdms, torch.full((3, 6), torch.nan, dtype=torch.float64)], 1)
    torch.testing.assert_close(leave_one_out_ceiling(padded).lower, result.lower)


def test_bounds_that_do_not_exist():
    with pytest.raises(InputError, match="at least 2 animals"):
        leave_one_out_ceiling(torch.rand(1, 15))
    with pytest.raises(OptionError, match="no pooled RDM"):
        leave_one_out_ceiling(torch.rand(3, 15), "bures")


@pytest.mark.real
def test_human_it_of_four_subjects(neuroguide_home):
    rdms = human_it(neuroguide_home)
    assert rdms.shape == (4, 4186)
    result = leave_one_out_ceiling(rdms, "spearman")
    assert 0 < result.lower < result.upper < 1


def human_it(home):
    from scipy.io import loadmat

    stored = loadmat(next((home / "kriegeskorte2008").rglob("92_brainRDMs.mat")))["RDMs"]["RDM"][0]
    first, second = np.triu_indices(92, 1)
    subjects = [np.mean([session[first, second] for session in sessions], axis=0) for sessions in stored]
    return torch.from_numpy(np.stack(subjects))
