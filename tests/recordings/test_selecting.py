from __future__ import annotations

import numpy as np
import pytest

from neuroguide._core.errors import InputError, OptionError
from neuroguide.recordings.averaging import average_repetitions
from neuroguide.recordings.reliability import split_half_reliability
from neuroguide.recordings.selecting import align, complete, select


def test_by_region_and_animal(make_recording):
    recording = make_recording(n_sites=8)
    chosen = select(recording, region="V4", animal=["A"])
    assert chosen["neuroid_id"].values.tolist() == ["site_0", "site_4"]
    assert chosen.attrs["inclusion"] == "region: V4; animal: A"
    assert select(recording, region=["V4", "IT"]).sizes["neuroid"] == 8
    assert "inclusion" not in select(recording).attrs


def test_by_reliability(make_recording):
    recording = make_recording(n_stimuli=30, n_sites=6)
    rng = np.random.default_rng(1)
    recording[:, 4] = rng.normal(size=recording.sizes["presentation"])
    recording[:, 5] = 0
    chosen = select(recording, reliability=0.5)
    assert chosen["neuroid_id"].values.tolist() == ["site_0", "site_1", "site_2", "site_3"]
    expected = split_half_reliability(recording).values[:4]
    np.testing.assert_allclose(chosen["reliability"].values, expected)
    assert chosen.attrs["inclusion"] == "reliability >= 0.5 (4 of 6 sites)"


def test_after_averaging_the_reliability_that_was_computed_counts(make_recording):
    recording = make_recording(n_stimuli=30)
    averaged = average_repetitions(recording)
    known = averaged.assign_coords(reliability=("neuroid", [0.9, np.nan, 0.4]))
    assert select(known, reliability=0.5)["neuroid_id"].values.tolist() == ["site_0"]
    with pytest.raises(InputError, match="needs repetitions"):
        select(averaged, reliability=0.5)


def test_reliability_is_that_of_the_chosen_time(make_recording):
    recording = make_recording(n_stimuli=30, n_bins=2)
    recording[:, :, 0] = np.random.default_rng(0).normal(size=recording.shape[:2])
    chosen = select(recording, time=(0, 50), reliability=-1.0)
    np.testing.assert_allclose(chosen["reliability"], split_half_reliability(recording.isel(time_bin=1)))
    assert chosen.dims == recording.dims


def test_time(timed):
    assert select(timed, time="mean").dims == ("presentation", "neuroid")
    assert select(timed, time=(0, 100)).sizes["time_bin"] == 2
    with pytest.raises(OptionError, match="unknown time 'average'; known: mean"):
        select(timed, time="average")


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"region": "V5"}, "unknown region 'V5'; known: IT, V4"),
        ({"animal": []}, "no animal is given; known: A, B"),
        ({"region": "V4", "animal": "B", "reliability": 1.0}, "no site is left: none of the 1 sites has reliability"),
        ({"reliability": 70}, "reliability 70 is not between -1 and 1"),
    ],
)
def test_selections_that_are_not_possible(recording, wanted, says):
    recording = recording.assign_coords(animal=("neuroid", ["A", "A", "B"]))
    with pytest.raises(InputError) as caught:
        select(recording, **wanted)
    assert says in str(caught.value)


def test_nothing_left(recording):
    recording = recording.assign_coords(animal=("neuroid", ["A", "B", "A"]))
    with pytest.raises(OptionError, match="unknown animal 'B'; known: A"):
        select(recording, region="V4", animal="B")


def test_a_coordinate_that_is_not_there(recording):
    with pytest.raises(InputError, match="has no coordinate 'region' on neuroid"):
        select(recording.drop_vars("region"), region="V4")


def test_align_brings_stimuli_into_order(recording):
    averaged = average_repetitions(recording)
    order = [f"stimulus_{i}" for i in (3, 0, 4, 1, 2)]
    aligned = align(averaged, order)
    assert aligned["stimulus_id"].values.tolist() == order
    for name in order:
        np.testing.assert_array_equal(
            aligned.values[aligned["stimulus_id"].values == name],
            averaged.values[averaged["stimulus_id"].values == name],
        )


def test_align_keeps_repetitions_together_and_in_their_order(recording):
    aligned = align(recording, [f"stimulus_{i}" for i in range(5)])
    assert aligned["stimulus_id"].values.tolist() == [f"stimulus_{i}" for i in range(5) for _ in range(4)]
    assert aligned["repetition"].values.tolist() == list(range(4)) * 5


def test_align_compares_as_text(recording):
    numbered = recording.drop_vars("repetition").assign_coords(stimulus_id=("presentation", np.arange(20) // 4))
    assert align(numbered, ["4", "3", "2", "1", "0"])["stimulus_id"].values[0] == 4


def test_align_names_what_is_missing(recording):
    with pytest.raises(InputError) as caught:
        align(recording, ["stimulus_0", "stimulus_1", "face_03"], what="the model's features")
    missing = [name for name in dict.fromkeys(recording["stimulus_id"].values) if name[-1] not in "01"]
    assert str(caught.value) == (
        "the recording has 5 stimuli but there are 3 in the model's features (missing in the model's features: "
        f"{', '.join(missing)}; missing in the recording: face_03); stimuli='shared' keeps those that both have"
    )


def test_align_to_what_is_shared(recording):
    shared = align(recording, ["face_03", "stimulus_4", "stimulus_1"], stimuli="shared")
    assert list(dict.fromkeys(shared["stimulus_id"].values.tolist())) == ["stimulus_4", "stimulus_1"]
    with pytest.raises(InputError, match="share no stimulus"):
        align(recording, ["face_03"], stimuli="shared")
    with pytest.raises(OptionError, match="unknown stimuli 'same'"):
        align(recording, ["face_03"], stimuli="same")


def test_align_refuses_a_stimulus_twice(recording):
    with pytest.raises(InputError, match="stimulus 'a' is more than once"):
        align(recording, ["a", "b", "a"])


def test_complete_keeps_what_is_complete(recording):
    assert complete(recording).identical(recording)
    assert complete(recording, drop="sites").identical(recording)


def test_complete_names_what_is_missing(recording):
    averaged = average_repetitions(recording)
    averaged[averaged["stimulus_id"].values == "stimulus_3", 1] = np.nan
    with pytest.raises(InputError) as caught:
        complete(averaged)
    assert "missing at 1 of 3 sites (site_1) for 1 stimuli (stimulus_3)" in str(caught.value)
    sites = complete(averaged, drop="sites")
    assert sites["neuroid_id"].values.tolist() == ["site_0", "site_2"]
    assert sites.attrs["dropped"] == "sites: site_1"
    stimuli = complete(averaged, drop="stimuli")
    assert "stimulus_3" not in stimuli["stimulus_id"].values
    assert stimuli.attrs["dropped"] == "stimuli: stimulus_3"
    assert not np.isnan(stimuli.values).any()


def test_complete_leaves_something(recording):
    recording[0, :] = np.nan
    with pytest.raises(InputError, match=r"drop='sites' leaves nothing: .* try drop='stimuli'"):
        complete(recording, drop="sites")
    with pytest.raises(OptionError, match="unknown drop 'rows'"):
        complete(recording, drop="rows")


def test_by_array(recording):
    placed = recording.assign_coords(arr=("neuroid", ["P", "M", "P"]))
    chosen = select(placed, array="P", region=["V4"])
    assert chosen["neuroid_id"].values.tolist() == ["site_0", "site_2"]
    assert chosen.attrs["inclusion"] == "region: V4; array: P"
    with pytest.raises(OptionError, match="unknown arr 'Q'"):
        select(placed, array="Q")
