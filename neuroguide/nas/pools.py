"""Tabulated searches: networks that were all trained once, so that samplers and guides are compared in seconds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import FileError, InputError
from neuroguide._core.options import check_option, unknown_option
from neuroguide.models.factory import is_factory
from neuroguide.nas.guides.auto import AutoWeights, shipped_weights
from neuroguide.nas.guides.base import WORST_SIMILARITY
from neuroguide.nas.pools_guides import TableGuide, parse_guide
from neuroguide.nas.pools_search import PoolSearch, search_pool
from neuroguide.nas.spaces import Space, open_space
from neuroguide.scoring.files import read_dataset

__all__ = ["Pool", "TableGuide", "open_pool", "pool_names"]

#: Version of the layout that is read.
FORMAT = 1

#: What a candidate is worth: a name (``"P + TG(V4, monkey IT)"``, ``"auto"``), a :class:`TableGuide`, fitted weights,
#: or a function of measures.
PoolGuide: TypeAlias = str | TableGuide | AutoWeights | Callable[[Mapping[str, float]], float]


def pool_names() -> list[str]:
    """The pools that come with the package."""
    folder = resources.files("neuroguide").joinpath("_data", "pools")
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted(f.name.removesuffix(".nc") for f in files if f.name.endswith(".nc"))


def open_pool(pool: str | os.PathLike[str]) -> Pool:
    """Open a tabular benchmark of guided search.

    Parameters
    ----------
    pool : str or path
        ``"cifar10-macro"``, ``"cifar10-cells"``, ``"cifar10-macro-wide"``, or a file of the same layout.

    Raises
    ------
    OptionError
        If there is no pool of this name.
    FileError
        If the file is missing, is no pool, or was written by a newer neuroguide.

    Examples
    --------
    >>> pool = open_pool("cifar10-macro")
    >>> run = pool.search("evolution", "P + TG(V4, monkey IT)", images=1000, trials=60, seed=0)
    """
    name = os.fspath(pool)
    if not name.endswith(".nc"):
        if name not in pool_names():
            raise unknown_option("pool", name, pool_names())
        with resources.as_file(resources.files("neuroguide").joinpath("_data", "pools", f"{name}.nc")) as path:
            return Pool(_read(path))
    return Pool(_read(Path(name).expanduser()))


def _read(path: Path) -> xr.Dataset:
    found = read_dataset(path)
    if found.attrs.get("kind") != "pool":
        raise FileError(f"{path} is not a pool; neuroguide.open_pool opens the names {', '.join(pool_names())}")
    written = found.attrs.get("format", 0)
    if not isinstance(written, int | np.integer):
        raise FileError(f"{path} garbles its pool format; download or write it again")
    if written > FORMAT:
        raise FileError(f"{path} has pool format {written}, this version reads {FORMAT}; upgrade it")
    _examine(Pool(found), path)
    return found


def _examine(pool: Pool, path: Path) -> None:
    """Look at everything once: a file with the mark of a pool may lack or garble any part."""
    try:
        at = [pool.dataset[name].values[0] for name in ("images", "seed", "validation_images")]
        pool.measures(int(at[0]), seed=str(at[1]), validation_images=int(at[2]))
        json.loads(pool.dataset.attrs["stimuli"])
        for part in ("name", "space", "architectures", "ceilings", "_stimuli"):
            getattr(pool, part)
        if len(pool._rows) < len(pool):
            raise InputError("it holds an architecture twice")
    except Exception as error:  # whatever the first step that needs it trips over
        reason = " ".join(str(error).split())[:160]
        raise FileError(f"{path} lacks or garbles a part of a pool ({reason}); download or write it again") from error


@dataclass(frozen=True, eq=False)
class Pool:
    """Networks of one space, each trained prematurely and maturely, with what was measured of them.

    Attributes
    ----------
    dataset : xarray.Dataset
        Dims ``architecture`` (hash), ``seed`` (``A``, ``B``), ``images`` (trained on, each a training of its own),
        ``validation_images``, ``stage``, ``teacher``, ``proxy``. NaN: not trained (yet). Among the variables:
        ``validation_accuracy``, ``validation_loss``, ``summed_training_loss``, ``similarity`` (raw, of each stage to
        each teacher; NaN for a dead stage), ``mature_test_accuracy``, ``parameters``, ``macs``, ``flops``,
        ``training_seconds`` (of one core), and ``architecture_json``.
    """

    dataset: xr.Dataset

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.dataset.attrs["name"])

    @cached_property
    def space(self) -> Space[Any]:
        """The space that its architectures come from."""
        origin = json.loads(self.dataset.attrs["space"])
        if is_factory(str(origin["space"])):
            raise InputError(f"the pool names the space {origin['space']}, which is code and is not run for a file")
        return open_space(origin["space"], **origin["options"])

    @cached_property
    def hashes(self) -> list[str]:
        """The architectures' hashes, in order."""
        return [str(key) for key in self.dataset["architecture"].values]

    @cached_property
    def architectures(self) -> list[Any]:
        """All members, in the order of the dataset."""
        return [self.space.from_json(json.loads(str(text))) for text in self.dataset["architecture_json"].values]

    @property
    def teachers(self) -> list[str]:
        """What similarities were measured to."""
        return [str(name) for name in self.dataset["teacher"].values]

    def __len__(self) -> int:
        return len(self.hashes)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.architectures)

    def trained(self, seed: str = "A") -> NDArray[np.bool_]:
        """Which members were trained with a seed, shape (n_architectures,)."""
        check_option("seed", seed, [str(s) for s in self.dataset["seed"].values])
        return np.asarray(np.isfinite(self.dataset["mature_test_accuracy"].sel(seed=seed).values))

    def row(self, arch: Any) -> int:
        """Where an architecture stands.

        Raises
        ------
        InputError
            If it is no member.
        """
        key = arch if isinstance(arch, str) else self.space.hash(arch)
        if key not in self._rows:
            raise InputError(f"the pool {self.name} has no architecture {key}")
        return self._rows[key]

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {key: row for row, key in enumerate(self.hashes)}

    def mature(self, seed: str = "A") -> NDArray[np.float64]:
        """Test accuracy after the mature training, shape (n_architectures,); NaN where there is none."""
        check_option("seed", seed, [str(s) for s in self.dataset["seed"].values])
        return np.asarray(self.dataset["mature_test_accuracy"].sel(seed=seed).values, dtype=np.float64)

    def measures(
        self, images: int, *, seed: str = "A", validation_images: int = 5000
    ) -> dict[str, NDArray[np.float64]]:
        """What is known of all members after so many images, each of shape (n_architectures,).

        Parameters
        ----------
        images : int
            Trained on; one of the dataset's.
        seed : str
        validation_images : int
            How many the accuracy is of; one of the dataset's.

        Returns
        -------
        dict of str to array
            ``"P"``; ``"similarity/<teacher>"``, the highest over live stages, raw, -1 where all are dead;
            ``"initial similarity/<teacher>"``, that of the untrained network;
            ``"loss"`` (validation); ``"summed_training_loss"``; each proxy; ``"parameters"``, ``"macs"``, ``"flops"``.

        Raises
        ------
        OptionError
            If images, seed or validation_images are not among the dataset's.
        """
        return self._measures(images, seed, validation_images, "pearson")

    def _measures(
        self, images: int, seed: str, validation_images: int, comparison: str
    ) -> dict[str, NDArray[np.float64]]:
        """All measures, with similarities by some comparison of RDMs."""
        self._check(images, seed, validation_images)
        at = self.dataset.sel(seed=seed)
        early = at.sel(images=images)
        found = {"P": early["validation_accuracy"].sel(validation_images=validation_images).values}
        trained = self.trained(seed)
        untrained = {"initial ": at.sel(images=0)} if 0 in self.dataset["images"].values else {}
        for prefix, looked in {"": early, **untrained}.items():
            best = self._similarity(looked, comparison, images)
            found |= {f"{prefix}similarity/{name}": np.where(trained, v.values, np.nan) for name, v in best.items()}
        found |= {"loss": early["validation_loss"].values, "summed_training_loss": early["summed_training_loss"].values}
        found |= {str(name): at["proxies"].sel(proxy=name).values for name in self.dataset["proxy"].values}
        found |= {name: self.dataset[name].values for name in ("parameters", "macs", "flops")}
        return {name: np.asarray(values, dtype=np.float64) for name, values in found.items()}

    def _similarity(self, looked: xr.Dataset, comparison: str, images: int) -> dict[str, xr.DataArray]:
        """Highest similarity over live stages to each teacher, (n_architectures,)."""
        if comparison == "pearson":
            best = looked["similarity"].fillna(WORST_SIMILARITY).max("stage")
            return {name: best.isel(teacher=j) for j, name in enumerate(self.teachers)}
        name = f"similarity_{comparison}"
        if name not in looked or bool(looked[name].isnull().all()):
            raise InputError(f"the pool {self.name} has no {comparison} similarities after {images} images")
        return {str(t): looked[name].sel(teacher_compared=t) for t in looked["teacher_compared"].values}

    def values(
        self, guide: PoolGuide, images: int, *, seed: str = "A", validation_images: int = 5000
    ) -> NDArray[np.float64]:
        """What a guide gives all members, shape (n_architectures,); NaN where a member was not trained.

        Parameters
        ----------
        guide : str, TableGuide, AutoWeights or callable
            ``"P"``; ``"TG(V4, monkey IT)"``; ``"P + TG(...)"``; ``"P + 0.5 TG(...)"``; the name of another measure
            (``"synflow"``); ``"auto"`` (:class:`neuroguide.nas.guides.Auto`); a :class:`TableGuide`; or a function of a
            mapping of measures to a number.
        images, seed, validation_images
            See :meth:`measures`.
        """
        resolved = self.guide(guide)
        comparison = resolved.comparison if isinstance(resolved, AutoWeights) else "pearson"
        measures = self._measures(images, seed, validation_images, comparison)
        if isinstance(resolved, TableGuide):
            return resolved.values(measures, self.ceilings)
        each = [{name: v[row] for name, v in measures.items()} for row in range(len(self))]
        if isinstance(resolved, AutoWeights):
            found = np.array([resolved.value(one, images) for one in each])
            return np.where(self.trained(seed), found, np.nan)
        return np.array([float(resolved(one)) for one in each])

    def guide(self, guide: PoolGuide) -> TableGuide | AutoWeights | Callable[[Mapping[str, float]], float]:
        """A guide by its name, checked."""
        if isinstance(guide, AutoWeights) or guide == "auto":
            return shipped_weights() if isinstance(guide, str) else guide
        resolved = parse_guide(guide, self.teachers) if isinstance(guide, str) else guide
        if isinstance(resolved, TableGuide):
            for name in resolved.teachers:
                if name not in self.teachers:
                    raise unknown_option("teacher of the pool", name, self.teachers)
        elif not callable(resolved):
            raise InputError(f"a guide of a pool is a name, a TableGuide or a function, {guide!r} arrived")
        return resolved

    @cached_property
    def ceilings(self) -> dict[str, float]:
        """Noise ceilings of those teachers that have one."""
        values = self.dataset["teacher_ceiling"].values
        return {name: float(v) for name, v in zip(self.teachers, values, strict=True) if np.isfinite(v)}

    def cost(self, guide: PoolGuide, images: int, *, validation_images: int = 5000) -> float:
        """Image-equivalents of one candidate: images trained on and a third of those only passed forward.

        A function as a guide is charged validation and no stimuli: it does not say what it looks at.
        """
        resolved = self.guide(guide)
        if isinstance(resolved, AutoWeights):
            return images + (validation_images + self._shown(resolved, images)) / 3
        if not isinstance(resolved, TableGuide):
            return images + validation_images / 3
        forwarded = validation_images if resolved.performance else 0
        return images * resolved.trains + (forwarded + self._stimuli_of(resolved.teachers)) / 3

    def _shown(self, weights: AutoWeights, images: int) -> int:
        """Stimuli that a candidate is shown, before its training and after it."""
        looks: dict[str, set[str]] = {"": set(), "initial ": set()}
        for name in weights.features:
            when, similarity, teacher = name.partition("similarity/")
            if similarity:
                # without a training, before is after
                looks[when if images else ""].add(teacher)
        return sum(self._stimuli_of(teachers) for teachers in looks.values())

    def _stimuli_of(self, teachers: Iterable[str]) -> int:
        sizes = json.loads(self.dataset.attrs["stimuli"])
        return sum(int(sizes[name]) for name in {self._stimuli[teacher] for teacher in teachers})

    @cached_property
    def _stimuli(self) -> dict[str, str]:
        return dict(zip(self.teachers, (str(s) for s in self.dataset["teacher_stimuli"].values), strict=True))

    def search(
        self,
        sampler: str,
        guide: PoolGuide = "P",
        *,
        images: int = 1000,
        trials: int = 60,
        seed: int = 0,
        validation_images: int = 5000,
        options: Mapping[str, Any] | None = None,
    ) -> PoolSearch:
        """A search whose candidates are looked up; see :class:`neuroguide.nas.pools_search.PoolSearch`.

        Parameters
        ----------
        sampler : str
            As for :func:`neuroguide.search`.
        guide, images, validation_images
            As for :meth:`values`.
        trials : int
        seed : int
            The sampler's. Candidates were trained with the pool's seed A.
        options : mapping, optional
            The sampler's.

        Raises
        ------
        InputError
            If the pool does not hold its whole space, or is not fully trained: a proposal could not be looked up.
        """
        if self.space.size() != len(self):
            raise InputError(
                f"the pool {self.name} holds {len(self)} of its space's architectures; a search could propose others"
            )
        missing = int((~self.trained()).sum())
        if missing:
            raise InputError(f"the pool {self.name} is not finished: {missing} of its members are not trained yet")
        values = self.values(guide, images, validation_images=validation_images)
        cost = self.cost(guide, images, validation_images=validation_images)
        return search_pool(
            self.space, self._rows, values, self.mature(), sampler, cost=cost, trials=trials, seed=seed, options=options
        )

    def _check(self, images: int, seed: str, validation_images: int) -> None:
        for name, value in (("images", images), ("seed", seed), ("validation_images", validation_images)):
            known: Sequence[Any] = self.dataset[name].values.tolist()
            if value not in known:
                raise unknown_option(name, str(value), [str(k) for k in known])
