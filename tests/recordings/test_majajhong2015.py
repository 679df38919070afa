"""The recording of Majaj, Hong et al. 2015: a small archive of the same structure, on disk and behind a server."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image

from neuroguide._core import catalog, download
from neuroguide._core.errors import DownloadError, FileError, InputError, NeuroguideError, OptionError
from neuroguide._core.transfer import Patience
from neuroguide.recordings import loaders
from neuroguide.recordings.averaging import average_repetitions
from neuroguide.recordings.opening import inspect, open_recording
from neuroguide.stimuli import open_stimuli
from neuroguide.testing.loaders import check_loader

RESPONSES, TABLE, IMAGES = (file.path for file in catalog.entry("majajhong2015").files)

N_STIMULI, N_SITES = 40, 7
N_PRESENTATIONS = 8 * 28 + 32 * 51  # repetitions as in the archive: 640 x 28 + 2,560 x 51 = 148,480


def _benchmark():
    """The benchmark's module, which writes files of the archive's structure in any size."""
    path = Path(__file__).parents[2] / "benchmarks" / "opening.py"
    specification = importlib.util.spec_from_file_location("benchmark_opening", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@dataclasses.dataclass
class Archive:
    """What is in the small archive, and the bytes of its files by name."""

    responses: xr.DataArray
    table: pd.DataFrame
    files: dict[str, bytes]


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Archive:
    folder = tmp_path_factory.mktemp("majajhong2015")
    responses, table = _benchmark().write_archive(folder, n_v4=3, n_it=4, n_stimuli=N_STIMULI)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as images:
        for number, name in enumerate(table["filename"]):
            picture = io.BytesIO()
            Image.fromarray(np.full((16, 16, 3), 6 * number, np.uint8)).save(picture, format="PNG")
            images.writestr(name, picture.getvalue())
    files = {name: (folder / name).read_bytes() for name in (RESPONSES, TABLE)} | {IMAGES: packed.getvalue()}
    return Archive(responses, table, files)


def _entry(files: dict[str, bytes], base_url: str = "http://127.0.0.1:9") -> catalog.CatalogEntry:
    """The catalogue's entry with the SHA-1 of these files."""
    listed = tuple(
        catalog.CatalogFile(path=name, sha1=hashlib.sha1(content).hexdigest()) for name, content in files.items()
    )
    return dataclasses.replace(catalog.entry("majajhong2015"), files=listed, base_url=base_url)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[catalog.CatalogEntry], None]:
    """Put an entry into the catalogue in place of the real one."""

    def _use(entry: catalog.CatalogEntry) -> None:
        known = {**catalog.entries(), "majajhong2015": entry}
        monkeypatch.setattr(catalog, "_load", lambda: known)

    return _use


@pytest.fixture
def brainio(tmp_path, monkeypatch) -> Path:
    """An empty cache of Brain-Score's, and an empty one of ours."""
    monkeypatch.setenv("BRAINIO_HOME", str(tmp_path / "brainio"))
    monkeypatch.setenv("NEUROGUIDE_HOME", str(tmp_path / "cache"))
    return tmp_path / "brainio"


@pytest.fixture
def put(brainio, use) -> Callable[[dict[str, bytes]], None]:
    """Put files where Brain-Score keeps them."""

    def _put(files: dict[str, bytes]) -> None:
        entry = _entry(files)
        for file in entry.files:
            place = brainio / file.sha1 / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(files[file.path])
        use(entry)

    return _put


def test_the_catalogue_has_the_archives_own_checksums():
    entry = catalog.entry("majajhong2015")
    assert {entry.url(file.path): file.sha1 for file in entry.files} == {
        f"https://brainscore-storage.s3.amazonaws.com/brainio-brainscore/{name}": sha1
        for name, sha1 in {
            "assy_dicarlo_MajajHong2015_public.nc": "13d28ca0ce88ee550b54db3004374ae19096e9b9",
            "stimulus_hvm-public.csv": "5ca7a3da00d8e9c694a9cd725df5ba0ad6d735af",
            "stimulus_hvm-public.zip": "8aa44e038d7b551efa8077467622f9d48d72e473",
        }.items()
    }


def test_responses_come_with_what_is_known_of_their_stimuli(put, archive, brainio):
    put(archive.files)
    found = open_recording("majajhong2015")
    assert found.dims == ("presentation", "neuroid", "time_bin")
    np.testing.assert_array_equal(found.values, archive.responses.transpose(*found.dims).values)
    assert found["stimulus_id"].values.tolist() == archive.responses["image_id"].values.tolist()
    assert "image_id" not in found.coords
    assert "filename" not in found.coords
    rows = archive.table.set_index("image_id").loc[archive.responses["image_id"].values]
    for name in ("object_name", "category_name", "variation", "rxy"):
        assert found[name].dims == ("presentation",)
        assert found[name].values.tolist() == rows[name].tolist()
    for name in ("neuroid_id", "arr", "col", "hemisphere", "subregion", "animal", "y", "x", "region", "row"):
        assert found[name].values.tolist() == archive.responses[name].values.tolist()
    assert found.attrs["identifier"] == found.attrs["stimulus_set_identifier"] == "majajhong2015"
    assert found.attrs["time_window"] == "70 to 170 ms"
    assert (found.attrs["simulated"], found.attrs["simultaneous"]) == (0, 0)
    assert not (brainio.parent / "cache").exists()  # nothing was downloaded or copied


def test_averaging_keeps_the_columns(put, archive):
    put(archive.files)
    means = average_repetitions(open_recording("majajhong2015"))
    assert means.sizes["presentation"] == N_STIMULI
    single = pd.DataFrame(archive.responses.values[:, :, 0].T.astype(float), index=archive.responses["image_id"].values)
    expected = single.groupby(level=0).mean().loc[means["stimulus_id"].values]
    np.testing.assert_allclose(means.values[:, :, 0], expected, rtol=1e-5, atol=1e-6)
    assert sorted(set(means["n_repetitions"].values.tolist())) == [28, 51]
    assert means["object_name"].values.tolist() == archive.table["object_name"].tolist()
    assert means.attrs["citation"]


def test_the_stimuli_are_those_that_the_recording_names(put, archive):
    put(archive.files)
    recording = open_recording("majajhong2015")
    stimuli = open_stimuli(recording.attrs["stimulus_set_identifier"])
    assert stimuli.degrees == 8
    shown = stimuli.select(dict.fromkeys(recording["stimulus_id"].values.tolist()))
    assert [int(image[0, 0, 0]) for image in shown.images()] == [6 * number for number in range(N_STIMULI)]


def test_keeps_the_contract(put, archive):
    put(archive.files)
    check_loader(loaders["majajhong2015"])
    assert "In the cache" in str(inspect("majajhong2015"))
    with pytest.raises(OptionError, match="unknown part of majajhong2015 'IT'"):
        open_recording("majajhong2015:IT")
    with pytest.raises(OptionError, match="unknown part of majajhong2015 'IT'"):
        open_stimuli("majajhong2015:IT")


def test_it_is_downloaded_where_it_is_nowhere(brainio, use, archive, file_server):
    file_server.files = {f"/{name}": content for name, content in archive.files.items()}
    use(_entry(archive.files, file_server.url))
    assert "To download: a size that is not published" in str(inspect("majajhong2015"))
    open_recording("majajhong2015")
    assert [path for path, _ in file_server.asked] == [f"/{RESPONSES}", f"/{TABLE}"]  # the images are not needed
    open_recording("majajhong2015")
    open_stimuli("majajhong2015")
    assert [path for path, _ in file_server.asked] == [f"/{RESPONSES}", f"/{TABLE}", f"/{IMAGES}"]
    assert not brainio.exists()


def test_a_damaged_file_of_brain_scores_is_downloaded_and_left_alone(brainio, use, archive, file_server, put):
    put(archive.files)
    damaged = brainio / hashlib.sha1(archive.files[RESPONSES]).hexdigest() / RESPONSES
    damaged.write_bytes(b"damaged")
    file_server.files = {f"/{name}": content for name, content in archive.files.items()}
    use(_entry(archive.files, file_server.url))
    assert open_recording("majajhong2015").shape == (N_PRESENTATIONS, N_SITES, 1)
    assert [path for path, _ in file_server.asked] == [f"/{RESPONSES}"]
    assert damaged.read_bytes() == b"damaged"


@pytest.mark.parametrize("part", [slice(None, None, -1), slice(0, 50_000), slice(0, 0)])
def test_other_content_or_half_of_it_at_the_address_is_refused(brainio, use, archive, file_server, part):
    file_server.files = {f"/{name}": content for name, content in archive.files.items()}
    file_server.files[f"/{RESPONSES}"] = archive.files[RESPONSES][part]
    use(_entry(archive.files, file_server.url))
    with pytest.raises(DownloadError, match="another checksum than the catalogue's sha1:"):
        open_recording("majajhong2015")
    assert not list((brainio.parent / "cache").rglob("*.nc"))


def test_a_transfer_that_breaks_off_goes_on(brainio, use, archive, file_server):
    file_server.files = {f"/{name}": content for name, content in archive.files.items()}
    entry = _entry(archive.files, file_server.url)
    use(entry)
    file_server.cut = [70_000]
    once = Patience(connect=2.0, read=0.3, attempts=1, pause=0.01)
    with pytest.raises(DownloadError, match=r"the connection broke off .65,536 bytes are kept"):
        download.fetch(entry, [RESPONSES], patience=once)
    open_recording("majajhong2015")
    assert file_server.asked[:2] == [(f"/{RESPONSES}", None), (f"/{RESPONSES}", "bytes=65536-")]


def test_a_server_that_stalls_keeps_what_came(brainio, use, archive, file_server):
    file_server.files = {f"/{name}": content for name, content in archive.files.items()}
    entry = _entry(archive.files, file_server.url)
    use(entry)
    file_server.stall_after = 70_000
    with pytest.raises(DownloadError, match=r"stalled for 0\.3 s"):
        download.fetch(entry, [RESPONSES], patience=Patience(connect=2.0, read=0.3, attempts=1, pause=0.01))
    file_server.stall_after = None
    open_recording("majajhong2015")
    assert (f"/{RESPONSES}", "bytes=65536-") in file_server.asked


def _edited(content: bytes, edit: Callable[[h5py.File], None]) -> bytes:
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        edit(file)
    return buffer.getvalue()


def _renamed(old: str, new: str) -> Callable[[h5py.File], None]:
    return lambda file: file.move(old, new)


def _infinite(file: h5py.File) -> None:
    file["data"][0, 0, 0] = np.inf


def _twice(file: h5py.File) -> None:
    file["repetition"][:] = 0


def _unknown(file: h5py.File) -> None:
    file["image_id"][0] = "nobody"


WRONG_RESPONSES = {
    "text": (lambda content: b"this is no recording\n" * 20, "is not a netCDF file"),
    "empty": (lambda content: b"", "is empty"),
    "truncated": (lambda content: content[: len(content) // 2], "truncated or broken"),
    "without ids": (lambda c: _edited(c, _renamed("image_id", "picture")), "no 'stimulus_id' for each presentation"),
    "without repetitions": (lambda c: _edited(c, _renamed("repetition", "trial")), "no 'repetition' for each"),
    "without regions": (lambda c: _edited(c, _renamed("region", "area")), "no 'region' for each neuroid"),
    "without sites": (lambda c: _edited(c, _renamed("neuroid_id", "site")), "no coordinate 'neuroid_id'"),
    "infinite": (lambda c: _edited(c, _infinite), "infinite responses"),
    "a repetition twice": (lambda c: _edited(c, _twice), "duplicate presentations"),
    "an unknown image": (lambda c: _edited(c, _unknown), "shows 1 stimuli that the table of stimuli lacks: nobody"),
}


@pytest.mark.parametrize("kind", WRONG_RESPONSES)
def test_wrong_responses_are_one_sentence(put, archive, kind):
    damage, sentence = WRONG_RESPONSES[kind]
    put(archive.files | {RESPONSES: damage(archive.files[RESPONSES])})
    with pytest.raises(InputError, match=sentence) as caught:
        open_recording("majajhong2015")
    assert "\n" not in str(caught.value)


WRONG_TABLES = {
    "of other columns": (b"name,color\na,red\n", "no column stimulus_id or image_id"),
    "not text": (b"\xff\xfe\x00image_id", "is not UTF-8"),
    "empty": (b"", "no column stimulus_id"),
    "without rows": (b"image_id,filename\n", "a header but no rows"),
    "a row too long": (b"image_id\na,b\n", "cannot be read as a CSV table"),
    "the same id twice": (b"image_id\na\na\n", "the stimulus 'a' in two rows"),
    "a path that climbs": (b"image_id,filename\na,../../a.png\n", "unsafe path"),
}


@pytest.mark.parametrize("kind", WRONG_TABLES)
def test_a_wrong_table_is_one_sentence(put, archive, kind):
    content, sentence = WRONG_TABLES[kind]
    put(archive.files | {TABLE: content})
    with pytest.raises(FileError, match=sentence) as caught:
        open_recording("majajhong2015")
    assert "\n" not in str(caught.value)


def test_wrong_images_are_one_sentence(put, archive):
    for content, sentence in {
        b"no zip": "is no zip",
        b"PK\x05\x06" + bytes(18): f"lacks {N_STIMULI} of {N_STIMULI} images",
    }.items():
        put(archive.files | {IMAGES: content})
        with pytest.raises(NeuroguideError, match=sentence):
            open_stimuli("majajhong2015")
    put(archive.files | {TABLE: b"image_id\na\n"})
    with pytest.raises(FileError, match="has no column of files"):
        open_stimuli("majajhong2015")
