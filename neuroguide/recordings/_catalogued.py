"""What the recordings of the catalogue have in common: their attributes and their description."""

from __future__ import annotations

from neuroguide._core import download
from neuroguide._core.catalog import CatalogEntry
from neuroguide.recordings._description import Description


def attributes(
    entry: CatalogEntry, *, identifier: str, stimulus_set: str, units: str, simultaneous: bool, **others: str | float
) -> dict[str, str | float]:
    """The attributes that every recording carries.

    Parameters
    ----------
    entry : CatalogEntry
        The archive.
    identifier : str
        What opens this recording.
    stimulus_set : str
        What ``open_stimuli`` opens its stimuli by.
    units : str
        What a value is.
    simultaneous : bool
        Whether all sites were recorded at the same time, so that their noise may be correlated.
    **others
        Further ones of this recording.
    """
    return {
        "identifier": identifier,
        "stimulus_set_identifier": stimulus_set,
        "source": entry.source,
        "licence": entry.licence,
        "citation": entry.citation,
        "simulated": 0,
        "simultaneous": int(simultaneous),
        "normalise": "none",
        "units": units,
        **others,
    }


def description(entry: CatalogEntry, variant: str | None, *how_to_open: str) -> Description:
    """What is known of an archive without downloading it; raises OptionError for an unknown variant."""
    part = entry.variant(variant) if entry.variants or variant is not None else None
    name = entry.name if part is None else f"{entry.name}:{part.name}"
    missing = download.missing(entry, None if part is None else part.paths)
    sizes = [entry.file(path).size for path in missing]
    notes = [entry.supports] if part is None else [part.supports, entry.supports]
    notes += [f"Licence: {entry.licence}.", f"Cite: {entry.citation}"]
    known = f"{sum(size or 0 for size in sizes) / 1e6:.1f} MB" if all(sizes) else "a size that is not published"
    notes.append(f"To download: {known}." if missing else "In the cache.")
    return Description(source=name, format=entry.title, how_to_open=how_to_open, notes=tuple(notes))
