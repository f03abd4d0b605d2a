"""A learned vector for every channel."""

from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor, nn

from hyperforecast.nn.contexts.attributes import AttributedContext
from hyperforecast.nn.layers.conditioning import Condition
from hyperforecast.nn.series.correlation import correlation_embedding


def default_embedding_dim(n_channels: int) -> int:
    """Return the usual length of a channel's vector: C // 3, at least 1 and at most 8."""
    return max(1, min(8, n_channels // 3))


class ChannelEmbedding(AttributedContext):
    """A learned vector for every channel: the context of HN-MVTS.

    Parameters
    ----------
    n_channels : int
        Number of channels C.
    embedding_dim : int
        Length E of a channel's vector, ``0 <= E <= C``. With ``E = 0`` all channels share one
        weight; with ``E = C`` every channel can have its own.
    n_attributes : int, default=0
        Number S of attributes that say a part of the vectors, which may then be longer by
        ``1 + 2 S``: solved for exactly, they hold the attributes, too.

    Attributes
    ----------
    weight : Parameter, shape (C, E)
        Random until :meth:`start_from` gives it the structure of the training series.

    References
    ----------
    Savchenko & Kachan, "HN-MVTS: HyperNetwork-based Multivariate Time Series Forecasting",
    AAAI 2026, arXiv 2511.08340.
    """

    axis = "channel"
    kind = "embedding"

    def __init__(self, n_channels: int, embedding_dim: int, n_attributes: int = 0) -> None:
        longest = n_channels + (1 + 2 * n_attributes if n_attributes else 0)
        if not 0 <= embedding_dim <= longest:
            raise ValueError(
                f"channel_embedding_dim must lie between 0 (one weight for all channels) and the "
                f"number of channels (of series, where weights are by series), {n_channels}; got "
                f"{embedding_dim}. "
                f"Choose channel_embedding_dim <= {n_channels}."
            )
        super().__init__(n_channels, embedding_dim, n_attributes if embedding_dim else 0)
        self.n_channels = n_channels
        self.embedding_dim = embedding_dim
        if embedding_dim:
            nn.init.normal_(self.weight, std=embedding_dim**-0.5)

    def forward(self, condition: Condition | None = None) -> Tensor:
        """Return the embedding, shape (C, E)."""
        return self.vectors()

    def start_from(self, series: Sequence[Tensor]) -> None:
        """Set the embedding to the correlation structure of ``series``, each of shape (T, C)."""
        self.start_at(partial(correlation_embedding, series))

    def start_at(self, vectors_of: Callable[[int], Tensor]) -> None:
        """Set the embedding to vectors (C, E), asked for by their length."""
        self.set_vectors(vectors_of(self.embedding_dim))

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        return f"n_channels={self.n_channels}, embedding_dim={self.embedding_dim}"
