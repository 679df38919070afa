"""NWB files that pynwb wrote."""

from __future__ import annotations

import datetime
import sys
import warnings

import h5py
import numpy as np
import pytest

from neuroguide._core.errors import FileError, InputError, MissingExtraError, OptionError
from neuroguide.recordings import loaders, normalise_sites
from neuroguide.recordings._isolated import in_this_process
from neuroguide.recordings.opening import inspect, open_recording
from neuroguide.testing.loaders import check_loader

pynwb = pytest.importorskip("pynwb")

ONSETS = np.arange(6) + 1.0
SPIKES = [np.sort(np.random.default_rng(unit).uniform(0, 8, 900)) for unit in range(3)]


def _expected(start, end):
    return np.array(
        [[np.sum((s >= onset + start / 1000) & (s < onset + end / 1000)) for s in SPIKES] for onset in ONSETS]
    ) / ((end - start) / 1000)


def _empty():
    start = datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC)
    file = pynwb.NWBFile("V4 and IT", "lab_2024_05_01", start)
    file.subject = pynwb.file.Subject(subject_id="m1", species="Macaca mulatta", age="P5Y", sex="M")
    return file


def _add_trials(file, name="stimulus_name"):
    file.add_trial_column(name, "what was shown")
    file.add_trial_column("contrast", "of the image")
    for i, onset in enumerate(ONSETS):
        file.add_trial(start_time=onset, stop_time=onset + 0.3, contrast=i % 2 / 2, **{name: f"image {i % 3}"})


def _add_units(file, *, electrodes=True, observed=False):
    device = file.create_device("array")
    for area in ("V4", "IT", "IT") if electrodes else ():
        group = file.electrode_groups.get(area) or file.create_electrode_group(area, "array", area, device)
        file.add_electrode(location=area, group=group)
    file.add_unit_column("quality", "of the isolation")
    for unit, spikes in enumerate(SPIKES):
        more = {"electrodes": [unit]} if electrodes else {}
        if observed:
            more["obs_intervals"] = [[0.0, 3.5], [4.5, 9.0]] if unit == 1 else [[0.0, 9.0]]
        file.add_unit(spike_times=spikes, quality="good", **more)


def _write(file, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pynwb.NWBHDF5IO(path, "w") as io:
            io.write(file)
    return path


@pytest.fixture
def path(tmp_path):
    file = _empty()
    _add_trials(file)
    _add_units(file)
    return _write(file, tmp_path / "a.nwb")


def test_the_contract(path):
    check_loader(loaders["nwb"], path, window=(0, 500), baseline=(-100, 0))


def test_spikes_are_counted_in_the_window(path):
    found = open_recording(path)
    np.testing.assert_allclose(found.values, _expected(70, 170))
    assert found["stimulus_id"].values.tolist() == [f"image {i % 3}" for i in range(6)]
    assert found["repetition"].values.tolist() == [0, 0, 0, 1, 1, 1]
    assert found["region"].values.tolist() == ["V4", "IT", "IT"]
    assert found["contrast"].values.tolist() == [0, 0.5] * 3
    assert found["quality"].values.tolist() == ["good"] * 3
    assert set(found["animal"].values) == {"m1"}
    assert found.attrs["identifier"] == "lab_2024_05_01"
    assert found.attrs["time_window"] == "70 to 170 ms after stimulus onset"


def test_time_bins_and_baseline(path):
    found = open_recording(path, window=(-50, 200), bin_ms=50, baseline=(-100, 0))
    assert found.sizes == {"presentation": 6, "neuroid": 3, "time_bin": 5}
    for i, start in enumerate(range(-50, 200, 50)):
        np.testing.assert_allclose(found.values[:, :, i], _expected(start, start + 50))
    np.testing.assert_allclose(found["baseline"].values, _expected(-100, 0).mean(axis=0))
    whole = open_recording(path, baseline=(-100, 0))
    changed = normalise_sites(whole, "baseline")
    np.testing.assert_allclose(changed.values, _expected(70, 170) - _expected(-100, 0).mean(axis=0), rtol=1e-5)


def test_what_was_not_observed_is_missing(tmp_path):
    file = _empty()
    _add_trials(file)
    _add_units(file, observed=True)
    with pytest.warns(UserWarning, match="1 of 18 responses"):
        found = open_recording(_write(file, tmp_path / "a.nwb"))
    assert np.argwhere(np.isnan(found.values)).tolist() == [[3, 1]]


def test_spike_times_stay_on_disk(path, monkeypatch):
    largest = []
    read = h5py.Dataset.__getitem__

    def watched(self, key):
        values = read(self, key)
        if self.name == "/units/spike_times":
            largest.append(np.size(values))
        return values

    monkeypatch.setattr(h5py.Dataset, "__getitem__", watched)
    with in_this_process():
        open_recording(path)
    assert 0 < max(largest) <= 900


def test_binned_responses(tmp_path):
    counts = np.random.default_rng(0).poisson(1, (900, 2))
    file = _empty()
    _add_trials(file)
    module = file.create_processing_module("ecephys", "counts")
    module.add(pynwb.TimeSeries(name="counts", data=counts, unit="spikes", rate=100.0))
    path = _write(file, tmp_path / "a.nwb")
    assert "responses='ecephys/counts'" in inspect(path).how_to_open[0]
    found = open_recording(path, responses="ecephys/counts", window=(70, 170))
    rows = [counts[round(onset * 100) + 7 : round(onset * 100) + 17].sum(axis=0) / 0.1 for onset in ONSETS]
    np.testing.assert_allclose(found.values, rows)
    with pytest.raises(InputError, match="windows of 15 ms cannot be made from the bins"):
        open_recording(path, responses="ecephys/counts", window=(70, 85))


def test_images_by_number(tmp_path):
    file = _empty()
    _add_units(file, electrodes=False)
    images = [pynwb.image.GrayscaleImage(name=f"face {i}", data=np.zeros((4, 4))) for i in range(3)]
    order = pynwb.base.ImageReferences(name="order_of_images", data=images)
    file.add_stimulus_template(pynwb.base.Images(name="faces", images=images, order_of_images=order))
    shown = pynwb.image.IndexSeries(
        name="shown", data=np.array([2, 0, 1, 0, 1, 2], np.uint32), unit="N/A", timestamps=ONSETS,
        indexed_images=file.stimulus_template["faces"],
    )  # fmt: skip
    file.add_stimulus(shown)
    found = open_recording(_write(file, tmp_path / "a.nwb"))
    assert found["stimulus_id"].values.tolist() == [f"face {i}" for i in (2, 0, 1, 0, 1, 2)]
    np.testing.assert_allclose(found.values, _expected(70, 170))
    assert "region" not in found.coords


def test_intervals_and_columns_of_ones_own(tmp_path):
    file = _empty()
    _add_units(file)
    table = pynwb.epoch.TimeIntervals(name="pictures", description="x")
    table.add_column("number", "of the picture")
    for i, onset in enumerate(ONSETS):
        table.add_interval(start_time=onset - 0.1, stop_time=onset + 1, number=float(i % 2))
    file.add_time_intervals(table)
    path = _write(file, tmp_path / "a.nwb")
    assert inspect(path).how_to_open[0].endswith("trials='pictures', window=(70, 170), stimulus='...')")
    found = open_recording(path, stimulus="number", window=(170, 270), region="quality", stimulus_set="pictures/")
    np.testing.assert_allclose(found.values, _expected(70, 170))
    assert found["stimulus_id"].values.tolist() == ["0", "1"] * 3
    assert found["region"].values.tolist() == ["good"] * 3
    assert found.attrs["stimulus_set_identifier"] == "pictures/"


WRONG = {
    "a window that ends first": ({"window": (170, 70)}, InputError, "the window 170 to 70 ms is not possible"),
    "half a window": ({"window": 70}, InputError, "window 70 is not understood"),
    "bins that do not fit": ({"bin_ms": 30}, InputError, "bins of 30 ms do not divide the window 70 to 170 ms"),
    "no such table": ({"trials": "trial"}, OptionError, "did you mean 'trials'"),
    "no such column": ({"stimulus": "stimulus"}, OptionError, "did you mean 'stimulus_name'"),
    "no such onset": ({"onset": "start"}, OptionError, "did you mean 'start_time'"),
    "no such series": ({"responses": "counts"}, OptionError, "unknown time series of two axes"),
    "no such area": ({"region": "areas"}, OptionError, "unknown column of units or electrodes"),
    "an unknown option": ({"windows": (0, 1)}, OptionError, "did you mean 'window'"),
    "too large": ({"max_bytes": 10}, FileError, "at most 10 bytes are read"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_options_get_one_sentence(path, wrong):
    options, kind, says = WRONG[wrong]
    with pytest.raises(kind) as caught:
        open_recording(path, **options)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def _change(path, what):
    with h5py.File(path, "r+") as file:
        if what == "a link to another file":
            file["units/secret"] = h5py.ExternalLink("secret.h5", "/x")
        elif what == "another file's data":
            layout = h5py.VirtualLayout(shape=(3,), dtype="f8")
            layout[:] = h5py.VirtualSource("secret.h5", "x", shape=(3,))
            file.create_virtual_dataset("units/extra", layout)
        elif what == "a claim of 80 GB":
            file.create_dataset("units/extra", (10**10,), "f8", chunks=(1000,), compression="gzip")
        elif what == "no version":
            del file.attrs["nwb_version"]
        elif what == "no units":
            del file["units"]
        elif what == "no trials":
            del file["intervals"]
        elif what == "spikes past their end":
            file["units/spike_times_index"][-1] = 60_000
        elif what == "no identifier":
            del file["identifier"]
        elif what == "an unknown type":
            file["units"].attrs["neurodata_type"] = "Nonsense"
        elif what == "text for onsets":
            values = file["intervals/trials/start_time"]
            attrs = dict(values.attrs)
            del file["intervals/trials/start_time"]
            file["intervals/trials/start_time"] = ["early"] * 6
            file["intervals/trials/start_time"].attrs.update(attrs)


CHANGED = {
    "a link to another file": "has a link 'units/secret' to another file",
    "another file's data": "keeps 'units/extra' in other files",
    "a claim of 80 GB": "claims 80 GB for 'units/extra'",
    "no version": "is HDF5 but not NWB",
    "no units": "holds no spike times of units",
    "no trials": "holds no table of presentations",
    "spikes past their end": "refers to spike times of units that are not there",
    "no identifier": "cannot be read by pynwb",
    "an unknown type": "cannot be read by pynwb",
    "text for onsets": "holds something else than NWB says",
}


@pytest.mark.parametrize("what", CHANGED)
def test_wrong_files_get_one_sentence(path, what):
    _change(path, what)
    with pytest.raises(FileError) as caught:
        open_recording(path)
    assert CHANGED[what] in str(caught.value)
    assert "a.nwb" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_pynwb_the_extra_is_named(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynwb", None)
    with in_this_process(), pytest.raises(MissingExtraError, match=r"neuroguide\[nwb\]"):
        open_recording(path)
