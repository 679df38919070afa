"""How reproducible each site is: random split halves of the repetitions."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.seeds import derive_seed
from neuroguide.recordings._blocks import BLOCK_BYTES, site_blocks
from neuroguide.recordings.assembly import check_structure

#: Fewer stimuli than this with two repetitions give no correlation worth the name.
_FEWEST_STIMULI = 3


def split_half_reliability(assembly: xr.DataArray, *, n_splits: int = 100, seed: int = 0) -> xr.DataArray:
    r"""Split-half reliability of each site, corrected by Spearman and Brown.

    In each of ``n_splits`` random splits the repetitions of every stimulus are divided into two halves (of an odd
    number, one half gets one more), each half is averaged, and the two averages are correlated (Pearson) across
    stimuli. With :math:`\bar r` the mean of these correlations over splits, the reliability of the average over
    all repetitions is

    .. math:: R = \frac{2 \bar r}{1 + \bar r}

    (Spearman 1910; Brown 1910). A negative :math:`\bar r` is given as it is: the correction has no meaning there.

    Parameters
    ----------
    assembly : DataArray
        Dims presentation, neuroid and optionally time_bin; presentations with the same ``stimulus_id`` are
        repetitions. Their number may differ between stimuli, and between sites where responses are missing
        (NaN); a stimulus counts for a site with at least two responses to it.
    n_splits : int
        Number of random splits.
    seed : int
        Seed of the splits. Sites with the same pattern of missing responses share them.

    Returns
    -------
    DataArray
        Dims neuroid and, if the assembly has it, time_bin. NaN at sites that are silent or have fewer than three
        stimuli with two repetitions; a half without variance counts as a correlation of 0 (our choices).

    Raises
    ------
    InputError
        If it is not an assembly, or no stimulus was shown twice.
    OptionError
        If ``n_splits`` is not positive.
    """
    if n_splits < 1:
        raise OptionError(f"n_splits is {n_splits}; at least 1 is needed, 100 are usual")
    plain = check_structure(assembly)
    codes = pd.factorize(np.asarray(plain["stimulus_id"].values, dtype=object))[0]
    if np.bincount(codes).max() < 2:
        raise InputError(
            f"split-half reliability needs repetitions: each of the {len(codes)} stimuli of this recording was "
            "presented once (or it is averaged already); open it with its repetitions"
        )
    order = np.argsort(codes, kind="stable")
    codes = codes[order]
    responses = np.moveaxis(plain.values, 0, -1).reshape(plain.sizes["neuroid"], -1, len(codes))
    result = np.empty(responses.shape[:2])
    ones = np.ones(len(codes))
    shuffles = _shuffles(codes, n_splits, derive_seed(seed, "split half"))
    for present, members in _by_pattern(plain):
        used = _repeated(codes, present[order])
        counts = np.bincount(pd.factorize(codes[used])[0])
        halves = [_half(shuffle, used, counts, codes[used], ones) for shuffle in shuffles]
        there = order[used]
        step = max(1, BLOCK_BYTES // (8 * max(1, len(there))))
        for start in range(0, len(members), step):
            site, time_bin = members[start : start + step].T
            rows = responses[site[:, np.newaxis], time_bin[:, np.newaxis], there].astype(np.float64)
            result[site, time_bin] = _reliability(rows, counts, halves)
    dims = ("neuroid", "time_bin") if "time_bin" in plain.dims else ("neuroid",)
    coords = {str(n): c.variable for n, c in plain.coords.items() if c.dims and set(c.dims) <= set(dims)}
    return xr.DataArray(
        result if "time_bin" in plain.dims else result[:, 0],
        dims=dims,
        coords=coords,
        attrs={**plain.attrs, "n_splits": n_splits, "seed": seed, "units": "correlation"},
        name="reliability",
    )


def _by_pattern(assembly: xr.DataArray) -> list[tuple[NDArray[np.bool_], NDArray[np.intp]]]:
    """Which responses are present, and the (site, bin) pairs of which that is true; usually one for all."""
    patterns: dict[bytes, tuple[NDArray[np.bool_], list[tuple[int, int]]]] = {}
    for sites, rows in site_blocks(assembly):
        there = ~np.isnan(rows)
        for site, time_bin in np.ndindex(there.shape[:2]):
            present = there[site, time_bin]
            key = hashlib.sha256(np.packbits(present).tobytes()).digest()
            patterns.setdefault(key, (present.copy(), []))[1].append((sites.start + site, time_bin))
    return [(present, np.asarray(members)) for present, members in patterns.values()]


def _repeated(codes: NDArray[np.intp], present: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Present responses to stimuli with at least two of them."""
    counts = np.bincount(codes, weights=present)
    return present & (counts[codes] >= 2)


def _shuffles(codes: NDArray[np.intp], n_splits: int, seed: int) -> list[tuple[NDArray[np.int32], NDArray[np.int8]]]:
    """For each split: presentations shuffled within each stimulus, and which stimuli round their half up.

    ``codes`` (stimuli) are sorted.
    """
    rng = np.random.default_rng(seed)
    n_stimuli = int(codes[-1]) + 1
    return [
        # sorted by stimulus, then by a random number below 1
        (np.argsort(codes + rng.random(len(codes))).astype(np.int32), rng.integers(0, 2, n_stimuli, dtype=np.int8))
        for _ in range(n_splits)
    ]


def _half(
    shuffle: tuple[NDArray[np.int32], NDArray[np.int8]],
    used: NDArray[np.bool_],
    counts: NDArray[np.intp],
    codes: NDArray[np.intp],
    ones: NDArray[np.float64],
) -> sparse.csr_matrix:
    """The matrix (n_stimuli, n_used) that sums one half of the used presentations (of ``codes``) of each stimulus."""
    order, up = shuffle
    shuffled = (np.cumsum(used, dtype=np.int32) - 1)[order[used[order]]]
    starts = np.cumsum(counts) - counts
    sizes = (counts + up[codes[starts]]) // 2
    rank = np.arange(len(shuffled)) - np.repeat(starts, counts)
    chosen = shuffled[rank < np.repeat(sizes, counts)]
    ends = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return sparse.csr_matrix((ones[: len(chosen)], chosen, ends), shape=(len(counts), len(shuffled)))


def _reliability(
    rows: NDArray[np.float64], counts: NDArray[np.intp], halves: list[sparse.csr_matrix]
) -> NDArray[np.float64]:
    """Corrected reliability of each row; columns are presentations sorted by stimulus, ``counts`` of each."""
    if len(counts) < _FEWEST_STIMULI:
        return np.full(len(rows), np.nan)
    columns = np.ascontiguousarray((rows - rows.mean(axis=1, keepdims=True)).T)
    totals = np.add.reduceat(columns, np.cumsum(counts) - counts)
    least = 1e-12 * np.abs(columns).max(axis=0)
    correlation = np.zeros(len(rows))
    for half in halves:
        sums, sizes = half @ columns, np.diff(half.indptr)[:, np.newaxis]
        correlation += _pearson(sums / sizes, (totals - sums) / (counts[:, np.newaxis] - sizes), least)
    mean = correlation / len(halves)
    corrected: NDArray[np.float64] = np.where(mean > 0, 2 * mean / (1 + np.maximum(mean, 0)), mean)
    corrected[rows.max(axis=1) == rows.min(axis=1)] = np.nan
    return corrected


def _pearson(a: NDArray[np.float64], b: NDArray[np.float64], least: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation of the columns of two arrays of shape (n_stimuli, n_sites).

    It is 0 where a standard deviation is not above ``least``, which is what rounding leaves of a constant.
    """
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    spread_a, spread_b = np.sqrt((a**2).mean(axis=0)), np.sqrt((b**2).mean(axis=0))
    correlation: NDArray[np.float64] = np.zeros(a.shape[1])
    np.divide((a * b).mean(axis=0), spread_a * spread_b, out=correlation, where=(spread_a > least) & (spread_b > least))
    return correlation
