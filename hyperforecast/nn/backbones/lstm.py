"""LSTM."""

from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from hyperforecast.nn.backbones.base import CovariateBackbone
from hyperforecast.nn.errors import check_sizes, unknown_name
from hyperforecast.nn.hyper_layers.modulation import Activations
from hyperforecast.nn.layers.conditioning import Condition, run
from hyperforecast.nn.layers.gated_cell import Cell
from hyperforecast.nn.layers.recurrent import Recurrent

Decoding = Literal["direct", "stepwise"]

READOUT = 4
"""Features of a step that is decoded; the first of them is fed back."""


class LSTM(CovariateBackbone):
    """A layer-normalised LSTM that reads the window, and by choice writes the horizon.

    Parameters
    ----------
    lookback, n_channels, horizon, n_past_covariates, n_future_covariates
        See :class:`CovariateBackbone`. Those of a step are read with it.
    d_model : int, default=64
        Number D of features of a step.
    e_layers : int, default=1
        Number of recurrent layers, one on top of the other.
    cell : {"lstm", "rnn"}, default="lstm"
    layer_norm : bool, default=True
        Whether gates and cell are normalised.
    mixes_channels : bool, default=False
        Whether a step is read with the values of all channels; else each channel is read alone,
        with the same weights.
    decoding : {"direct", "stepwise"}, default="direct"
        Whether the head maps what was read to all steps of the horizon at once; or the layers read
        on step by step, each time the forecast before and the covariates known ahead, and the head
        maps what they give.
    dropout : float, default=0.0
        Probability of dropping a value that is written into a cell.

    References
    ----------
    Hochreiter & Schmidhuber, "Long Short-Term Memory", 1997; Ba, Kiros & Hinton, "Layer
    Normalization", 2016, arXiv 1607.06450. The inputs of a step are embedded by a linear layer.
    """

    default_instance_norm = "revin"

    def __init__(
        self,
        lookback: int,
        n_channels: int,
        *,
        horizon: int,
        n_past_covariates: int = 0,
        n_future_covariates: int = 0,
        d_model: int = 64,
        e_layers: int = 1,
        cell: Cell = "lstm",
        layer_norm: bool = True,
        mixes_channels: bool = False,
        decoding: Decoding = "direct",
        dropout: float = 0.0,
    ) -> None:
        super().__init__(
            lookback,
            n_channels,
            horizon=horizon,
            n_past_covariates=n_past_covariates,
            n_future_covariates=n_future_covariates,
        )
        check_sizes(d_model=d_model, e_layers=e_layers)
        if decoding not in get_args(Decoding):
            raise ValueError(unknown_name("decoding", decoding, get_args(Decoding)))
        self.mixes_channels = mixes_channels
        n_values = n_channels if mixes_channels else 1  # read at a step
        self.embedding = nn.Linear(n_values + n_past_covariates, d_model)
        self.embedded = Activations()
        self.layers = nn.ModuleList(
            Recurrent(d_model, d_model, cell=cell, layer_norm=layer_norm, dropout=dropout)
            for _ in range(e_layers)
        )
        self.stepwise = decoding == "stepwise"
        self.step_embedding = self.future_embedding = self.readout = None
        if self.stepwise:
            self.step_embedding = nn.Linear(n_values + n_future_covariates, d_model)
            self.readout = nn.Linear(d_model, n_values * READOUT)
        else:
            if n_future_covariates:
                self.future_embedding = nn.Linear(horizon * n_future_covariates, d_model)
            if mixes_channels:
                self.readout = nn.Linear(d_model, n_channels * d_model)
        self.feature_dim = horizon * READOUT if self.stepwise else d_model

    def embed(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Embed the steps that are read: (B, C, L) -> (B, C or 1, L, D)."""
        steps = x.mT.unsqueeze(-3) if self.mixes_channels else x.unsqueeze(-1)
        if self.n_past_covariates:
            assert condition is not None
            assert condition.past_covariates is not None
            steps = _beside(steps, condition.past_covariates.unsqueeze(-3))
        return run(self.embedded, run(self.embedding, steps, condition), condition)

    def encode(self, embedded: Tensor, condition: Condition | None = None) -> Tensor:
        """Read, and write where that is asked for: (B, C or 1, L, D) -> (B, C, features)."""
        read, states = self._advance(embedded.flatten(0, -3), [None] * len(self.layers))
        leading = embedded.shape[:-2]
        future = None
        if self.n_future_covariates:
            assert condition is not None
            assert condition.future_covariates is not None
            future = condition.future_covariates.unsqueeze(-3)  # (B, 1, H, n)
        if self.stepwise:
            return self._written(read[:, -1], states, future, leading, condition)
        features = read[:, -1].unflatten(0, leading)  # (B, C or 1, D)
        if self.future_embedding is not None:
            assert future is not None
            features = features + run(self.future_embedding, future.flatten(-2), condition)
        if self.readout is None:
            return features
        return run(self.readout, features, condition).unflatten(-1, (self.n_channels, -1))[
            ..., 0, :, :
        ]

    def _advance(self, x: Tensor, states: list[Any]) -> tuple[Tensor, list[Any]]:
        """Read steps (N, T, D) on from the states of the layers."""
        after = []
        for layer, state in zip(self.layers, states, strict=True):
            x, state = layer(x, state)
            after.append(state)
        return x, after

    def _written(
        self,
        last: Tensor,
        states: list[Any],
        future: Tensor | None,
        leading: torch.Size,
        condition: Condition | None,
    ) -> Tensor:
        """Read on along the horizon, each time what was written before: -> (B, C, H·r)."""
        assert self.readout is not None
        assert self.step_embedding is not None
        written = []
        for step in range(self.horizon):
            said = run(self.readout, last.unflatten(0, leading), condition)  # (B, C or 1, n·r)
            said = said.unflatten(-1, (-1, READOUT))
            written.append(said)
            if step + 1 < self.horizon:
                seen = said[..., 0].unsqueeze(-2)  # (B, C or 1, 1, n)
                if future is not None:
                    seen = _beside(seen, future[..., step : step + 1, :])
                seen = run(self.step_embedding, seen, condition)
                read, states = self._advance(seen.flatten(0, -3), states)
                last = read[:, -1]
        steps = torch.stack(written, dim=-2)  # (B, C or 1, n, H, r)
        channels = steps[..., 0, :, :, :] if self.mixes_channels else steps[..., 0, :, :]
        return channels.flatten(-2)


def _beside(steps: Tensor, covariates: Tensor) -> Tensor:
    """Put covariates (B, 1, T, n) beside the values of steps (B, C, T, m)."""
    covariates = covariates.expand(*steps.shape[:-1], covariates.shape[-1])
    return torch.cat([steps, covariates], dim=-1)
