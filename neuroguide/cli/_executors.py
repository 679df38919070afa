"""Executors from the command line: names, and the options of batch jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from neuroguide._core.errors import OptionError

if TYPE_CHECKING:
    from neuroguide.execution import Executor

#: Options of batch jobs that are numbers.
_NUMBERS = ("jobs", "cores", "processes")


@contextmanager
def batch_executor(name: str | None, cluster: Sequence[str], **limits: Any) -> Iterator[str | Executor | None]:
    """The executor of batch jobs, ended in the end; any other name is passed on."""
    from neuroguide.execution import open_executor
    from neuroguide.execution.cluster import BATCH

    if name not in BATCH:
        if cluster:
            raise OptionError(f"--cluster is for batch jobs; give --executor {' or '.join(BATCH)}, or leave it out")
        yield name
        return
    executor = open_executor(name, cluster=cluster_options(cluster), **limits)
    try:
        yield executor
    finally:
        executor.shutdown()


def job_script(name: str | None, cluster: Sequence[str]) -> str | None:
    """The script that would be handed to the batch system; None for other executors."""
    from neuroguide.execution.cluster import BATCH, batch_cluster

    if name not in BATCH:
        return None
    with batch_cluster(str(name), cluster_options(cluster)) as jobs:
        return str(jobs.job_script())


def cluster_options(pairs: Sequence[str]) -> dict[str, Any]:
    """``KEY=VALUE`` pairs: numbers where they are, lists where a key ends in ``directives``.

    Raises
    ------
    OptionError
        If one is not of that form.
    """
    options: dict[str, Any] = {}
    for pair in pairs:
        name, found, value = pair.partition("=")
        if not found or not name or (name in _NUMBERS and not value.isdigit()):
            kind = "KEY=NUMBER" if name in _NUMBERS else "KEY=VALUE"
            raise OptionError(f"--cluster {pair!r} is not of the form {kind}; e.g. --cluster queue=gpu")
        if name.endswith("directives"):
            options[name] = [*options.get(name, []), value]
        else:
            options[name] = int(value) if name in _NUMBERS else value
    return options
