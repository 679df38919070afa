"""Score neural networks against recordings from primate visual cortex, and let them guide architecture search.

The public names are imported when they are first used, so that ``import neuroguide`` is quick and loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from neuroguide._version import __version__

if TYPE_CHECKING:
    from neuroguide import plot as plot
    from neuroguide._core.errors import NeuroguideError as NeuroguideError
    from neuroguide.models.zoo import open_model as open_model
    from neuroguide.nas.export import export as export
    from neuroguide.nas.hournas import hournas as hournas
    from neuroguide.nas.pools import open_pool as open_pool
    from neuroguide.nas.retraining import retrain as retrain
    from neuroguide.nas.run import SearchRun as SearchRun
    from neuroguide.nas.run import open_run as open_run
    from neuroguide.nas.study import search as search
    from neuroguide.recordings.opening import open_rdm as open_rdm
    from neuroguide.recordings.opening import open_recording as open_recording
    from neuroguide.recordings.rsatools import from_rsatoolbox as from_rsatoolbox
    from neuroguide.recordings.rsatools import to_rsatoolbox as to_rsatoolbox
    from neuroguide.reporting import report as report
    from neuroguide.scoring import compare as compare
    from neuroguide.scoring import compare_models as compare_models
    from neuroguide.scoring import open_scores as open_scores
    from neuroguide.scoring import rdm as rdm
    from neuroguide.scoring import score as score
    from neuroguide.scoring import scores_from_pandas as scores_from_pandas
    from neuroguide.scoring import scores_to_pandas as scores_to_pandas
    from neuroguide.scoring import subject_ceiling as subject_ceiling
    from neuroguide.scoring import write_scores as write_scores
    from neuroguide.scoring.brainscore import from_brainscore as from_brainscore
    from neuroguide.scoring.brainscore import to_brainscore as to_brainscore
    from neuroguide.stimuli import StimulusSet as StimulusSet
    from neuroguide.stimuli import open_stimuli as open_stimuli

#: Public name -> the module that defines it.
_WHERE = {
    "NeuroguideError": "neuroguide._core.errors",
    "SearchRun": "neuroguide.nas.run",
    "StimulusSet": "neuroguide.stimuli",
    "compare": "neuroguide.scoring",
    "compare_models": "neuroguide.scoring",
    "from_rsatoolbox": "neuroguide.recordings.rsatools",
    "from_brainscore": "neuroguide.scoring.brainscore",
    "export": "neuroguide.nas.export",
    "hournas": "neuroguide.nas.hournas",
    "open_model": "neuroguide.models.zoo",
    "open_pool": "neuroguide.nas.pools",
    "open_rdm": "neuroguide.recordings.opening",
    "open_recording": "neuroguide.recordings.opening",
    "open_run": "neuroguide.nas.run",
    "open_scores": "neuroguide.scoring",
    "open_stimuli": "neuroguide.stimuli",
    "rdm": "neuroguide.scoring",
    "report": "neuroguide.reporting",
    "retrain": "neuroguide.nas.retraining",
    "score": "neuroguide.scoring",
    "scores_from_pandas": "neuroguide.scoring",
    "scores_to_pandas": "neuroguide.scoring",
    "search": "neuroguide.nas.study",
    "subject_ceiling": "neuroguide.scoring",
    "to_rsatoolbox": "neuroguide.recordings.rsatools",
    "to_brainscore": "neuroguide.scoring.brainscore",
    "write_scores": "neuroguide.scoring",
}
_PACKAGES = (
    "engine", "errors", "nas", "plot", "recordings", "reporting", "scoring", "stimuli", "models", "execution",
    "testing",
)  # fmt: skip

__all__ = ["__version__", "plot", *_WHERE]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        value = getattr(importlib.import_module(_WHERE[name]), name)
        globals()[name] = value
        return value
    if name in _PACKAGES:
        return importlib.import_module(f"neuroguide.{name}")
    raise AttributeError(f"module 'neuroguide' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES})
