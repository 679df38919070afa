"""``ng.report``: scores or a run as one HTML file."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import xarray as xr

from neuroguide._core.atomic import check_target, write_text
from neuroguide._core.errors import InputError, OptionError
from neuroguide.nas.run import SearchRun, open_run
from neuroguide.reporting.page import Page
from neuroguide.reporting.provenance import file_checksum
from neuroguide.reporting.scores import scores_page
from neuroguide.reporting.searches import search_page
from neuroguide.scoring.files import open_scores
from neuroguide.stimuli import StimulusSet

#: Bytes that a mail still takes; more is refused.
LARGEST = 5_000_000


def report(
    scores_or_run: xr.Dataset | SearchRun | str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    rdms: bool = False,
    model: Any = None,
    recording: xr.DataArray | str | os.PathLike[str] | None = None,
    stimuli: StimulusSet | str | os.PathLike[str] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Path:
    """Write a report of scores or of a search: one HTML file that asks no server for anything.

    It holds a summary in words, pictures whose points have names, a table to sort and filter, every candidate's card,
    where the data come from, how to repeat it, a Methods paragraph and references. Pixels of stimuli are never in it.

    Parameters
    ----------
    scores_or_run : Dataset, SearchRun or path
        Scores, a run, or the file or folder of one.
    path : path
        The HTML file; replaced if it exists.
    rdms : bool
        Of scores: also the RDM of every layer, beside those of the regions. They are computed anew, so the model and
        the recording are opened.
    model, recording, stimuli
        What the scores were computed from, for ``rdms``; by default what their attributes name.
    progress : callable, optional
        Called with (done, total, what is being done).

    Returns
    -------
    Path
        The file.

    Raises
    ------
    FileError
        If there is no such file or run, or the report cannot be written.
    InputError
        If these are no scores, the run has no finished trial, the model or recording is not that of the scores, or the
        page would be larger than 5 MB.
    OptionError
        If RDMs are asked for of something that has none.

    Examples
    --------
    >>> import neuroguide as ng
    >>> ng.report(ng.score("pixels", "virtual"), "report.html").name  # doctest: +SKIP
    'report.html'
    """
    target = check_target(path)
    source = _opened(scores_or_run)
    if isinstance(source, SearchRun):
        if rdms:
            raise OptionError("rdms are for scores; of a run leave rdms out")
        if not source.results:
            raise InputError(f"{source.path} has no finished trial yet; resume the run")
        page = search_page(source, progress=progress)
    else:
        file = None if isinstance(scores_or_run, xr.Dataset) else Path(os.fspath(scores_or_run))  # type: ignore[arg-type]
        shown = None
        if rdms:
            from neuroguide.reporting.matrices import viewer

            shown = viewer(source, model, recording, stimuli=stimuli, progress=progress)
        checksum = "" if file is None else file_checksum(file)
        page = scores_page(source, file="" if file is None else str(file), checksum=checksum, viewer=shown)
    html = render(page)
    size = len(html.encode())
    if size > LARGEST:
        raise InputError(
            f"the report would have {size / 1e6:.1f} MB, more than {LARGEST / 1e6:.0f}; "
            "leave rdms out, or select fewer layers or regions"
        )
    return write_text(target, html)


def _opened(source: Any) -> xr.Dataset | SearchRun:
    if isinstance(source, SearchRun):
        return source
    if isinstance(source, xr.Dataset):
        if "similarity" not in source or ("region" not in source.dims and "neuroid" not in source.dims):
            raise InputError("this Dataset holds no scores (no `similarity` by region); give what ng.score returns")
        return source
    if not isinstance(source, str | os.PathLike):
        raise InputError(f"a report is of scores or a run; a {type(source).__name__} arrived")
    return open_run(source) if Path(source).is_dir() else open_scores(source)


def render(page: Page) -> str:
    """The page as HTML; every text in it is escaped."""
    return _environment().get_template("report.html").render(page=page)


@cache
def _environment() -> jinja2.Environment:
    loader = jinja2.PackageLoader("neuroguide.reporting")
    return jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
