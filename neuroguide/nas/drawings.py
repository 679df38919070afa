"""Drawings of candidates as artefacts of their trials, for optuna-dashboard; the store itself is not touched."""

# the methods of WithDrawings are those of Optuna's storage
# ruff: noqa: D102

from __future__ import annotations

import copy
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState

#: How Optuna names the attribute of a trial that describes an artefact.
_PREFIX = "artifacts:"
#: How optuna-dashboard names that of a study.
_STUDY_PREFIX = "dashboard:artifacts:"


class Drawings:
    """Optuna's artefact store, to read from: each picture is drawn when it is first asked for, and kept in a folder.

    Parameters
    ----------
    folder : Path
        Where pictures are kept.
    draw : callable
        ``draw(trial, path)`` writes the picture of a trial's candidate.
    """

    def __init__(self, folder: Path, draw: Callable[[int, Path], Any]) -> None:
        self._folder, self._draw = folder, draw

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """The picture with an id that :func:`drawing_id` gave."""
        try:
            number = int(artifact_id, 16)
        except ValueError:
            raise ArtifactNotFound(f"there is no drawing {artifact_id}") from None
        path = self._folder / f"trial-{number:05d}.png"
        if not path.exists():
            self._draw(number, path)
        return path.open("rb")

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Refuse: a run holds only what its search wrote."""
        raise PermissionError("the artefacts of a run are its drawings; others cannot be added")

    def remove(self, artifact_id: str) -> None:
        """Nothing: a drawing would be made again."""


def drawing_id(number: int) -> str:
    """The artefact's id of a trial's drawing."""
    return f"{number:08x}"


class WithDrawings(BaseStorage):
    """A store as it is, but every finished trial has its drawing as an artefact; writes about artefacts go nowhere.

    Parameters
    ----------
    storage : BaseStorage
    """

    def __init__(self, storage: BaseStorage) -> None:
        self._storage = storage

    def _drawn(self, trial: FrozenTrial) -> FrozenTrial:
        if trial.state != TrialState.COMPLETE:
            return trial
        name = drawing_id(trial.number)
        described = f'{{"artifact_id": "{name}", "filename": "architecture-{trial.number}.png", '
        described += '"mimetype": "image/png", "encoding": null}'
        # the store's own object stays as it is
        shown = copy.copy(trial)
        shown._system_attrs = {**trial._system_attrs, _PREFIX + name: described}
        return shown

    def get_trial(self, trial_id: int) -> FrozenTrial:
        return self._drawn(self._storage.get_trial(trial_id))

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        return [self._drawn(trial) for trial in self._storage.get_all_trials(study_id, deepcopy, states)]

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        if not key.startswith((_PREFIX, _STUDY_PREFIX)):
            self._storage.set_study_system_attr(study_id, key, value)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        if not key.startswith(_PREFIX):
            self._storage.set_trial_system_attr(trial_id, key, value)

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        return self._storage.create_new_study(directions, study_name)

    def delete_study(self, study_id: int) -> None:
        self._storage.delete_study(study_id)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._storage.set_study_user_attr(study_id, key, value)

    def get_study_id_from_name(self, study_name: str) -> int:
        return self._storage.get_study_id_from_name(study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._storage.get_study_name_from_id(study_id)

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._storage.get_study_directions(study_id)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return self._storage.get_study_user_attrs(study_id)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return self._storage.get_study_system_attrs(study_id)

    def get_all_studies(self) -> list[FrozenStudy]:
        return self._storage.get_all_studies()

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        return self._storage.create_new_trial(study_id, template_trial)

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        self._storage.set_trial_param(trial_id, param_name, param_value_internal, distribution)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        return self._storage.set_trial_state_values(trial_id, state, values)

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        self._storage.set_trial_intermediate_value(trial_id, step, intermediate_value)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._storage.set_trial_user_attr(trial_id, key, value)
