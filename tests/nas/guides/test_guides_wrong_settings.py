"""What a teacher, or a guide with one, refuses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from neuroguide._core.errors import InputError, OptionError
from neuroguide.nas.guides import Combined, Performance, Teacher, Teachers
from neuroguide.stimuli import StimulusSet
from neuroguide.testing.guides import Candidate

Make = Callable[..., xr.DataArray]
KIND = {"image_size": 16, "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.25)}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"distance": "corelation"}, "did you mean 'correlation'"),
        ({"comparison": "spearmann"}, "did you mean 'spearman'"),
        ({"normalise": "z"}, "unknown normalise 'z'"),
        ({"normalise": ("none", "baseline")}, "unknown normalise .of candidates. 'baseline'"),
        ({"distance": ("cosine",)}, "a pair for"),
        ({"layers": "IT"}, r"write \['IT'\]"),
    ],
)
def test_wrong_settings_are_refused_at_once(make_rdm: Make, settings: dict, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Teacher(make_rdm("IT"), **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weights": [1.0]}, "1 weights were given for 2 teacher layers: V4, IT"),
        ({"weights": {"it": 1.0}}, "unknown teacher layer in weights 'it'"),
        ({"weights": [0.0, 0.0]}, "not all zero"),
        ({"weights": [1.0, float("nan")]}, "must be finite"),
        ({"layers": ["IT4"]}, "unknown region of the recording 'IT4'; did you mean 'IT'"),
        ({"normalise": "zscore"}, "published is an RDM"),
    ],
)
def test_settings_that_do_not_fit_are_refused_when_prepared(
    make_rdm: Make, shown: StimulusSet, settings: dict, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Teacher(make_rdm("V4", "IT"), stimuli=shown, **settings).prepare(**KIND)


def test_stimuli_must_be_those_of_the_recording(make_rdm: Make, shown: StimulusSet) -> None:
    with pytest.raises(InputError, match="lacks 2 of 12 stimuli"):
        Teacher(make_rdm("IT"), stimuli=shown.select(shown.ids[:10])).prepare(**KIND)
    with pytest.raises(InputError, match="does not say which images were shown"):
        Teacher(make_rdm("IT")).prepare(**KIND)
    with pytest.raises(InputError, match="network Candidate needs stimuli="):
        Teacher(Candidate()).prepare(**KIND)


def test_a_teacher_without_an_opinion_is_refused(make_rdm: Make, shown: StimulusSet) -> None:
    flat = make_rdm("IT") * 0 + 1 - np.eye(12)
    flat.attrs["identifier"] = "flat"
    with pytest.raises(
        InputError, match="RDM of the teacher layer 'IT' has entries that are not finite, or all the same"
    ):
        Teacher(flat, stimuli=shown).prepare(**KIND)


def test_several_teachers_have_weights_together(make_rdm: Make, shown: StimulusSet) -> None:
    weighted = Teacher(make_rdm("IT"), stimuli=shown, weights=[1.0])
    with pytest.raises(OptionError, match="are given to Teachers"):
        Teachers([weighted, Teacher(make_rdm("V4"), stimuli=shown)])
    with pytest.raises(OptionError, match="at least one"):
        Teachers([])


def test_accuracy_is_checked(make_rdm: Make, shown: StimulusSet) -> None:
    guides = [Performance(), Combined(Teacher(make_rdm("IT"), stimuli=shown)).prepare(**KIND)]
    for guide in guides:
        with pytest.raises(InputError, match="needs a candidate's validation accuracy"):
            guide.measure(Candidate(), Candidate.stage_names, accuracy=None, device="cpu")
        with pytest.raises(InputError, match="between 0 and 1 was expected, 53 arrived"):
            guide.measure(Candidate(), Candidate.stage_names, accuracy=53, device="cpu")
        with pytest.raises(InputError, match="needs the measure 'P'"):
            guide.value({"TG": 0.3})
    with pytest.raises(OptionError, match="alpha must be a finite number"):
        Combined(Teacher(make_rdm("IT"), stimuli=shown), float("nan"))


def test_measures_of_another_guide_are_refused(make_rdm: Make, shown: StimulusSet) -> None:
    guide = Teacher(make_rdm("IT"), stimuli=shown).prepare(**KIND)
    with pytest.raises(InputError, match="needs the measure 'similarity/IT'; measured were P"):
        guide.value({"P": 0.3})


def test_a_wrong_stage_is_a_fault_and_no_dead_candidate(make_rdm: Make, shown: StimulusSet) -> None:
    guide = Teacher(make_rdm("IT"), stimuli=shown).prepare(**KIND)
    with pytest.raises(OptionError, match="unknown layer of the candidate 'frist'"):
        guide.measure(Candidate(), ["frist"], accuracy=0.1, device="cpu")


def test_prepared_guides_are_for_one_kind_of_input(make_rdm: Make, shown: StimulusSet) -> None:
    guide = Combined(Teacher(make_rdm("IT"), stimuli=shown)).prepare(**KIND)
    assert guide.prepare(**KIND) is guide
    with pytest.raises(InputError, match="prepared for candidates of 16 pixels"):
        guide.prepare(**{**KIND, "image_size": 32})
