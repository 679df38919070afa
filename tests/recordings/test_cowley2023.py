from __future__ import annotations

import numpy as np
import pytest

from neuroguide._core.errors import DownloadError, FileError, OptionError
from neuroguide.recordings import loaders
from neuroguide.recordings.assembly import check_assembly
from neuroguide.recordings.averaging import average_repetitions
from neuroguide.recordings.cowley2023 import describe, open_recording
from neuroguide.recordings.reliability import split_half_reliability
from neuroguide.recordings.selecting import align
from neuroguide.stimuli import open_stimuli
from neuroguide.testing.loaders import check_loader


def test_every_presentation_is_there_and_the_padding_is_not(small_cowley2023):
    assembly = check_assembly(open_recording())
    assert assembly.dims == ("presentation", "neuroid")
    assert assembly.shape == (2 + 3 + 1 + 3, 3)
    assert not np.isnan(assembly.values).any()
    for row in range(assembly.sizes["presentation"]):
        image, repetition = int(assembly["number"][row]) - 1, int(assembly["repetition"][row])
        assert str(assembly["stimulus_id"].values[row]) == f"210325_image{image + 1:04d}"
        np.testing.assert_array_equal(assembly.values[row], small_cowley2023[:, image, repetition])


def test_says_what_it_is(small_cowley2023):
    assembly = open_recording("210325")
    assert list(assembly["neuroid_id"].values) == ["210325_unit00", "210325_unit01", "210325_unit02"]
    assert set(assembly["region"].values) == {"V4"}
    assert set(assembly["animal"].values) == {"PE"}
    attrs = assembly.attrs
    assert attrs["identifier"] == attrs["stimulus_set_identifier"] == "cowley2023:210325"
    assert (attrs["simulated"], attrs["simultaneous"], attrs["normalise"]) == (0, 1, "none")
    assert attrs["units"] == "spikes in 100 ms"
    assert "bioRxiv" in attrs["citation"]
    assert "GPL" in attrs["licence"]
    assert all(isinstance(value, (str, int, float)) for value in attrs.values())


def test_a_session_of_means_says_so(small_cowley2023):
    assembly = check_assembly(open_recording("201025"))
    assert "repetition" not in assembly.coords
    assert assembly.attrs["repetitions"] == "averaged by the source"
    np.testing.assert_allclose(assembly.values, np.nanmean(small_cowley2023, axis=2).T)


@pytest.mark.parametrize("session", ["210325", "201025"])
def test_the_stimuli_are_those_that_the_recording_names(small_cowley2023, session):
    assembly = open_recording(session)
    stimuli = open_stimuli(assembly.attrs["stimulus_set_identifier"])
    aligned = align(average_repetitions(assembly), stimuli.ids)
    assert list(aligned["stimulus_id"].values) == stimuli.ids
    assert stimuli.images()[2].mean() == pytest.approx(120, abs=2)  # the third image is the third column


@pytest.mark.parametrize("session", [None, "210325", "201025"])
def test_keeps_the_contract(small_cowley2023, session):
    check_loader(loaders["cowley2023"], session)


def test_unknown_sessions_get_suggestions(small_cowley2023):
    with pytest.raises(OptionError, match="did you mean '210325'"):
        open_recording("210326")


def _damaged(path: str, content: bytes) -> dict[str, bytes]:
    contents = dict.fromkeys(("images/images_210325.zip", "images/images_201025.zip"), b"-")
    contents["readme.txt"] = b"210325 PE test"
    contents["responses_repeat_averaged/responses_201025.npy"] = b"-"
    contents["responses_raw/responses_210325.npy"] = _npy(np.zeros((2, 3, 4)))
    return contents | {path: content}


def _npy(array: np.ndarray) -> bytes:
    import io

    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("responses_raw/responses_210325.npy", b"not numpy", "cannot be read as a numpy array"),
        ("responses_raw/responses_210325.npy", _npy(np.array([{}])), "cannot be read as a numpy array"),
        ("responses_raw/responses_210325.npy", _npy(np.zeros((2, 3, 4)))[:150], "cannot be read as a numpy array"),
        ("responses_raw/responses_210325.npy", _npy(np.zeros(5)), r"\(units, images\) or"),
        ("responses_raw/responses_210325.npy", _npy(np.zeros((2, 3), dtype=complex)), r"\(units, images\) or"),
        ("readme.txt", b"another file", "has no row for session 210325"),
    ],
)
def test_files_of_another_layout_are_named(put_archive, path, content, message):
    folder = put_archive("cowley2023", _damaged(path, content))
    with pytest.raises(FileError, match=message) as caught:
        open_recording()
    assert str(folder / path) in str(caught.value)


def test_a_zip_of_other_images_is_named(put_archive, small_cowley2023):
    import io
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("image0002.jpg", b"x")
    put_archive("cowley2023", _damaged("images/images_210325.zip", packed.getvalue()))
    with pytest.raises(FileError, match=r"expected to hold image0001\.jpg to image0001\.jpg"):
        open_stimuli("cowley2023:210325")


def test_a_cached_file_that_changed_is_never_used(small_cowley2023, tmp_path, monkeypatch):
    from neuroguide._core import download

    def refuse(url, part, **_options):
        raise DownloadError(f"cannot reach {url}")

    monkeypatch.setattr(download, "download_to", refuse)
    file = tmp_path / "cache/cowley2023/responses_raw/responses_210325.npy"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(DownloadError, match="cannot reach"):
        open_recording()


def test_is_described_without_a_download(monkeypatch, tmp_path):
    monkeypatch.setenv("NEUROGUIDE_HOME", str(tmp_path))
    found = describe(None)
    assert found.source == "cowley2023:210325"
    assert 'ng.open_recording("cowley2023:210325")' in found.how_to_open
    assert any("To download: 4.4 MB" in note for note in found.notes)
    assert any("no ceiling" in note for note in describe("201025").notes)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OptionError, match="unknown part"):
        describe("1")


def test_is_registered():
    loader = loaders["cowley2023"]
    assert loader.variants == ("210325", "201025")
    assert loader.open is open_recording
    assert loader.open_rdm is None


@pytest.mark.real
@pytest.mark.parametrize("session", ["210325", "201025"])
def test_the_real_sessions_keep_the_contract(neuroguide_home, session):
    check_loader(loaders["cowley2023"], session)


@pytest.mark.real
def test_session_210325(neuroguide_home):
    assembly = check_assembly(open_recording("210325"))
    raw = np.load(neuroguide_home / "cowley2023/responses_raw/responses_210325.npy")
    means = np.load(neuroguide_home / "cowley2023/responses_repeat_averaged/responses_210325.npy")
    assert assembly.sizes["neuroid"] == 50
    assert assembly.sizes["presentation"] == np.isfinite(raw[0]).sum()
    averaged = average_repetitions(assembly)
    assert averaged.sizes["presentation"] == 640
    counts = averaged["n_repetitions"].values
    assert (counts.min(), counts.max()) == (6, 10)
    # the archive's own means are an independent witness of the order
    np.testing.assert_allclose(averaged.values, means.T, atol=1e-12)
    # an independent analysis of the same file found 0.755, splitting the columns instead of each image's repetitions
    assert float(split_half_reliability(assembly).median()) == pytest.approx(0.755, abs=0.015)
    assert averaged["stimulus_id"].values.tolist() == open_stimuli("cowley2023:210325").ids


@pytest.mark.real
def test_session_201025(neuroguide_home):
    assembly = check_assembly(open_recording("201025"))
    assert assembly.shape == (1200, 89)
    assert set(assembly["animal"].values) == {"PE"}
    assert assembly["stimulus_id"].values.tolist() == open_stimuli("cowley2023:201025").ids
