"""The network that holds a solution, against the regression's own forecasts."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from naive_windows import design

from hyperforecast.nn import BACKBONES, ForecastingNetwork, StaticLayer
from hyperforecast.nn.backbones import linear_backbones
from hyperforecast.nn.exact import (
    LINEAR_NORMS,
    ExactOptions,
    ExactSolution,
    ObservedSeries,
    Problem,
    SearchSpace,
    WindowLayout,
    solve_exact,
    solved_network,
)
from hyperforecast.nn.exact.uncertainty.volatility import Volatility

L, H, C = 7, 3, 4

CASES: dict[str, dict[str, Any]] = {
    "shared": {},
    "generated": {"dims": (2,)},
    "a head each": {"dims": (4,)},
    "factors": {"dims": (2,), "factors": (2,)},
    "past": {"dims": (2,), "kinds": ("past",)},
    "future": {"dims": (2,), "kinds": ("future",)},
    "static": {"dims": (2,), "kinds": ("static",)},
    "quantiles": {"dims": (2,), "quantiles": (0.1, 0.5, 0.9)},
    "all": {
        "dims": (2,),
        "factors": (2,),
        "kinds": ("past", "future", "static"),
        "quantiles": (0.1, 0.5, 0.9),
    },
}


def make_series(kinds: tuple[str, ...]) -> ObservedSeries:
    """Unlike channels under a common factor, so that every part of the weights matters."""
    random = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    common, shocks = normal(300), normal(300, C)
    x = torch.zeros(300, C, dtype=torch.float64)
    slopes = torch.tensor([0.9, -0.9, 0.5, -0.3], dtype=torch.float64)
    for t in range(1, 300):
        x[t] = slopes * x[t - 1] + 0.3 * shocks[t] + common[t]
    return ObservedSeries(
        x + 1.0,
        normal(300, 2) if "past" in kinds else None,
        normal(300, 2) if "future" in kinds else None,
        normal(C, 2) if "static" in kinds else None,
    )


def arguments(
    series: ObservedSeries,
    backbone: str,
    part: str,
    quantiles: tuple[float, ...],
    individual: bool,
) -> dict[str, Any]:
    return {
        "lookback": L,
        "horizon": H,
        "n_channels": C,
        "parts": {"hn-mvts": {}} if part == "hn-mvts" else {"individual": {}} if individual else {},
        "backbone": backbone,
        "backbone_kwargs": {"kernel_size": 5} if backbone == "dlinear" else None,
        "instance_norm": None,
        "output_roles": ["location"] * max(1, len(quantiles)),
        "n_past_covariates": 0 if series.past is None else series.past.shape[1],
        "n_future_covariates": 0 if series.future is None else series.future.shape[1],
        "n_static_covariates": 0 if series.static is None else series.static.shape[1],
        "n_factors": 0,
    }


@pytest.mark.parametrize("part", ["plain", "hn-mvts"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("norm", LINEAR_NORMS)
@pytest.mark.parametrize("backbone", ["dlinear", "nlinear"])
def test_forecasts_equal_the_regression_s(
    backbone: str, norm: str, case: dict[str, Any], part: str
) -> None:
    series = make_series(case.get("kinds", ()))
    quantiles = case.get("quantiles", ())
    dims = case.get("dims", (0,))
    if part == "plain" and dims != (C,):
        dims = (0,)
    problem = Problem(
        L,
        H,
        1,
        search=SearchSpace(norms=(norm,), embedding_dims=dims, n_factors=case.get("factors", (0,))),
        quantiles=quantiles,
    )
    options = ExactOptions(factor_lookback=3, ridge=1e-3)
    solution = solve_exact(problem, [series], options=options)
    if quantiles:
        solution = with_volatility(solution)
    assert solution.setting.embedding_dim == dims[0]
    network = solved_network(
        arguments(series, backbone, part, quantiles, solution.setting.individual), solution
    )
    with torch.no_grad():
        found = forecast(network, series)
        folded = forecast(network.eval().fold(), series)

    layout = WindowLayout(
        L,
        H,
        1,
        norm,
        solution.loadings if solution.setting.n_factors else None,
        solution.factor_lookback,
    )
    standardised = solution.units.standardise(series)
    x, _, f = design(standardised, layout)
    weight, future = solution.weights.of_channels(solution.mixing)
    expected = torch.einsum("tcp,chp->tch", x, weight) + torch.einsum("tchf,cf->tch", f, future)
    expected = expected.unsqueeze(-1)
    if quantiles:
        learned = solution.residual_quantiles
        assert learned is not None
        constant = x[..., -1:, None]
        own = (x[..., :L] / constant[..., 0]).transpose(0, 1)  # (C, T, L)
        scale = scale_of(own, learned.volatility).T[..., None, None]
        expected = expected + learned.offsets * scale * constant
    expected = expected + level(standardised, norm)  # (T, C, H, P)
    mean, deviation = (values[:, None, None] for values in solution.units.target)
    expected = expected * deviation + mean
    torch.testing.assert_close(found, expected.transpose(1, 2), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(folded, found)


def with_volatility(solution: ExactSolution) -> ExactSolution:
    """Let the offsets follow the window, as those of other series do."""
    assert solution.residual_quantiles is not None
    coefficients = torch.linspace(0.1, 0.9, 2 * C, dtype=torch.float64).view(C, 2)
    quantiles = replace(
        solution.residual_quantiles, volatility=Volatility((2, L), 0.3, coefficients)
    )
    return replace(solution, residual_quantiles=quantiles)


def scale_of(own: torch.Tensor, volatility: Volatility) -> torch.Tensor:
    """The scale of windows (C, T, L), written out: (C, T)."""
    variance = torch.full(own.shape[:2], volatility.constant, dtype=own.dtype)
    for span, coefficient in zip(volatility.spans, volatility.coefficients.T, strict=True):
        variance = variance + coefficient[:, None] * own[..., -span:].var(dim=2, correction=0)
    return variance.sqrt()


def level(series: ObservedSeries, norm: str) -> torch.Tensor:
    """What the norm takes from each window and adds to its forecast, (T, C, 1, 1)."""
    n_windows = len(series.target) - L - 1 - H + 1
    windows = series.target.unfold(0, L, 1)[:n_windows]  # (T, C, L)
    levels = {
        "none": torch.zeros_like(windows[..., :1]),
        "last": windows[..., -1:],
        "mean": windows.mean(dim=-1, keepdim=True),
        "revin": windows.mean(dim=-1, keepdim=True),
    }
    return levels[norm].unsqueeze(-1)


def forecast(network: ForecastingNetwork, series: ObservedSeries) -> torch.Tensor:
    """Forecast from every window through the network's front door: (T, H, C, P)."""
    n_windows = len(series.target) - L - 1 - H + 1

    def rows(values: torch.Tensor | None, first: int, length: int) -> torch.Tensor | None:
        if values is None:
            return None
        return values.unfold(0, length, 1)[first : first + n_windows].transpose(1, 2)

    static = None if series.static is None else series.static.expand(n_windows, -1, -1)
    return network(
        rows(series.target, 0, L),
        past_covariates=rows(series.past, 0, L),
        future_covariates=rows(series.future, L + 1, H),
        static_covariates=static,
    )


def test_linear_backbones_are_those_that_say_how_to_hold_a_map() -> None:
    weight = torch.randn(2, 3, L, dtype=torch.float64)
    x = torch.randn(5, C, L, dtype=torch.float64)
    held = []
    for name in BACKBONES:
        network = ForecastingNetwork(lookback=L, horizon=3, n_channels=C, backbone=name).double()
        if not hasattr(network.backbone, "head_of_linear_map"):
            continue
        head = network.backbone.head_of_linear_map(weight)
        held.append(name)
        assert head.shape == (2, 3, network.backbone.feature_dim)
        for one, two in zip(head, weight, strict=True):
            torch.testing.assert_close(network.backbone(x) @ one.T, x @ two.T)
    assert held == ["dlinear", "nlinear"] == linear_backbones()


def test_dlinear_is_one_map_of_the_window_whatever_its_decomposition() -> None:
    series = make_series(())
    solution = solve_exact(Problem(L, H, 1), [series])
    networks = [
        solved_network(
            arguments(series, backbone, "plain", (), False) | {"backbone_kwargs": kwargs}, solution
        )
        for backbone, kwargs in (
            ("nlinear", None),
            ("dlinear", {"kernel_size": 3}),
            ("dlinear", {"kernel_size": 7}),
        )
    ]
    plain, *decomposed = (forecast(network, series) for network in networks)
    for network, found in zip(networks[1:], decomposed, strict=True):
        torch.testing.assert_close(found, plain)
        remainder, trend = network.head.weight.split(L, dim=-1)
        assert torch.equal(remainder, trend)


def test_generated_weights_stay_generated() -> None:
    """What is written is the hypernetwork: its embedding and bases, not only their product."""
    series = make_series(())
    solution = solve_exact(Problem(L, H, search=SearchSpace(embedding_dims=(2,))), [series])
    network = solved_network(arguments(series, "nlinear", "hn-mvts", (), False), solution)
    assert isinstance(network.head, StaticLayer)
    torch.testing.assert_close(network.channel_embedding(), solution.embedding)
    network(torch.randn(2, L, C, dtype=torch.float64)).sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_the_network_says_what_was_chosen() -> None:
    series = make_series(())
    problem = Problem(
        L, H, search=SearchSpace(norms=("last",), embedding_dims=(2,), n_factors=(1,))
    )
    solution = solve_exact(problem, [series], options=ExactOptions(factor_lookback=2))
    network = solved_network(arguments(series, "dlinear", "hn-mvts", (), False), solution)
    assert type(network.instance_norm).__name__ == "LastValueNorm"
    assert network.channel_embedding().shape == (C, 2)
    assert network.factors is not None
    assert network.factors.lookback == 2
    torch.testing.assert_close(network.factors.loadings, solution.loadings)
