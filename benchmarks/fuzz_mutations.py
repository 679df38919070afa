"""Damage: bytes of any file, objects of an HDF5 file, values of JSON-like settings."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

#: What breaks readers of numbers.
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**40, 2**63 - 1, 2**64 - 1)

#: What breaks readers of text: pages, formulas, paths, control characters, surrogates, sheer length.
TEXTS = (
    "",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "@SUM(1)",
    "../../../etc/passwd",
    "/etc/passwd",
    "C:\\x",
    "a\0b",
    "line\nline\r",
    "\u202eabc",
    "\U0001f412",
    "NaN",
    "-1",
    "1e999",
    "9" * 5000,
    "[" * 3000,
    "%s%n{0}",
    "A" * 100_000,
)

VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**31,
    2**70,
    1e308,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
    {"a": {}},
    [1, "a", None],
    *TEXTS,
)


def one_of(rng: np.random.Generator, items: Any) -> Any:
    """One of them; ``rng.choice`` would make numpy's types of them."""
    return items[int(rng.integers(len(items)))]


def damage(data: bytes, rng: np.random.Generator) -> bytes:
    """One to four of: flipped bits, a lie in a length field, cut, removed, doubled, swapped or zeroed blocks, junk."""
    for _ in range(int(rng.integers(1, 5))):
        if not data:
            break
        data = one_of(rng, _DAMAGES)(bytearray(data), rng)
    return bytes(data)


def _place(data: bytearray, rng: np.random.Generator) -> int:
    """Anywhere, or in the head or the tail, where most formats keep what counts."""
    size = len(data)
    where = rng.random()
    if where < 0.4:
        return int(rng.integers(min(size, 600)))
    return int(rng.integers(max(0, size - 300), size)) if where < 0.5 else int(rng.integers(size))


def _span(data: bytearray, rng: np.random.Generator) -> slice:
    start = _place(data, rng)
    return slice(start, start + int(rng.integers(1, 2 + min(len(data) - start, int(one_of(rng, (4, 64, 4096)))))))


def _flip(data: bytearray, rng: np.random.Generator) -> bytearray:
    for _ in range(int(rng.integers(1, 9))):
        data[_place(data, rng)] ^= 1 << int(rng.integers(8))
    return data


def _lie(data: bytearray, rng: np.random.Generator) -> bytearray:
    width, order = one_of(rng, (1, 2, 4, 4, 8, 8)), one_of(rng, ("little", "big"))
    start = _place(data, rng) // width * width
    data[start : start + width] = (one_of(rng, NUMBERS) % 256**width).to_bytes(width, order)
    return data


def _cut(data: bytearray, rng: np.random.Generator) -> bytearray:
    return data[: _place(data, rng)]


def _remove(data: bytearray, rng: np.random.Generator) -> bytearray:
    del data[_span(data, rng)]
    return data


def _double(data: bytearray, rng: np.random.Generator) -> bytearray:
    span = _span(data, rng)
    data[span.start : span.start] = data[span] * int(one_of(rng, (1, 1, 2, 50)))
    return data


def _swap(data: bytearray, rng: np.random.Generator) -> bytearray:
    a, b = _span(data, rng), _span(data, rng)
    data[a], data[b] = data[b], data[a]
    return data


def _zero(data: bytearray, rng: np.random.Generator) -> bytearray:
    span = _span(data, rng)
    data[span] = bytes([one_of(rng, (0, 255))]) * len(data[span])
    return data


def _junk(data: bytearray, rng: np.random.Generator) -> bytearray:
    start = _place(data, rng)
    text = one_of(rng, TEXTS)[:200].encode("utf-8", "replace")
    data[start:start] = one_of(rng, (rng.bytes(int(rng.integers(1, 40))), text))
    return data


_DAMAGES = (_flip, _flip, _lie, _lie, _cut, _remove, _double, _swap, _zero, _junk)


def replaced(tree: Any, rng: np.random.Generator) -> Any:
    """A copy of a JSON-like value in which one to three leaves or branches are something else, or gone, or renamed."""
    tree = json.loads(json.dumps(tree))
    for _ in range(int(rng.integers(1, 4))):
        places: list[tuple[Any, Any]] = []
        _collect(tree, places)
        if not places:
            break
        holder, key = one_of(rng, places)
        how = rng.random()
        if how < 0.15:
            del holder[key]
        elif how < 0.25 and isinstance(holder, dict):
            holder[one_of(rng, TEXTS)] = holder.pop(key)
        else:
            holder[key] = copy.deepcopy(one_of(rng, VALUES))
    return tree


def _collect(tree: Any, places: list[tuple[Any, Any]]) -> None:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        places.append((tree, key))
        _collect(value, places)


def damage_hdf5(path: Path, rng: np.random.Generator) -> None:
    """One to three changes of objects, types, shapes, attributes and links; those that HDF5 refuses are left out."""
    with h5py.File(path, "r+") as file:
        for _ in range(int(rng.integers(1, 4))):
            names: list[str] = []
            file.visit(names.append)
            if names:
                with contextlib.suppress(Exception):  # what cannot be damaged like this is damaged otherwise
                    one_of(rng, _HDF5)(file, one_of(rng, names), rng)


def _delete(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    del file[name]


def _rename(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    file.move(name, one_of(rng, (*TEXTS[1:], "stimulus_id", "neuroid_id", "presentation", "pair", "x")))


def _retype(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    old = file[name]
    shape, attrs = old.shape, dict(old.attrs)
    scales = [scale[0].name if len(scale) else None for scale in old.dims]
    kind = one_of(rng, ("f2", ">f8", ">i2", "u8", "i1", "c16", "S1", "S7", "V5", "?", "text", "vlen", "ref", "record"))
    types = {
        "text": h5py.string_dtype(),
        "vlen": h5py.vlen_dtype("f8"),
        "ref": h5py.ref_dtype,
        "record": np.dtype([("a", "f4"), ("b", "i2")]),
    }
    del file[name]
    new = file.create_dataset(name, shape=shape, dtype=types.get(kind, kind))
    new.attrs.update(attrs)
    for dim, scale in enumerate(scales):
        if scale is not None and scale in file:
            new.dims[dim].attach_scale(file[scale])


def _reshape(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    dtype = file[name].dtype
    del file[name]
    shape = one_of(rng, ((), (0,), (1,), (7,), (3, 0), (2, 3, 4), (1,) * 20, (10**10,), (10**6, 10**6), (2**62, 4)))
    large = int(np.prod(shape, dtype=object)) > 10**6
    file.create_dataset(name, shape=shape, dtype=dtype, chunks=tuple(min(n, 100) for n in shape) if large else None)


def _refill(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    dataset = file[name]
    if h5py.check_string_dtype(dataset.dtype) is not None:
        dataset[...] = one_of(rng, TEXTS).replace("\0", "")
        return
    value = one_of(rng, (np.nan, np.inf, -np.inf, 1e30, -1, 0, 2**31))
    flat = np.array(dataset[...]).astype(dataset.dtype).ravel()
    with np.errstate(all="ignore"):
        flat[:: int(rng.integers(1, 4))] = np.asarray(value).astype(dataset.dtype)
    dataset[...] = flat.reshape(dataset.shape)


def _link(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    kind = int(rng.integers(5))
    target = name if rng.random() < 0.5 else f"extra{int(rng.integers(100))}"
    if target in file:
        del file[target]
    if kind == 0:
        file[target] = h5py.ExternalLink(one_of(rng, ("/etc/passwd", "secret.h5", "../x.h5")), "/x")
    elif kind == 1:
        file[target] = h5py.SoftLink(one_of(rng, (f"/{target}", "/nowhere", "/")))
    elif kind == 2:
        file.require_group(f"{target}/a")["round"] = file["/"]
    elif kind == 3:
        file.create_dataset(target, shape=(3, 4), dtype="f8", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])
    else:
        layout = h5py.VirtualLayout(shape=(3, 4), dtype="f8")
        layout[:] = h5py.VirtualSource("/etc/secret.h5", "x", shape=(3, 4))
        file.create_virtual_dataset(target, layout)


def _attribute(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    holder = file if rng.random() < 0.3 else file[name]
    names = [*holder.attrs, "units", "format", "_FillValue", "scale_factor", "MATLAB_class", "neuroguide_json", "kind"]
    key = one_of(rng, names)
    values = (*TEXTS[:14], np.bytes_(b"\xff\xfe"), 2**40, -1, np.nan, np.zeros((3, 3)), np.zeros(0), h5py.Empty("f4"))
    if key in holder.attrs and rng.random() < 0.2:
        del holder.attrs[key]
    else:
        holder.attrs[key] = one_of(rng, values)


def _scale(file: h5py.File, name: str, rng: np.random.Generator) -> None:
    if rng.random() < 0.5:
        file[name].make_scale(one_of(rng, ("presentation", "neuroid", "pair", "This is a netCDF dimension but not")))
    else:
        for scale in file[name].dims[0].values():
            file[name].dims[0].detach_scale(scale)


_HDF5 = (_delete, _rename, _retype, _retype, _reshape, _refill, _refill, _link, _attribute, _attribute, _scale)
