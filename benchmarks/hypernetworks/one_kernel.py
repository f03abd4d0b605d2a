"""A TCN all of whose layers have the same kernel."""

from typing import Any, cast

from hyperforecast.nn.backbones import TCN
from hyperforecast.nn.layers.causal_conv import CausalConv

ONE_KERNEL = "one-kernel-tcn"
"""Name under which the command registers it as a backbone."""


class OneKernelTCN(TCN):
    """The TCN with one kernel for all layers: weights that are shared, and not generated.

    Biases are the layers' own, as those of generated kernels are.

    Parameters
    ----------
    lookback, n_channels, d_model, kernel_size, e_layers, dropout
        See :class:`TCN`.
    """

    def __init__(
        self,
        lookback: int,
        n_channels: int,
        *,
        d_model: int = 32,
        kernel_size: int = 3,
        e_layers: int | None = None,
        dropout: float = 0.1,
    ) -> None:
        options: dict[str, Any] = {
            "d_model": d_model,
            "kernel_size": kernel_size,
            "e_layers": e_layers,
            "dropout": dropout,
        }
        super().__init__(lookback, n_channels, **options)
        convolutions = [m for m in self.modules() if isinstance(m, CausalConv)]
        for convolution in convolutions[1:]:
            convolution.weight = cast("CausalConv", convolutions[0]).weight
