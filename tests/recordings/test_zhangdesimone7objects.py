from __future__ import annotations

import numpy as np
import pytest

from neuroguide._core.errors import FileError, OptionError
from neuroguide.recordings import loaders
from neuroguide.recordings.assembly import check_assembly
from neuroguide.recordings.averaging import average_repetitions
from neuroguide.recordings.reliability import split_half_reliability
from neuroguide.recordings.timing import average_time
from neuroguide.recordings.zhangdesimone7objects import describe, open_recording
from neuroguide.stimuli import open_stimuli
from neuroguide.testing.loaders import check_loader


def test_bins_hold_the_rates_of_each_neurons_own_trials(small_zhangdesimone):
    assembly = check_assembly(open_recording(bin_ms=100))
    assert assembly.dims == ("presentation", "neuroid", "time_bin")
    assert assembly.shape == (63, 2, 10)
    np.testing.assert_array_equal(assembly["time_bin_start"], np.arange(-500, 500, 100))
    np.testing.assert_array_equal(assembly["time_bin_end"], np.arange(-400, 600, 100))
    for site, name in enumerate(assembly["neuroid_id"].values):
        raster, labels = small_zhangdesimone[str(name)]
        for stimulus in set(labels):
            trials = [i for i, label in enumerate(labels) if label == stimulus]
            rows = np.flatnonzero(assembly["stimulus_id"].values == stimulus)
            assert list(assembly["repetition"].values[rows]) == [0, 1, 2]
            for row, trial in zip(rows, trials, strict=False):
                # 100 ms bins: one spike is 10 spikes/s
                expected = [10 * raster[trial, k : k + 100].sum() for k in range(0, 1000, 100)]
                np.testing.assert_allclose(assembly.values[row, site], expected)


def test_a_missing_trial_is_nan(small_zhangdesimone):
    assembly = open_recording()
    row, site, _ = np.nonzero(np.isnan(assembly.values))
    assert set(assembly["neuroid_id"].values[site]) == {"bp1002spk_03B"}
    assert set(assembly["stimulus_id"].values[row]) == {"face_upper"}
    assert set(assembly["repetition"].values[row]) == {2}
    assert not np.isnan(average_repetitions(assembly).values).any()


def test_the_stimulus_comes_at_zero(small_zhangdesimone, monkeypatch):
    from scipy import io

    original = io.loadmat

    def loadmat(handle, **options):
        content = original(handle, **options)
        content["raster_data"] = np.zeros_like(content["raster_data"])
        content["raster_data"][:, 500] = 1  # MATLAB's sample 501
        return content

    monkeypatch.setattr(io, "loadmat", loadmat)
    assembly = open_recording(bin_ms=1, window=(-2, 3))
    rates = np.nanmean(assembly.values, axis=(0, 1))
    np.testing.assert_array_equal(rates, [0, 0, 1000, 0, 0])
    assert assembly["time_bin_start"].values[2] == 0


def test_a_window_may_be_one_bin(small_zhangdesimone):
    whole = open_recording(bin_ms=300.0, window=[100, 400.0])  # as JSON and the command line give them
    assert whole.sizes["time_bin"] == 1
    fine = average_time(open_recording(bin_ms=25), (100, 400))
    np.testing.assert_allclose(whole.values[..., 0], fine.values, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bin_ms": 0}, "do not divide"),
        ({"bin_ms": None}, "whole ms"),
        ({"bin_ms": 30}, "bins of 30 ms do not divide the window"),
        ({"bin_ms": 2.5}, "whole ms"),
        ({"bin_ms": "50"}, "whole ms"),
        ({"window": (0, 600)}, "goes from -500 to 500"),
        ({"window": (400, 100)}, "not possible"),
        ({"window": (0, 100, 200)}, "whole ms"),
        ({"window": 100}, "whole ms"),
    ],
)
def test_bins_that_cannot_be_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        open_recording(**options)


def test_says_what_it_is(small_zhangdesimone):
    assembly = open_recording()
    assert assembly.dtype == np.float32
    attrs = assembly.attrs
    assert attrs["identifier"] == attrs["stimulus_set_identifier"] == "zhangdesimone7objects"
    assert (attrs["simulated"], attrs["simultaneous"], attrs["normalise"]) == (0, 0, "none")
    assert attrs["units"] == "spikes/s"
    assert "PNAS" in attrs["citation"]
    assert assembly["session"].values.tolist() == [1001, 1002]
    assert assembly["channel"].values.tolist() == [1, 3]
    assert assembly["unit"].values.tolist() == ["A", "B"]
    assert set(assembly["region"].values) == {"IT"}
    stimuli = open_stimuli(attrs["stimulus_set_identifier"])
    averaged = average_repetitions(assembly)
    assert averaged["stimulus_id"].values.tolist() == stimuli.ids
    assert averaged["object_name"].values.tolist() == stimuli.metadata["object_name"].tolist()
    assert averaged["position"].values.tolist() == stimuli.metadata["position"].tolist()


def test_keeps_the_contract(small_zhangdesimone):
    check_loader(loaders["zhangdesimone7objects"])
    check_loader(loaders["zhangdesimone7objects"], bin_ms=300, window=(100, 400))


def test_has_no_variants():
    with pytest.raises(OptionError, match="give the name alone"):
        open_recording("small")
    with pytest.raises(OptionError, match="unknown part"):
        describe("small")


def test_another_layout_is_named(put_archive):
    import io

    from scipy.io import savemat

    buffer = io.BytesIO()
    labels = np.empty((1, 3), dtype=object)
    labels[0] = ["car_lower"] * 3
    site = {"session_ID": 1, "recording_channel": 1, "unit": "A", "alignment_event_time": 501}
    raster = np.zeros((2, 1000), np.uint8)
    savemat(
        buffer, {"raster_data": raster, "raster_labels": {"combined_ID_position": labels}, "raster_site_info": site}
    )
    put_archive("zhangdesimone7objects", {"bp1_raster_data.mat": buffer.getvalue()})
    with pytest.raises(FileError, match=r"bp1_raster_data\.mat has a raster of shape \(2, 1000\).*3 trials"):
        open_recording()
    put_archive("zhangdesimone7objects", {"bp1_raster_data.mat": b"not MATLAB"})
    with pytest.raises(FileError, match=r"bp1_raster_data\.mat cannot be read"):
        open_recording()


def test_is_registered_and_described_without_a_download(monkeypatch, tmp_path):
    monkeypatch.setenv("NEUROGUIDE_HOME", str(tmp_path))
    loader = loaders["zhangdesimone7objects"]
    assert loader.open is open_recording
    assert loader.variants == ()
    found = loader.describe(None)
    assert found.source == "zhangdesimone7objects"
    assert any("No images were published" in note for note in found.notes)
    assert any("To download: 1.9 MB" in note for note in found.notes)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.real
def test_the_real_recording(neuroguide_home):
    check_loader(loaders["zhangdesimone7objects"], bin_ms=300, window=(100, 400))
    assembly = check_assembly(open_recording(bin_ms=300, window=(100, 400)))
    assert assembly.shape == (420, 132, 1)
    lacking = np.isnan(assembly.values[..., 0]).sum(axis=0)
    assert sorted(np.unique(lacking, return_counts=True)[1].tolist()) == [7, 125]
    assert lacking.max() == 1
    # an independent analysis of the same files found 0.786 (one way of splitting) and 0.886
    assert float(split_half_reliability(assembly).median()) == pytest.approx(0.786, abs=0.02)
    rates = assembly.values[..., 0].reshape(21, 20, 132)
    rng = np.random.default_rng(0)
    found = []
    for _ in range(20):
        order = rng.permutation(20)
        halves = [np.nanmean(rates[:, half], axis=1) for half in (order[:10], order[10:])]
        rdms = [1 - np.corrcoef(half)[np.triu_indices(21, 1)] for half in halves]
        found.append(np.corrcoef(rdms)[0, 1])
    assert np.mean(found) == pytest.approx(0.886, abs=0.03)
