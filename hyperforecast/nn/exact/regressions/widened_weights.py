"""Weights of a regression, by the regressors of another that sees more of the window."""

from torch import Tensor
from torch.nn.functional import pad

from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries
from hyperforecast.nn.exact.windows.regressors import join_groups


def widened(
    weights: BasisWeights,
    seen: WindowLayout,
    whole: WindowLayout,
    like: ObservedSeries,
    one: Tensor,
) -> BasisWeights:
    r"""Return weights under another layout that forecast the same.

    A forecast that subtracts the level s'x of the window and adds it back is linear in the window:
    :math:`s^T x + W (x - 1 s^T x) = (W + (1 - W 1)\, s^T)\, x`. Steps that are not seen have
    weights of zero.

    Parameters
    ----------
    weights : BasisWeights
        Of the regressors under ``seen``.
    seen, whole : WindowLayout
        The instance norm of ``whole`` is that of ``seen``, with the same level, or none, and
        neither is RevIN then. Factors enter ``whole`` at least at the steps of which the level
        that is not subtracted is the mean.
    like : ObservedSeries
        A series with the covariates.
    one : Tensor, shape (M,)
        Mixture of the basis weights that is one for every channel.
    """
    if seen.is_like(whole):
        return weights
    groups = seen.regressors(like).split(weights.weight)
    n_steps = 0 if whole.norm == seen.norm else seen.level_steps
    unseen = whole.n_lags - seen.n_lags
    own = pad(groups.own, (unseen, 0))
    if n_steps:
        own[..., -n_steps:] += (one[:, None] - groups.own.sum(dim=-1))[..., None] / n_steps
    n_past = groups.past.shape[-1] // seen.n_lags
    factors = groups.factors.new_zeros(
        *groups.factors.shape[:-1], whole.n_factors, whole.factor_lookback
    )
    if seen.n_factors:
        lags = groups.factors.unflatten(-1, (seen.n_factors, seen.factor_lookback))
        factors[..., : seen.n_factors, whole.factor_lookback - seen.factor_lookback :] = lags
        if n_steps:
            factors[..., : seen.n_factors, -n_steps:] -= lags.sum(dim=-1, keepdim=True) / n_steps
    weight = join_groups(
        own=own,
        past=pad(groups.past, (unseen * n_past, 0)),
        factors=factors.flatten(-2),
        static=groups.static,
        constant=groups.constant,
    )
    return BasisWeights(weight, weights.future, weights.damping)
