"""Scores of several models side by side."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr

from neuroguide._core.errors import InputError
from neuroguide.models.zoo import Model
from neuroguide.scoring import join_models, score
from neuroguide.stimuli import StimulusSet


def test_layers_keep_their_order_and_gaps_are_nan(model: Model, recording: xr.DataArray, stimuli: StimulusSet) -> None:
    late = dataclasses.replace(model, name="late", layers=("3",), identifier="late")
    early = dataclasses.replace(model, name="early", layers=("1", "0"), identifier="early")
    parts = [score(each, recording, stimuli=stimuli) for each in (late, early)]
    joined = join_models(parts)
    assert joined["model"].values.tolist() == ["late", "early"]
    assert joined["layer"].values.tolist() == ["3", "1", "0"]
    np.testing.assert_array_equal(
        joined["similarity"].sel(model="late", layer="3").values, parts[0]["similarity"].sel(layer="3").values
    )
    assert np.isnan(joined["similarity"].sel(model="early", layer="3")).all()
    assert joined.attrs["simulated"] == 1
    assert "model_identifier" not in joined.attrs
    assert joined["ceiling"].dims == ("region",)


def test_what_cannot_be_compared_is_refused(model: Model, recording: xr.DataArray, stimuli: StimulusSet) -> None:
    first = score(model, recording, stimuli=stimuli)
    with pytest.raises(InputError, match="called 'small'"):
        join_models([first, first])
    other = score(dataclasses.replace(model, name="other"), recording, stimuli=stimuli, comparison="spearman")
    with pytest.raises(InputError, match="comparison"):
        join_models([first, other])
    with pytest.raises(InputError, match="at least one"):
        join_models([])
