"""Products with matrices that are mixed from a few, in training."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

MAX_HELD = 2**21
"""Number of mixed weights (8 MB in float32) that are held at a time, so that they stay in a
processor's cache: to write all of them to memory and to read them again takes longer than the
products."""

MIN_OUTPUTS = 16
"""Least outputs at a time, for products of fewer are slow."""


def mixes_in_pieces(x: Tensor) -> bool:
    """Say whether :func:`mixed_linear` is to be taken: it is slow where calls cost much.

    Parameters
    ----------
    x : Tensor
        What is multiplied.
    """
    on_processor = x.device.type == "cpu"
    return on_processor and torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")


def mixed_linear(x: Tensor, mixing: Tensor, weight: Tensor, bases: Tensor, bias: Tensor) -> Tensor:
    r"""Apply to each entry of an axis its own mixture of matrices.

    .. math:: y_n = x_n \bigl(W + \sum_k u_{nk} \Phi_k\bigr)^T + b_n,

    some outputs after others, forwards and backwards, so that the mixtures are never held whole.

    Parameters
    ----------
    x : Tensor, shape (N, B, I)
    mixing : Tensor, shape (N, K)
    weight : Tensor, shape (O, I)
    bases : Tensor, shape (K, O, I)
    bias : Tensor, shape (N, O)

    Returns
    -------
    Tensor, shape (N, B, O)
        Differentiable once.
    """
    product: Tensor = _MixedLinear.apply(x, mixing, weight, bases, bias)
    return product


class _MixedLinear(torch.autograd.Function):
    """The product, and its gradients."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, mixing: Tensor, weight: Tensor, bases: Tensor, bias: Tensor
    ) -> Tensor:
        ctx.save_for_backward(x, mixing, weight, bases)
        y = x.new_empty(*x.shape[:2], len(weight))
        for some in _pieces(x, weight):
            mixed = _mixed(mixing, weight, bases, some)
            y[:, :, some] = torch.baddbmm(bias[:, None, some], x, mixed.mT)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, mixing, weight, bases = ctx.saved_tensors
        (of_y,) = gradients
        of_x = torch.zeros_like(x) if ctx.needs_input_grad[0] else None
        of_mixing = torch.zeros_like(mixing)
        of_weight, of_bases = torch.empty_like(weight), torch.empty_like(bases)
        for some in _pieces(x, weight):
            of_some = of_y[:, :, some]
            of_mixed = torch.bmm(of_some.mT, x).flatten(1)  # (N, o·I)
            of_weight[some] = of_mixed.sum(dim=0).view(-1, x.shape[2])
            of_bases[:, some] = (mixing.T @ of_mixed).view_as(bases[:, some])
            of_mixing += of_mixed @ bases[:, some].flatten(1).T
            if of_x is not None:
                of_x.baddbmm_(of_some, _mixed(mixing, weight, bases, some))
        return of_x, of_mixing, of_weight, of_bases, of_y.sum(dim=1)


def _pieces(x: Tensor, weight: Tensor) -> list[slice]:
    """Return which outputs are computed at a time."""
    n_outputs = max(MIN_OUTPUTS, MAX_HELD // (x.shape[0] * x.shape[2]))
    return [slice(first, first + n_outputs) for first in range(0, len(weight), n_outputs)]


def _mixed(mixing: Tensor, weight: Tensor, bases: Tensor, some: slice) -> Tensor:
    """Return some rows of the mixtures, (N, o, I)."""
    flat = torch.addmm(weight[some].reshape(1, -1), mixing, bases[:, some].flatten(1))
    return flat.view(len(mixing), -1, weight.shape[1])
