"""From dissimilarities to positions: classical and metric multidimensional scaling, t-SNE and UMAP."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from neuroguide._core.errors import InputError, missing_extra

Array = NDArray[np.float64]

METHODS = ("mds", "classical", "tsne", "umap")
#: Those that keep neighbours rather than distances.
NEIGHBOURS = ("tsne", "umap")


def coordinates(distances: Array, method: str, *, dimensions: int = 2, perplexity: float = 30.0) -> Array:
    """Positions whose distances resemble the given ones; the same every time (all start from classical scaling).

    Parameters
    ----------
    distances : array of shape (n, n)
        Symmetric, not negative, zero diagonal.
    method : {"mds", "classical", "tsne", "umap"}
        One of :data:`METHODS`.
    dimensions : int
        Number of coordinates.
    perplexity : float
        Of t-SNE: roughly how many neighbours each point has; lowered to a third of the points where they are few. Of
        UMAP: how many, at most all others.

    Returns
    -------
    array of shape (n, dimensions)
        Centred, turned to principal axes, each axis with its largest value positive.
    """
    start = classical(distances, dimensions)
    if method == "classical":
        return start
    if method == "mds":
        found = smacof(distances, start)
    else:
        found = (tsne if method == "tsne" else umap)(distances, start, perplexity)
    return _principal_axes(found)


def classical(distances: Array, dimensions: int) -> Array:
    """Torgerson's classical scaling: the leading eigenvectors of the doubly centred squared distances."""
    squared = distances**2
    centred = squared - squared.mean(0) - squared.mean(1)[:, None] + squared.mean()
    values, vectors = np.linalg.eigh(-centred / 2)
    leading = np.argsort(values)[::-1][:dimensions]
    found = vectors[:, leading] * np.sqrt(np.maximum(values[leading], 0.0))
    return _signs(np.asarray(found))


def smacof(distances: Array, start: Array, *, iterations: int = 500, tolerance: float = 1e-7) -> Array:
    """Metric scaling by majorisation (De Leeuw 1977; Borg & Groenen 2005, eq. 8.29): raw stress never rises.

    Parameters
    ----------
    distances : array of shape (n, n)
    start : array of shape (n, dimensions)
    iterations : int
        At most so many Guttman transforms.
    tolerance : float
        Stop when stress-1 falls by less than this.
    """
    count = len(distances)
    points = start.copy()
    if not np.any(pdist(points)):
        # equal dissimilarities: classical scaling can collapse, a regular polygon is as good a start as any
        angles = 2 * np.pi * np.arange(count) / count
        points[:, 0], points[:, -1] = np.cos(angles), np.sin(angles)
    before = np.inf
    for _ in range(iterations):
        between = squareform(pdist(points))
        stress = stress_1(distances, between)
        if before - stress < tolerance:
            break
        before = stress
        ratio = np.divide(distances, between, out=np.zeros_like(distances), where=between > 0)
        guttman = -ratio
        guttman[np.diag_indices(count)] = ratio.sum(axis=1)
        points = guttman @ points / count
    return points


def stress_1(distances: Array, between: Array) -> float:
    """Kruskal's stress-1: root of the summed squared error over the summed squared distances of the picture."""
    upper = np.triu_indices(len(distances), 1)
    total = float((between[upper] ** 2).sum())
    return float(np.sqrt(((distances[upper] - between[upper]) ** 2).sum() / total)) if total else 1.0


def tsne(distances: Array, start: Array, perplexity: float, *, iterations: int = 750) -> Array:
    """Exact t-SNE (van der Maaten & Hinton 2008) from given dissimilarities, started from classical scaling.

    Neighbour probabilities use the squared dissimilarities, early exaggeration is 12 for the first 250 steps, the
    step size is n / 12 (Belkina et al. 2019), at least 50.
    """
    count = len(distances)
    wanted = min(perplexity, (count - 1) / 3)
    joint = _neighbours(distances**2, wanted)
    points = start / max(float(start[:, 0].std()), np.finfo(float).tiny) * 1e-4
    if not np.any(points):
        raise InputError("all dissimilarities are zero; there is nothing to embed")
    step, speed = max(50.0, count / 12), np.zeros_like(points)
    gain = np.ones_like(points)
    for iteration in range(iterations):
        exaggeration, momentum = (12.0, 0.5) if iteration < 250 else (1.0, 0.8)
        weights = 1.0 / (1.0 + squareform(pdist(points, "sqeuclidean")))
        np.fill_diagonal(weights, 0.0)
        pull = (exaggeration * joint - weights / weights.sum()) * weights
        gradient = 4 * (pull.sum(axis=1)[:, None] * points - pull @ points)
        gain = np.clip(np.where(np.sign(gradient) != np.sign(speed), gain + 0.2, gain * 0.8), 0.01, None)
        speed = momentum * speed - step * gain * gradient
        points = points + speed
        points -= points.mean(axis=0)
    return points


def umap(distances: Array, start: Array, neighbours: float) -> Array:
    """UMAP (McInnes et al. 2018) by umap-learn, started from classical scaling, in one thread and with one seed.

    Raises
    ------
    MissingExtraError
        If umap-learn is not installed.
    """
    try:
        with warnings.catch_warnings():  # of TensorFlow, which this needs nowhere
            warnings.simplefilter("ignore", ImportWarning)
            from umap import UMAP
    except ImportError as error:
        raise missing_extra("umap-learn", "umap", "embedding by UMAP") from error
    # as umap-learn scales its own starts
    scaled = 10 * start / max(float(np.abs(start).max()), np.finfo(float).tiny)
    count = max(2, min(round(neighbours), len(distances) - 1))
    model = UMAP(
        n_components=start.shape[1], n_neighbors=count, metric="precomputed", init=scaled.astype(np.float32),
        random_state=0, n_jobs=1,
    )  # fmt: skip
    with warnings.catch_warnings():  # nothing is transformed back
        warnings.filterwarnings("ignore", "using precomputed metric")
        return np.asarray(model.fit_transform(distances), dtype=np.float64)


def _neighbours(squared: Array, perplexity: float) -> Array:
    """Joint neighbour probabilities, the width around each point set by bisection to the wanted perplexity."""
    count = len(squared)
    target = np.log(perplexity)
    low, high = np.zeros(count), np.full(count, np.inf)
    # the scale of the data, so that bisection starts close
    precision = (
        np.ones(count) / max(float(np.median(squared[squared > 0])), np.finfo(float).tiny)
        if squared.any()
        else np.ones(count)
    )
    others = ~np.eye(count, dtype=bool)
    nearest = np.where(others, squared, np.inf).min(axis=1, keepdims=True)
    away = np.where(others, squared - nearest, 0.0)
    conditional = np.zeros_like(squared)
    for _ in range(64):
        conditional = np.where(others, np.exp(-away * precision[:, None]), 0.0)
        total = conditional.sum(axis=1)
        entropy = np.log(total) + precision * (away * conditional).sum(axis=1) / total
        wide = entropy > target
        low, high = np.where(wide, precision, low), np.where(wide, high, precision)
        precision = np.where(np.isinf(high), precision * 2, (low + np.where(np.isinf(high), 0, high)) / 2)
    conditional /= conditional.sum(axis=1, keepdims=True)
    return np.maximum((conditional + conditional.T) / (2 * count), 1e-300)


def _principal_axes(points: Array) -> Array:
    centred = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return _signs(np.asarray(centred @ axes.T))


def _signs(points: Array) -> Array:
    """Each axis turned so that its largest value is positive: an eigenvector's sign is arbitrary."""
    extreme = points[np.abs(points).argmax(axis=0), np.arange(points.shape[1])]
    return points * np.where(extreme < 0, -1.0, 1.0)
