"""iTransformer."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.backbones.base import CovariateBackbone
from hyperforecast.nn.errors import check_sizes
from hyperforecast.nn.hyper_layers.modulation import Activations
from hyperforecast.nn.layers.conditioning import Chain, Condition, run
from hyperforecast.nn.layers.dropout import Dropout
from hyperforecast.nn.transformer import TransformerLayer


class ITransformer(CovariateBackbone):
    """A transformer whose tokens are channels and covariates, each with its whole window.

    Nothing in the backbone tells one channel from another: with a head shared by all channels,
    forecasts are equivariant to their permutation.

    Parameters
    ----------
    lookback, n_channels, horizon, n_past_covariates, n_future_covariates
        See :class:`CovariateBackbone`.
    d_model : int, default=128
        Width D of a token; the paper's are 128 to 512.
    n_heads : int, default=8
        Number of attention heads, a divisor of ``d_model``.
    e_layers : int, default=2
        Number of transformer layers; the paper's are 2 to 4.
    d_ff : int, optional
        Width of the hidden layer after attention; ``d_model``, as in the paper, if not given.
    dropout : float, default=0.1
        Probability of dropping a value or an attention weight.

    References
    ----------
    Liu et al., "iTransformer: Inverted Transformers Are Effective for Time Series Forecasting",
    ICLR 2024, arXiv 2310.06625. Deviations: covariates have embeddings of their own, not that of
    the channels; that of a covariate known over the horizon takes window and horizon, where the
    authors' code takes the window alone; there are no tokens of time stamps, which that code makes
    of the dates by itself: here they are covariates like others, for example by Darts' encoders.
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
        d_model: int = 128,
        n_heads: int = 8,
        e_layers: int = 2,
        d_ff: int | None = None,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(
            lookback,
            n_channels,
            horizon=horizon,
            n_past_covariates=n_past_covariates,
            n_future_covariates=n_future_covariates,
        )
        d_ff = d_model if d_ff is None else d_ff
        check_sizes(d_model=d_model, n_heads=n_heads, e_layers=e_layers, d_ff=d_ff)
        self.embedding = nn.Linear(lookback, d_model)
        self.embedded = Activations()
        self.n_past_only = n_past_covariates - n_future_covariates
        self.past_embedding = nn.Linear(lookback, d_model) if self.n_past_only else None
        self.future_embedding = (
            nn.Linear(lookback + horizon, d_model) if n_future_covariates else None
        )
        self.dropout = Dropout(dropout)
        self.layers = Chain(
            *(
                TransformerLayer(
                    d_model,
                    n_heads,
                    d_ff,
                    norm=nn.LayerNorm,
                    dropout=dropout,
                    attention_dropout=dropout,
                )
                for _ in range(e_layers)
            )
        )
        self.norm = nn.LayerNorm(d_model)
        self.feature_dim = d_model

    def embed(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Embed windows (B, C, L) and the condition's covariates: -> (B, C + n, D)."""
        tokens = [run(self.embedded, run(self.embedding, x, condition), condition)]
        if self.past_embedding is not None:
            past_only = self._past(condition)[..., : self.n_past_only]
            tokens.append(run(self.past_embedding, past_only.transpose(-1, -2), condition))
        if self.future_embedding is not None:
            assert condition is not None
            assert condition.future_covariates is not None
            known = self._past(condition)[..., self.n_past_only :]
            known_ahead = torch.cat([known, condition.future_covariates], dim=-2)  # (B, L + H, m)
            tokens.append(run(self.future_embedding, known_ahead.transpose(-1, -2), condition))
        return self.dropout(torch.cat(tokens, dim=-2))

    def encode(self, embedded: Tensor, condition: Condition | None = None) -> Tensor:
        """Let tokens attend to each other and keep the channels': (B, C + n, D) -> (B, C, D)."""
        return self.norm(self.layers(embedded, condition)[..., : self.n_channels, :])

    def _past(self, condition: Condition | None) -> Tensor:
        assert condition is not None
        assert condition.past_covariates is not None
        return condition.past_covariates
