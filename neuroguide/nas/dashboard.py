"""optuna-dashboard on the store of a run, for this machine only."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from neuroguide._core.errors import OptionError, missing_extra
from neuroguide.nas.drawings import Drawings, WithDrawings
from neuroguide.nas.run import SearchRun, open_run

HOST = "127.0.0.1"


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # the name is http.server's
        """Nothing: a line for every request helps nobody."""


def dashboard(
    run: str | os.PathLike[str] | SearchRun,
    *,
    port: int = 8080,
    draw: Callable[[SearchRun, int, Path], Any] | None = None,
) -> WSGIServer:
    """A server of optuna-dashboard for a run, finished or under way; ``serve_forever()`` starts it.

    It listens on 127.0.0.1 only and refuses requests that a browser sends for another site, since the dashboard can
    delete what it shows.

    Parameters
    ----------
    run : path or SearchRun
    port : int
        0 takes any that is free; see ``server_port`` of the result.
    draw : callable, optional
        ``draw(run, trial, path)`` writes a PNG of a trial's candidate. Finished trials then have it as an artefact:
        drawn when it is first looked at, kept in the run's folder ``drawings``, and never written into the store, so
        that a search that is resumed finds the store as it left it.

    Raises
    ------
    MissingExtraError
        If optuna-dashboard is not installed.
    FileError
        If there is no run.
    OptionError
        If the port is taken or impossible.

    Examples
    --------
    >>> with dashboard("runs/mine") as server:  # doctest: +SKIP
    ...     server.serve_forever()
    """
    try:
        from optuna_dashboard import wsgi
    except ImportError as error:
        raise missing_extra("optuna-dashboard", "dashboard", "the dashboard of a run") from error
    opened = run if isinstance(run, SearchRun) else open_run(run)
    storage, store = opened.study._storage, None
    if draw is not None:
        storage = WithDrawings(storage)
        store = Drawings(opened.path / "drawings", partial(draw, opened))
    app = wsgi(storage, artifact_store=store)
    try:
        return make_server(HOST, port, _only_here(app), handler_class=_Silent)
    except (OSError, OverflowError) as error:
        raise OptionError(f"port {port} is not possible ({error}); give another port=") from error


def _only_here(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Answer only what was sent to this machine by name, and by no page of another site."""

    def checked(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        port = environ.get("SERVER_PORT", "")
        names = {f"{name}{end}" for name in (HOST, "localhost") for end in (f":{port}", "")}
        origin = environ.get("HTTP_ORIGIN")
        if environ.get("HTTP_HOST") not in names or (origin is not None and origin.partition("//")[2] not in names):
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"this dashboard is for 127.0.0.1 only\n"]
        return app(environ, start_response)

    return checked
