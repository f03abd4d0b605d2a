"""PatchTST."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.backbones.base import Backbone
from hyperforecast.nn.errors import check_sizes
from hyperforecast.nn.hyper_layers.modulation import Activations
from hyperforecast.nn.layers.batch_norm import BatchNorm
from hyperforecast.nn.layers.conditioning import Chain, Condition, run
from hyperforecast.nn.layers.dropout import Dropout
from hyperforecast.nn.layers.patching import Patching, patch_sizes
from hyperforecast.nn.transformer import TransformerLayer


class PatchTST(Backbone):
    """A transformer over the patches of a channel, the same for every channel.

    Channels are independent: no forecast depends on another channel, except through the batch
    statistics in training.

    Parameters
    ----------
    lookback, n_channels
        See :class:`Backbone`.
    d_model : int, default=64
        Width of a patch's embedding; the paper's is 128, and 16 for its smallest data.
    n_heads : int, default=4
        Number of attention heads, a divisor of ``d_model``; the paper's are 16 and 4.
    e_layers : int, default=2
        Number of transformer layers; the paper's is 3.
    d_ff : int, default=128
        Width of the hidden layer after attention; the paper's are 256 and 128.
    patch_len : int, optional
        Steps in a patch; 16 as in the paper, or the lookback where that is shorter, if not given.
    stride : int, optional
        Steps from patch to patch; half of ``patch_len`` as in the paper if not given.
    dropout : float, default=0.2
        Probability of dropping a value; the paper's are 0.2 and 0.3.

    References
    ----------
    Nie et al., "A Time Series is Worth 64 Words: Long-term Forecasting with Transformers", ICLR
    2023, arXiv 2211.14730: the supervised model. As there, the end of the window is repeated for
    one stride, so there are (L - patch_len) // stride + 2 patches, and layers are normalised
    over the batch, by feature, over windows, channels and patches alike. Deviations from the
    authors' code: a layer's attention scores are not added to the next layer's, and what attention
    gives passes one dropout, not two in a row.
    """

    separates_channels = True
    default_instance_norm = "revin"

    def __init__(
        self,
        lookback: int,
        n_channels: int,
        *,
        d_model: int = 64,
        n_heads: int = 4,
        e_layers: int = 2,
        d_ff: int = 128,
        patch_len: int | None = None,
        stride: int | None = None,
        dropout: float = 0.2,
    ) -> None:
        super().__init__(lookback, n_channels)
        check_sizes(d_model=d_model, n_heads=n_heads, e_layers=e_layers, d_ff=d_ff)
        patch_len, stride = patch_sizes(lookback, patch_len, stride, usual=16)
        self.patching = Patching(lookback, patch_len, stride, padding=stride)
        self.embedding = nn.Linear(patch_len, d_model)
        self.position = nn.Parameter(torch.empty(self.patching.n_patches, d_model))
        nn.init.uniform_(self.position, -0.02, 0.02)
        self.embedded = Activations()
        self.dropout = Dropout(dropout)
        self.layers = Chain(
            *(
                TransformerLayer(d_model, n_heads, d_ff, norm=BatchNorm, dropout=dropout)
                for _ in range(e_layers)
            )
        )
        self.feature_dim = self.patching.n_patches * d_model

    def embed(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Embed patches and their positions: (B, C, L) -> (B, C, N, D)."""
        patches = run(self.embedding, self.patching(x), condition) + self.position
        return self.dropout(run(self.embedded, patches, condition))

    def encode(self, embedded: Tensor, condition: Condition | None = None) -> Tensor:
        """Let patches attend to each other, then lay them side by side: -> (B, C, N·D)."""
        return self.layers(embedded, condition).flatten(-2)
