"""Responses with the repetitions of each stimulus along an axis of their own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.recordings._blocks import response_dtype, site_blocks
from neuroguide.recordings.assembly import check_structure


def by_repetition(assembly: xr.DataArray) -> NDArray[np.floating]:
    """The responses as (n_stimuli, n_repetitions, n_sites), padded with NaN.

    Parameters
    ----------
    assembly : DataArray
        Dims presentation and neuroid, without time bins.

    Returns
    -------
    array of shape (n_stimuli, most repetitions of a stimulus, n_sites)
        Stimuli in the order in which they first appear, as :func:`average_repetitions` has them; the repetitions
        of each in the order of their ``repetition``, where the recording numbers them, else as presented.

    Raises
    ------
    InputError
        If it is not an assembly, or has time bins.
    """
    plain = check_structure(assembly)
    if "time_bin" in plain.dims:
        raise InputError("repetitions are gathered from responses without time bins; average over time first")
    codes = pd.factorize(np.asarray(plain["stimulus_id"].values, dtype=object))[0]
    order = np.argsort(codes, kind="stable")
    if "repetition" in plain.coords:
        order = np.lexsort((plain["repetition"].values, codes))
    counts = np.bincount(codes)
    place = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    shape = (len(counts), int(counts.max()), plain.sizes["neuroid"])
    gathered = np.full(shape, np.nan, dtype=response_dtype(plain))
    for sites, rows in site_blocks(plain):
        gathered[codes[order], place, sites] = rows[:, 0, order].T
    return gathered
