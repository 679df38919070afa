"""A bootstrap and what follows from it: variances, intervals, functions of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from neuroguide._core.errors import InputError, OptionError
from neuroguide.engine.inference.distributions import t_quantile

#: Share of the samples that may be undefined (too few different stimuli, constant responses) and are then left out.
MAX_UNDEFINED = 0.05


@dataclass(frozen=True)
class Bootstrap:
    """Estimates with their bootstrap samples.

    Attributes
    ----------
    estimate : tensor of any shape
        The similarities of all data.
    samples : mapping of factor to tensor of shape (n_samples, ...)
        ``"stimuli"``, ``"sites"`` or ``"subjects"``: that factor was drawn; ``"both"``: two were drawn together.
    sizes : mapping of factor to int
        How many stimuli, sites or subjects there are.
    jackknife : tensor of shape (n_left_out, ...), or None
        The similarities without each stimulus, site or subject (one factor only).
    """

    estimate: Tensor
    samples: Mapping[str, Tensor]
    sizes: Mapping[str, int]
    jackknife: Tensor | None = None

    def map(self, function: Callable[[Tensor], Tensor]) -> Bootstrap:
        """The same bootstrap of a function of the estimates: a difference, the maximum over layers, a ratio.

        The function sees the last dimensions: ``lambda s: s.amax(-2)`` takes the maximum anew in every sample.
        """
        return Bootstrap(
            function(self.estimate),
            {factor: function(drawn) for factor, drawn in self.samples.items()},
            self.sizes,
            None if self.jackknife is None else function(self.jackknife),
        )

    @property
    def freedom(self) -> int:
        """Degrees of freedom: the smallest number of things drawn, minus one (Schütt et al. 2023)."""
        return min(self.sizes.values()) - 1

    def variance(self) -> Tensor:
        """Variance of the estimates, of their shape.

        For stimuli or subjects alone, ``n`` of them, the variance of the samples times ``n / (n - 1)``. For sites alone
        the jackknife's (Tukey 1958): drawing with replacement makes a smaller population and gives too little. For two
        factors the sum of what each adds, without counting the noise they share twice (Schütt et al. 2023, eLife
        12:e82566, the corrected 2-factor bootstrap in its form for small samples), between the larger single variance
        and that of drawing both.
        """
        if tuple(self.sizes) == ("sites",) and self.jackknife is not None:
            left_out = _defined(self.jackknife)
            return left_out.var(0, correction=0) * (len(left_out) - 1)
        spread = {factor: _defined(drawn).var(0) for factor, drawn in self.samples.items()}
        scales = {factor: n / (n - 1) for factor, n in self.sizes.items()}
        singles = [spread[factor] * scale for factor, scale in scales.items()]
        if len(singles) == 1:
            return singles[0]
        both = spread["both"]
        product = torch.tensor(list(scales.values())).prod().item()
        excess = both - spread[next(iter(scales))] - spread[list(scales)[1]]
        corrected = singles[0] + singles[1] - product * excess
        return torch.minimum(torch.maximum(corrected, torch.maximum(*singles)), both)

    def interval(self, level: float = 0.95, kind: str = "auto") -> tuple[Tensor, Tensor]:
        """Confidence interval of each estimate.

        Parameters
        ----------
        level : float
            Between 0 and 1.
        kind : {"auto", "bca", "t", "percentile"}
            ``"bca"``: bias-corrected and accelerated (Efron 1987, JASA 82:171), one factor only; ``"t"``: the estimate
            plus and minus t quantiles of the standard error; ``"percentile"``: quantiles of the samples. ``"auto"`` is
            BCa for stimuli alone, and t for sites, for subjects and for two factors. A sample of sites drawn with
            replacement is a smaller population, whose RDM is noisier, and BCa takes that for a bias (on simulated data
            it then covered the truth in 74% of cases instead of 95%). Of few subjects BCa and percentiles are too
            narrow: with 8 they covered it in 88%, t in 95% (benchmarks/calibration.py).

        Returns
        -------
        low, high : tensors of the shape of the estimate

        Raises
        ------
        OptionError
            If ``level`` is not between 0 and 1, or the kind is unknown or impossible here.
        InputError
            If more than 5% of the samples are undefined, or there are too few of them for the level.
        """
        if not 0 < level < 1:
            raise OptionError(f"the level of an interval lies between 0 and 1, {level} arrived")
        single = len(self.sizes) == 1
        if kind == "auto":
            kind = "bca" if tuple(self.sizes) == ("stimuli",) and self.jackknife is not None else "t"
        tail = (1 - level) / 2
        if kind == "t":
            half = self.variance().sqrt() * t_quantile(1 - tail, self.freedom)
            return self.estimate - half, self.estimate + half
        if kind not in ("bca", "percentile") or not single or (kind == "bca" and self.jackknife is None):
            raise OptionError(
                f"interval kind {kind!r} is not possible here; use 't'" + ", 'percentile', 'bca'" * single
            )
        drawn = _defined(next(iter(self.samples.values())))
        if len(drawn) * tail < 5:
            raise InputError(
                f"an interval of {level:.0%} by quantiles needs at least {round(5 / tail + 0.5)} samples, {len(drawn)} "
                "are there; draw more"
            )
        tails = drawn.new_tensor([tail, 1 - tail]).reshape(2, *[1] * self.estimate.ndim)
        if kind == "bca":
            tails = self._bca_tails(drawn, tails)
        low, high = _quantiles(drawn, tails.expand(2, *self.estimate.shape))
        return low, high

    def _bca_tails(self, drawn: Tensor, tails: Tensor) -> Tensor:
        """The quantiles to take, corrected for bias and for a standard error that changes with the estimate."""
        below = (drawn < self.estimate).to(drawn.dtype) + 0.5 * (drawn == self.estimate)
        share = below.mean(0).clamp(0.5 / len(drawn), 1 - 0.5 / len(drawn))
        bias = torch.special.ndtri(share)
        left_out = self.jackknife if self.jackknife is not None else drawn
        pull = left_out.nanmean(0) - left_out
        squares = pull.square().nansum(0)
        acceleration = pull.pow(3).nansum(0) / (6 * torch.where(squares > 0, squares, torch.inf).pow(1.5))
        shifted = bias + torch.special.ndtri(tails)
        corrected: Tensor = torch.special.ndtr(bias + shifted / (1 - acceleration * shifted))
        return corrected


def _defined(drawn: Tensor) -> Tensor:
    """The samples in which every similarity is defined."""
    bad = torch.isnan(drawn).reshape(len(drawn), -1).any(1)
    if not bool(bad.any()):
        return drawn
    if bool(bad.to(torch.float32).mean() > MAX_UNDEFINED):
        raise InputError(
            f"{int(bad.sum())} of {len(bad)} bootstrap samples are undefined (a sample held too few different stimuli, "
            "or a layer was constant in it); use more stimuli, or leave that layer out"
        )
    return drawn[~bad]


def _quantiles(drawn: Tensor, tails: Tensor) -> tuple[Tensor, Tensor]:
    """Quantiles of samples (n_samples, ...) at tails (2, ...), interpolated linearly."""
    ordered = drawn.sort(0).values
    place = tails.clamp(0, 1) * (len(drawn) - 1)
    below = place.floor().long().clamp_max(len(drawn) - 2)
    lower, upper = ordered.gather(0, below), ordered.gather(0, below + 1)
    values = lower + (place - below) * (upper - lower)
    return values[0], values[1]
