import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroguide._core.errors import InputError
from neuroguide.engine.folds import group_folds


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 8), min_size=8, max_size=60), st.integers(2, 4), st.integers(0, 3))
def test_groups_stay_whole_and_every_fold_is_used(groups, n_folds, seed):
    groups = torch.tensor(groups)
    if len(groups.unique()) < n_folds:
        with pytest.raises(InputError, match="as many different images"):
            group_folds(groups, n_folds, seed=seed)
        return
    folds = group_folds(groups, n_folds, seed=seed)
    assert len(folds.unique()) == n_folds
    for group in groups.unique():
        assert len(folds[groups == group].unique()) == 1


def test_folds_are_equal_where_they_can_be():
    sizes = group_folds(torch.arange(100), 4).bincount()
    assert sizes.tolist() == [25] * 4
    assert not torch.equal(group_folds(torch.arange(100), seed=0), group_folds(torch.arange(100), seed=1))


def test_bad_input():
    with pytest.raises(InputError, match="whole numbers"):
        group_folds(torch.rand(10))
    with pytest.raises(InputError, match="folds"):
        group_folds(torch.arange(10), 1)
