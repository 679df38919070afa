"""Files that mean harm: false sizes, bombs, links, paths that lead out, code, formulas, pages in names."""

from __future__ import annotations

import io
import json
import os
import pickle
import stat
import struct
import tomllib
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fuzz_seeds as seeds
import h5py
import numpy as np
import torch
from fuzz_mutations import NUMBERS, TEXTS, one_of, replaced

from neuroguide.nas.toml import to_toml

Rng = np.random.Generator

#: Made by code that ran; looked for after every input.
CANARY = Path("fuzz-canary")


class _Code:
    def __reduce__(self) -> Any:
        return os.system, (f"touch {CANARY.absolute()}",)


def _claims(folder: Path, rng: Rng) -> Path:
    """Terabytes claimed, nothing written."""
    with h5py.File(folder / one_of(rng, ("a.nc", "a.h5", "a.nwb", "rdm.nc")), "w") as file:
        n = int(one_of(rng, (10**6, 10**9, 2**40, 2**62)))
        shape = one_of(rng, ((n,), (256, n), (n, 1, 1)))
        name = one_of(rng, ("resp", "x", "similarity", "stimulus_id"))
        dtype = one_of(rng, ("f4", "i8", h5py.string_dtype(), "S1"))
        file.create_dataset(name, shape, dtype, chunks=tuple(min(k, 1000) for k in shape), compression="gzip")
        return Path(file.filename)


def _strings(folder: Path, rng: Rng) -> Path:
    """A hundred thousand references to one long text."""
    with h5py.File(folder / one_of(rng, ("a.nc", "a.h5")), "w") as file:
        text = "A" * int(one_of(rng, (10**4, 10**6)))
        file.create_dataset("stimulus_id", data=[text] * 50, dtype=h5py.string_dtype())
        file["resp"] = np.zeros((50, 2))
        file.attrs["title"] = one_of(rng, TEXTS).replace("\0", "")[:60_000]
        return Path(file.filename)


def _crowd(folder: Path, rng: Rng) -> Path:
    """More objects, or deeper groups, than any recording has."""
    with h5py.File(folder / one_of(rng, ("a.nc", "a.h5", "a.nwb")), "w") as file:
        if rng.random() < 0.5:
            for i in range(1500):
                file[f"d{i}"] = i
        else:
            file.create_group("/".join("g" * 900))
        return Path(file.filename)


HDF5 = (_claims, _claims, _strings, _crowd)


def _matlab5(folder: Path, rng: Rng) -> Path:
    """Elements put together by hand: false lengths, depth, classes that are objects or functions, zlib bombs."""

    def element(kind: int, content: bytes, length: int | None = None) -> bytes:
        return struct.pack("<II", kind, len(content) if length is None else length) + content + bytes(-len(content) % 8)

    def matrix(kind: int, shape: tuple[int, ...], inside: bytes) -> bytes:
        head = element(6, struct.pack("<II", kind | int(one_of(rng, (0, 0x800, 0x400))), 0))
        dims = element(5, struct.pack(f"<{len(shape)}i", *shape))
        return element(14, head + dims + element(1, one_of(rng, (b"resp", b"shown", b""))) + inside)

    kind = int(one_of(rng, (*range(19), 255)))
    shape = tuple(int(one_of(rng, (0, 1, 2, -1, 2**31 - 1, 65536))) for _ in range(int(one_of(rng, (0, 1, 2, 3, 30)))))
    body = matrix(kind, shape, element(int(rng.integers(20)), rng.bytes(32), int(one_of(rng, (32, *NUMBERS))) % 2**32))
    for _ in range(int(one_of(rng, (0, 1, 40, 300)))):
        body = matrix(int(one_of(rng, (1, 2))), (1, 1), element(5, b"\4\0\0\0") + element(1, b"abc\0") + body)
    if rng.random() < 0.4:
        squeezed = zlib.compress(body + bytes(int(one_of(rng, (0, 10**5, 2 * 10**7)))), 9)
        body = element(15, squeezed)[: 8 + len(squeezed)]
    path = folder / "v5.mat"
    path.write_bytes(b"MATLAB 5.0".ljust(124) + b"\0\1IM" + body)
    return path


MATLAB5 = (_matlab5,)


def _header(rng: Rng) -> bytes:
    """A .npy file whose header lies."""
    descr = one_of(
        rng, ("'<f8'", "'|O'", "'|V99999999'", "'<U999999999'", "[('a','<f8')]", "'<f3'", "None", repr("A" * 9000),
              "__import__('os').system('touch fuzz-canary')", "'<M8[ns]'", "'>i2'", "'|b1'", "'<c16'")
    )  # fmt: skip
    shape = one_of(
        rng, ("(3,4,2)", "(10**9,)", "(1000000000000,)", "(-1,)", "(2,)*40", "(" * 300, "(0,9999999999)", "()", "None",
              "(1.5,)", "(True,)", "(4611686018427387904,4)", "[" * 9000, "(" + "1," * 60 + ")")
    )  # fmt: skip
    text = f"{{'descr': {descr}, 'fortran_order': {one_of(rng, ('False', 'True', '7'))}, 'shape': {shape}, }}\n"
    version, form = one_of(rng, ((1, "<H"), (2, "<I"), (3, "<I"), (9, "<I")))
    length = int(one_of(rng, (len(text), len(text), len(text), 65535)))
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack(form, length) + text.encode() + rng.bytes(192)


def _npy(folder: Path, rng: Rng) -> Path:
    path = folder / "a.npy"
    path.write_bytes(_header(rng))
    return path


def _objects(folder: Path, rng: Rng) -> Path:
    path = folder / "a.npy"
    if rng.random() < 0.5:
        np.save(path, np.array([_Code()] * 3, dtype=object), allow_pickle=True)
    else:
        path.write_bytes(pickle.dumps(_Code()))
    return path


NPY = (_npy, _npy, _objects)


def _npz(folder: Path, rng: Rng) -> Path:
    path = folder / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("resp", "shown"):
            kind = rng.random()
            if kind < 0.5:
                content = _header(rng)
            elif kind < 0.7:
                buffer = io.BytesIO()
                np.save(buffer, np.array([_Code()], dtype=object), allow_pickle=True)
                content = buffer.getvalue()
            else:
                content = _header(rng) + bytes(int(one_of(rng, (10**6, 3 * 10**7))))
            archive.writestr(one_of(rng, (f"{name}.npy", f"{name}.npy", f"../{name}.npy", f"/{name}.npy")), content)
    return path


NPZ = (_npz,)


def _csv(folder: Path, rng: Rng) -> Path:
    path = folder / one_of(rng, ("tidy.csv", "wide.csv"))
    header = one_of(rng, ("stimulus_id,neuroid_id,rate", "stimulus_id,unit_1,unit_2", ",".join("u" * 3000), "a,a", ""))
    rows = []
    for _ in range(int(one_of(rng, (0, 1, 5, 300)))):
        cells = [one_of(rng, (*TEXTS, "1", "2.5", "1e400", "nan", "-inf", "9" * 400)) for _ in range(3)]
        rows.append(",".join(f'"{c}"' if rng.random() < 0.3 else c for c in cells))
    text = header + one_of(rng, ("\n", "\r", "\r\n")).join(["", *rows])
    path.write_bytes(text.encode(one_of(rng, ("utf-8", "utf-8", "utf-8", "utf-16")), "replace")[:3_000_000])
    return path


CSV = (_csv,)


def _parquet(folder: Path, rng: Rng) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    n = int(one_of(rng, (0, 1, 4, 200_000)))
    columns = {
        "stimulus_id": one_of(rng, (pa.array(["a"] * n), pa.nulls(n), pa.array([b"\xff"] * n, pa.binary()))),
        "neuroid_id": pa.array(["<script>"] * n).dictionary_encode(),
        "rate": one_of(rng, (pa.nulls(n), pa.array([1e300] * n), pa.array([[1.0]] * n), pa.array([2**60] * n),
                             pa.array([True] * n), pa.array([10**15] * n, pa.timestamp("us")))),
    }  # fmt: skip
    path = folder / one_of(rng, ("tidy.parquet", "wide.parquet"))
    pq.write_table(pa.table(columns), path, compression=one_of(rng, ("zstd", "none")))
    return path


PARQUET = (_parquet,)


def _zip(folder: Path, rng: Rng) -> Path:
    """Slips, links, twins, bombs, pages and formulas in names."""
    path = folder / one_of(rng, ("set.zip", "train.zip"))
    with zipfile.ZipFile(path, "w", one_of(rng, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for i in range(int(rng.integers(1, 6))):
            bad = one_of(rng, (*TEXTS[:10], "a", "train/dog/a", "A" * 60_000))
            info = zipfile.ZipInfo(f"{bad}{one_of(rng, ('.png', '/x.png', '.csv'))}")
            if rng.random() < 0.2:
                info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            content = one_of(rng, (seeds.picture(i), b"/etc/passwd", seeds.TABLE.encode(), bytes(10**6)))
            archive.writestr(info, content)
    if rng.random() < 0.5:
        data = bytearray(path.read_bytes())
        if (place := data.rfind(b"PK\x01\x02")) >= 0:
            field = int(one_of(rng, (8, 10, 16, 20, 24, 28, 30, 34, 42)))
            value = int(one_of(rng, NUMBERS)) % 2**32
            data[place + field : place + field + 4] = struct.pack("<I", value)
        path.write_bytes(data)
    return path


ZIPS = (_zip,)


def _folder(folder: Path, rng: Rng) -> Path:
    path = seeds.stimuli_folder(folder)[0]
    cells = [",".join(one_of(rng, (*TEXTS, "a.png", "b.png")) for _ in range(3)) for _ in range(3)]
    head = one_of(
        rng, ("stimulus_id,filename,degrees", "image_id,path,x", "stimulus_id,<script>alert(1)</script>,file")
    )
    (path / "stimuli.csv").write_text("\n".join([head, *cells]), errors="replace")
    if rng.random() < 0.5:
        (path / "a.png").unlink()
        (path / "a.png").symlink_to(one_of(rng, ("/etc/passwd", "a.png", ".", "/dev/null", "/nowhere")))
    return path


FOLDERS = (_folder,)


def _image(folder: Path, rng: Rng) -> Path:
    """Headers of other sizes than the image has, in every format."""
    path = folder / "set"
    path.mkdir()
    width, height = (int(one_of(rng, (0, 1, 65535, 30_000, 2**31 - 1))) for _ in range(2))
    kind = int(rng.integers(4))
    if kind == 0:
        data = seeds.picture()
        head = b"IHDR" + struct.pack(">II", width, height) + data[24:29]
        (path / "a.png").write_bytes(data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:])
    elif kind == 1:
        (path / "a.ppm").write_bytes(
            f"P6 {width} {height} {one_of(rng, (255, 65535, 0, 10**9))}\n".encode() + bytes(99)
        )
    elif kind == 2:
        data = bytearray(seeds.picture(form="BMP"))
        data[18:26] = struct.pack("<ii", width, one_of(rng, (height, -height)))
        (path / "a.bmp").write_bytes(data)
    else:
        data = bytearray(seeds.picture(form="GIF", mode="P"))
        data[6:10] = struct.pack("<HH", width % 65536, height % 65536)
        (path / "a.gif").write_bytes(data)
    return path


IMAGES = (_image,)


def _pickled_weights(folder: Path, rng: Rng) -> Path:
    """A file of torch's, with code in it, under the name of another format."""
    path = folder / "trial.safetensors"
    if rng.random() < 0.5:
        torch.save({"a": torch.zeros(2), "code": _Code()}, path)
    else:
        path.write_bytes(struct.pack("<Q", int(one_of(rng, NUMBERS))) + pickle.dumps(_Code()))
    return path


WEIGHTS = (_pickled_weights,)


def garble_weights(path: Path, rng: Rng) -> None:
    """Change the header of a .safetensors file: tensors that overlap or lie outside, another network than is there."""
    data = path.read_bytes()
    (n,) = struct.unpack("<Q", data[:8])
    head = json.loads(data[8 : 8 + n])
    about = head["__metadata__"]
    if rng.random() < 0.6:
        name = one_of(rng, sorted(about))
        try:
            about[name] = json.dumps(replaced(json.loads(about[name]), rng))
        except (TypeError, ValueError):
            about[name] = str(one_of(rng, TEXTS))
    else:
        head = replaced(head, rng)
    text = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + n :])


def garble_run(path: Path, rng: Rng) -> None:
    """Change a setting, the guide, or lines of the journal."""
    where = int(rng.integers(3))
    if where == 0:
        settings = replaced(tomllib.loads((path / "run.toml").read_text()), rng)
        try:
            (path / "run.toml").write_text(to_toml(settings))
        except Exception:  # what TOML cannot hold
            (path / "run.toml").write_text(one_of(rng, ("a = " + "[" * 5000, "a = " + "9" * 5000, "[a]\n[a]", "\0")))
    elif where == 1:
        guide = json.loads((path / "inputs" / "guide.json").read_text())
        text = json.dumps(replaced(guide, rng)) if rng.random() < 0.8 else "[" * 100_000
        (path / "inputs" / "guide.json").write_text(text)
    else:
        _garble_journal(path / "study.journal", rng)


def _garble_journal(journal: Path, rng: Rng) -> None:
    lines = journal.read_text().splitlines()
    for _ in range(int(rng.integers(1, 4))):
        i, how = int(rng.integers(len(lines))), rng.random()
        if how < 0.5:
            lines[i] = json.dumps(replaced(json.loads(lines[i]), rng))
        elif how < 0.7:
            lines.insert(i, one_of(rng, lines))
        elif how < 0.85 and len(lines) > 1:
            del lines[i]
        else:
            lines[i] = one_of(rng, ("[" * 50_000, "{}", "null", "9" * 5000, '{"op_code": 99}', "", '"text"'))
    journal.write_text("\n".join(lines) + "\n")


def _linked_run(folder: Path, rng: Rng) -> Path:
    """Parts of a run that lead elsewhere, or are no files."""
    path = folder / "run"
    (path / "inputs").mkdir(parents=True)
    part = path / one_of(rng, ("run.toml", "study.journal", "inputs/guide.json"))
    if rng.random() < 0.5:
        part.symlink_to(one_of(rng, ("/etc/passwd", "/dev/null", str(part), ".")))
    else:
        part.mkdir()
    return path


RUNS: tuple[Callable[[Path, Rng], Path], ...] = (_linked_run,)
