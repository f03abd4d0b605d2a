"""Networks trained on standardised series, for the series themselves."""

import pytest
import torch

from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.in_units import in_units

L, H, C = 10, 3, 2


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("backbone", ["rmlp", "itransformer", "dlinear"])
@pytest.mark.parametrize("gaps", [False, True])
def test_they_forecast_what_the_others_do_of_standardised_series(backbone, gaps) -> None:
    arguments = {
        "lookback": L,
        "horizon": H,
        "n_channels": C,
        "backbone": backbone,
        "backbone_kwargs": None if backbone == "dlinear" else {"d_model": 8},
        "instance_norm": "none",
        "n_past_covariates": 2,
        "n_future_covariates": 1,
        "n_static_covariates": 1,
    }
    torch.manual_seed(0)
    network = ForecastingNetwork(**arguments).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    network.start_from([normal(50, C, seed=9)])
    target = (torch.tensor([3.0, -20.0]), torch.tensor([5.0, 0.1]))
    past = (torch.tensor([1.0, 2.0]), torch.tensor([4.0, 0.0]))
    future = (past[0][1:], past[1][1:])
    static = (torch.tensor([7.0]), torch.tensor([3.0]))
    units = {"target": target, "past": past, "future": future, "static": static}

    def back(values: torch.Tensor, unit: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        return values * torch.where(unit[1] > 0, unit[1], 1.0) + unit[0]

    series = normal(4, L, C)
    if gaps:
        series[0, 3:5, 1] = series[2, :, 0] = torch.nan
    inputs = [
        normal(4, L, 2, seed=1),
        normal(4, H, 1, seed=2),
        normal(4, C, 1, seed=3),
    ]
    other, changed = in_units(network, arguments, units)
    found = other(
        back(series, target),
        *(back(values, units[kind]) for values, kind in zip(inputs, list(units)[1:], strict=True)),
    )
    expected = back(network(series, *inputs).squeeze(-1), target)
    torch.testing.assert_close(found.squeeze(-1), expected)
    assert changed["standardised"]
    again = ForecastingNetwork(**changed).double()
    again.load_state_dict(other.state_dict())
