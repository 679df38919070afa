"""Derived networks as the trials of a run, so that everything that reads runs reads them."""

from __future__ import annotations

from typing import Any

import optuna
from optuna.trial import create_trial

from neuroguide._core.atomic import write_text
from neuroguide.nas.data import TrainingData
from neuroguide.nas.evaluation import save_weights
from neuroguide.nas.folder import RunFolder
from neuroguide.nas.guides import PreparedGuide
from neuroguide.nas.hournas.derived import derive, measure
from neuroguide.nas.hournas.search import HourNAS
from neuroguide.nas.hournas.supernet import architecture_of
from neuroguide.nas.leaderboard import to_csv
from neuroguide.nas.loop import RESULT
from neuroguide.nas.run import STUDY, SUPERNET, SearchRun
from neuroguide.nas.storage import open_storage, quiet_optuna, repair_journal


def tell_candidates(search: HourNAS, folder: RunFolder, data: TrainingData, guide: PreparedGuide) -> None:
    """Derive networks from a finished search, measure those that were not yet, and write the leaderboard.

    Every network is measured in the same way whenever that is, so an interruption changes nothing.
    """
    repair_journal(folder.journal)
    with quiet_optuna():
        study = optuna.create_study(
            study_name=STUDY, storage=open_storage(folder.journal), direction="maximize", load_if_exists=True
        )
    if SUPERNET not in study.user_attrs:
        spent = {"images_seen": search.images_seen, "image_equivalents": search.images_spent}
        study.set_user_attr(SUPERNET, spent)
    candidates = derive(search)
    told = len(study.get_trials(deepcopy=False))
    for number, choices in enumerate(candidates):
        if number >= told:
            study.add_trial(_trial(search, folder, data, guide, choices, number))
    settings = folder.read_settings()
    if settings["search"]["trials"] != len(candidates):
        folder.write_settings({**settings, "search": {**settings["search"], "trials": len(candidates)}})
    write_text(folder.leaderboard, to_csv(SearchRun(folder.path, study=study).leaderboard()))


def _trial(
    search: HourNAS,
    folder: RunFolder,
    data: TrainingData,
    guide: PreparedGuide,
    choices: tuple[int, ...],
    number: int,
) -> optuna.trial.FrozenTrial:
    space = search.space
    arch = architecture_of(space, choices)
    network, outcome = measure(search, choices, data, guide)
    save_weights(network, folder.weights(number), space=space, arch=arch, data=data)
    value = guide.value(outcome["measures"])
    result: dict[str, Any] = {
        "hash": space.hash(arch), "architecture": space.to_json(arch), **outcome, "value": value, "values": [value],
    }  # fmt: skip
    parameters = space.parameters(arch)
    distributions = space.distributions()
    return create_trial(
        params=parameters,
        distributions={name: distributions[name] for name in parameters},
        value=value,
        user_attrs={RESULT: result},
    )
