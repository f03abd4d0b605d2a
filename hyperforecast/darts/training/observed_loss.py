"""The loss of forecasts whose targets have gaps: what is missing counts for nothing."""

import copy
from typing import Any

import torch
from darts.utils.likelihood_models.base import LikelihoodType
from darts.utils.likelihood_models.torch import TorchLikelihood
from torch import Tensor


def observed_loss(
    prediction: Tensor,
    target: Tensor,
    criterion: Any,
    likelihood: TorchLikelihood | None,
    sample_weight: Tensor | None,
) -> Tensor:
    """Return the loss over the values of a target that are not NaN.

    Parameters
    ----------
    prediction : Tensor, shape (B, H, C, P)
    target : Tensor, shape (B, H, C)
    criterion : callable
        A torch loss with ``reduction``; not used where there is a likelihood.
    likelihood : TorchLikelihood, optional
    sample_weight : Tensor, shape (B, H, C or 1), optional

    Returns
    -------
    Tensor, shape ()
        Where a mean is taken, that of the values that are there; zero if there is none.

    Raises
    ------
    ValueError
        If values cannot be told from each other in the loss.
    """
    there = ~target.isnan()
    n_there = there.sum()
    if n_there == 0:
        return (prediction * 0.0).sum()
    # of some value of the target a likelihood is defined; its weight is zero
    target = torch.where(there, target, target[there][0])
    weight = there.to(prediction)
    if sample_weight is not None:
        weight = weight * sample_weight
    mean_of_all = there.numel() / n_there
    if likelihood is not None:
        if likelihood.type is LikelihoodType.Dirichlet:
            raise ValueError(
                "DirichletLikelihood takes all channels of a step together, and some targets are "
                "missing. Fill the gaps, or choose another likelihood."
            )
        return likelihood.compute_loss(prediction, target, weight * mean_of_all)
    each = copy.copy(criterion)
    each.reduction = "none"
    loss = each(prediction.squeeze(dim=-1), target)
    if loss.shape != target.shape:
        raise ValueError(
            f"loss_fn={criterion!r} gives no loss for each value, and some targets are missing. "
            "Choose a loss with `reduction`, as those of torch.nn are, or fill the gaps."
        )
    if getattr(criterion, "reduction", "mean") == "sum":
        return (loss * weight).sum()
    return (loss * weight).mean() * mean_of_all
