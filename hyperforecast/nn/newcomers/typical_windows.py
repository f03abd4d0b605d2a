"""Windows as a channel has them, made from how it depends on its own past."""

from collections.abc import Sequence

import torch
from torch import Tensor

from hyperforecast.nn.entities import n_rows, picked_rows
from hyperforecast.nn.network import ForecastingNetwork
from hyperforecast.nn.series.correlation import largest_value, of_each, without_mean
from hyperforecast.nn.series.lag_correlation import lag_correlations

MAX_VALUES = 2**23
"""Values of training series from which correlations are estimated, the last of each."""

MAX_TOGETHER = 2**20
"""Values of windows of all channels that are drawn."""

ROUNDING = 1e-9
"""Part of a window's variance that is added, so that its covariance is definite."""


def own_correlations(
    network: ForecastingNetwork, series: Sequence[Tensor], numbers: Sequence[int] | None = None
) -> Tensor:
    """Return how whatever has weights of its own depends on its own past, shape (N, L - 1).

    Parameters
    ----------
    network : ForecastingNetwork
    series : sequence of Tensor, each of shape (T_i, C)
        That it is trained on; NaN where values are missing.
    numbers : sequence of int, optional
        Numbers of these series, where weights are by series.

    Returns
    -------
    Tensor
        Correlations at lags 1 to ``lookback - 1``.
    """
    count = n_rows(network.weights_by, network.n_channels, network.n_series)
    of_series = torch.arange(network.n_channels).expand(len(series), -1)
    if network.weights_by != "channel":
        assert numbers is not None
        of_series = picked_rows(network.weights_by, torch.tensor(numbers), network.n_channels)
    most = max(4 * network.lookback, MAX_VALUES // (len(series) * network.n_channels))
    tables = [one[-most:].detach().to("cpu", torch.float64) for one in series]
    scaled = of_each(lambda some: _scaled(without_mean(some)), tables)
    columns = [column for one in scaled for column in one.T]
    return lag_correlations(columns, of_series.flatten(), count, network.lookback - 1)


class TypicalWindows:
    """Windows that channels with given correlations have, of mean zero and variance one.

    Those of a channel are normal, and as correlated as a stationary series. Beside a window of one
    stand those of all, as correlated with it and each other as channels are, each over its lags as
    channels are on average.

    Parameters
    ----------
    correlations : Tensor, shape (N, L - 1)
        Of each channel with its own past, at lags 1 to L - 1.
    n_windows : int
        Of each, at most L.
    loadings : Tensor, shape (C, K), optional
        Correlations between channels that stand beside each other, the N or as many after the
        others, are ``loadings @ loadings.T`` but for ones on the diagonal; windows of all are made
        if given.

    Attributes
    ----------
    together : Tensor, shape (n, L, C), optional
        Windows of all channels that stand beside each other.
    """

    def __init__(
        self, correlations: Tensor, n_windows: int, loadings: Tensor | None = None
    ) -> None:
        correlations = correlations.double()
        self.n_windows = n_windows
        self.lookback = correlations.shape[1] + 1
        self._correlations = correlations
        self._generator = torch.Generator().manual_seed(0)
        self.together: Tensor | None = None
        if loadings is None:
            # directions at right angles: their mean product is that of all that could be drawn
            drawn = self._draw(self.lookback, n_windows)
            self._white = torch.linalg.qr(drawn).Q.T * self.lookback**0.5
        else:
            self._white = self._draw_together(loadings.double())  # (n, C, L)
            factor = _factors(correlations.mean(dim=0, keepdim=True))[0]
            self.together = (self._white @ factor.T).mT

    def of(self, channels: Tensor) -> Tensor:
        """Return windows (n, n_windows, L) of some channels (n,)."""
        white = self._white
        if self.together is not None:
            white = white[self.beside(channels), channels[:, None] % white.shape[1]]
        return white @ _factors(self._correlations[channels]).mT

    def beside(self, channels: Tensor) -> Tensor:
        """Return which windows of all channels stand beside those of some, (n, n_windows)."""
        numbers = channels[:, None] * self.n_windows + torch.arange(self.n_windows)
        return numbers % len(self._white)

    def _draw(self, *sizes: int) -> Tensor:
        # in double precision numbers are drawn one by one
        return torch.randn(*sizes, generator=self._generator, dtype=torch.float32).double()

    def _draw_together(self, loadings: Tensor) -> Tensor:
        """Draw white noise (n, N, L) that is correlated between channels."""
        n_channels, n_factors = loadings.shape
        size = max(self.n_windows, MAX_TOGETHER // (n_channels * self.lookback))
        common = loadings.square().sum(dim=1, keepdim=True)
        # channels that others tell all of have nothing else
        loadings = loadings / common.sqrt().clamp(min=1)
        own = (1 - common).clamp(min=0).sqrt()
        together = loadings @ self._draw(size, n_factors, self.lookback)
        return together + own * self._draw(size, n_channels, self.lookback)


def _factors(correlations: Tensor) -> Tensor:
    """Return the Cholesky factors (n, L, L) of windows' covariances, by their lags (n, L - 1)."""
    at_lags = torch.nn.functional.pad(correlations, (1, 0), value=1.0 + ROUNDING)
    length = at_lags.shape[1]
    around = torch.cat([correlations.flip(1), at_lags], dim=1)
    covariance = around.unfold(1, length, 1).flip(1)  # row i: lags i, i - 1, ...
    factor, failed = torch.linalg.cholesky_ex(covariance)
    factor[failed > 0] = torch.eye(length, dtype=torch.float64)
    return factor


def _scaled(values: Tensor) -> Tensor:
    """Return columns (..., T, C) in units of their largest value, whose squares have no bound."""
    largest = largest_value(values).unsqueeze(-2)
    return values / torch.where(largest > 0, largest, 1.0)
