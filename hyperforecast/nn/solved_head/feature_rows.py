"""What the layers that give the forecast are given, window by window, and what they leave."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hyperforecast.nn.network import OUTPUT_LAYERS
from hyperforecast.nn.solved_head.output_layers import REGRESSOR_LAYERS, OutputLayers
from hyperforecast.nn.windows import Windows


class FeatureRows(NamedTuple):
    """Windows as rows of a regression; where the horizon is cut, each segment is a row.

    Each row is multiplied by how much the head's output counts in the forecast, in units of the
    channel's deviation: with RevIN, the window's own deviation.

    Attributes
    ----------
    x : Tensor, shape (C, T, p)
        Regressors, the last of which is the constant.
    y : Tensor, shape (C, T, H)
        What the forecast of the network as it is misses.
    f : Tensor, shape (C, T, H, F)
        Future covariates of each step.
    """

    x: Tensor
    y: Tensor
    f: Tensor


class FeatureTap:
    """Reads off a network what the layers that give its forecast are given.

    Parameters
    ----------
    layers : OutputLayers
        Of a network that is in evaluation mode.
    deviation : Tensor, shape (C,)
        Of the training series, by which rows are divided.
    device : torch.device
        Where rows are, in float64.
    """

    def __init__(self, layers: OutputLayers, deviation: Tensor, device: torch.device) -> None:
        self.layers = layers
        self.network = layers.network
        self.deviation = deviation.to(device)
        self.device = device

    @torch.no_grad()
    def rows(self, windows: Windows) -> FeatureRows:
        """Return the rows of some windows."""
        like = next(self.network.parameters())
        past, past_covariates, future_covariates, static, target = (
            None if values is None else values.to(like) for values in windows[:5]
        )
        phase = None if windows.phase is None else windows.phase.to(like.device)
        assert past is not None
        assert target is not None
        given: dict[str, Tensor] = {}
        hooks = [
            getattr(self.network, name).register_forward_pre_hook(_note(given, name))
            for name in self.layers.names
        ]
        try:
            forecast = self.network(past, past_covariates, future_covariates, static, phase=phase)
        finally:
            for hook in hooks:
                hook.remove()
        missed = self._double(target - forecast[..., 0]).mT  # (B, C, H)
        scale = self._double(self.network.output_scale(past, phase))  # (B, C, 1)
        scale = scale / self.deviation[:, None]
        segments = self.network.segments
        if segments is not None:
            # steps beyond the horizon are never forecast: nothing is missed there
            beyond = segments.count * segments.length - missed.shape[-1]
            missed = functional.pad(missed, (0, beyond)).unflatten(-1, (segments.count, -1))
            missed = missed.permute(2, 0, 1, 3).flatten(0, 1)
            scale = scale.repeat(segments.count, 1, 1)
        n_channels = len(self.deviation)

        def rows_of(name: str) -> Tensor:  # (T, C, ..., n)
            values = self._double(given[name])
            if values.dim() > OUTPUT_LAYERS[name]:
                values = values.flatten(0, 1)
            return values.expand(-1, n_channels, *values.shape[2:])

        names = [name for name in REGRESSOR_LAYERS if name in self.layers.names]
        x = torch.cat([*map(rows_of, names), torch.ones_like(scale)], dim=-1)
        f = missed.new_zeros(*missed.shape, 0)
        if "future_covariate_map" in self.layers.names:
            f = rows_of("future_covariate_map")
        return FeatureRows(
            (x * scale).transpose(0, 1),
            (missed / self.deviation[:, None]).transpose(0, 1),
            (f * scale[..., None]).transpose(0, 1),
        )

    def _double(self, values: Tensor) -> Tensor:
        # in this order: the network's device may not know the precision
        return values.to(self.device).double()


def _note(given: dict[str, Tensor], name: str) -> Any:
    def hook(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        given[name] = inputs[0]

    return hook
