"""Zero-cost proxies of an untrained network, each by its published definition (tests/benchmarks/test_pool_proxies.py).

Definitions follow Abdelfattah et al. 2021 (Zero-Cost Proxies for Lightweight NAS, ICLR) and the works that they cite:
gradients are of the mean cross-entropy of one batch, with batch normalisation in training mode; only weights of
convolutions and linear layers count. Each function leaves the network as it was.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

ACTIVATIONS = (nn.ReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Tanh)
_WEIGHTED = (nn.Conv2d, nn.Linear)


def _weights(network: nn.Module) -> list[nn.Parameter]:
    return [module.weight for module in network.modules() if isinstance(module, _WEIGHTED)]


def _gradients(network: nn.Module, images: Tensor, labels: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Each weight and its gradient; zeros where a weight is not used."""
    own = copy.deepcopy(network).train()
    loss = functional.cross_entropy(own(images), labels)
    weights = _weights(own)
    found = torch.autograd.grad(loss, weights, allow_unused=True)
    return [(w.detach(), torch.zeros_like(w) if g is None else g) for w, g in zip(weights, found, strict=True)]


def grad_norm(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Sum over layers of the Euclidean norm of the gradient (Abdelfattah et al. 2021, section 3.2)."""
    return float(sum(torch.linalg.vector_norm(g) for _, g in _gradients(network, images, labels)))


def snip(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Sum of ``|weight * gradient|`` (Lee et al. 2019, SNIP)."""
    return float(sum((w * g).abs().sum() for w, g in _gradients(network, images, labels)))


def synflow(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Sum of ``weight * dR/dweight`` with R the summed output of the network of absolute weights, for an image of ones.

    Tanaka et al. 2020 (Pruning neural networks without any data); normalisations are taken out and all is in float64,
    as Abdelfattah et al. do.
    """
    own = _without_norms(copy.deepcopy(network)).double().eval()
    with torch.no_grad():
        for parameter in own.parameters():
            parameter.abs_()
    weights = _weights(own)
    output = own(torch.ones((1, *images.shape[1:]), dtype=torch.float64)).sum()
    found = torch.autograd.grad(output, weights, allow_unused=True)
    return float(sum((w.detach() * g).sum() for w, g in zip(weights, found, strict=True) if g is not None))


def jacobian_covariance(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """``-sum(log(v + k) + 1 / (v + k))`` over the eigenvalues v of the correlation of images' Jacobians, k = 1e-5.

    Mellor et al. 2020 (Neural architecture search without training, first version), as in Abdelfattah et al.
    """
    own = copy.deepcopy(network).train()
    inputs = images.clone().requires_grad_(True)
    (jacobian,) = torch.autograd.grad(own(inputs).sum(), inputs)
    values = torch.linalg.eigvalsh(torch.corrcoef(jacobian.flatten(1).double()))
    return float(-(torch.log(values + 1e-5) + 1 / (values + 1e-5)).sum())


def naswot(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """``log |K|`` with ``K_ij`` the number of activation units that are on for both images or off for both.

    Mellor et al. 2021 (Neural architecture search without training, ICML), equation 2. A unit is on if its output is
    above 0, also for activations other than ReLU (our choice).
    """
    own = copy.deepcopy(network).train()
    kernel = torch.zeros(len(images), len(images), dtype=torch.float64)

    def count(module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        on = (output.detach().flatten(1) > 0).double()
        kernel.add_(on @ on.T + (1 - on) @ (1 - on).T)

    for module in own.modules():
        if isinstance(module, ACTIVATIONS):
            module.register_forward_hook(count)
    with torch.no_grad():
        own(images)
    return float(torch.linalg.slogdet(kernel).logabsdet)


def _without_norms(network: nn.Module) -> nn.Module:
    for name, child in network.named_children():
        if isinstance(child, _BatchNorm | nn.GroupNorm | nn.LayerNorm):
            setattr(network, name, nn.Identity())
        else:
            _without_norms(child)
    return network


PROXIES: dict[str, Callable[[nn.Module, Tensor, Tensor], float]] = {
    "synflow": synflow,
    "grad-norm": grad_norm,
    "snip": snip,
    "jacobian-covariance": jacobian_covariance,
    "naswot": naswot,
}
