"""Small valid files of every kind that is read, made here."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import torch
import xarray as xr
from PIL import Image
from scipy.io import savemat

import neuroguide as ng
from neuroguide.nas.data import from_arrays
from neuroguide.nas.evaluation import save_weights
from neuroguide.nas.spaces import open_space
from neuroguide.nas.study import search
from neuroguide.recordings.netcdf import write_netcdf
from neuroguide.recordings.opening import write_rdm
from neuroguide.scoring.files import write_scores
from neuroguide.testing.candidates import STAND_IN, StandInGuide

CACHED = b"what the catalogue says" * 50
CACHED_SHA256 = hashlib.sha256(CACHED).hexdigest()

_RESPONSES = np.random.default_rng(0).poisson(5, (3, 4, 2)).astype(float)
_SHOWN = [f"image {i}" for i in range(4)]
_SPACE = {"stages": 1, "activation": ["relu"], "normalisation": ["batch"]}


def _recording() -> xr.DataArray:
    values = np.random.default_rng(0).poisson(5, (8, 3)).astype("f4")
    coords = {
        "stimulus_id": ("presentation", np.array(_SHOWN * 2)),
        "repetition": ("presentation", np.arange(8) // 4),
        "neuroid_id": ("neuroid", np.array(["a", "b", "c"])),
        "region": ("neuroid", np.array(["V4", "IT", "IT"])),
    }
    return xr.DataArray(values, coords, ("presentation", "neuroid"), attrs={"units": "Hz", "simulated": 1})


def netcdf4(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    return [write_netcdf(_recording(), folder / "ours.nc"), _theirs(folder / "theirs.nc", "NETCDF4")]


def classic(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    formats = ("NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET")
    return [_theirs(folder / f"{name}.nc", name) for name in formats]


def _theirs(path: Path, form: str) -> Path:
    _recording().rename("responses").to_netcdf(path, format=form, engine="netcdf4")
    return path


def nwb(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    import pynwb

    file = pynwb.NWBFile("V4 and IT", "day", datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC))
    file.add_trial_column("stimulus_name", "what was shown")
    for i in range(4):
        file.add_trial(start_time=i + 1.0, stop_time=i + 1.3, stimulus_name=f"image {i % 2}")
    for unit in range(2):
        file.add_unit(spike_times=np.sort(np.random.default_rng(unit).uniform(0, 6, 60)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pynwb.NWBHDF5IO(folder / "a.nwb", "w") as handle:
            handle.write(file)
    return [folder / "a.nwb"]


def matlab5(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    content = {
        "resp": _RESPONSES, "shown": np.array(_SHOWN, dtype=object), "note": "text",
        "unit": {"area": np.array(list("VII"), object), "resp": _RESPONSES.astype("f4")},
    }  # fmt: skip
    for name, packed in (("v5.mat", False), ("v7.mat", True)):
        savemat(folder / name, content, do_compression=packed)
    return [folder / "v5.mat", folder / "v7.mat"]


def matlab73(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    path = folder / "v73.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["resp"] = _RESPONSES.T
        file["resp"].attrs["MATLAB_class"] = np.bytes_("double")
        cells = file.create_dataset("shown", (4, 1), dtype=h5py.ref_dtype)
        for i, text in enumerate(_SHOWN):
            cell = file.create_dataset(f"#refs#/{i}", data=np.frombuffer(text.encode("utf-16-le"), np.uint16)[:, None])
            cell.attrs["MATLAB_class"] = np.bytes_("char")
            cells[i, 0] = cell.ref
        cells.attrs["MATLAB_class"] = np.bytes_("cell")
    with path.open("r+b") as handle:
        handle.write(b"MATLAB 7.3 MAT-file")
    return [path]


def hdf5(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    with h5py.File(folder / "a.h5", "w") as file:
        file.create_dataset("resp", data=_RESPONSES, compression="gzip")
        file["shown"] = _SHOWN
    return [folder / "a.h5"]


def npy(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    np.save(folder / "a.npy", _RESPONSES)
    np.save(folder / "b.npy", np.asfortranarray(_RESPONSES.astype(">i2")))
    return [folder / "a.npy", folder / "b.npy"]


def npz(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    np.savez(folder / "a.npz", resp=_RESPONSES, shown=np.array(_SHOWN))
    np.savez_compressed(folder / "b.npz", resp=_RESPONSES.astype("f4"), shown=np.array(_SHOWN))
    return [folder / "a.npz", folder / "b.npz"]


def _tables() -> dict[str, pd.DataFrame]:
    tidy = [
        {"stimulus_id": shown, "neuroid_id": f"n{site}", "repetition": again, "rate": _RESPONSES[site, i, again]}
        for site in range(3)
        for i, shown in enumerate(_SHOWN)
        for again in range(2)
    ]
    wide = pd.DataFrame({"stimulus_id": _SHOWN, **{f"unit_{site}": _RESPONSES[site, :, 0] for site in range(3)}})
    return {"tidy": pd.DataFrame(tidy), "wide": wide}


def csv(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    for name, table in _tables().items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return [folder / "tidy.csv", folder / "wide.csv"]


def parquet(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    for name, table in _tables().items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    return [folder / "tidy.parquet", folder / "wide.parquet"]


def rdm(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    return [write_rdm(ng.rdm(_recording()), folder / "rdm.nc")]


def scores(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    values = xr.DataArray([[0.1, 0.2]], {"layer": ["a"], "region": ["V4", "IT"]}, ("layer", "region"))
    made = xr.Dataset({"similarity": values, "n_sites": ("region", [3, 4])}, attrs={"seed": 0, "metric": "rsa"})
    return [write_scores(made, folder / "scores.nc")]


def pool(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    options = {**_SPACE, "depth": [1, 2], "width": [8], "operation": ["conv"], "kernel": [3], "skip": ["none"]}
    space = open_space("macro", **options)
    members = list(space.enumerate())
    n, rng = len(members), np.random.default_rng(0)
    long = ("architecture", "seed", "images", "validation_images")
    variables = {
        "architecture_json": (("architecture",), np.array([json.dumps(space.to_json(a)) for a in members], object)),
        "validation_accuracy": (long, rng.uniform(0.1, 0.5, (n, 2, 2, 2))),
        "validation_loss": (long[:3], rng.uniform(1, 3, (n, 2, 2))),
        "summed_training_loss": (long[:3], rng.uniform(1, 3, (n, 2, 2))),
        "similarity": ((*long[:3], "stage", "teacher"), rng.uniform(0, 1, (n, 2, 2, 3, 2))),
        "mature_test_accuracy": (long[:2], rng.uniform(0.4, 0.7, (n, 2))),
        "proxies": ((*long[:2], "proxy"), rng.normal(size=(n, 2, 1))),
        **{name: (("architecture",), rng.integers(1, 9, n)) for name in ("parameters", "macs", "flops")},
    }
    coords = {
        "proxy": np.array(["synflow"], object),
        "architecture": np.array([space.hash(a) for a in members], object), "seed": np.array(["A", "B"], object),
        "images": [0, 1000], "validation_images": [1000, 5000], "teacher": np.array(["V4", "IT"], object),
        "teacher_stimuli": ("teacher", np.array(["v4", "it"], object)), "teacher_ceiling": ("teacher", [0.5, np.nan]),
    }  # fmt: skip
    attrs = {
        "format": 1, "kind": "pool", "name": "made", "space": json.dumps({"space": "macro", "options": options}),
        "stimuli": json.dumps({"v4": 600, "it": 90}),
    }  # fmt: skip
    xr.Dataset(variables, coords, attrs).to_netcdf(folder / "pool.nc")
    return [folder / "pool.nc"]


def picture(number: int = 0, form: str = "PNG", mode: str = "RGB", **options: object) -> bytes:
    """An image file."""
    pixels = np.random.default_rng(number).integers(0, 256, (12, 10, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


def images(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    forms = [
        ("png", "PNG", "RGBA", {}), ("grey.png", "PNG", "L", {}), ("p.png", "PNG", "P", {}),
        ("i.png", "PNG", "I;16", {}), ("jpg", "JPEG", "RGB", {}), ("gif", "GIF", "P", {}), ("bmp", "BMP", "RGB", {}),
        ("tif", "TIFF", "RGB", {}), ("lzw.tif", "TIFF", "RGB", {"compression": "tiff_lzw"}),
        ("cmyk.jpg", "JPEG", "CMYK", {}), ("webp", "WEBP", "RGB", {}), ("ppm", "PPM", "RGB", {}),
        ("prog.jpg", "JPEG", "RGB", {"progressive": True}),
    ]  # fmt: skip
    found = []
    for name, form, mode, options in forms:
        one = folder / name.replace(".", "-")
        one.mkdir()
        (one / f"a.{name.rpartition('.')[2]}").write_bytes(
            picture(0, form, "L", **options) if mode == "I;16" else picture(0, form, mode, **options)
        )
        found.append(one)
    return found


TABLE = "stimulus_id,filename,category\na,a.png,face\nb,b.png,car\n"


def stimuli_zip(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    for name, table in (("plain.zip", False), ("table.zip", True)):
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for i, letter in enumerate("ab"):
                archive.writestr(f"{letter}.png", picture(i))
            if table:
                archive.writestr("stimuli.csv", TABLE)
    return [folder / "plain.zip", folder / "table.zip"]


def stimuli_folder(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    one = folder / "set"
    one.mkdir()
    for i, letter in enumerate("ab"):
        (one / f"{letter}.png").write_bytes(picture(i))
    (one / "stimuli.csv").write_text(TABLE)
    return [one]


def stimuli_npy(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    np.save(folder / "images.npy", np.zeros((3, 6, 6, 3), np.uint8))
    return [folder / "images.npy"]


def training_zip(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    with zipfile.ZipFile(folder / "train.zip", "w") as archive:
        for i in range(8):
            archive.writestr(f"train/{'dog' if i % 2 else 'cat'}/{i}.png", _square(i))
    return [folder / "train.zip"]


def _square(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), 20 * number, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def _data() -> object:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3)).astype(np.uint8)
    return from_arrays(pixels, np.arange(12) % 3, validation=3)


def training_data(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    _data().save(folder / "data.safetensors")
    return [folder / "data.safetensors"]


def weights(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    space, data = open_space("macro", **_SPACE), _data()
    arch = space.sample(np.random.default_rng(0))
    with torch.random.fork_rng(devices=[]):
        network = space.build(arch, image_size=8, n_classes=3)
    save_weights(network, folder / "trial.safetensors", space=space, arch=arch, data=data)
    return [folder / "trial.safetensors"]


def run(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    search(
        open_space("macro", **_SPACE), StandInGuide(), run=folder / "run", trials=6, executor="inline",
        evaluate=STAND_IN, keep=0,
    )  # fmt: skip
    return [folder / "run"]


def cached(folder: Path) -> list[Path]:
    """Valid files of the target of this name."""
    path = folder / "home" / "things" / "a.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(CACHED)
    return [folder / "home"]
