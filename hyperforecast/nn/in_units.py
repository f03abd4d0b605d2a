"""Networks trained on standardised series, for the series themselves."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hyperforecast.nn.network import ForecastingNetwork
from hyperforecast.nn.random_numbers import own_random_numbers
from hyperforecast.nn.series.gap_filler import GapFiller


@torch.no_grad()
def in_units(
    network: ForecastingNetwork,
    arguments: Mapping[str, Any],
    units: Mapping[str, tuple[Tensor, Tensor]],
) -> tuple[ForecastingNetwork, dict[str, Any]]:
    """Return a network that forecasts series as another forecasts them standardised.

    Parameters
    ----------
    network : ForecastingNetwork
        Which does not standardise itself.
    arguments : mapping
        Its arguments.
    units : mapping of str to (Tensor, Tensor)
        Mean and deviation, (m,) each, by which inputs were standardised: of ``"target"``, and of
        ``"past"``, ``"future"`` and ``"static"`` covariates where they were. A deviation of zero
        stands for one.

    Returns
    -------
    ForecastingNetwork
        A copy of the weights.
    dict
        Its arguments.
    """
    arguments = {**arguments, "standardised": True}
    with own_random_numbers():
        other = ForecastingNetwork(**arguments).to(next(network.parameters()))
    other.load_state_dict(network.state_dict(), strict=False)
    assert other.standardiser is not None
    for kind, (mean, deviation) in units.items():
        other.standardiser.set_units(kind, mean, torch.where(deviation > 0, deviation, 1.0))
    _rescale(other.gap_filler, units["target"])
    if other.past_gap_filler is not None and "past" in units:
        _rescale(other.past_gap_filler, units["past"])
    return other.train(network.training), arguments


def _rescale(filler: GapFiller, units: tuple[Tensor, Tensor]) -> None:
    """Let level and deviation be those of series whose standardised ones they are."""
    mean, deviation = (values.to(filler.level) for values in units)
    unit = torch.where(deviation > 0, deviation, 1.0)
    filler.level.mul_(unit).add_(mean)
    filler.deviation.mul_(unit)
