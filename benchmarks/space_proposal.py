"""Space proposals on the space of the published network: how many draws are affordable, before and after, and how soon.

    python benchmarks/space_proposal.py                  # a minute or two on one core
    python benchmarks/space_proposal.py --latency cpu    # also: sums of measured blocks beside measured networks

The space is HourNAS's at 224 pixels (22 blocks, 7 vital); targets within 5%: parameters and FLOPs of HourNAS-F, and
others. *Before*: share of 200,000 uniform draws from the full product space. *After, no rejection*: of draws from the
proposals. *Networks*: 1,000 draws from the proposals, of which those outside the budgets were rejected and drawn again
(*rejected* is their share); all of them are checked against the cost of the built architecture.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch

from neuroguide.nas.hournas import ProposalSettings, affordable_share, counted_table, parse_budget, propose, within
from neuroguide.nas.hournas.latency import latency, with_latency
from neuroguide.nas.hournas.proposal import sample
from neuroguide.nas.hournas.supernet import architecture_of, vital_blocks
from neuroguide.nas.spaces import open_space

TARGETS = (("770MFLOPs", "5.3Mparameters"), ("600MFLOPs", "4.5Mparameters"), ("300MMACs", "4Mparameters"),
           ("300MFLOPs",), ("5.3Mparameters",), ("150MMACs",))  # fmt: skip
DRAWS = 1000


def row(space: Any, table: Any, names: tuple[str, ...], seed: int) -> str:
    """One line of the report."""
    budgets = [parse_budget(name) for name in names]
    before = affordable_share(table, budgets)
    started = time.perf_counter()
    proposals = propose(table, budgets, seed=seed)
    seconds = time.perf_counter() - started
    generator = torch.Generator().manual_seed(seed)
    choices = torch.cat([sample(logits.expand(DRAWS, -1, -1), generator) for logits in proposals.logits])
    after = float(within(table, budgets, table.of(choices)).float().mean())
    drawn = proposals.draw(DRAWS, seed=seed)
    architectures = [architecture_of(space, row) for row in drawn.choices.tolist()]
    distinct = len({space.hash(arch) for arch in architectures})
    # the table is one thing, the cost of the architecture another
    costs = [space.cost(arch, image_size=224, n_classes=1000) for arch in architectures]
    worst = max(abs(getattr(cost, b.quantity) / b.target - 1) for b in budgets for cost in costs)
    roots = proposals.probabilities.sqrt()
    overlap = torch.einsum("kbo,lbo->kl", roots, roots) / len(table.blocks)
    n = len(overlap)
    apart = float((overlap.sum() - n) / (n * (n - 1)))
    return (
        f"{' + '.join(names):28s} {before:9.4%} {after:9.1%} {drawn.rejected:9.1%} {len(architectures):9,d} "
        f"{distinct:9,d} {worst:9.2%} {apart:8.2f} {seconds:8.2f}"
    )


def latencies(space: Any, runtime: str) -> None:
    """Sums of measured blocks beside measured networks of the `small` layout."""
    table = with_latency(counted_table(space), space, runtime, image_size=32, n_classes=10)
    low, high = table.range(f"latency:{runtime}")
    found = []
    for seed in range(20):
        arch = space.sample(np.random.default_rng(seed))
        choices = torch.tensor([
            len(space.operations) if b is None else space.operations.index(b) for b in arch.blocks
        ])  # fmt: skip
        total = float(table.of(choices)[table.column(f"latency:{runtime}")])
        found.append((total, latency(space.build(arch), torch.randn(1, 3, 32, 32), runtime)))
    sums, whole = np.array(found).T
    print(f"\nlatency ({runtime}), layout small, 32 pixels, one image: sums of blocks from {low:.3f} to {high:.3f} ms")
    print(
        f"20 random networks: sum / measured {np.median(sums / whole):.2f} (median), "
        f"correlation {np.corrcoef(sums, whole)[0, 1]:.2f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latency", choices=("cpu", "cuda", "onnxruntime"), nargs="*", default=[])
    options = parser.parse_args()
    torch.set_num_threads(1)
    space = open_space("hourglass", layout="imagenet")
    table = counted_table(space, image_size=224, n_classes=1000)
    settings = ProposalSettings()
    print(f"{len(space.positions)} blocks, {len(vital_blocks(space))} vital; {settings.number} proposals at once")
    heads = ("before", "after", "rejected", "networks", "distinct", "worst", "overlap", "seconds")
    print(f"{'target':28s} " + " ".join(f"{head:>9s}" for head in heads[:-2]) + f" {heads[-2]:>8s} {heads[-1]:>8s}")
    for names in TARGETS:
        print(row(space, table, names, options.seed), flush=True)
    for runtime in options.latency:
        latencies(open_space("hourglass", layout="small"), runtime)


if __name__ == "__main__":
    main()
