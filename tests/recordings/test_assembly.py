from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from neuroguide._core.errors import InputError
from neuroguide.recordings.assembly import check_assembly, examine, plain_coordinates


def test_a_good_recording_passes_unchanged(recording, timed):
    assert check_assembly(recording).identical(recording)
    assert check_assembly(timed).identical(timed)


def test_dims_come_in_the_standard_order_without_a_copy(timed):
    on_disk = timed.transpose("neuroid", "presentation", "time_bin")
    checked = check_assembly(on_disk)
    assert checked.dims == ("presentation", "neuroid", "time_bin")
    assert np.shares_memory(checked.values, timed.values)


def test_what_is_not_required_is_not_asked_for(recording):
    bare = recording.drop_vars([n for n in recording.coords if n not in ("stimulus_id", "neuroid_id")])
    bare.attrs = {}
    assert check_assembly(bare).sizes == recording.sizes


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, np.float32, np.float64, bool])
def test_real_numbers_of_any_type_are_accepted(recording, dtype):
    assert check_assembly(recording.astype(dtype)).dtype == dtype


def test_a_multiindex_becomes_plain_coordinates(recording):
    indexed = recording.set_index(presentation=["stimulus_id", "repetition", "category_name", "trial"])
    indexed = indexed.set_index(neuroid=["neuroid_id", "region", "animal"])
    plain = check_assembly(indexed)
    assert plain.identical(recording)
    assert not any(isinstance(index, pd.MultiIndex) for index in plain.indexes.values())


def test_a_subclass_becomes_a_plain_array(recording):
    class Theirs(xr.DataArray):
        __slots__ = ()

    assert type(check_assembly(Theirs(recording))) is xr.DataArray


def test_coordinates_of_pandas_types_become_arrays(recording):
    category = pd.Categorical(recording["category_name"].values)
    with_categories = recording.assign_coords(category_name=("presentation", category))
    plain = plain_coordinates(with_categories)
    assert isinstance(plain["category_name"].variable.data, np.ndarray)
    np.testing.assert_array_equal(plain["category_name"].values, recording["category_name"].values)


def test_presentations_without_any_response_are_dropped(recording, caplog):
    recording[[1, 4], :] = np.nan
    recording[7, 1] = np.nan
    with caplog.at_level(logging.INFO, logger="neuroguide"):
        checked = check_assembly(recording)
    assert checked["trial"].values.tolist() == [t for t in range(20) if t not in (1, 4)]
    assert np.isnan(checked.values).sum() == 1
    assert "2 of 20 presentations have no response and are dropped" in caplog.text
    assert "1 of 54 responses (1.9%) are missing, at 1 of 3 sites: site_1" in caplog.text


def test_silent_sites_are_kept_and_reported(recording):
    recording[:, 1] = 0
    recording[3, 1] = np.nan
    checked, gaps = examine(recording)
    assert checked.sizes["neuroid"] == 3
    assert gaps.silent_sites.tolist() == [False, True, False]
    assert gaps.missing_by_site.tolist() == [0, 1, 0]
    assert gaps.sentences() == [
        "1 of 3 sites are silent (the same response to everything): site_1",
        "1 of 60 responses (1.7%) are missing, at 1 of 3 sites: site_1; averages ignore them",
    ]


def test_a_site_without_any_response_is_silent_too(timed):
    timed[:, 2] = np.nan
    assert examine(timed)[1].silent_sites.tolist() == [False, False, True]


def test_repetitions_may_be_unnumbered(recording):
    assert check_assembly(recording.drop_vars("repetition")).sizes == recording.sizes


def test_the_same_neuroid_id_in_two_animals_is_accepted(recording):
    twice = recording.assign_coords(neuroid_id=("neuroid", ["1", "2", "1"]))
    assert check_assembly(twice).sizes["neuroid"] == 3


def _renamed(recording):
    return recording.rename(presentation="trials")


def _another_dim(recording):
    return recording.expand_dims("session")


def _averaged_away(recording):
    return recording.mean("neuroid")


def _no_stimulus_id(recording):
    return recording.drop_vars("stimulus_id")


def _no_neuroid_id(recording):
    return recording.drop_vars("neuroid_id")


def _no_bin_edges(recording):
    return recording.expand_dims(time_bin=2, axis=2)


def _stimulus_id_of_sites(recording):
    return recording.drop_vars("stimulus_id").assign_coords(stimulus_id=("neuroid", ["a", "b", "c"]))


def _missing_ids(recording):
    ids = recording["stimulus_id"].values.copy()
    ids[:2] = None
    return recording.assign_coords(stimulus_id=("presentation", ids))


def _no_presentations(recording):
    return recording.isel(presentation=[])


def _no_sites(recording):
    return recording.isel(neuroid=np.zeros(3, dtype=bool).nonzero()[0])


def _complex(recording):
    return recording.astype(complex)


def _text(recording):
    return recording.astype(str)


def _objects(recording):
    return recording.astype(object)


def _dates(recording):
    return recording.copy(data=np.zeros(recording.shape, dtype="datetime64[ns]"))


def _infinite(recording):
    recording[3, 1] = -np.inf
    return recording


def _all_missing(recording):
    return recording * np.nan


def _shown_twice(recording):
    again = recording["repetition"].values.copy()
    again[recording["stimulus_id"].values == "stimulus_2"] = 0
    return recording.assign_coords(repetition=("presentation", again))


def _a_table(recording):
    return recording.to_pandas()


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (_renamed, "has dims ('trials', 'neuroid'); expected 'presentation', 'neuroid'"),
        (_another_dim, "'session' is not known"),
        (_averaged_away, "'neuroid' is missing"),
        (_no_stimulus_id, "has no coordinate 'stimulus_id' on dim 'presentation'"),
        (_no_neuroid_id, "has no coordinate 'neuroid_id'"),
        (_no_bin_edges, "has no coordinate 'time_bin_start'"),
        (_stimulus_id_of_sites, "has the coordinate 'stimulus_id' on dims ('neuroid',)"),
        (_missing_ids, "has 2 missing values in 'stimulus_id'"),
        (_no_presentations, "is empty: it has no presentation"),
        (_no_sites, "is empty: it has no neuroid"),
        (_complex, "holds complex values"),
        (_text, "holds text values"),
        (_objects, "holds Python object values"),
        (_dates, "holds date values"),
        (_infinite, "has infinite responses (1 from site 'site_1' on)"),
        (_all_missing, "has no response at all: every value of its 20 presentations is missing"),
        (_shown_twice, "has 3 duplicate presentations (first: stimulus 'stimulus_2', repetition 0)"),
        (_a_table, "is a DataFrame, an xarray.DataArray was expected"),
    ],
)
def test_structural_errors_are_one_sentence_that_names_the_source(recording, broken, says):
    with pytest.raises(InputError) as caught:
        check_assembly(broken(recording), source="mine.nc")
    message = str(caught.value)
    assert message.startswith("mine.nc ")
    assert says in message
    assert "\n" not in message
