"""Scores of several models as one dataset."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from neuroguide._core.errors import InputError

#: What must agree for scores to be compared.
_SAME = ("recording_identifier", "metric", "distance", "comparison", "normalise", "time", "n_stimuli")


def join_models(scores: Sequence[xr.Dataset]) -> xr.Dataset:
    """Put the scores of several models against one recording side by side.

    Parameters
    ----------
    scores : sequence of xarray.Dataset
        Each as :func:`neuroguide.score` returns it, with the same recording and settings, and different models.

    Returns
    -------
    xarray.Dataset
        Dims ``("model", "layer", "region")``; layers that a model does not have are NaN. Attributes in which the
        models differ are left out.

    Raises
    ------
    InputError
        If there are none, two have the same model, or their recording or settings differ.
    """
    found = list(scores)
    if not found:
        raise InputError("there are no scores to join; give at least one")
    names = [str(each.attrs.get("model", index)) for index, each in enumerate(found)]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"two of the scores are of a model called {twice!r}; give each a name of its own")
    for name in _SAME:
        values = [each.attrs.get(name) for each in found]
        if any(value != values[0] for value in values):
            raise InputError(f"the scores differ in {name} ({', '.join(map(str, values))}), so they cannot be compared")
    layers = list(dict.fromkeys(str(layer) for each in found for layer in each["layer"].values))
    # what does not depend on the model (number of sites, ceiling) stays as it is
    shared = [
        name for name in found[0].data_vars if all(name in each and each[name].equals(found[0][name]) for each in found)
    ]
    own = [
        each.drop_vars(shared).reindex(layer=layers).assign_coords(model=name)
        for each, name in zip(found, names, strict=True)
    ]
    joined = xr.concat(own, dim="model", combine_attrs="drop").assign({name: found[0][name] for name in shared})
    attrs = {
        name: value
        for name, value in found[0].attrs.items()
        if all(each.attrs.get(name) == value for each in found[1:])
    }
    return joined.assign_attrs(attrs)
