"""RDMs too large to hold: built and compared tile by tile.

An RDM of 22,000 stimuli has 242 million pairs. Here no RDM exists as a whole: blocks of stimuli by stimuli are computed
from the features, added to sums in float64, and dropped. Pearson, cosine and CKA are exact this way; Spearman is exact
by ranks on disk (:mod:`neuroguide.engine.external`), or estimated on a random sample of pairs.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.options import check_option
from neuroguide._core.settings import parse_memory
from neuroguide.engine.device import as_floating
from neuroguide.engine.dissimilarity import resolve_distance
from neuroguide.engine.distance.gram import GramDistance
from neuroguide.engine.external import Stored, external_ranks, inner_product
from neuroguide.engine.products import row_products
from neuroguide.engine.similarity import compare
from neuroguide.engine.triangle import condense, n_pairs

_METHODS = ("pearson", "cosine", "cka", "spearman")


@dataclass(frozen=True)
class LazyRDM:
    """An RDM that exists as a rule: squared distances of rows, computed block by block.

    Attributes
    ----------
    rows : tensor of shape (n_stimuli, n_features)
        Around the origin; their squared distances are the dissimilarities.
    lengths : tensor of shape (n_stimuli,)
        Squared lengths of the rows.
    """

    rows: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, features: Tensor, distance: str = "correlation") -> LazyRDM:
        """The lazy RDM of features.

        Parameters
        ----------
        features : tensor of shape (n_stimuli, n_features)
        distance : str
            ``"correlation"``, ``"cosine"`` or ``"euclidean"``.

        Raises
        ------
        InputError
            If features have another shape, or a stimulus has no distance.
        OptionError
            If the distance is not one of these.
        """
        resolved = resolve_distance(distance)
        if not isinstance(resolved, GramDistance):
            raise OptionError(
                f"distance {distance!r} is not available tile by tile; use correlation, cosine or euclidean"
            )
        if features.ndim != 2 or len(features) < 2:
            raise InputError(f"features have the shape (n_stimuli, n_features), these have {tuple(features.shape)}")
        rows, dead = resolved.embed(as_floating(features))
        if bool(dead.any()):
            named = ", ".join(map(str, dead.nonzero().flatten().tolist()[:10]))
            raise InputError(
                f"stimuli at row {named} {resolved.reason}, so their {resolved.name} distance is undefined"
            )
        return cls(rows, rows.square().sum(1))

    def block(self, rows: slice, columns: slice) -> Tensor:
        """Dissimilarities of a block of stimuli with another, of shape (n_rows, n_columns)."""
        block = row_products(self.rows[rows], self.rows[columns])
        torch.sub(self.lengths[columns], block, alpha=2, out=block)
        return block.add_(self.lengths[rows].unsqueeze(1)).clamp_min_(0)

    def mean(self) -> float:
        """The mean dissimilarity of all pairs."""
        n = len(self.rows)
        return 2 * n / (n - 1) * float(self.lengths.mean() - self.rows.mean(0).square().sum())

    def pairs(self, first: Tensor, second: Tensor) -> Tensor:
        """Dissimilarities of single pairs of stimuli."""
        return (self.rows[first] - self.rows[second]).square().sum(1)


def blocks(n_stimuli: int, size: int) -> Iterator[tuple[slice, slice]]:
    """The blocks of stimuli by stimuli on and above the diagonal."""
    edges = list(range(0, n_stimuli, size))
    for i, start in enumerate(edges):
        for other in edges[i:]:
            yield slice(start, min(start + size, n_stimuli)), slice(other, min(other + size, n_stimuli))


def compare_tiled(
    a: Sequence[LazyRDM],
    b: Sequence[LazyRDM],
    method: str = "pearson",
    *,
    memory: str | int = "auto",
    folder: str | Path | None = None,
) -> Tensor:
    """Similarity of every RDM in ``a`` with every RDM in ``b``, never holding one of them.

    Parameters
    ----------
    a, b : sequence of LazyRDM
        Of the same stimuli.
    method : {"pearson", "cosine", "cka", "spearman"}
        All exact. ``"spearman"`` keeps 8 bytes a pair and RDM (12 for one of them) on disk while it runs.
    memory : str or int
        Bytes for the blocks, besides the features: ``"auto"`` (2 GB), ``"512MB"``, a number.
    folder : path, optional
        Where Spearman's ranks are kept; by default the system's temporary folder.

    Returns
    -------
    tensor of shape (n_a, n_b)
        float64 on the CPU.

    Raises
    ------
    InputError
        If the RDMs differ in their stimuli, or one is constant.
    OptionError
        If the method is unknown or the memory not understood.
    """
    check_option("method", method, _METHODS)
    budget = parse_memory(memory)
    everything = [*a, *b]
    n = len(everything[0].rows)
    if any(len(one.rows) != n for one in everything):
        raise InputError(f"RDMs of the same stimuli are compared, these have {[len(one.rows) for one in everything]}")
    size = _block_size(n, len(everything), budget)
    if method == "spearman":
        with tempfile.TemporaryDirectory(dir=folder) as place:
            result = _ranked(everything, len(a), Path(place), size, budget)
    else:
        result = _summed(everything, len(a), method, size)
    if bool(torch.isnan(result).any()):
        raise InputError("an RDM has the same value in all its pairs, so its similarity is undefined; leave it out")
    return result


def sampled_spearman(a: LazyRDM, b: LazyRDM, *, n_pairs: int = 1_000_000, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Spearman's correlation of two RDMs estimated on a random sample of their pairs.

    Parameters
    ----------
    a, b : LazyRDM
    n_pairs : int
        Pairs drawn with replacement, at least 1,000.
    seed : int

    Returns
    -------
    similarity, standard_error : tensors, numbers
        The error comes from 50 equal parts of the sample.

    Raises
    ------
    InputError
        If the RDMs differ in their stimuli.
    OptionError
        If too few pairs are asked for.
    """
    n = len(a.rows)
    if len(b.rows) != n:
        raise InputError(f"RDMs of the same stimuli are compared, these have {n} and {len(b.rows)}")
    if n_pairs < 1000:
        raise OptionError(f"a sample of at least 1000 pairs is needed for an error, {n_pairs} arrived")
    generator = torch.Generator().manual_seed(seed)
    first = torch.randint(n, (n_pairs,), generator=generator)
    second = (first + 1 + torch.randint(n - 1, (n_pairs,), generator=generator)) % n
    drawn = []
    for one in (a, b):
        step = max(1, 32_000_000 // one.rows.shape[1])
        parts = zip(torch.split(first, step), torch.split(second, step), strict=True)
        drawn.append(torch.cat([one.pairs(i.to(one.rows.device), j.to(one.rows.device)) for i, j in parts]))
    batches = [values[: n_pairs - n_pairs % 50].reshape(50, -1) for values in drawn]
    spread = compare(batches[0], batches[1], "spearman").std() / 50**0.5
    return compare(drawn[0], drawn[1], "spearman"), spread


def _summed(everything: list[LazyRDM], n_a: int, method: str, size: int) -> Tensor:
    """Sums over blocks of dissimilarities, their products, and (for CKA) their rows."""
    n, k, m = len(everything[0].rows), len(everything), n_pairs(len(everything[0].rows))
    sums = torch.zeros(k, dtype=torch.float64)
    products = torch.zeros(k, k, dtype=torch.float64)
    rows = torch.zeros(k, n, dtype=torch.float64)
    # Pearson does not see a shift, and near their mean the products of float32 numbers keep their digits
    shifts = [rdm.mean() if method == "pearson" else 0.0 for rdm in everything]
    for one, other in blocks(n, size):
        tiles = [
            _above_diagonal(rdm.block(one, other) - shift, one == other)
            for rdm, shift in zip(everything, shifts, strict=True)
        ]
        for i, tile in enumerate(tiles):
            across, down = _sum(tile, 1), _sum(tile, 0)
            sums[i] += across.sum()
            rows[i, one] += across
            rows[i, other] += down
            for j in [*range(n_a, k), i] if i < n_a else [i]:
                products[i, j] += _sum((tile * tiles[j]).flatten(), 0)
    least = torch.zeros(k, dtype=torch.float64)
    if method == "pearson":
        products = products - torch.outer(sums, sums) / m
        # what rounding to float32 leaves of a constant RDM
        least = 1e-13 * m * torch.tensor(shifts, dtype=torch.float64).square()
    elif method == "cka":
        # tr(K H L H) of K = -D/2 with a zero diagonal, from sums of D alone
        total = 2 * sums
        products = 2 * products - 2 / n * rows @ rows.T + torch.outer(total, total) / n**2
    own = products.diagonal()
    own = torch.where(own > least, own, torch.nan).sqrt()
    return products[:n_a, n_a:] / torch.outer(own[:n_a], own[n_a:])


def _sum(values: Tensor, dim: int) -> Tensor:
    """Sums in float64 on the CPU; where the device has none, in its own precision first."""
    if values.device.type == "mps":
        return values.sum(dim).cpu().double()
    return values.sum(dim, dtype=torch.float64).cpu()


def _above_diagonal(tile: Tensor, diagonal: bool) -> Tensor:
    return torch.triu(tile, 1) if diagonal else tile


def _ranked(everything: list[LazyRDM], n_a: int, place: Path, size: int, budget: int) -> Tensor:
    """Products of ranks, all of them kept on disk."""
    ranks = []
    for i, rdm in enumerate(everything):
        values = _store(rdm, place / f"values{i}", size)
        ranks.append(external_ranks(values, place / f"ranks{i}", budget))
        values.remove()
    k = len(ranks)
    products = torch.zeros(k, k, dtype=torch.float64)
    for i in range(k):
        for j in [*range(n_a, k), i] if i < n_a else [i]:
            products[i, j] = inner_product(ranks[i], ranks[j])
    for one in ranks:
        one.remove()
    own = products.diagonal()
    own = torch.where(own > 0, own, torch.nan).sqrt()
    return products[:n_a, n_a:] / torch.outer(own[:n_a], own[n_a:])


def _store(rdm: LazyRDM, path: Path, size: int) -> Stored:
    """The dissimilarities on disk, block by block: an order of the pairs that is the same for all RDMs."""
    n = len(rdm.rows)
    stored, filled = Stored.create(path, n_pairs(n), torch.float32), 0
    for one, other in blocks(n, size):
        tile = rdm.block(one, other).to("cpu", torch.float32)
        part = condense(tile) if one == other and len(tile) > 1 else tile.flatten()[: tile.numel() * (one != other)]
        stored.values[filled : filled + len(part)] = part
        filled += len(part)
    return stored


def _block_size(n_stimuli: int, n_rdms: int, budget: int) -> int:
    """Stimuli in a block: a block for every RDM, and two to compute with, of 8 bytes a number.

    Larger ones than 256 are not faster, and compute more that is not needed at the diagonal.
    """
    return max(64, min(256, n_stimuli, math.isqrt(budget // (8 * (n_rdms + 2)))))
