"""What the stimulus sets of the catalogue have in common."""

from __future__ import annotations

from neuroguide._core import catalog
from neuroguide._core.catalog import CatalogEntry
from neuroguide._core.options import unknown_option


def attributes(entry: CatalogEntry) -> dict[str, str]:
    """What every set of an archive says of itself."""
    return {"source": entry.source, "licence": entry.licence, "citation": entry.citation}


def whole_archive(name: str, variant: str | None) -> CatalogEntry:
    """The entry of an archive that has only one stimulus set; raises OptionError if a variant is asked for."""
    if variant is not None:
        raise unknown_option(f"part of {name}", variant, [], how_to_add=f"give the name alone: {name!r}")
    return catalog.entry(name)
