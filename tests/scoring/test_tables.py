"""Scores as tables and back, without loss."""

from __future__ import annotations

import pytest
import xarray as xr

import neuroguide as ng
from neuroguide._core.errors import InputError
from neuroguide.models.zoo import Model
from neuroguide.stimuli import StimulusSet


@pytest.mark.parametrize("per", ["region", "animal", "site"])
def test_there_and_back(model: Model, recording: xr.DataArray, stimuli: StimulusSet, per: str) -> None:
    scores = ng.score(model, recording, stimuli=stimuli, per=per, distance="euclidean")
    table = ng.scores_to_pandas(scores)
    assert len(table) == {"region": 4, "animal": 8, "site": 20}[per]
    assert {"layer", "region", "similarity"} <= set(table.columns)
    again = ng.scores_from_pandas(table)
    xr.testing.assert_identical(again, scores)
    assert again.attrs == scores.attrs


def test_rows_in_another_order(model: Model, recording: xr.DataArray, stimuli: StimulusSet) -> None:
    scores = ng.score(model, recording, stimuli=stimuli)
    again = ng.scores_from_pandas(ng.scores_to_pandas(scores).iloc[::-1])
    xr.testing.assert_identical(again.sel(layer=scores["layer"], region=scores["region"]), scores)


def test_a_table_that_lost_something_is_refused(model: Model, recording: xr.DataArray, stimuli: StimulusSet) -> None:
    table = ng.scores_to_pandas(ng.score(model, recording, stimuli=stimuli))
    with pytest.raises(InputError, match="3 rows, 4 were expected"):
        ng.scores_from_pandas(table.iloc[:3])
    with pytest.raises(InputError, match="no column 'ceiling'"):
        ng.scores_from_pandas(table.drop(columns="ceiling"))
    table.attrs = {}
    with pytest.raises(InputError, match="CSV"):
        ng.scores_from_pandas(table)
