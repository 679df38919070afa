"""Images a second in premature training, by network, layout and threads, and the share of a step that is overhead.

    python benchmarks/training.py [--images 1000] [--threads 1 2]

CIFAR-10-sized random images, so that nothing needs to be downloaded; the fidelity is the default one. Rows are measured
in turn, three times each, and the best is kept: on a busy machine compare rows, not runs.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from neuroguide.nas.cost import count_cost
from neuroguide.nas.data import TrainingData, from_arrays
from neuroguide.nas.fidelity import Fidelity
from neuroguide.nas.spaces import MacroArchitecture, Stage, open_space
from neuroguide.nas.trainer import Trainer

#: depth, width, operation, kernel, skip, expansion
STAGES = (
    Stage(1, 8, "conv", 3, "none"),
    Stage(2, 12, "conv", 3, "add"),
    Stage(2, 12, "conv", 5, "add"),
    Stage(3, 16, "conv", 7, "none"),
    Stage(3, 16, "separable", 3, "add"),
    Stage(2, 12, "bottleneck", 3, "concat"),
    Stage(2, 12, "mbconv", 5, "add", 4),
)


def random_images() -> TrainingData:
    """4,000 images of 32 pixels in 10 classes."""
    rng = np.random.default_rng(0)
    return from_arrays(rng.integers(0, 256, (4000, 32, 32, 3), np.uint8), np.arange(4000) % 10)


def images_a_second(stage: Stage, data: TrainingData, images: int, batch_size: int, channels_last: bool) -> float:
    """Trained images a second, forward and backward, augmentation included, after a tenth of them as a warm-up."""
    torch.manual_seed(0)
    network = open_space("macro").build(MacroArchitecture((stage,) * 3, "relu", "batch", 2))
    fidelity = Fidelity(images=images, batch_size=batch_size, channels_last=channels_last)
    trainer = Trainer(network, data, fidelity, seed=0, device=torch.device("cpu"))
    trainer.run(until=images // 10)
    started, before = time.perf_counter(), trainer.images_seen
    trainer.run()
    return (trainer.images_seen - before) / (time.perf_counter() - started)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    data = random_images()
    settings = [
        (threads, batch, last) for threads in options.threads for batch, last in ((20, True), (20, False), (50, True))
    ]
    header = " ".join(f"{t}thr/b{b}/{'nhwc' if last else 'nchw'}".rjust(14) for t, b, last in settings)
    print(f"{'stage':46s} {'parameters':>10s} {'MMACs':>6s} {header}")
    for stage in STAGES:
        network = open_space("macro").build(MacroArchitecture((stage,) * 3, "relu", "batch", 2))
        cost = count_cost(network, (3, 32, 32))
        best = dict.fromkeys(settings, 0.0)
        for _ in range(3):
            for threads, batch, last in settings:
                torch.set_num_threads(threads)
                rate = images_a_second(stage, data, options.images, batch, last)
                best[threads, batch, last] = max(best[threads, batch, last], rate)
        name = f"{stage.depth} x {stage.operation} {stage.kernel}, width {stage.width}, {stage.skip}"
        rates = " ".join(f"{rate:14.0f}" for rate in best.values())
        print(f"{name:46s} {cost.parameters:10d} {cost.macs / 1e6:6.2f} {rates}", flush=True)


if __name__ == "__main__":
    main()
