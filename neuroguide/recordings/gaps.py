"""What is missing in a recording: silent sites, missing responses. Reported and kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.recordings._blocks import shorten, site_blocks


@dataclass(frozen=True)
class Gaps:
    """What is missing in an assembly.

    Parameters
    ----------
    missing_presentations : array of bool, of shape (n_presentations,)
        Presentations without a response at any site.
    missing_by_site : array of int, of shape (n_sites,)
        Responses that are missing (NaN), for each site, over presentations and time bins.
    silent_sites : array of bool, of shape (n_sites,)
        Sites whose responses are all equal (a dead electrode, a unit that never fired) or all missing.
    sites : list of str
        The ``neuroid_id`` of every site.
    n_responses : int
        Size of the assembly.
    """

    missing_presentations: NDArray[np.bool_]
    missing_by_site: NDArray[np.int64]
    silent_sites: NDArray[np.bool_]
    sites: list[str]
    n_responses: int

    def sentences(self) -> list[str]:
        """One sentence for each kind of gap: how many, and where; empty if there is none."""
        found = []
        silent = self._names(self.silent_sites)
        if silent:
            found.append(
                f"{len(silent)} of {len(self.sites)} sites are silent (the same response to everything): "
                f"{shorten(silent)}"
            )
        missing = int(self.missing_by_site.sum())
        if missing:
            where = self._names(self.missing_by_site > 0)
            found.append(
                f"{missing} of {self.n_responses} responses ({100 * missing / self.n_responses:.2g}%) are missing, "
                f"at {len(where)} of {len(self.sites)} sites: {shorten(where)}; averages ignore them"
            )
        return found

    def _names(self, chosen: NDArray[np.bool_]) -> list[str]:
        return [self.sites[i] for i in np.flatnonzero(chosen)]


def find_gaps(assembly: xr.DataArray, *, source: str = "the recording") -> Gaps:
    """Look for silent sites and missing responses, a few sites at a time.

    Parameters
    ----------
    assembly : DataArray
        Dims presentation, neuroid and optionally time_bin.
    source : str
        What to call it in an error.

    Raises
    ------
    InputError
        If a response is infinite.
    """
    n_presentations, n_sites = assembly.sizes["presentation"], assembly.sizes["neuroid"]
    sites = [str(name) for name in assembly["neuroid_id"].values]
    present = np.zeros(n_presentations, dtype=bool)
    missing = np.zeros(n_sites, dtype=np.int64)
    silent = np.zeros(n_sites, dtype=bool)
    for block, rows in site_blocks(assembly):
        absent = np.isnan(rows)
        present |= ~absent.all(axis=(0, 1))
        missing[block] = absent.sum(axis=(1, 2))
        lowest, highest = np.fmin.reduce(rows, axis=(1, 2)), np.fmax.reduce(rows, axis=(1, 2))
        silent[block] = (lowest == highest) | np.isnan(highest)
        infinite = np.isinf(lowest) | np.isinf(highest)
        if infinite.any():
            site = block.start + int(np.flatnonzero(infinite)[0])
            count = int(np.isinf(rows).sum())
            raise InputError(
                f"{source} has infinite responses ({count} from site {sites[site]!r} on); "
                "finite numbers were expected, NaN where a response is missing: replace them"
            )
    return Gaps(~present, missing, silent, sites, assembly.size)
