"""From a layer's features to the responses of sites: ridge regression and partial least squares.

Both see the features only through their inner products, so that a layer of any size costs one kernel of the stimuli.
Everything is fitted on training images only: the centring, the penalty, the components.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide.engine.device import as_floating
from neuroguide.engine.folds import group_folds, group_numbers

#: Default penalties of ridge, as multiples of the mean squared length of a stimulus's centred features (our choice).
RELATIVE_ALPHAS = tuple(10.0 ** (exponent / 2) for exponent in range(-12, 7))

#: Presentations at most: the kernel of 12,000 takes 1.2 GB, and what is made of it several times that.
MAX_PRESENTATIONS = 12_000


@dataclass(frozen=True)
class Mapping:
    """Cross-validated predictions of responses from features.

    Attributes
    ----------
    predictions : tensor of shape (n_presentations, n_sites)
        Each from a mapping that did not see its image.
    folds : integer tensor of shape (n_presentations,)
    alphas : tensor of shape (n_folds, n_sites), or None
        The penalty chosen in each training set (ridge only).
    """

    predictions: Tensor
    folds: Tensor
    alphas: Tensor | None = None


def cross_validated_ridge(
    features: Tensor,
    responses: Tensor,
    folds: Tensor,
    *,
    groups: Tensor | None = None,
    alphas: Tensor | None = None,
    n_inner: int = 5,
    seed: int = 0,
) -> Mapping:
    """Ridge regression of all sites at once, the penalty of each site chosen inside the training images.

    ``min |Y - 1 b' - X W|^2 + alpha |W|^2`` for a path of penalties from one eigendecomposition of the training kernel
    a fold. The penalty with the smallest squared error of an inner cross-validation is taken for each site; the inner
    errors follow in closed form, ``e_B = (I - H_BB)^-1 (y - H y)_B`` for the images ``B`` of an inner fold and the hat
    matrix ``H`` (Golub, Heath & Wahba 1979 for single images), so nothing is refitted.

    Parameters
    ----------
    features : tensor of shape (n_presentations, n_features)
    responses : tensor of shape (n_presentations, n_sites)
        No missing values.
    folds : integer tensor of shape (n_presentations,)
        The outer fold of each presentation; see :func:`neuroguide.engine.folds.group_folds`.
    groups : integer tensor of shape (n_presentations,), optional
        Equal for presentations of one image, which inner folds keep together; by default all differ.
    alphas : tensor of shape (n_alphas,), optional
        Penalties above zero; by default :data:`RELATIVE_ALPHAS` times the mean squared length of the training features.
    n_inner : int
        Number of inner folds.
    seed : int
        Seed of the inner folds.

    Returns
    -------
    Mapping

    Raises
    ------
    InputError
        If shapes do not fit, there are more than :data:`MAX_PRESENTATIONS`, values are missing, an image lies in two
        folds, or a penalty is not above zero.
    """
    features, responses, folds, groups = _check(features, responses, folds, groups)
    if alphas is not None and not bool((alphas > 0).all()):
        raise InputError("ridge penalties must be above zero")
    dtype, kernel = responses.dtype, _kernel(features)
    if kernel.device.type != "mps":
        # with the smallest penalties hardly a digit of float32 is left in the inner errors
        kernel, responses = kernel.double(), responses.double()
    predictions, chosen = torch.empty_like(responses), []
    for fold in range(int(folds.max()) + 1):
        test, train = folds == fold, folds != fold
        own, cross = _centred_kernels(kernel, train, test)
        values, vectors = torch.linalg.eigh(own)
        path = _path(alphas, own)
        mean = responses[train].mean(0)
        projected = vectors.mT @ (responses[train] - mean)
        inner = group_folds(groups[train], n_inner, seed=seed)
        best = _inner_errors(values, vectors, projected, responses[train], path, inner).argmin(0)
        shrunk = projected / (values.clamp_min(0).unsqueeze(-1) + path[best])
        predictions[test] = mean + cross @ (vectors @ shrunk)
        chosen.append(path[best])
    return Mapping(predictions.to(dtype), folds, torch.stack(chosen).to(dtype))


def cross_validated_pls(features: Tensor, responses: Tensor, folds: Tensor, *, n_components: int = 25) -> Mapping:
    """Partial least squares regression of all sites together, with 25 components as Brain-Score has it.

    PLS2 without scaling, as kernel PLS (Rosipal & Trejo 2001, JMLR 2:97): the weights of each component are the first
    singular vectors of what is left of ``X'Y``.

    Parameters
    ----------
    features : tensor of shape (n_presentations, n_features)
    responses : tensor of shape (n_presentations, n_sites)
        No missing values.
    folds : integer tensor of shape (n_presentations,)
        The fold of each presentation; see :func:`neuroguide.engine.folds.group_folds`.
    n_components : int
        At most the rank of the training features; fewer are used where nothing is left to explain.

    Returns
    -------
    Mapping

    Raises
    ------
    InputError
        If shapes do not fit, there are more than :data:`MAX_PRESENTATIONS`, values are missing, or there are not more
        training images than components.
    """
    features, responses, folds, _ = _check(features, responses, folds, None)
    kernel = _kernel(features)
    predictions = torch.empty_like(responses)
    for fold in range(int(folds.max()) + 1):
        test, train = folds == fold, folds != fold
        if int(train.sum()) <= n_components:
            raise InputError(
                f"{n_components} components need more training images than that, fold {fold} leaves {int(train.sum())}"
            )
        own, cross = _centred_kernels(kernel, train, test)
        mean = responses[train].mean(0)
        predictions[test] = mean + cross @ _pls_weights(own, responses[train] - mean, n_components)
    return Mapping(predictions, folds)


def site_correlations(predictions: Tensor, responses: Tensor, folds: Tensor | None = None) -> Tensor:
    """Pearson's correlation of predicted and measured responses over images, for each site.

    Parameters
    ----------
    predictions, responses : tensor of shape (n_presentations, n_sites)
    folds : integer tensor of shape (n_presentations,), optional
        Then the correlations are taken inside each fold and averaged, as Brain-Score does: the offsets of the folds do
        not count.

    Returns
    -------
    tensor of shape (n_sites,)
        NaN for a site that is constant. Divide by the square root of the site's reliability to correct for noise.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    if predictions.shape != responses.shape or predictions.ndim != 2:
        raise InputError(
            "predictions and responses have the same shape (n_presentations, n_sites); "
            f"{tuple(predictions.shape)} and {tuple(responses.shape)} arrived"
        )
    if folds is not None:
        parts = [folds == fold for fold in range(int(folds.max()) + 1)]
        return torch.stack([site_correlations(predictions[part], responses[part]) for part in parts]).mean(0)
    a, b = (values - values.mean(0) for values in (predictions, responses))
    lengths = a.square().sum(0).sqrt() * b.square().sum(0).sqrt()
    return (a * b).sum(0) / torch.where(lengths > 0, lengths, torch.nan)


def _kernel(features: Tensor) -> Tensor:
    # an offset common to all images changes no centred kernel, but would cost float32 its digits
    centred = features - features.mean(0)
    return centred @ centred.mT


def _centred_kernels(kernel: Tensor, train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    """Kernels train x train and test x train of features minus their mean over training images."""
    own, cross = kernel[train][:, train], kernel[test][:, train]
    row, column = own.mean(0), cross.mean(1, keepdim=True)
    return own - row - row.unsqueeze(-1) + row.mean(), cross - row - column + row.mean()


def _path(alphas: Tensor | None, kernel: Tensor) -> Tensor:
    if alphas is not None:
        return alphas.to(kernel)
    scale = kernel.diagonal().mean()
    return torch.tensor(RELATIVE_ALPHAS, dtype=kernel.dtype, device=kernel.device) * torch.where(scale > 0, scale, 1.0)


def _inner_errors(
    values: Tensor, vectors: Tensor, projected: Tensor, responses: Tensor, path: Tensor, inner: Tensor
) -> Tensor:
    """Squared error of the inner cross-validation, of shape (n_alphas, n_sites)."""
    shares = values.clamp_min(0) / (values.clamp_min(0) + path.unsqueeze(-1))
    centred = responses - responses.mean(0)
    errors = centred.new_zeros(len(path), responses.shape[1])
    for fold in range(int(inner.max()) + 1):
        rows = vectors[inner == fold]
        residual = centred[inner == fold] - torch.einsum("bk,ak,ks->abs", rows, shares, projected)
        hat = torch.einsum("bk,ak,ck->abc", rows, shares, rows) + 1 / len(responses)
        left = torch.eye(len(rows), dtype=hat.dtype, device=hat.device) - hat
        errors += torch.linalg.solve(left, residual).square().sum(1)
    return errors


def _pls_weights(kernel: Tensor, responses: Tensor, n_components: int) -> Tensor:
    """Weights of training images, (n_train, n_sites), so that a test kernel times them is the prediction."""
    left_kernel, left = kernel, responses
    scores, directions = [], []
    for _ in range(n_components):
        # the eigenvector of the smaller of the two matrices whose largest eigenvalue is that of X'Y Y'X
        _, vectors = torch.linalg.eigh(left.mT @ left_kernel @ left)
        direction = left @ vectors[:, -1:]
        score = left_kernel @ direction
        length = torch.linalg.vector_norm(score)
        if not bool(length > 1e-6 * torch.linalg.matrix_norm(kernel) * torch.linalg.vector_norm(direction)):
            break
        score = score / length
        left_kernel = left_kernel - score @ (score.mT @ left_kernel)
        left_kernel = left_kernel - (left_kernel @ score) @ score.mT
        left = left - score @ (score.mT @ left)
        scores.append(score)
        directions.append(direction / torch.linalg.vector_norm(direction))
    if not scores:
        return torch.zeros_like(responses)
    t, u = torch.cat(scores, 1), torch.cat(directions, 1)
    weights: Tensor = u @ torch.linalg.solve(t.mT @ kernel @ u, t.mT @ responses)
    return weights


def _check(
    features: Tensor, responses: Tensor, folds: Tensor, groups: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    if features.ndim != 2 or responses.ndim != 2 or not len(features) == len(responses) == len(folds):
        raise InputError(
            "features (n_presentations, n_features), responses (n_presentations, n_sites) and folds (n_presentations,) "
            f"belong together; {tuple(features.shape)}, {tuple(responses.shape)} and {tuple(folds.shape)} arrived"
        )
    if len(features) > MAX_PRESENTATIONS:
        raise InputError(
            f"ridge and PLS hold the kernel of all presentations, and {len(features)} of them are too many for that "
            f"(at most {MAX_PRESENTATIONS}); average the repetitions, choose fewer stimuli, or use linear CKA"
        )
    features, responses = as_floating(features), as_floating(responses)
    dtype = torch.promote_types(features.dtype, responses.dtype)
    for name, values in {"features": features, "responses": responses}.items():
        if not bool(torch.isfinite(values).all()):
            raise InputError(f"the {name} hold NaN or infinite values; leave out those images or sites")
    if folds.is_floating_point() or int(folds.min()) < 0 or not bool(folds.bincount().all()):
        raise InputError("folds are the whole numbers 0, 1, 2, ..., each used at least once")
    if int(folds.max()) < 1:
        raise InputError("at least 2 folds are needed, 1 arrived")
    if groups is None:
        groups = torch.arange(len(features))
    members = group_numbers(groups).to(folds.device)
    lowest = torch.full((int(members.max()) + 1,), len(folds), device=folds.device).scatter_reduce(
        0, members, folds, "amin"
    )
    if not torch.equal(lowest[members], folds):
        raise InputError("presentations of one image lie in different folds; make the folds with group_folds")
    return features.to(dtype), responses.to(dtype), folds, groups
