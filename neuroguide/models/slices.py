"""Activations in bounded memory, also of layers that are larger than the bound: slice of features by slice."""

from __future__ import annotations

import errno
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor, nn

from neuroguide._core.errors import FileError
from neuroguide._core.settings import parse_memory
from neuroguide.models.activations import Images, Progress, Run, check_finite, prepare_run, shifted
from neuroguide.models.capture import forward
from neuroguide.models.state import evaluating, fixed_draws, placed
from neuroguide.models.zoo import Model

#: Bytes a second that a disk is trusted to write and read (our choice: an old SSD; most are faster).
_DISK_SPEED = 200e6


@dataclass(frozen=True)
class FeatureSlice:
    """Some features of one layer, for all stimuli.

    Attributes
    ----------
    layer : str
    features : tensor of shape (n_stimuli, n_features_of_the_slice)
        To be used before the next slice is taken: its memory may be used again.
    index, count : int
        Which of how many slices of the layer this is, from 0.
    """

    layer: str
    features: Tensor
    index: int
    count: int


@dataclass(frozen=True)
class _Part:
    """What is recorded at once: features ``start`` to ``stop`` of a layer."""

    layer: str
    start: int
    stop: int
    index: int
    count: int

    @property
    def width(self) -> int:
        return self.stop - self.start


def iterate_slices(
    model: Model | nn.Module | str,
    images: Images,
    layers: Sequence[str] | None = None,
    *,
    degrees: float | None = None,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = torch.float32,
    batch_size: int | str = "auto",
    memory: int | str = "auto",
    progress: Progress | None = None,
) -> Iterator[FeatureSlice]:
    """Responses of a model's layers in bounded memory, a large layer in slices of its features.

    A layer that takes less than a quarter of ``memory`` comes whole. The others come in slices of that size, either
    from a temporary file that one pass over the stimuli has filled, or from several passes, whichever is expected to
    be quicker: the time of a pass is measured on one batch, a disk is trusted with 200 MB/s, and one that is kept in
    memory or lacks the room is not used. The slices are the same either way.

    Parameters
    ----------
    model, images, layers, degrees, device, dtype, batch_size, memory, progress
        As for :func:`neuroguide.models.activations.iterate_activations`. The bound leaves room for two copies of a
        slice beside what is held here.

    Yields
    ------
    FeatureSlice
        Slices of one layer follow each other in order. Layers that come from a file follow the others.

    Raises
    ------
    OptionError, InputError
        As for :func:`neuroguide.models.activations.activations`.
    FileError
        If the disk is full.
    """
    run = prepare_run(model, images, layers, degrees, device, dtype, batch_size, memory)
    budget = parse_memory(memory)
    parts = _parts(run, budget // 4)
    large = [part for part in parts if part.count > 1]
    size = run.automatic_batch()
    passes = _groups(run, parts, budget // 2)
    if large:
        whole = [part for part in parts if part.count == 1]
        with_file = _groups(run, whole, budget // 2) or [[]]
        folder = _scratch(_bytes(run, large))
        saved = (len(passes) - len(with_file)) * _seconds_of_pass(run, size)
        if folder is not None and saved > 2 * _bytes(run, large) / _DISK_SPEED:
            with tempfile.TemporaryDirectory(dir=folder, prefix="neuroguide-") as place:
                yield from _by_file(run, with_file, large, size, Path(place), progress)
            return
    for number, group in enumerate(passes):
        yield from _one_pass(run, group, size, shifted(progress, number, len(passes)))


def _one_pass(run: Run, group: list[_Part], size: int, progress: Progress | None) -> Iterator[FeatureSlice]:
    held = {part: _empty(run, part) for part in group}
    names = list(dict.fromkeys(part.layer for part in group))
    for row, outputs in run.batches(names, size=size, progress=progress):
        _keep(held, row, outputs)
    yield from _taken(run, held)


def _by_file(
    run: Run, groups: list[list[_Part]], large: list[_Part], size: int, folder: Path, progress: Progress | None
) -> Iterator[FeatureSlice]:
    """The first pass also fills the files."""
    n, layers = len(run.stimuli), list(dict.fromkeys(part.layer for part in large))
    held = {part: _empty(run, part) for part in groups[0]}
    names = [*dict.fromkeys(part.layer for part in groups[0]), *layers]
    for row, outputs in run.batches(names, size=size, progress=shifted(progress, 0, len(groups))):
        _keep(held, row, outputs)
        for number, layer in enumerate(layers):
            _write(folder / str(number), [part for part in large if part.layer == layer], outputs[layer].cpu(), row, n)
    yield from _taken(run, held)
    for number, group in enumerate(groups[1:], start=1):
        yield from _one_pass(run, group, size, shifted(progress, number, len(groups)))
    buffer = torch.empty(n * max(part.width for part in large), dtype=run.dtype)
    for number, layer in enumerate(layers):
        path = folder / str(number)
        with path.open("rb", buffering=0) as file:
            for part in large:
                if part.layer == layer:
                    found = _read(file, buffer[: n * part.width]).reshape(n, part.width).to(run.device)
                    check_finite(layer, found, run.model.name)
                    yield FeatureSlice(layer, found, part.index, part.count)
        path.unlink()


def _parts(run: Run, limit: int) -> list[_Part]:
    """Every layer whole, or in slices of equal width of at most ``limit`` bytes."""
    parts: list[_Part] = []
    for layer, n_features in run.n_features().items():
        most = max(1, limit // (len(run.stimuli) * run.dtype.itemsize))
        count = -(-n_features // most)
        edges = [index * n_features // count for index in range(count + 1)]
        parts += [_Part(layer, edges[i], edges[i + 1], i, count) for i in range(count)]
    return parts


def _groups(run: Run, parts: list[_Part], budget: int) -> list[list[_Part]]:
    """Parts that are held together, in order: those of one pass."""
    groups: list[list[_Part]] = []
    left = 0
    for part in parts:
        needed = _bytes(run, [part])
        if not groups or needed > left:
            groups.append([])
            left = budget
        groups[-1].append(part)
        left -= needed
    return groups


def _bytes(run: Run, parts: list[_Part]) -> int:
    return len(run.stimuli) * run.dtype.itemsize * sum(part.width for part in parts)


def _empty(run: Run, part: _Part) -> Tensor:
    return torch.empty(len(run.stimuli), part.width, dtype=run.dtype, device=run.device)


def _keep(held: dict[_Part, Tensor], row: int, outputs: dict[str, Tensor]) -> None:
    for part, values in held.items():
        output = outputs[part.layer]
        values[row : row + len(output)] = output[:, part.start : part.stop]


def _taken(run: Run, held: dict[_Part, Tensor]) -> Iterator[FeatureSlice]:
    """Hand out what was recorded, and hold it no longer."""
    for part in list(held):
        check_finite(part.layer, held[part], run.model.name)
        yield FeatureSlice(part.layer, held.pop(part), part.index, part.count)


def _seconds_of_pass(run: Run, size: int) -> float:
    """How long a pass over all stimuli takes, from its second batch: the first one pays for starting."""
    size = min(size, len(run.stimuli))
    with placed(run.model.module, run.device, run.dtype) as module, evaluating(module), fixed_draws(run.device):
        for _ in range(2):
            started = time.perf_counter()
            outputs = forward(module, run.input(0, size), run.layers, name=f"the model {run.model.name}")
            float(next(iter(outputs.values()))[0, 0])  # a device that computes in the background has finished then
            seconds = time.perf_counter() - started
    return seconds * len(run.stimuli) / size


def _scratch(needed: int) -> Path | None:
    """A folder on a disk with room for so many bytes, or None."""
    for folder in dict.fromkeys([tempfile.gettempdir(), "/var/tmp"]):  # noqa: S108 - a private folder is made in it
        path = Path(folder)
        if path.is_dir() and not _in_memory(path) and shutil.disk_usage(path).free > 1.2 * needed:
            return path
    return None


def _in_memory(folder: Path) -> bool:
    """Whether files in this folder are kept in memory (tmpfs), as far as the system says."""
    try:
        lines = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return False
    kinds = {fields[1]: fields[2] for fields in (line.split() for line in lines) if len(fields) > 2}
    here = folder.resolve()
    mount = next((str(place) for place in (here, *here.parents) if str(place) in kinds), "")
    return kinds.get(mount) in ("tmpfs", "ramfs")


def _write(path: Path, parts: list[_Part], output: Tensor, row: int, n_stimuli: int) -> None:
    """Put the rows of a batch where they belong: slice after slice, each with all of its stimuli."""
    try:
        with path.open("r+b" if path.exists() else "wb", buffering=0) as file:
            for part in parts:
                file.seek((n_stimuli * part.start + row * part.width) * output.dtype.itemsize)
                chunk = output[:, part.start : part.stop].contiguous().view(torch.uint8).numpy()
                _write_all(file, chunk.data.cast("B"))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise FileError(
            f"the disk of {path.parent} is full, where activations larger than memory= are kept; set TMPDIR to a "
            "folder with room, or give more memory"
        ) from error


def _write_all(file: BinaryIO, data: memoryview) -> None:
    while data:
        data = data[file.write(data) :]


def _read(file: BinaryIO, values: Tensor) -> Tensor:
    """Fill ``values`` with what comes next in the file."""
    data = values.view(torch.uint8).numpy().data.cast("B")
    while data:
        got = file.readinto(data)  # type: ignore[attr-defined]
        if not got:
            raise FileError("a temporary file of activations was cut while it was in use; run again")
        data = data[got:]
    return values
