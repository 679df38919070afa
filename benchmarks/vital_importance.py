"""What a trained hourglass network loses with each block, vital ones against the others: accuracy and brain similarity.

    python benchmarks/vital_importance.py [--seeds 3] [--images 40000] [--picture docs/images/vital_importance.png]

Fixed before any run was looked at: the `small` layout with every block present, kernel 3, expansion 3, no
squeeze-excite (5 vital blocks of 11, and stem, head and classifier); CIFAR-10, one training for each seed; accuracy on
2,000 validation images; similarity of the best stage to V4 (cowley2023, session 210325) and to monkey IT
(kriegeskorte2008), correlation RDMs compared by Pearson; batch norms estimated anew on 500 training images after each
change. Blocks are reset to another draw of untrained weights (all of them), or removed (those that can be). Changed
after a first run was looked at: it trained on 20,000 images in batches of 50 (accuracy 0.38), and reset blocks to the
weights with which that training had begun, from which many had hardly moved (mean loss of accuracy 0.027 for vital
blocks, 0.001 for the others). Recordings and CIFAR-10 must be in the download cache. About three minutes a seed on an
idle core.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pandas as pd
import torch
from scipy import stats

from neuroguide import plot
from neuroguide.nas.data import TrainingData, open_data
from neuroguide.nas.fidelity import Fidelity
from neuroguide.nas.guides import open_guide
from neuroguide.nas.spaces import open_space
from neuroguide.nas.spaces.hourglass import HourglassArchitecture, Operation
from neuroguide.nas.trainer import Preparation
from neuroguide.nas.training import train, training_seed, validate
from neuroguide.nas.vital import block_importance, vital_blocks

GUIDES = ("recording:cowley2023:210325", "recording:kriegeskorte2008@monkey IT")


def one_seed(seed: int, data: TrainingData, fidelity: Fidelity) -> pd.DataFrame:
    """Train one network and take its blocks away one at a time."""
    space = open_space("hourglass", layout="small")
    arch = HourglassArchitecture(space.layout, (Operation(3, 3, False),) * len(space.positions))  # type: ignore[attr-defined]
    torch.manual_seed(training_seed(seed, space.hash(arch), fidelity))
    network, fresh = space.build(arch), space.build(arch)
    start = time.perf_counter()
    result = train(network, data, fidelity, seed=training_seed(seed, space.hash(arch), fidelity), device="cpu")
    guide = open_guide(GUIDES).prepare(image_size=data.image_size, mean=data.mean, std=data.std, device="cpu")

    def measure(changed: torch.nn.Module) -> dict[str, float]:
        found = guide.measure(changed, network.stage_names, accuracy=None, device="cpu")  # type: ignore[arg-type]
        accuracy, _, _ = validate(changed, data, fidelity, device="cpu")
        similarity = {
            k.replace("similarity/", "similarity to "): float(v) for k, v in found.items() if k.startswith("s")
        }
        return {"accuracy": accuracy, **similarity}

    images = Preparation(data, fidelity, torch.device("cpu"))(data.train.images[:500])
    whole = measure(network)
    table = block_importance(network, vital_blocks(network, data.image_size), measure, fresh=fresh, images=images)
    seconds = time.perf_counter() - start
    said = ", ".join(f"{name} {value:.3f}" for name, value in whole.items())
    print(f"seed {seed}: {said}; {result.images_seen:,} images, {seconds:.0f} s", flush=True)
    return table.assign(seed=seed)


def spread(values: pd.Series) -> str:
    """Mean, standard deviation over seeds of the mean over blocks, and their number."""
    by_seed = values.groupby(level="seed").mean()
    return f"{by_seed.mean():7.4f} (sd over {len(by_seed)} seeds {by_seed.std():.4f})"


def report(table: pd.DataFrame) -> None:
    """Print mean losses, vital against the others."""
    indexed = table.set_index("seed")
    for measured in [name for name in table.columns if name.endswith(" loss")]:
        print(f"\n{measured}")
        inner = indexed[indexed["block"].str.startswith("stage")]
        for label, part in (
            ("vital, stages only, reset", inner[inner["vital"] & (inner["way"] == "reset")]),
            ("vital with stem, head, classifier, reset", indexed[indexed["vital"] & (indexed["way"] == "reset")]),
            ("others, reset", inner[~inner["vital"] & (inner["way"] == "reset")]),
            ("others, removed", inner[~inner["vital"] & (inner["way"] == "removed")]),
        ):
            print(f"  {label:42s} {spread(part[measured])}")
        means = inner[inner["way"] == "reset"].groupby(["block", "vital"])[measured].mean().reset_index()
        vital, others = means[means["vital"]][measured], means[~means["vital"]][measured]
        p = stats.mannwhitneyu(vital, others, alternative="greater", method="exact").pvalue
        print(f"  {len(vital)} vital against {len(others)} others, each a mean over seeds: Mann-Whitney p = {p:.3g}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=40_000)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--table", type=Path, help="write the rows as CSV; read them if they are there")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.table is not None and arguments.table.exists():
        table = pd.read_csv(arguments.table)
    else:
        data = open_data("cifar10")
        fidelity = Fidelity(images=arguments.images, batch_size=32, validation_images=2000)
        table = pd.concat([one_seed(seed, data, fidelity) for seed in range(arguments.seeds)], ignore_index=True)
        if arguments.table is not None:
            table.to_csv(arguments.table, index=False)
    report(table)
    if arguments.picture is not None:
        measures = [name for name in table.columns if name.endswith(" loss")]
        print(plot.save(plot.importances(table, measures), arguments.picture, dpi=150))


if __name__ == "__main__":
    main()
