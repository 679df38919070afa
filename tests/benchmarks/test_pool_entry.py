"""An entry of a pool is what a search would have measured of the same candidate."""

import numpy as np
import pytest
import torch
from pool_digest import decoded
from pool_entry import data, outcomes, train_and_measure
from pool_members import SEEDS, SPACES, in_order, jobs, members, premature, space_of

from neuroguide.engine.dissimilarity import rdm
from neuroguide.engine.similarity import compare
from neuroguide.nas.evaluation import train_candidate
from neuroguide.nas.guides import Teacher, Teachers


def test_pools_are_as_planned():
    assert [len(members(pool)) for pool in SPACES] == [243, 117, 100]
    listed = list(jobs("cells"))
    assert len(listed) == 117 + 59
    assert [job.seed for job in listed[:9]] == list("AAABAAABA")
    assert [job.hash for job in listed if job.seed == "B"] == [job.hash for job in listed if job.seed == "A"][:59]
    assert len({job.name for pool in SPACES for job in jobs(pool)}) == sum(len(jobs(pool)) for pool in SPACES)
    assert not {100, 101} & set(SEEDS.values())


def test_the_order_of_training_is_that_of_the_plan():
    listed = in_order()
    assert sorted(job.name for job in listed) == sorted(job.name for pool in SPACES for job in jobs(pool))
    kinds = [(job.pool, job.seed) for job in listed]
    assert kinds[: 243 + 117] == [("macro", "A")] * 243 + [("cells", "A")] * 117
    assert kinds[360:366] == [("macro-wide", s) for s in "AAAB"] + [("macro", "B"), ("macro-wide", "A")]
    assert kinds[-59:] == [("cells", "B")] * 59


@pytest.mark.real
def test_measures_are_those_of_a_search(neuroguide_home):
    torch.set_num_threads(1)
    job = jobs("macro")[0]
    fidelity = premature(500)
    numbers, arrays = train_and_measure(job, fidelity)
    network, result = train_candidate(space_of("macro"), job.arch, data(), fidelity, seed=SEEDS["A"], device="cpu")
    assert numbers["validation_accuracy"] == result.accuracy
    assert numbers["validation_loss"] == pytest.approx(result.loss, rel=1e-6)
    assert numbers["summed_training_loss"] == result.summed_training_loss
    assert np.unpackbits(arrays["right/validation"])[:5000].mean() == result.accuracy

    teachers = Teachers([Teacher("cowley2023:210325", ceiling=False), Teacher("kriegeskorte2008", ["monkey IT"])])
    guide = teachers.prepare(image_size=32, mean=data().mean, std=data().std, device="cpu")
    profile = guide.profile(network, network.stage_names, device="cpu")
    for layer, where in zip(guide.layers, ("v4", "it"), strict=True):
        stored = decoded({key: value[None] for key, value in arrays.items()}, where)[0]
        expected = list(profile[layer.name].values())
        assert compare(stored, layer.rdm).tolist() == pytest.approx(expected, abs=2e-5)

    # distances that were not stored follow from means and norms
    with torch.no_grad():
        features = torch.from_numpy(np.stack([_stage(network, "stage2", image) for image in _shown("it")]))
    stored = decoded({key: value[None] for key, value in arrays.items()}, "it", "euclidean")[0, 1]
    assert stored.numpy() == pytest.approx(rdm(features.double(), "euclidean").numpy(), rel=2e-3, abs=1e-5)
    right, loss = outcomes(network, data().validation, fidelity, 1000)
    assert len(right) == 1000
    assert loss > 0


def _shown(where):
    from pool_entry import shown

    preprocess, pixels = shown()
    return preprocess.normalise(pixels[where].float() / 255)


def _stage(network, name, image):
    found = {}
    handle = network.get_submodule(name).register_forward_hook(lambda m, i, o: found.update(o=o))
    network(image[None])
    handle.remove()
    return found["o"].flatten().numpy().astype(np.float32)
