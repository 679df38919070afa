"""One contender of benchmarks/rdm.py in a process of its own: times and peak memory, as JSON, task by task."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Work = Callable[[], Any]


def ours(features: np.ndarray, _teacher: np.ndarray) -> Work:
    """The correlation RDM, float32."""
    import torch

    from neuroguide.engine.dissimilarity import rdm

    values = torch.from_numpy(features)
    return lambda: rdm(values)


def ours_metric(features: np.ndarray, teacher: np.ndarray) -> Work:
    """RDMs of both, and Spearman's correlation of them: Brain-Score's metric, whole."""
    import torch

    from neuroguide.engine.dissimilarity import rdm
    from neuroguide.engine.similarity import compare

    a, b = torch.from_numpy(features), torch.from_numpy(teacher)
    return lambda: compare(rdm(a), rdm(b), "spearman")


def sgemm(features: np.ndarray, _teacher: np.ndarray) -> Work:
    """The whole product X X' of torch: 2 n**2 p operations."""
    import torch

    values = torch.from_numpy(features)
    other = values.clone()
    return lambda: values @ other.T


def numpy_float32(features: np.ndarray, _teacher: np.ndarray) -> Work:
    """numpy.corrcoef in float32."""
    return lambda: 1 - np.corrcoef(features, dtype=np.float32)


def scipy_pdist(features: np.ndarray, _teacher: np.ndarray) -> Work:
    """The pdist of scipy, float64."""
    from scipy.spatial.distance import pdist

    values = features.astype(np.float64)
    return lambda: pdist(values, "correlation")


def rsatoolbox(features: np.ndarray, _teacher: np.ndarray) -> Work:
    """The calc_rdm of rsatoolbox, float64."""
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    data = Dataset(features.astype(np.float64))
    return lambda: calc_rdm(data, method="correlation")


def _assembly(features: np.ndarray) -> Any:
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    n, p = features.shape
    coords = {
        "stimulus_id": ("presentation", [f"{i:06d}" for i in range(n)]),
        "object_name": ("presentation", ["x"] * n),
        "neuroid_id": ("neuroid", np.arange(p)),
        "region": ("neuroid", ["IT"] * p),
    }
    return NeuroidAssembly(features, coords=coords, dims=("presentation", "neuroid"))


def brainscore(features: np.ndarray, _teacher: np.ndarray) -> Work:
    """Brain-Score's RDM."""
    from brainscore_vision.metrics.rdm.metric import RDM

    assembly = _assembly(features)
    return lambda: RDM()(assembly)


def brainscore_metric(features: np.ndarray, teacher: np.ndarray) -> Work:
    """Brain-Score's RDMMetric: both RDMs and Spearman."""
    from brainscore_vision.metrics.rdm.metric import RDMMetric

    a, b = _assembly(features), _assembly(teacher)
    return lambda: RDMMetric()(a, b)


CONTENDERS = {
    work.__name__: work
    for work in (ours, ours_metric, sgemm, numpy_float32, scipy_pdist, rsatoolbox, brainscore, brainscore_metric)
}


def kernels() -> str:
    """The BLAS kernels that numpy and scipy chose."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return "unknown"
    return "+".join(sorted({f"{pool.get('architecture', '?')}" for pool in threadpool_info() if "blas" in str(pool)}))


def main() -> None:
    """Measure the contender named in the first argument, at the size and as often as each line of input says."""
    contender = CONTENDERS[json.loads(sys.argv[1])["contender"]]
    for line in sys.stdin:
        task = json.loads(line)
        rng = np.random.default_rng(0)
        features = rng.standard_normal((task["stimuli"], task["features"]), dtype=np.float32)
        work = contender(features, rng.standard_normal((task["stimuli"], 300), dtype=np.float32))
        if task["warm"]:
            work()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        times, processor = [], []
        for _ in range(task["repeats"]):
            start, spent = time.perf_counter(), time.process_time()
            work()
            times.append(time.perf_counter() - start)
            processor.append(time.process_time() - spent)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        megabytes = {"peak_mb": peak / 1024, "before_mb": before / 1024, "input_mb": features.nbytes / 1e6}
        print(json.dumps({"times": times, "processor": processor, "kernels": kernels(), **megabytes}), flush=True)
        del features, work


if __name__ == "__main__":
    main()
