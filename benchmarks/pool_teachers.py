"""What candidates are compared with: recordings, networks and controls, each as RDMs over the four stimulus sets.

    python benchmarks/pool_teachers.py SHARDS

writes ``SHARDS/teachers.npz`` (condensed RDMs) and, the first time, trains the CIFAR-10 teacher (about 5 minutes).
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pool import politely
from pool_entry import data, shown, stimulus_sets
from safetensors.torch import load_file

import neuroguide as ng
from neuroguide._core.atomic import atomic_path
from neuroguide._core.seeds import derive_seed
from neuroguide.engine.dissimilarity import rdm
from neuroguide.models.preprocess import Preprocess
from neuroguide.models.zoo import Model
from neuroguide.nas.evaluation import save_weights, train_candidate
from neuroguide.nas.fidelity import mature_fidelity
from neuroguide.nas.guides import Teacher
from neuroguide.nas.guides.lesson import TeacherLayer
from neuroguide.nas.spaces import MacroArchitecture, Stage, open_space
from neuroguide.nas.training import accuracy_on

HERE = Path(__file__).parent
EFFICIENTNET_LAYERS = ("blocks.4", "blocks.8", "blocks.13")
STAGES = ("stage1", "stage2", "stage3")
#: Twice as wide as the widest member of the pools.
RESNET = MacroArchitecture((Stage(3, 32, "conv", 3, "add"),) * 3, "relu", "batch", 2)
N_UNTRAINED = 5


def resnet(weights: Path | None, seed: int = 0) -> Model:
    """The CIFAR-10 ResNet: trained, or as initialised from a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("pool", "untrained teacher", seed))
        network = open_space("macro", width=(32,)).build(RESNET)
    if weights is not None:
        network.load_state_dict(load_file(weights))
    return Model("ResNet", network.eval(), Preprocess(32, data().mean, data().std), STAGES, identifier=f"resnet-{seed}")


def train_resnet(weights: Path) -> None:
    """On 200,000 images, training seed 3; prints its test accuracy."""
    fidelity, space = mature_fidelity(200_000), open_space("macro", width=(32,))
    network, result = train_candidate(space, RESNET, data(), fidelity, seed=3, device="cpu")
    accuracy = accuracy_on(network, data(), data().test, fidelity, device="cpu")[0]
    save_weights(network, weights, space=space, arch=RESNET, data=data())
    print(f"the CIFAR-10 ResNet: validation {result.accuracy:.4f}, test {accuracy:.4f}", flush=True)


def teachers(weights: Path) -> Iterator[tuple[str, str, str, TeacherLayer]]:
    """``(name, kind, stimulus set, RDM)`` of everything that candidates are compared with."""
    for layer in Teacher("cowley2023:210325").lesson().layers:
        yield "V4", "brain", "v4", layer
    for layer in Teacher("cowley2023:201025", n_stimuli=300).lesson().layers:
        yield "V4-89", "brain", "v4-89", layer
    for layer in Teacher("kriegeskorte2008").lesson().layers:
        yield layer.name, "brain", "it", layer
    models = ng.open_rdm("kriegeskorte2008:models")
    for name in ("V1", "HMAX"):
        chosen = models.isel(model=[str(m).strip() == name for m in models["model"].values].index(True), drop=True)
        for layer in Teacher(chosen, stimuli="kriegeskorte2008").lesson().layers:
            yield name, "control", "it", layer
    _, pixels = shown()
    networks = [("EfficientNet-Lite0", "network", f"{HERE / 'efficientnet_lite0.py'}:make", EFFICIENTNET_LAYERS)]
    networks += [("ResNet", "network", resnet(weights), STAGES)]
    networks += [(f"untrained {seed}", "control", resnet(None, seed), STAGES) for seed in range(N_UNTRAINED)]
    for where, stimuli in stimulus_sets().items():
        flat = pixels[where].flatten(1).double()
        yield f"pixels@{where}", "control", where, TeacherLayer("pixels", rdm(flat))
        for name, kind, source, layers in networks:
            for layer in Teacher(source, layers, stimuli).lesson(device="cpu").layers:
                yield f"{name} {layer.name}@{where}", kind, where, layer


def write(path: Path, weights: Path) -> None:
    """All teachers into one file."""
    arrays: dict[str, NDArray[Any]] = {}
    table = []
    for name, kind, where, layer in teachers(weights):
        table.append({"name": name, "kind": kind, "stimuli": where, "ceiling": layer.ceiling})
        arrays[name] = layer.rdm.numpy()
        print(f"{name}: {kind}, {len(layer.rdm)} pairs, ceiling {layer.ceiling}", flush=True)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, table=np.array(json.dumps(table)), **arrays)


@functools.cache
def read(path: Path) -> tuple[list[dict[str, Any]], dict[str, NDArray[np.float64]]]:
    """The table of teachers and their RDMs."""
    with np.load(path, allow_pickle=False) as file:
        return json.loads(str(file["table"])), {name: file[name] for name in file.files if name != "table"}


def main() -> None:
    """Train the teacher if needed, write all RDMs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path)
    shards = parser.parse_args().shards
    politely()
    weights = shards / "resnet.safetensors"
    if not weights.exists():
        train_resnet(weights)
    write(shards / "teachers.npz", weights)


if __name__ == "__main__":
    sys.exit(main())
