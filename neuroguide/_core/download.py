"""Files of the catalogue, downloaded once into the cache and verified every time they are used."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from neuroguide._core import settings
from neuroguide._core.catalog import CatalogEntry, CatalogFile
from neuroguide._core.errors import DownloadError
from neuroguide._core.paths import check_relative
from neuroguide._core.transfer import Patience, download_to

_log = logging.getLogger("neuroguide.download")

#: ``progress(path, done, total)``: the file at work, bytes present of all files asked for, and how many there are.
Progress = Callable[[str, int, int], None]

#: Seconds to wait for another process that is downloading the same archive.
LOCK_SECONDS = 1800.0


def fetch(
    entry: CatalogEntry,
    paths: Iterable[str] | None = None,
    *,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> dict[str, Path]:
    """Files of an archive, from the cache or else downloaded.

    The cache is ``$NEUROGUIDE_HOME/<entry name>/<path>``. A cached file is verified too, and a cache that already holds
    the files is only read, so it may be read-only. A file appears in the cache whole and verified, or not at all;
    what a broken transfer left is kept in ``$NEUROGUIDE_HOME/.partial`` if the server can go on from there. A file of
    Brain-Score's that its own cache holds (``$BRAINIO_HOME/<sha1>/<name>``, by default below ``~/.brainio``) is used
    where it is.

    Parameters
    ----------
    entry : CatalogEntry
        The archive.
    paths : iterable of str, optional
        Which of its files; all by default.
    progress : callable, optional
        Called as ``progress(path, done, total)`` in bytes over all files asked for (unknown sizes count as 0).
    patience : Patience, optional
        Time limits for servers.

    Returns
    -------
    dict of str to Path
        Where each file is.

    Raises
    ------
    OptionError
        If the archive has no file of that path.
    DownloadError
        If a file cannot be had: no public address, no connection, a stalled or broken transfer, another checksum.
    """
    files = list(entry.files) if paths is None else [entry.file(path) for path in paths]
    total = sum(file.size or 0 for file in files)
    found: dict[str, Path] = {}
    before = 0
    for file in files:
        report = None if progress is None else _reporter(progress, file.path, before, total)
        found[file.path] = _fetch_one(entry, file, report, patience or Patience())
        before += file.size or 0
        if progress is not None:
            progress(file.path, before, total)
    return found


def missing(entry: CatalogEntry, paths: Iterable[str] | None = None) -> list[str]:
    """Paths that are not in the cache, judged by existence and size alone (no checksum is computed)."""
    files = list(entry.files) if paths is None else [entry.file(path) for path in paths]
    return [
        file.path
        for file in files
        if not any(_plausible(place, file) for place in (cached_path(entry, file.path), *_brainio(file)))
    ]


def cached_path(entry: CatalogEntry, path: str) -> Path:
    """Where a file of the archive is, or would be, in the cache."""
    return settings.home() / entry.name / check_relative(path, source=f"catalogue entry {entry.name!r}")


def _brainio(file: CatalogFile) -> list[Path]:
    """Where Brain-Score keeps a file: it names the folder after the SHA-1."""
    if not file.sha1:
        return []
    home = Path(os.environ.get("BRAINIO_HOME") or "~/.brainio").expanduser()
    return [home / file.sha1 / file.path.rpartition("/")[2]]


def _reporter(progress: Progress, path: str, before: int, total: int) -> Callable[[int], None]:
    return lambda done: progress(path, before + done, total)


def _plausible(target: Path, file: CatalogFile) -> bool:
    return target.is_file() and file.size in (None, target.stat().st_size)


def _verified(target: Path, file: CatalogFile) -> bool:
    import pooch

    return _plausible(target, file) and pooch.hashes.hash_matches(str(target), file.checksum)


def _fetch_one(
    entry: CatalogEntry, file: CatalogFile, report: Callable[[int], None] | None, patience: Patience
) -> Path:
    target = cached_path(entry, file.path)
    if _verified(target, file):
        return target
    for place in _brainio(file):
        if _verified(place, file):
            return place
        if place.exists():
            _log.warning("%s is damaged (its checksum differs) and is left alone", place)
    if not entry.base_url:
        state = "is damaged (its checksum differs)" if target.exists() else "is not in the cache"
        raise DownloadError(f"{target} {state} and cannot be downloaded: {entry.obtain}")
    try:
        with _locked(entry):
            if not _verified(target, file):  # another process may have brought it meanwhile
                if target.exists():
                    _log.warning("%s is damaged (its checksum differs) and is downloaded again", target)
                _download(entry, file, target, report, patience)
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(
            f"cannot write {target} ({error.strerror or error}); choose another cache folder with NEUROGUIDE_HOME"
        ) from error
    return target


@contextmanager
def _locked(entry: CatalogEntry) -> Iterator[None]:
    from filelock import FileLock, Timeout

    folder = settings.home() / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{entry.name}.lock")
    try:
        with lock.acquire(timeout=LOCK_SECONDS):
            yield
    except Timeout as error:
        raise DownloadError(
            f"another process has been downloading {entry.name} for {LOCK_SECONDS / 60:.0f} minutes; "
            f"wait for it, or end it and try again"
        ) from error


def _download(
    entry: CatalogEntry,
    file: CatalogFile,
    target: Path,
    report: Callable[[int], None] | None,
    patience: Patience,
) -> None:
    """Download to the folder of partial files, then let pooch verify and move."""
    import pooch

    part = settings.home() / ".partial" / file.checksum.partition(":")[2]
    part.parent.mkdir(parents=True, exist_ok=True)
    url = entry.url(file.path)
    _log.info("downloading %s (%s bytes)", url, "?" if file.size is None else f"{file.size:,}")
    for last in (False, True):
        came_in_parts = download_to(url, part, size=file.size, patience=patience, progress=report)
        try:
            with _quiet_pooch():
                pooch.retrieve(
                    url,
                    file.checksum,
                    fname=target.name,
                    path=target.parent,
                    downloader=lambda _url, temporary, _pooch: os.replace(part, temporary),
                )
            return
        except ValueError as error:  # pooch's word for another checksum; its temporary file is gone by now
            if last or not came_in_parts:
                raise DownloadError(
                    f"{url} has another checksum than the catalogue's {file.checksum}; nothing was kept: "
                    "the file was changed there, or the connection alters it"
                ) from error


@contextmanager
def _quiet_pooch() -> Iterator[None]:
    """Pooch announces each file on stderr; progress is ours to show."""
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
