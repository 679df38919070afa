"""The entry point: one place where an error becomes a sentence and an exit code."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

from neuroguide._core.errors import NeuroguideError, NeuroguideWarning
from neuroguide.cli import _output
from neuroguide.cli.commands import app

#: Exit code of bad input, the same as for a wrong option.
BAD_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        The exit code: 0, 2 for bad input (with one sentence on stderr), 130 after Ctrl-C. Under ``--debug`` an error
        is raised instead.
    """
    # threads that wait for one another by spinning slow everything tenfold on a busy machine; read when torch loads
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    given = list(sys.argv[1:] if arguments is None else arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("always", NeuroguideWarning)
        warnings.showwarning = _output.show_warning
        try:
            app(args=[argument for argument in given if argument != "--debug"], prog_name="neuroguide")
        except SystemExit as leaving:
            return leaving.code if isinstance(leaving.code, int) else 0 if leaving.code is None else 1
        except NeuroguideError as error:
            if "--debug" in given:
                raise
            _output.error(str(error))
            return BAD_INPUT
    return 0
