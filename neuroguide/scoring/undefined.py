"""Stimuli without a distance, named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.engine import dissimilarity
from neuroguide.engine.dissimilarity import Distance
from neuroguide.scoring.distances import distance_text, needs_repetitions


def check_defined(
    condensed: torch.Tensor, distance: Distance, stimulus_ids: Sequence[object] | NDArray[Any]
) -> torch.Tensor:
    """Return the condensed RDM if every stimulus has distances.

    Raises
    ------
    InputError
        If not; the message names the stimuli.
    """
    if not bool(torch.isnan(condensed).any()):
        return condensed
    square = dissimilarity.square_form(condensed)
    square.fill_diagonal_(torch.nan)
    missing = torch.isnan(square)
    # where single pairs have none, every stimulus in such a pair
    missing.fill_diagonal_(bool(missing.all(dim=1).any()))
    undefined = (missing.all(dim=1) if bool(missing[0, 0]) else missing.any(dim=1)).cpu().numpy()
    names = some(np.asarray(stimulus_ids)[undefined])
    text = distance_text(distance)
    if needs_repetitions(distance):
        raise InputError(
            f"the {text} distance is undefined for {int(undefined.sum())} of {len(undefined)} stimuli, which have too "
            f"few repetitions at some site: {names}; leave them out with drop='stimuli', or their sites"
        )
    raise InputError(
        f"the {text} distance is undefined for {int(undefined.sum())} of {len(undefined)} stimuli, whose "
        f"response is constant over features (or not finite): {names}; "
        "leave them out, or use distance='euclidean'"
    )


def some(names: Any, most: int = 5) -> str:
    """The first few of these names, sorted, and how many more there are."""
    listed = sorted(str(name) for name in names)
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")
