"""One contender of benchmarks/inference.py in a process of its own: the time and the intervals, as JSON."""

from __future__ import annotations

import importlib
import json
import sys
import time

import numpy as np

Result = tuple[float, float, np.ndarray, np.ndarray]

#: Samples that both contenders are given, beside those that they draw.
SHARED = 2

PEER_NAMES = {"pearson": "corr", "spearman": "spearman", "whitened-pearson": "corr_cov"}


def data(conditions: int, models: int) -> tuple[np.ndarray, np.ndarray]:
    """Squared Euclidean RDMs of models and of one measured population."""
    rng = np.random.default_rng(0)
    patterns = rng.standard_normal((conditions, 8))
    first, second = np.triu_indices(conditions, 1)

    def rdm(points: np.ndarray) -> np.ndarray:
        points = points - points.mean(0)
        gram = points @ points.T
        square = np.diag(gram)[:, None] + np.diag(gram) - 2 * gram
        result: np.ndarray = square[first, second] / points.shape[1]
        return result

    guesses = [rdm(patterns + (0.3 + 0.2 * k) * rng.standard_normal(patterns.shape)) for k in range(models)]
    return np.stack(guesses), rdm(patterns + 0.5 * rng.standard_normal(patterns.shape))[None]


def shared_draws(conditions: int) -> np.ndarray:
    """Conditions of samples for both, of shape (SHARED, n_conditions)."""
    return np.sort(np.random.default_rng(1).integers(0, conditions, (SHARED, conditions)))


def ours(arguments: dict[str, object], models: np.ndarray, measured: np.ndarray) -> Result:
    """Seconds, those of the processor, the standard error of each model, and similarities in the shared samples."""
    import torch

    from neuroguide.engine.inference.bootstrap import bootstrap_stimuli
    from neuroguide.engine.inference.weighted import resampled_similarities
    from neuroguide.engine.similarity import resolve_comparison

    dtype = torch.float32
    a, b = torch.from_numpy(models).to(dtype), torch.from_numpy(measured).to(dtype)
    bootstrap_stimuli(a, b, str(arguments["method"]), n_samples=50, jackknife=False)
    start, spent = time.perf_counter(), time.process_time()
    # rsatoolbox's intervals are t intervals too
    result = bootstrap_stimuli(
        a, b, str(arguments["method"]), n_samples=int(str(arguments["samples"])), jackknife=False
    )
    error = result.variance().sqrt()[:, 0]
    result.interval(kind="t")
    seconds, processor = time.perf_counter() - start, time.process_time() - spent
    n = int(str(arguments["conditions"]))
    drawn = torch.from_numpy(np.stack([np.bincount(draw, minlength=n) for draw in shared_draws(n)]))
    method = resolve_comparison(str(arguments["method"]))
    same = resampled_similarities(torch.from_numpy(models), torch.from_numpy(measured), drawn, method)
    return seconds, processor, error.numpy(), same[..., 0].numpy()


def rsatoolbox(arguments: dict[str, object], models: np.ndarray, measured: np.ndarray) -> Result:
    """Seconds, those of the processor, the standard error of each model, and similarities in the shared samples."""
    from rsatoolbox.inference import eval_bootstrap_pattern
    from rsatoolbox.model import ModelFixed
    from rsatoolbox.rdm import RDMs

    # by its full name: the package's attribute of that name is a function
    peer_compare = importlib.import_module("rsatoolbox.rdm.compare")
    # rsatoolbox 0.3.2 fails at 100 conditions or more with missing pairs (it divides sparse int8 in place): dense there
    peer_compare.row_col_indicator_g_sparse = peer_compare.row_col_indicator_g
    np.random.seed(0)  # noqa: NPY002 - the peer draws from the global generator
    fixed = [ModelFixed(f"model {k}", guess) for k, guess in enumerate(models)]
    eval_bootstrap_pattern(
        fixed, RDMs(measured), method=PEER_NAMES[str(arguments["method"])], N=2, boot_noise_ceil=False
    )
    start, spent = time.perf_counter(), time.process_time()
    result = eval_bootstrap_pattern(
        fixed,
        RDMs(measured),
        method=PEER_NAMES[str(arguments["method"])],
        N=int(str(arguments["samples"])),
        boot_noise_ceil=False,
    )
    seconds, processor = time.perf_counter() - start, time.process_time() - spent
    rdms, name = (RDMs(models), RDMs(measured)), PEER_NAMES[str(arguments["method"])]
    draws = shared_draws(int(str(arguments["conditions"])))
    samples = [[one.subsample_pattern("index", draw) for one in rdms] for draw in draws]
    same = np.stack([peer_compare.compare(a, b, name)[:, 0] for a, b in samples])
    return seconds, processor, np.asarray(result.get_sem()), same


def main() -> None:
    """Measure the contender named in the first argument."""
    arguments = json.loads(sys.argv[1])
    models, measured = data(arguments["conditions"], arguments["models"])
    work = {"ours": ours, "rsatoolbox": rsatoolbox}[arguments["contender"]]
    seconds, processor, error, same = work(arguments, models, measured)
    print()
    print(json.dumps({"seconds": seconds, "processor": processor, "errors": error.tolist(), "same": same.tolist()}))


if __name__ == "__main__":
    main()
