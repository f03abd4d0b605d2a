"""Small series, and the routes of a regression."""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.exact.regressions import generated_regression


@pytest.fixture
def make_series() -> Callable[..., ObservedSeries]:
    """Make a noisy series with the covariates asked for, the same one for the same arguments."""

    def make(
        n_rows: int = 60, n_channels: int = 3, *, kinds: Sequence[str] = (), seed: int = 0
    ) -> ObservedSeries:
        random = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=random, dtype=torch.float64)

        steps = torch.arange(n_rows, dtype=torch.float64)[:, None]
        periods = 5.0 + 3.0 * torch.arange(n_channels)
        target = torch.sin(steps / periods) + 0.5 * normal(n_rows, n_channels)
        target = target * (1.0 + torch.arange(n_channels)) + 2.0
        return ObservedSeries(
            target,
            normal(n_rows, 2) if "past" in kinds else None,
            normal(n_rows, 2) if "future" in kinds else None,
            normal(n_channels, 2) if "static" in kinds else None,
        )

    return make


@pytest.fixture
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Send every problem, however small, down one route."""
    monkeypatch.setattr(
        generated_regression, "MAX_DIRECT", {"cholesky": 10**6, "gradients": 0}[request.param]
    )
    return request.param
