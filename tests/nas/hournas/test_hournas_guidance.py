"""Teacher similarity in the architecture loss: the guide's own number, with gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuroguide._core.errors import OptionError
from neuroguide.engine.dissimilarity import rdm
from neuroguide.models.preprocess import Preprocess
from neuroguide.nas.guides import Performance, PreparedCombined, PreparedTeacher
from neuroguide.nas.guides.lesson import TeacherLayer
from neuroguide.nas.hournas import HourNAS, HourNASSettings
from neuroguide.nas.hournas.guidance import TeacherLoss, teacher_loss

N = 20


def teacher(data, **changed):
    """Two teacher layers over 20 stimuli that look like the training images."""
    generator = torch.Generator().manual_seed(0)
    shown = data.train.images[:N].permute(0, 3, 1, 2).contiguous()
    distance = changed.get("distance", "correlation")
    layers = tuple(
        TeacherLayer(
            name=name,
            rdm=rdm(torch.randn(N, 30, generator=generator).double(), distance),
            ceiling=ceiling,
            weight=weight,
            **changed,
        )
        for name, ceiling, weight in (("V4", 0.5, 0.25), ("IT", None, 0.75))
    )
    return PreparedTeacher("made up", layers, (shown,), Preprocess(data.image_size, data.mean, data.std))


@pytest.mark.parametrize(("distance", "comparison"), [("correlation", "pearson"), ("euclidean", "cka")])
def test_it_is_the_guides_own_number(tiny_space, tiny_data, distance, comparison):
    guide = teacher(tiny_data, distance=distance, comparison=comparison)
    network = tiny_space.build(tiny_space.sample(np.random.default_rng(0)), image_size=16, n_classes=4).eval()

    def stages(images):
        found, x = [], network.stem(images)
        for name in network.stage_names:
            x = network.get_submodule(name)(x)
            found.append(x.flatten(1))
        return found

    tg = TeacherLoss(guide, n_stimuli=N, seed=0)(stages, 0, torch.device("cpu"))
    measured = guide.measure(network, network.stage_names, accuracy=None, device="cpu")["TG"]
    assert tg.item() == pytest.approx(measured, abs=1e-6)
    tg.backward()
    slopes = [p.grad.abs().max().item() for p in network.stem.parameters() if p.grad is not None]
    assert max(slopes) > 0


def test_features_that_follow_the_gradient_become_similar(tiny_data):
    loss = TeacherLoss(teacher(tiny_data), n_stimuli=N, seed=0)
    features = torch.randn(N, 15, generator=torch.Generator().manual_seed(1), requires_grad=True)
    values = []
    for _ in range(30):
        tg = loss(lambda _images, found=features: [found], 0, torch.device("cpu"))
        values.append(tg.item())
        (slope,) = torch.autograd.grad(tg, features)
        features = (features + 3.0 * slope / slope.norm()).detach().requires_grad_()
    assert values[-1] > values[0] + 0.3


def test_each_step_shows_some_of_the_stimuli(tiny_data):
    loss = TeacherLoss(teacher(tiny_data), n_stimuli=8, seed=0)
    shown = []

    def stages(images):
        shown.append(images)
        return [images.flatten(1)]

    for step in (0, 0, 1):
        loss(stages, step, torch.device("cpu"))
    assert [len(images) for images in shown] == [8, 8, 8]
    assert torch.equal(shown[0], shown[1])
    assert not torch.equal(shown[0], shown[2])
    assert loss.images_forwarded == 8


def test_weights_of_the_loss_are_the_guides(tiny_data):
    alone = teacher(tiny_data)
    assert teacher_loss(Performance(), n_stimuli=8, seed=0) == (1.0, 0.0, None)
    assert teacher_loss(alone, n_stimuli=8, seed=0)[:2] == (0.0, 1.0)
    assert teacher_loss(PreparedCombined(alone, 3.0), n_stimuli=8, seed=0)[:2] == (1.0, 3.0)


def test_what_has_no_gradient_is_refused(tiny_data):
    with pytest.raises(OptionError, match="'spearman' has no gradient"):
        teacher_loss(teacher(tiny_data, comparison="spearman"), n_stimuli=8, seed=0)
    guide = teacher(tiny_data)
    standardised = PreparedTeacher(guide.name, guide.layers, guide.shown, guide.preprocess, needs_reference=True)
    with pytest.raises(OptionError, match="standardise"):
        teacher_loss(standardised, n_stimuli=8, seed=0)


def test_guidance_moves_the_logits_in_the_phases_that_ask_for_it(tiny_space, tiny_table, tiny_data):
    def search(**changed):
        settings = HourNASSettings.from_json(
            {"images": 140, "vital_share": 0.5, "batch_size": 10, "guidance_stimuli": 10, "warmup": 0.0, **changed}
        )
        return HourNAS(
            tiny_space, tiny_data, PreparedCombined(teacher(tiny_data), 5.0), tiny_table, (), settings, seed=0,
            device=torch.device("cpu"),
        )  # fmt: skip

    def first_phase(found):
        while found.phase == 0:
            found.step()
        return found

    off, on = first_phase(search(guidance=(0.0, 1.0))), first_phase(search(guidance=(1.0, 1.0)))
    assert all("TG" not in record for record in off.history)
    assert all("TG" in record and "loss" in record for record in on.history)
    assert not torch.equal(off.logits.detach(), on.logits.detach())
    while off.history[-1]["phase"] == "vital":
        off.step()
    assert "TG" in off.history[-1]
