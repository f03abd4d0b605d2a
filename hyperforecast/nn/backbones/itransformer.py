"""iTransformer."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.backbones.base import CovariateBackbone
from hyperforecast.nn.dropout import Dropout
from hyperforecast.nn.errors import check_sizes
from hyperforecast.nn.methods.base import Method
from hyperforecast.nn.transformer import TransformerLayer


class ITransformer(CovariateBackbone):
    """A transformer whose tokens are channels and covariates, each with its whole window.

    Nothing in the backbone tells one channel from another: with a head shared by all channels,
    forecasts are equivariant to their permutation.

    Parameters
    ----------
    lookback, n_channels, method, horizon, n_past_covariates, n_future_covariates
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
    authors' code takes the window alone.
    """

    default_instance_norm = "revin"

    def __init__(
        self,
        lookback: int,
        n_channels: int,
        method: Method,
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
            method,
            horizon=horizon,
            n_past_covariates=n_past_covariates,
            n_future_covariates=n_future_covariates,
        )
        d_ff = d_model if d_ff is None else d_ff
        check_sizes(d_model=d_model, n_heads=n_heads, e_layers=e_layers, d_ff=d_ff)
        self.embedding = method.embedding(lookback, d_model)
        self.n_past_only = n_past_covariates - n_future_covariates
        self.past_embedding = method.projection(lookback, d_model) if self.n_past_only else None
        self.future_embedding = (
            method.projection(lookback + horizon, d_model) if n_future_covariates else None
        )
        self.dropout = Dropout(dropout)
        self.layers = nn.Sequential(
            *(
                TransformerLayer(
                    method,
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

    def embed(
        self,
        x: Tensor,
        past_covariates: Tensor | None = None,
        future_covariates: Tensor | None = None,
    ) -> Tensor:
        """Embed windows (B, C, L) and covariates (B, L, n), (B, H, m): -> (B, C + n, D)."""
        tokens = [self.embedding(x)]
        if self.past_embedding is not None:
            assert past_covariates is not None
            past_only = past_covariates[..., : self.n_past_only]
            tokens.append(self.past_embedding(past_only.transpose(-1, -2)))
        if self.future_embedding is not None:
            assert past_covariates is not None
            assert future_covariates is not None
            known = [past_covariates[..., self.n_past_only :], future_covariates]
            known_ahead = torch.cat(known, dim=-2)  # (B, L + H, m)
            tokens.append(self.future_embedding(known_ahead.transpose(-1, -2)))
        # with segments on a leading axis, a method may adapt some of the embeddings
        lead = torch.broadcast_shapes(*(token.shape[:-2] for token in tokens))
        tokens = [token.expand(*lead, *token.shape[-2:]) for token in tokens]
        return self.dropout(torch.cat(tokens, dim=-2))

    def encode(self, embedded: Tensor) -> Tensor:
        """Let tokens attend to each other and keep the channels': (B, C + n, D) -> (B, C, D)."""
        return self.norm(self.layers(embedded)[..., : self.n_channels, :])
