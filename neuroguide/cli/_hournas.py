"""The part of ``neuroguide search`` that belongs to ``--method hournas``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.options import check_option
from neuroguide.cli import _output

if TYPE_CHECKING:
    from neuroguide.nas.hournas import HourNASProgress, HourNASRun

#: Ways to search other than trial by trial.
METHODS = ("hournas",)


def is_wanted(method: str | None, resume: bool, run: Path | None, own: Sequence[str]) -> bool:
    """Whether the command asks for HourNAS, or goes on with such a run; ``own`` are options that belong to it."""
    if method is not None:
        return check_option("method", method, METHODS) == "hournas"
    if own:
        raise OptionError(
            f"--budget and --set ({', '.join(own)}) belong to --method hournas; add it, or leave them out"
        )
    if not resume or run is None:
        return False
    from neuroguide.nas.folder import RunFolder

    return bool(RunFolder(run).read_settings()["search"].get("method") == "hournas")


def search(
    bar: _output.ProgressCallback,
    *,
    space: str,
    guide: Any,
    data: str | None,
    budget: Sequence[str],
    tolerance: float,
    images: int | None,
    trials: int | None,
    settings: Sequence[str],
    run: Path | None,
    resume: bool,
    threads: int,
    seed: int,
    device: str,
) -> HourNASRun:
    """Start or go on with a HourNAS search; results depend on the number of threads, which this process is given."""
    import torch

    from neuroguide.nas.hournas import hournas, resume_hournas
    from neuroguide.nas.run import open_run

    if resume:
        if run is None:
            raise InputError("which run? give its folder with --run")
        torch.set_num_threads(int(open_run(run).settings["search"]["threads"]))
        return resume_hournas(run, progress=reporter(bar))
    if data is None:
        raise OptionError("a search needs images to train the supernet on; give --data, e.g. --data cifar10")
    torch.set_num_threads(threads)
    given = _settings(settings)
    given |= {name: value for name, value in (("images", images), ("candidates", trials)) if value is not None}
    return hournas(
        # the default of the command is another space
        "hourglass" if space == "macro" else space,
        guide, data=data, budget=list(budget), tolerance=tolerance, settings=given, run=run, seed=seed, device=device,
        progress=reporter(bar),
    )  # fmt: skip


def reporter(bar: _output.ProgressCallback) -> Callable[[HourNASProgress], None]:
    """Draws the progress: images shown, the phase, the last loss and similarity."""

    def report(progress: HourNASProgress) -> None:
        parts = [f", {progress.phase}"]
        if progress.loss is not None:
            parts.append(f"loss {progress.loss:.3f}")
        if progress.similarity is not None:
            parts.append(f"TG {progress.similarity:.3f}")
        bar(progress.images_seen, progress.images, "images", ", ".join(parts))

    return report


def _settings(texts: Sequence[str]) -> dict[str, Any]:
    """``KEY=VALUE``, the value as JSON where it is, else as text; ``proposals.KEY=VALUE`` reaches into proposals."""
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise OptionError(f"the setting {text!r} is not KEY=VALUE; write e.g. --set vital_share=0.4")
        try:
            plain: Any = json.loads(value)
        except ValueError:
            plain = None if value.lower() == "none" else value
        outer, dot, inner = name.partition(".")
        if dot:
            found.setdefault(outer, {})[inner] = plain
        else:
            found[name] = plain
    return found


def caption(settings: Mapping[str, Any]) -> str:
    """What the numbers in the table are."""
    from neuroguide.nas.hournas.budget import Budget

    budgets = [str(Budget(q, target, tolerance)) for q, target, tolerance in settings["search"]["budgets"]]
    return "; derived networks with the supernet's weights" + (f", {' and '.join(budgets)}" if budgets else "")
