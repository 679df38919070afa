"""A recording of ours as a benchmark of Brain-Score's."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import numpy as np
import xarray as xr

from neuroguide._core.brainscore import brainscore, quiet_environment
from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option
from neuroguide.recordings import brainscore as assemblies
from neuroguide.recordings.assembly import check_assembly
from neuroguide.scoring.brainscore_metrics import BrainScoreCeiling, BrainScoreMetric, means_of, trials_of
from neuroguide.stimuli import StimulusSet, open_stimuli
from neuroguide.stimuli import brainscore as stimulus_sets

#: The bin of a recording that states none, in ms; models without time answer the same in every bin.
TIME_BIN = (70, 170)


def to_benchmark(
    recording: xr.DataArray,
    *,
    region: str | None = None,
    stimuli: StimulusSet | None = None,
    metric: Any = None,
    ceiling: Any = None,
    visual_degrees: float | None = None,
    identifier: str | None = None,
) -> Any:
    """A recording as Brain-Score's ``NeuralBenchmark``, which scores any of its models.

    Parameters
    ----------
    recording : DataArray
        With repetitions.
    region : str, optional
        Which region; needed where there are several.
    stimuli : StimulusSet, optional
        By default those that the recording names.
    metric : callable, optional
        A :class:`~neuroguide.scoring.brainscore_metrics.BrainScoreMetric` or one of Brain-Score's own; RSA by default.
    ceiling : callable, optional
        From the recording with its repetitions to a ``Score``; by default
        :class:`~neuroguide.scoring.brainscore_metrics.BrainScoreCeiling` of the metric.
    visual_degrees : float, optional
        Width of the stimuli; by default what the stimulus set states.
    identifier : str, optional
        By default made of the recording, the region and a hash of all of it: Brain-Score keeps ceilings on disk under
        it, for ever.

    Returns
    -------
    brainscore_vision.benchmark_helpers.neural_common.NeuralBenchmark

    Raises
    ------
    MissingExtraError
        If brainscore-vision is not installed.
    InputError
        If the region or the size of the stimuli is unknown.
    """
    module = brainscore("brainscore_vision.benchmark_helpers.neural_common", "making a benchmark of Brain-Score")
    trials = _of_region(check_assembly(recording), region)
    chosen = BrainScoreMetric() if metric is None else metric
    ceiler = ceiling or BrainScoreCeiling(chosen if isinstance(chosen, BrainScoreMetric) else BrainScoreMetric())
    shown = stimuli or open_stimuli(str(recording.attrs.get("stimulus_set_identifier", "")))
    degrees = visual_degrees or shown.degrees
    if degrees is None:
        raise InputError(f"the size of the stimuli of {shown.identifier} is unknown; give visual_degrees=")
    start, end = _time_bin(trials)
    means = means_of(trials)
    images = stimulus_sets.to_brainscore(shown.select(means["stimulus_id"].values))
    bins = {"time_bin_start": ("time_bin", [start]), "time_bin_end": ("time_bin", [end])}
    target = means.drop_vars(list(bins), errors="ignore").expand_dims(time_bin=1).assign_coords(bins)
    assembly = assemblies.to_brainscore(target, stimulus_set=images).squeeze("time_bin")
    name = str(trials["region"].values[0])
    with quiet_environment():
        return module.NeuralBenchmark(
            identifier=identifier or _identifier(trials, name, images.identifier, repr((chosen, ceiler, degrees))),
            assembly=assembly,
            similarity_metric=chosen,
            visual_degrees=degrees,
            number_of_trials=1,
            ceiling_func=lambda: ceiler(assemblies.to_brainscore(trials_of(trials))),
            version=1,
            parent=name,
            bibtex=str(recording.attrs.get("citation", "")),
        )


def _of_region(recording: xr.DataArray, region: str | None) -> xr.DataArray:
    if "region" not in recording.coords:
        name = region or "all_sites"
        return recording.assign_coords(region=("neuroid", np.full(recording.sizes["neuroid"], name, dtype=object)))
    regions = np.asarray(recording["region"].values).astype(str)
    known = list(dict.fromkeys(regions.tolist()))
    if region is None and len(known) > 1:
        raise InputError(
            f"a benchmark of Brain-Score is of one region, the recording has {', '.join(known)}; give region="
        )
    wanted = check_option("region", region or known[0], known)
    return recording.isel(neuroid=np.flatnonzero(regions == wanted))


def _time_bin(recording: xr.DataArray) -> tuple[int, int]:
    if "time_bin_start" not in recording.coords:
        return TIME_BIN
    return int(recording["time_bin_start"].values.min()), int(recording["time_bin_end"].values.max())


def _identifier(trials: xr.DataArray, region: str, stimuli: str, settings: str) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(trials.values).tobytes())
    digest.update(repr((trials["stimulus_id"].values.tolist(), stimuli, settings)).encode())
    own = str(trials.attrs.get("identifier", "recording"))
    return re.sub(r"[^A-Za-z0-9_.+-]+", "_", f"neuroguide.{own}.{region}-{digest.hexdigest()[:16]}")
