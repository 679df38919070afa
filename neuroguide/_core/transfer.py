"""One file over HTTP: with time limits, a size limit, and resumed where it broke off if the server allows it."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuroguide._core.errors import DownloadError

_log = logging.getLogger("neuroguide.download")

#: Largest file accepted from a server when the catalogue does not know its size.
MAX_UNKNOWN_BYTES = 64 * 1024**3

_CHUNK = 64 * 1024
#: Answers that may be different a moment later.
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for, and how often it is asked again.

    Parameters
    ----------
    connect : float
        Seconds until a connection must stand.
    read : float
        Seconds without a single byte after which the server counts as stalled.
    attempts : int
        How often a transfer that broke off is taken up again, the first time included.
    pause : float
        Seconds before the second attempt; doubled before each further one.
    """

    connect: float = 15.0
    read: float = 30.0
    attempts: int = 3
    pause: float = 1.0


class _BrokeOffError(Exception):
    """A transfer that may succeed when it is tried again; the message is the reason."""


def download_to(
    url: str,
    part: Path,
    *,
    size: int | None,
    patience: Patience,
    progress: Callable[[int], None] | None = None,
) -> bool:
    """Download ``url`` into ``part``, going on from what ``part`` already holds.

    A partial file outlives an error only if the server takes byte ranges, so that it is of use the next time.

    Parameters
    ----------
    url : str
        Where the file is.
    part : Path
        Where to put it; its folder must exist.
    size : int, optional
        How many bytes it must have. More are never written.
    patience : Patience
        Time limits.
    progress : callable, optional
        Called with the bytes present so far.

    Returns
    -------
    bool
        Whether the file was completed from an earlier part, so that a wrong checksum may be the earlier part's fault.

    Raises
    ------
    DownloadError
        If the server cannot be reached, stalls, refuses, breaks off, or sends another number of bytes.
    """
    resumed = part.exists()
    attempt = 1
    while True:
        try:
            _attempt(url, part, size, patience, progress)
            return resumed
        except _BrokeOffError as error:
            if attempt >= patience.attempts:
                raise DownloadError(f"cannot download {url}: {error}{_kept(part)}; try again later") from error
            _log.info("%s: %s; attempt %d of %d follows", url, error, attempt + 1, patience.attempts)
        time.sleep(patience.pause * 2 ** (attempt - 1))
        attempt += 1
        resumed = resumed or part.exists()


def _kept(part: Path) -> str:
    return f" ({part.stat().st_size:,} bytes are kept, the next attempt goes on from there)" if part.exists() else ""


def _attempt(
    url: str, part: Path, size: int | None, patience: Patience, progress: Callable[[int], None] | None
) -> None:
    import requests  # both here, because they take 0.1 s and most sessions download nothing
    import urllib3

    start = part.stat().st_size if part.exists() else 0
    if size is not None and start == size:
        return  # complete, but the process ended before it was moved
    if size is not None and start > size:
        part.unlink()
        start = 0
    # compressed on the way, a file would have another length and no meaningful byte ranges
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=(patience.connect, patience.read)) as response:
            resumable = response.status_code == 206 or response.headers.get("Accept-Ranges") == "bytes"
            start = _check_answer(url, response, start, size, part)
            try:
                _receive(response, part, start, size, progress)
            except BaseException:
                if not resumable:
                    part.unlink(missing_ok=True)
                raise
    except requests.exceptions.ConnectTimeout as error:
        raise _BrokeOffError(f"no connection within {patience.connect:g} s") from error
    except requests.exceptions.Timeout as error:
        raise _BrokeOffError(f"the server stalled for {patience.read:g} s") from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise _BrokeOffError("the connection broke off") from error
    except requests.exceptions.ConnectionError as error:
        cause = error.args[0] if error.args else None
        if isinstance(cause, urllib3.exceptions.ReadTimeoutError):  # how requests reports a stall inside the body
            raise _BrokeOffError(f"the server stalled for {patience.read:g} s") from error
        if isinstance(cause, urllib3.exceptions.ProtocolError):
            raise _BrokeOffError("the connection broke off before an answer came") from error
        raise DownloadError(f"cannot reach {_host(url)} to download {url}; check the network connection") from error
    except requests.exceptions.RequestException as error:
        raise DownloadError(f"cannot download {url} ({type(error).__name__}); check the address") from error


def _check_answer(url: str, response: Any, start: int, size: int | None, part: Path) -> int:
    """Where in the file the body begins, after refusing what cannot be the file."""
    status = response.status_code
    if status == 416:
        part.unlink(missing_ok=True)
        raise _BrokeOffError("the server no longer has the part that was missing")
    if status in _TRY_AGAIN:
        raise _BrokeOffError(f"the server answered {status} ({response.reason})")
    if status not in (200, 206):
        part.unlink(missing_ok=True)
        raise DownloadError(f"cannot download {url}: the server answered {status} ({response.reason})")
    if status == 206:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if match is None or int(match.group(1)) != start:
            part.unlink(missing_ok=True)
            raise _BrokeOffError("the server sent another part than the one asked for")
    else:
        start = 0
    announced = response.headers.get("Content-Length", "")
    if size is not None and announced.isdigit() and start + int(announced) != size:
        part.unlink(missing_ok=True)
        raise DownloadError(
            f"cannot download {url}: the server has {start + int(announced):,} bytes, {size:,} were expected; "
            "the file was changed there or something else was sent"
        )
    return start


def _receive(response: Any, part: Path, start: int, size: int | None, progress: Callable[[int], None] | None) -> None:
    limit = MAX_UNKNOWN_BYTES if size is None else size
    done = start
    with part.open("ab" if start else "wb") as handle:
        for chunk in response.iter_content(_CHUNK):
            done += len(chunk)
            if done > limit:
                break
            handle.write(chunk)
            if progress is not None:
                progress(done)
        handle.flush()
        os.fsync(handle.fileno())
    if done > limit:
        part.unlink()
        raise DownloadError(f"cannot download {response.url}: the server sent more than the {limit:,} bytes expected")
    announced = response.headers.get("Content-Length", "")
    expected = start + int(announced) if announced.isdigit() else size
    if expected is not None and done < expected:
        raise _BrokeOffError(f"the connection broke off after {done:,} of {expected:,} bytes")


def _host(url: str) -> str:
    return url.split("/")[2] if url.count("/") >= 2 else url
