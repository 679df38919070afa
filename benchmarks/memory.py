"""Scoring a network whose layers are larger than the memory allowed: peak memory, agreement, and the price in time.

    python benchmarks/memory.py [--stimuli 3200] [--memory 1GB] [--whole 12GB] [--threads 2] [--json]

A network of ResNet-18's blocks and size (random weights; all 8 block outputs, 224 px: 9.6 GB of features at 3,200
stimuli) is scored against a random RDM in a process of its own under ``--memory``, and in another under ``--whole``,
where every layer is held as a whole. Peaks are those of the processes, Python and torch included. ``forward_s`` is what
one pass over the stimuli takes without recording anything.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time

import numpy as np
import torch
from peers import measure, table
from torch import Tensor, nn

import neuroguide as ng
from neuroguide.models import Model, Preprocess


class Block(nn.Module):
    """Basic block of He et al. 2016: two 3 x 3 convolutions and a shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.second = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        """One block; its output follows the activation."""
        inner = torch.relu(self.norm1(self.first(x)))
        return torch.relu(self.norm2(self.second(inner)) + self.shortcut(x))


def network() -> Model:
    """18 layers: a stem, four stages of two blocks, a readout."""
    torch.manual_seed(0)
    stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    blocks, before = nn.Sequential(), 64
    for stage, after in enumerate((64, 128, 256, 512)):
        for index in range(2):
            blocks.add_module(f"stage{stage + 1}_{index + 1}", Block(before, after, 2 if stage and not index else 1))
            before = after
    parts = {"stem": stem, "blocks": blocks, "pool": nn.AdaptiveAvgPool2d(1), "flat": nn.Flatten()}
    module = nn.Sequential()
    for name, part in parts.items():
        module.add_module(name, part)
    module.add_module("readout", nn.Linear(512, 1000))
    layers = tuple(f"blocks.{name}" for name, _ in blocks.named_children())
    return Model("blocks18", module, Preprocess(224), layers=layers)


def one(arguments: dict[str, object]) -> dict[str, object]:
    """Score in this process."""
    n, memory = int(str(arguments["stimuli"])), str(arguments["memory"])
    ids = [f"s{index:05d}" for index in range(n)]
    rng = np.random.default_rng(0)
    named = {"stimulus_id": ids, "stimulus_id_2": ids}
    target = ng.rdm(rng.normal(size=(n, 50)).astype(np.float32)).assign_coords(named).assign_attrs(simulated=1)
    # coloured blobs: small images, enlarged to the network's size when they are asked for
    images = rng.integers(0, 256, (n, 14, 14, 3), dtype=np.uint8)
    model = network()
    started = time.perf_counter()
    if memory == "none":
        with torch.inference_mode():
            model.module.eval()
            for start in range(0, n, 16):
                model.module(model.preprocess(images[start : start + 16]))
        return {"seconds": time.perf_counter() - started}
    stimuli = ng.StimulusSet.from_arrays(images, ids, identifier="blobs")
    scores = ng.score(model, target, stimuli=stimuli, memory=memory, device="cpu")
    return {
        "seconds": time.perf_counter() - started,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "similarity": scores["similarity"].values[:, 0].tolist(),
    }


def main() -> None:
    """Measure under both bounds and print."""
    if len(sys.argv) == 2 and sys.argv[1].startswith("{"):
        print(json.dumps(one(json.loads(sys.argv[1]))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stimuli", type=int, default=3200)
    parser.add_argument("--memory", default="1GB")
    parser.add_argument("--whole", default="12GB")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows: list[dict[str, object]] = []
    values = []
    forward = measure(sys.executable, "memory.py", {"stimuli": 64, "memory": "none"}, arguments.threads)["seconds"]
    for memory in (arguments.memory, arguments.whole):
        task = {"stimuli": arguments.stimuli, "memory": memory}
        found = measure(sys.executable, "memory.py", task, arguments.threads)
        values.append(np.array(found.pop("similarity")))
        rows.append({**task, **found, "forward_s": forward * arguments.stimuli / 64})
    print(json.dumps(rows) if arguments.json else table(rows))
    print(f"largest difference of the 8 similarities: {np.abs(values[0] - values[1]).max():.1e}", file=sys.stderr)


if __name__ == "__main__":
    main()
