"""The forecasting network: normalise -> embed -> encode -> head -> restore."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hyperforecast.nn.adapted_linear import AdaptedLinear
from hyperforecast.nn.backbones import BACKBONES, CovariateBackbone, check_backbone
from hyperforecast.nn.contexts import ChannelEmbedding, ChannelGate
from hyperforecast.nn.errors import unknown_name
from hyperforecast.nn.factors import CommonFactors
from hyperforecast.nn.fold import fold
from hyperforecast.nn.instance_norm import INSTANCE_NORMS, OutputRole
from hyperforecast.nn.layers import GeneratedLinear
from hyperforecast.nn.methods import METHODS


class ForecastingNetwork(nn.Module):
    """One method on one backbone, from windows to forecasts.

    All arguments are plain values, so a network can be rebuilt from what a checkpoint says.

    Parameters
    ----------
    lookback, horizon : int
        Window length L and number of forecast steps H.
    n_channels : int
        Number of channels C.
    method : str, default="plain"
        Key of ``METHODS``.
    method_kwargs : dict, optional
        Options of the method.
    backbone : str, default="dlinear"
        Key of ``BACKBONES``.
    backbone_kwargs : dict, optional
        Options of the backbone.
    instance_norm : str, optional
        Key of ``INSTANCE_NORMS``; the backbone's own if not given.
    output_roles : sequence of str, default=("location",)
        What each of the P outputs of a step is to the series, see
        :meth:`InstanceNorm.restore`; its length is P.
    n_past_covariates, n_future_covariates, n_static_covariates : int, default=0
        Number of covariates known over the window, over the horizon, and of each channel.
    n_factors : int, default=0
        Number K of common factors, further inputs of every channel: see :class:`CommonFactors`.
    factor_lookback : int, default=12
        Number of most recent steps at which factors enter, at most L.
    channel_offsets : bool, default=False
        Whether each output of each channel has a free offset, starting at zero: what turns a
        point forecast into quantiles of its residuals.

    Notes
    -----
    A :class:`CovariateBackbone` takes covariates itself, static ones excepted; the covariates
    known over the horizon are then the last of those known over the window. With any other
    backbone covariates enter linearly, through maps that the method makes as it makes the head (so
    HN-MVTS generates them for each channel) and that start at zero: those known over the window
    at every lag, those known over the horizon at their own step with one coefficient for all
    steps, static ones as a shift of every step. Common factors enter in the same way.

    A method may cut the horizon into segments with weights of their own. All segments then go
    through embedding, backbone and head side by side, on a leading axis that only layers with
    such weights know of: see :class:`~hyperforecast.nn.Segments`.

    Attributes
    ----------
    segments : Segments, optional
        How the horizon is cut; ``None`` where all steps are forecast with the same weights.
    """

    max_block = 2**22
    """Numbers (16 MB in float32) in the features or generated weights of channels that are
    trained at a time."""

    def __init__(
        self,
        *,
        lookback: int,
        horizon: int,
        n_channels: int,
        method: str = "plain",
        method_kwargs: dict | None = None,
        backbone: str = "dlinear",
        backbone_kwargs: dict | None = None,
        instance_norm: str | None = None,
        output_roles: Sequence[OutputRole] = ("location",),
        n_past_covariates: int = 0,
        n_future_covariates: int = 0,
        n_static_covariates: int = 0,
        n_factors: int = 0,
        factor_lookback: int = 12,
        channel_offsets: bool = False,
    ) -> None:
        super().__init__()
        check_backbone(backbone, backbone_kwargs)
        if method not in METHODS:
            raise ValueError(unknown_name("method", method, METHODS))
        if instance_norm is None:
            instance_norm = BACKBONES[backbone].default_instance_norm
        if instance_norm not in INSTANCE_NORMS:
            raise ValueError(unknown_name("instance_norm", instance_norm, INSTANCE_NORMS))

        self.lookback = lookback
        self.horizon = horizon
        self.n_channels = n_channels
        self.output_roles = tuple(output_roles)

        norm = INSTANCE_NORMS[instance_norm]
        self.instance_norm = None if norm is None else norm(n_channels)
        make = METHODS[method](n_channels, **(method_kwargs or {}))
        self.segments = make.cut(horizon)
        self.trains_head = make.trains_head
        options = dict(backbone_kwargs or {})
        self.backbone_takes_covariates = issubclass(BACKBONES[backbone], CovariateBackbone)
        if self.backbone_takes_covariates:
            options |= {
                "horizon": horizon,
                "n_past_covariates": n_past_covariates,
                "n_future_covariates": n_future_covariates,
            }
            n_past_covariates = n_future_covariates = 0  # that the network maps
        make.check_backbone(
            backbone, embeds=BACKBONES[backbone].embeds, embedding_dim=make.embedding_dim
        )
        self.embedding = None
        n_steps = lookback  # that the backbone sees
        if make.embedding_dim is not None:
            self.embedding = make.embedding(lookback, make.embedding_dim)
            n_steps = make.embedding_dim
        self.backbone = BACKBONES[backbone](n_steps, n_channels, make, **options)
        n_outputs = (self.segments.length if self.segments else horizon) * len(self.output_roles)
        self.head = make.head(
            self.backbone.feature_dim, n_outputs, initialise=self.backbone.head_initialiser()
        )

        def covariate_map(in_features: int, out_features: int) -> nn.Module | None:
            if in_features == 0:
                return None
            return make.head(in_features, out_features, initialise=nn.init.zeros_, bias=False)

        self.past_covariate_map = covariate_map(lookback * n_past_covariates, n_outputs)
        self.future_covariate_map = covariate_map(n_future_covariates, len(self.output_roles))
        self.static_covariate_map = covariate_map(n_static_covariates, n_outputs)
        self.factors = None
        self.factor_map = None
        if n_factors:
            self.factors = CommonFactors(n_channels, n_factors, min(factor_lookback, lookback))
            self.factor_map = covariate_map(self.factors.n_features, n_outputs)
        self.channel_offsets = (
            nn.Parameter(torch.zeros(n_channels, horizon, len(self.output_roles)))
            if channel_offsets
            else None
        )
        make.complete(self, self.segments)

    def forward(
        self,
        past_target: Tensor,
        past_covariates: Tensor | None = None,
        future_covariates: Tensor | None = None,
        static_covariates: Tensor | None = None,
    ) -> Tensor:
        """Forecast.

        Parameters
        ----------
        past_target : Tensor, shape (B, L, C)
        past_covariates : Tensor, shape (B, L, n_past_covariates), optional
        future_covariates : Tensor, shape (B, H, n_future_covariates), optional
        static_covariates : Tensor, shape (B, C or 1, n_static_covariates), optional
            One row for each channel, or one for all.

        Returns
        -------
        Tensor, shape (B, H, C, P)
            Of fewer steps where ``segments`` is set to compute fewer.
        """
        x = past_target.transpose(1, 2)  # (B, L, C) -> (B, C, L)
        if self.instance_norm is not None:
            statistics = self.instance_norm.statistics(x)
            x = self.instance_norm.normalise(x, statistics)
        factors = None if self.factors is None else self.factors(x)  # (B, 1, F)
        ahead = None if future_covariates is None else future_covariates.unsqueeze(1)
        n_steps = self.horizon
        if self.segments is not None:  # on a leading axis, which all share up to adapted layers
            if future_covariates is not None:
                ahead = self.segments.split(future_covariates)  # (S, B, 1, T, n)
            x = x.unsqueeze(0)
            past_covariates, future_covariates, static_covariates, factors = (
                None if values is None else values.unsqueeze(0)
                for values in (past_covariates, future_covariates, static_covariates, factors)
            )
            n_steps = self.segments.length
        embedded = x if self.embedding is None else self.embedding(x)
        n_block = self._channels_per_block(len(past_target))
        if self.backbone_takes_covariates:
            y = self.head(self.backbone(embedded, past_covariates, future_covariates))
        elif n_block < self.n_channels:
            y = self._forward_by_blocks(embedded, n_block)
        else:
            y = self.head(self.backbone(embedded))  # (B, C, L) -> (B, C, D) -> (B, C, H·P)
        if self.past_covariate_map is not None:
            assert past_covariates is not None
            y = y + self.past_covariate_map(past_covariates.flatten(-2).unsqueeze(-2))
        if self.static_covariate_map is not None:
            assert static_covariates is not None
            y = y + self.static_covariate_map(static_covariates)
        if self.factor_map is not None:
            y = y + self.factor_map(factors)
        y = y.unflatten(-1, (n_steps, len(self.output_roles)))  # -> (B, C, H, P)
        if self.future_covariate_map is not None:
            y = y + self.future_covariate_map(ahead)
        if self.segments is not None:
            y = self.segments.join(y)  # (S, B, C, T, P) -> (B, C, H, P)
        if self.channel_offsets is not None:
            y = y + self.channel_offsets
        if self.instance_norm is not None:
            y = self.instance_norm.restore(y, statistics, self.output_roles)
        return y.transpose(1, 2)  # (B, C, H, P) -> (B, H, C, P)

    def _channels_per_block(self, batch_size: int) -> int:
        """Return how many channels are trained at a time.

        With thousands of channels, features and generated weights of all would be arrays so large
        that asking the system for their memory, in every step, takes as long as the arithmetic.
        """
        if not (
            self.training
            and self.backbone.channel_independent
            and isinstance(self.head, GeneratedLinear)
        ):
            return self.n_channels
        _, n_out, n_in = self.head.generator.weight_bases.shape
        return max(1, self.max_block // (max(batch_size, n_out) * n_in))

    def _forward_by_blocks(self, x: Tensor, n_block: int) -> Tensor:
        """Apply backbone and head to ``n_block`` channels after others: (B, C, L) -> (B, C, H·P).

        Every channel's arithmetic is that of all channels at once.
        """
        assert isinstance(self.head, GeneratedLinear)
        outputs = []
        for first in range(0, self.n_channels, n_block):
            channels = slice(first, first + n_block)
            outputs.append(self.head.apply_to(self.backbone(x[:, channels]), channels))
        return torch.cat(outputs, dim=1)

    def channel_embedding(self) -> Tensor | None:
        """Return the learned channel vectors (C, E), or ``None`` if the method has none."""
        for module in self.modules():
            if isinstance(module, ChannelEmbedding):
                return module.weight.detach()
        return None

    def channel_gates(self) -> Tensor | None:
        """Return each channel's gates (C, K), or ``None`` if the method has none."""
        for module in self.modules():
            if isinstance(module, ChannelGate):
                return module().detach()
        return None

    def start_from(self, series: Sequence[Tensor]) -> None:
        """Give what starts from data the training series, each of shape (T, C)."""
        for module in self.modules():
            if isinstance(module, (ChannelEmbedding, ChannelGate, CommonFactors)):
                module.start_from(series)

    def adapters(self) -> dict[str, nn.Parameter]:
        """Return by name the parameters of adapters, which are trained on a base held still.

        Empty where the method trains all weights at once.
        """
        found: dict[str, nn.Parameter] = {}
        for name, module in self.named_modules():
            if isinstance(module, AdaptedLinear):
                found |= dict(module.experts.named_parameters(f"{name}.experts"))
                found |= dict(module.mixture.named_parameters(f"{name}.mixture"))
        return found

    def penalty(self) -> Tensor | None:
        """Return what the method adds to the training loss, or ``None`` if nothing."""
        penalties = [
            module.penalty()
            for module in self.modules()
            if isinstance(module, ChannelGate) and module.load_balancing
        ]
        return torch.stack(penalties).sum() if penalties else None

    def fold(self) -> "ForecastingNetwork":
        """Return a network of plain layers that forecasts the same; this one is not changed."""
        return fold(self)


def count_parameters(network: nn.Module) -> int:
    """Return the number of values in a network's parameters, shared ones counted once."""
    return sum(parameter.numel() for parameter in network.parameters())
