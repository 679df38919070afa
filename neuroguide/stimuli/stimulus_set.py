"""The images that were shown: ids, metadata, lazy pixels."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.stimuli.images import Images
from neuroguide.stimuli.pixels import ArrayPixels, Pixels


class StimulusSet:
    """The stimuli of an experiment.

    Parameters
    ----------
    metadata : DataFrame
        One row a stimulus, with a column ``stimulus_id`` (or ``image_id``) of unique ids.
    pixels : Pixels, optional
        The images, in the order of the rows; None if none were published.
    identifier : str
        The name of the set; recordings refer to it by ``attrs["stimulus_set_identifier"]``.
    degrees : float, optional
        Width of the images in degrees of visual angle as they were shown; None where it is unknown.
    attrs : mapping of str to str, optional
        ``source``, ``licence``, ``citation`` and the like.
    show_pixels : bool
        Whether notebooks show thumbnails. Outputs of notebooks end up in repositories, and most images are not ours to
        publish, so say it for those that are.

    Raises
    ------
    InputError
        If ids are missing, empty or not unique, if there are more or fewer images than rows, or if ``degrees`` is not
        positive.
    """

    def __init__(
        self,
        metadata: pd.DataFrame,
        pixels: Pixels | None,
        *,
        identifier: str,
        degrees: float | None = None,
        attrs: Mapping[str, str] | None = None,
        show_pixels: bool = False,
    ) -> None:
        self.identifier = identifier
        self.degrees = _check_degrees(degrees, identifier)
        self.attrs: Mapping[str, str] = MappingProxyType(dict(attrs or {}))
        self._metadata = _check_metadata(metadata, identifier)
        self._ids: list[str] = self._metadata["stimulus_id"].tolist()
        if pixels is not None and len(pixels) != len(self._ids):
            raise InputError(f"{identifier} has {len(self._ids)} stimuli in its table but {len(pixels)} images")
        self._pixels = pixels
        self._positions: NDArray[np.intp] = np.arange(len(self._ids))
        self._show_pixels = show_pixels

    @classmethod
    def from_arrays(
        cls,
        images: NDArray[Any],
        ids: Sequence[str] | None = None,
        *,
        metadata: pd.DataFrame | None = None,
        identifier: str = "arrays",
        degrees: float | None = None,
        show_pixels: bool = False,
    ) -> StimulusSet:
        """A set from images in memory.

        Parameters
        ----------
        images : array of shape (n, height, width, 3) or (n, height, width)
            uint8.
        ids : sequence of str, optional
            Stimulus ids; by default those of ``metadata``, else the numbers from 0.
        metadata : DataFrame, optional
            One row an image.
        identifier, degrees, show_pixels
            See :class:`StimulusSet`.
        """
        pixels = ArrayPixels(np.asarray(images))
        table = pd.DataFrame(index=range(len(pixels))) if metadata is None else metadata.reset_index(drop=True)
        if len(table) != len(pixels) or (ids is not None and len(ids) != len(pixels)):
            rows = len(table) if ids is None else len(ids)
            raise InputError(f"{identifier} has {rows} stimuli in its table but {len(pixels)} images")
        if ids is not None:
            table = table.assign(stimulus_id=[str(i) for i in ids])
        elif not {"stimulus_id", "image_id"} & set(table.columns):
            table = table.assign(stimulus_id=[str(i) for i in range(len(pixels))])
        return cls(table, pixels, identifier=identifier, degrees=degrees, show_pixels=show_pixels)

    @property
    def ids(self) -> list[str]:
        """The stimulus ids, in order."""
        return list(self._ids)

    @property
    def metadata(self) -> pd.DataFrame:
        """One row a stimulus, in order, with the column ``stimulus_id``; a copy."""
        return self._metadata.copy()

    @property
    def has_images(self) -> bool:
        """Whether there are pixels."""
        return self._pixels is not None

    def images(self, size: tuple[int, int] | int | None = None) -> Images:
        """The pixels, read when asked for.

        Parameters
        ----------
        size : int or (height, width), optional
            Scale to this many pixels; by default each image keeps its size. See
            :func:`neuroguide.stimuli.images.resize`.

        Returns
        -------
        Images
            ``[i]`` gives a uint8 array of shape (height, width, 3), a slice or a list one of shape
            (n, height, width, 3).

        Raises
        ------
        InputError
            If the archive published no images.
        """
        if self._pixels is None:
            raise InputError(f"the images of {self.identifier} were not published: only ids and labels are known")
        return Images(self._pixels, self._positions, self._ids, size)

    def select(self, ids: Iterable[str]) -> StimulusSet:
        """The same set with only these stimuli, in this order.

        Parameters
        ----------
        ids : iterable of str
            Stimulus ids, e.g. those of a recording.

        Raises
        ------
        InputError
            If one is not in the set (the first missing ones are named) or is given twice.
        """
        wanted = [str(i) for i in ids]
        place = {stimulus_id: i for i, stimulus_id in enumerate(self._ids)}
        if absent := [i for i in wanted if i not in place]:
            raise InputError(f"{self.identifier} lacks {len(absent)} of {len(wanted)} stimuli: {_some(absent)}")
        if len(set(wanted)) < len(wanted):
            raise InputError(f"stimuli are selected twice: {_some(_repeated(wanted))}")
        rows = [place[i] for i in wanted]
        chosen = object.__new__(StimulusSet)
        chosen.__dict__.update(self.__dict__)
        chosen._metadata = self._metadata.iloc[rows].reset_index(drop=True)
        chosen._ids = wanted
        chosen._positions = self._positions[rows]
        return chosen

    def __len__(self) -> int:
        return len(self._ids)

    def __repr__(self) -> str:
        columns = [str(column) for column in self._metadata.columns if column != "stimulus_id"]
        size = "unknown size" if self.degrees is None else f"{self.degrees:g} degrees"
        pixels = size if self.has_images else "no images"
        listing = f"; columns {', '.join(columns)}" if columns else ""
        return f"<StimulusSet {self.identifier!r}: {len(self)} stimuli, {pixels}{listing}>"

    def _repr_html_(self) -> str:
        """The first rows, and thumbnails where they may be shown; everything from a file is escaped."""
        table = self._metadata.head(5).to_html(index=False, border=0, escape=True)
        thumbnails = _thumbnails(self) if self.has_images and self._show_pixels else ""
        more = f"<p>&hellip; {len(self) - 5} more</p>" if len(self) > 5 else ""
        return f"<p>{html.escape(repr(self))}</p>{thumbnails}{table}{more}"


def _thumbnails(stimuli: StimulusSet) -> str:
    import base64
    import io

    from PIL import Image

    cells = []
    images = stimuli.images(size=64)
    for i in range(min(8, len(stimuli))):
        buffer = io.BytesIO()
        Image.fromarray(images[i]).save(buffer, format="PNG")
        data = base64.b64encode(buffer.getvalue()).decode("ascii")
        name = html.escape(stimuli.ids[i], quote=True)
        cells.append(f'<img src="data:image/png;base64,{data}" alt="{name}" title="{name}" style="margin:2px">')
    return f"<p>{''.join(cells)}</p>"


def _check_metadata(metadata: pd.DataFrame, identifier: str) -> pd.DataFrame:
    table = metadata.reset_index(drop=True)
    if "stimulus_id" not in table.columns:
        if "image_id" not in table.columns:
            raise InputError(
                f"the table of {identifier} has no column stimulus_id (or image_id); its columns are "
                f"{', '.join(map(str, table.columns)) or 'none'}"
            )
        table = table.assign(stimulus_id=table["image_id"])
    ids = table["stimulus_id"]
    empty = np.asarray(ids.isna()) | np.array([not str(i).strip() for i in ids], dtype=bool)
    if empty.any():
        raise InputError(f"the table of {identifier} has no stimulus_id in row {int(np.flatnonzero(empty)[0]) + 1}")
    table["stimulus_id"] = [str(i) for i in ids]
    if repeated := _repeated(table["stimulus_id"]):
        raise InputError(f"the table of {identifier} has the same stimulus_id twice: {_some(repeated)}")
    return table


def _check_degrees(degrees: float | None, identifier: str) -> float | None:
    if degrees is None:
        return None
    if not (math.isfinite(degrees) and degrees > 0):
        raise InputError(f"the width of the images of {identifier} must be a positive number of degrees, not {degrees}")
    return float(degrees)


def _repeated(ids: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for i in ids:
        if i in seen:
            twice[i] = None
        seen.add(i)
    return list(twice)


def _some(ids: Sequence[str], limit: int = 5) -> str:
    listing = ", ".join(ids[:limit])
    return f"{listing} and {len(ids) - limit} more" if len(ids) > limit else listing
