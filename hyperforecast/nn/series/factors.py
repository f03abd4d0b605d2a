"""Common factors: what the channels have in common, as a further input of every channel."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hyperforecast.nn.series.correlation import correlation_embedding, largest_value, without_mean


class CommonFactors(nn.Module):
    """The recent past of a few linear combinations of all channels, and of channels themselves.

    Parameters
    ----------
    n_channels : int
        Number of channels C.
    n_factors : int
        Number of factors K, at most C.
    lookback : int
        Number of most recent steps at which factors are seen.
    n_neighbours : int, default=0
        Number N of further factors, behind the others, that are single channels.
    neighbour_steps : int, default=1
        Number of most recent steps at which these are seen.

    Attributes
    ----------
    loadings : Tensor, shape (C, K + N)
        Weights of the channels in each factor; not trained. Zero until :meth:`start_from` sets
        them to the leading principal components of the training channels, and those of the further
        factors to the first N channels.
    """

    loadings: Tensor

    def __init__(
        self,
        n_channels: int,
        n_factors: int,
        lookback: int,
        n_neighbours: int = 0,
        neighbour_steps: int = 1,
    ) -> None:
        super().__init__()
        if not (0 if n_neighbours else 1) <= n_factors <= n_channels:
            raise ValueError(
                f"n_factors must lie between 0 and the number of channels, {n_channels}; got "
                f"{n_factors}. Choose n_factors <= {n_channels}."
            )
        self.n_factors = n_factors
        self.lookback = lookback
        self.neighbour_steps = neighbour_steps
        self.register_buffer("loadings", torch.zeros(n_channels, n_factors + n_neighbours))

    @property
    def n_features(self) -> int:
        """Number of features that :meth:`forward` gives."""
        n_neighbours = self.loadings.shape[1] - self.n_factors
        return self.n_factors * self.lookback + n_neighbours * self.neighbour_steps

    def start_from(self, series: Sequence[Tensor]) -> None:
        """Set the loadings from training series, each of shape (T, C)."""
        self.set_factors(factor_loadings(series, self.n_factors))

    def set_factors(self, loadings: Tensor) -> None:
        """Set the loadings (C, K) of the factors, and those of the single channels behind them."""
        single = torch.eye(len(loadings), self.loadings.shape[1] - self.n_factors)
        self.loadings.copy_(torch.cat([loadings, single.to(loadings)], dim=1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the factors of normalised windows: (B, C, L) -> (B, 1, K·lookback + N·steps)."""
        lags = [
            torch.einsum("ck,bcl->bkl", loadings, x[..., -n_steps:]).flatten(1)
            for loadings, n_steps in (
                (self.loadings[:, : self.n_factors], self.lookback),
                (self.loadings[:, self.n_factors :], self.neighbour_steps),
            )
            if loadings.shape[1]
        ]
        return torch.cat(lags, dim=1).unsqueeze(1)


def factor_loadings(
    series: Sequence[Tensor], n_factors: int, components: Tensor | None = None
) -> Tensor:
    """Return the loadings of the leading principal components of the channels.

    Parameters
    ----------
    series : sequence of Tensor, each of shape (T_i, C)
    n_factors : int
    components : Tensor, shape (C, >= K), optional
        The :func:`correlation_embedding` of the series, where it is known.

    Returns
    -------
    Tensor, shape (C, K), float64
        A row of the series times the loadings is the row's factors; over the series each has
        unit variance. Components that the series do not have are zero, and constant channels
        enter none.
    """
    if components is None:
        components = correlation_embedding(series, n_factors)
    components = components[:, :n_factors]  # eigenvectors · sqrt(eigenvalues)
    eigenvalues = components.square().sum(dim=0)
    squares = torch.zeros(len(components), dtype=torch.float64)
    rows, farthest = torch.zeros_like(squares), torch.zeros_like(squares)
    for values in series:
        values = values.detach().to("cpu", torch.float64)
        squares += without_mean(values).square().sum(dim=0)
        rows += len(values) - values.isnan().sum(dim=0)
        farthest = torch.maximum(farthest, largest_value(values))
    deviations = (squares / rows.clamp(min=1)).sqrt()
    varies = deviations > 1e-10 * farthest  # and is more than what rounding leaves of a constant
    scaled = components * varies[:, None] / torch.where(varies, deviations, 1.0)[:, None]
    return scaled / torch.where(eigenvalues > 1e-9, eigenvalues, torch.inf)
