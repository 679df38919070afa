"""Animals and subjects: each one's RDM, and leave-one-out ceilings, against numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import neuroguide as ng
from neuroguide._core.errors import InputError, OptionError
from neuroguide.models.zoo import Model
from neuroguide.stimuli import StimulusSet


def by_hand(condensed: np.ndarray, comparison: str) -> tuple[float, float]:
    """Bounds of Nili et al. 2014 of RDMs (n_subjects, n_pairs)."""
    seen = stats.rankdata(condensed, axis=1) if comparison == "spearman" else stats.zscore(condensed, axis=1)
    correlate = stats.spearmanr if comparison == "spearman" else stats.pearsonr
    lower = [correlate(np.delete(seen, i, axis=0).mean(axis=0), condensed[i])[0] for i in range(len(condensed))]
    upper = [correlate(seen.mean(axis=0), condensed[i])[0] for i in range(len(condensed))]
    return float(np.mean(lower)), float(np.mean(upper))


@pytest.mark.parametrize("comparison", ["pearson", "spearman"])
def test_bounds_of_an_assembly_are_those_of_nili(recording: xr.DataArray, comparison: str) -> None:
    found = ng.subject_ceiling(recording, comparison=comparison, distance="euclidean")
    rows, columns = np.triu_indices(12, 1)
    for region in ("V4", "IT"):
        part = recording.isel(neuroid=recording["region"].values == region)
        condensed = ng.rdm(part, "euclidean", by="animal", dtype="float64").values[:, rows, columns]
        lower, upper = by_hand(condensed, comparison)
        assert float(found["ceiling_low"].sel(region=region)) == pytest.approx(lower, abs=1e-9)
        assert float(found["ceiling_high"].sel(region=region)) == pytest.approx(upper, abs=1e-9)
    assert found["lower"].dims == ("region", "animal")
    assert found.attrs["simulated"] == 1


def test_scores_by_animal_give_each_and_their_mean(model: Model, recording: xr.DataArray, stimuli: StimulusSet) -> None:
    found = ng.score(model, recording, stimuli=stimuli, per="animal", distance="euclidean")
    assert found["each"].dims == ("layer", "region", "animal")
    np.testing.assert_allclose(found["each"].mean("animal").values, found["similarity"].values)
    alone = recording.isel(neuroid=recording["animal"].values == "m2")
    expected = ng.score(model, alone, stimuli=stimuli, distance="euclidean", dtype="float64")["similarity"]
    np.testing.assert_allclose(found["each"].sel(animal="m2").values, expected.values, atol=1e-5)
    bounds = ng.subject_ceiling(recording, distance="euclidean")
    np.testing.assert_allclose(found["ceiling_low"].values, bounds["ceiling_low"].values, atol=1e-5)
    axes = ng.plot.profile(found)
    assert any(child.get_gid() == "noise-ceiling" for child in axes.get_children())


def test_few_animals_are_never_resampled(model: Model, recording: xr.DataArray, stimuli: StimulusSet) -> None:
    with pytest.raises(InputError, match="at least 5 of them, V4 has 2"):
        ng.score(
            model, recording, stimuli=stimuli, per="animal", distance="euclidean", bootstrap=200, resample="animals"
        )
    with pytest.raises(OptionError, match="known: animals, both, stimuli"):
        ng.score(model, recording, stimuli=stimuli, per="animal", bootstrap=200, resample="sites")


def test_what_has_no_animals_is_refused(recording: xr.DataArray) -> None:
    with pytest.raises(InputError, match="coordinate 'animal'"):
        ng.subject_ceiling(recording.drop_vars("animal"))
    with pytest.raises(InputError, match="leading dim 'animal' or 'subject'"):
        ng.subject_ceiling(ng.rdm(recording, by="region"))
    with pytest.raises(InputError, match="at least 2 animals"):
        ng.subject_ceiling(recording.isel(neuroid=recording["animal"].values == "m1"))


@pytest.mark.real
def test_bounds_of_the_stored_human_subjects(neuroguide_home: Path) -> None:
    stored = ng.open_rdm("kriegeskorte2008:subjects")
    found = ng.subject_ceiling(stored)
    assert found["animal"].values.tolist() == ["BE", "KO", "SN", "TI"]
    rows, columns = np.triu_indices(92, 1)
    lower, upper = by_hand(stored.mean("session").values[:, rows, columns], "pearson")
    assert float(found["ceiling_low"].values[0]) == pytest.approx(lower, abs=1e-9)
    assert float(found["ceiling_high"].values[0]) == pytest.approx(upper, abs=1e-9)
    assert 0.3 < lower < upper < 0.8
