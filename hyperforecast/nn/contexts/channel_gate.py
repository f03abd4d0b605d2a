"""How much each channel draws on each component of a pool."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from hyperforecast.nn.contexts.attributes import AttributedContext
from hyperforecast.nn.layers.conditioning import Condition
from hyperforecast.nn.series.correlation import correlation_embedding


class ChannelGate(AttributedContext):
    r"""How much each channel draws on each component of a pool: the context of LightSAE.

    .. math:: g_n = \mathrm{softmax}(\gamma_n), \qquad \gamma_n = s w_n.

    Parameters
    ----------
    n_channels : int
        Number of channels C.
    n_components : int
        Number of components K.
    initialise : {"random", "uniform", "correlation"}, default="random"
        Start of the logits: independent normal values; zeros, so that every channel starts with
        equal gates; or the principal components of the training channels' correlation, so that
        channels that move together start alike (see :meth:`start_from`).
    load_balancing : float, default=0.0
        Weight of :meth:`penalty`.
    n_attributes : int, default=0
        Number of attributes that say a part of the logits.

    Attributes
    ----------
    weight : Parameter, shape (C, K)
        The logits divided by ``speed``, less what attributes say of them.

    Notes
    -----
    Adam moves every parameter by about its learning rate in a step, whatever the gradient: far
    enough for weights of a linear layer, too little for logits, which have to move by several
    units to choose. So the parameter is the logits divided by ``speed`` s, and they move s times
    as fast.

    References
    ----------
    Ren & Yu, "LightSAE: Parameter-Efficient and Heterogeneity-Aware Embedding for IoT
    Multivariate Time Series Forecasting", 2025, arXiv 2510.10465.
    """

    axis = "channel"
    kind = "gates"
    starts = ("random", "uniform", "correlation")
    speed = 10.0

    def __init__(
        self,
        n_channels: int,
        n_components: int,
        *,
        initialise: str = "random",
        load_balancing: float = 0.0,
        n_attributes: int = 0,
    ) -> None:
        super().__init__(n_channels, n_components, n_attributes)
        self.initialise = initialise
        self.load_balancing = load_balancing
        if initialise != "uniform":  # "correlation" until it sees a series
            nn.init.normal_(self.weight, std=1 / self.speed)

    @property
    def logits(self) -> Tensor:
        """The logits, shape (C, K)."""
        return self.speed * self.vectors()

    @torch.no_grad()
    def set_logits(self, logits: Tensor) -> None:
        """Set the logits, shape (C, K)."""
        self.set_vectors(logits / self.speed)

    def forward(self, condition: Condition | None = None) -> Tensor:
        """Return the gates, shape (C, K); each row is positive and sums to one."""
        return self.logits.softmax(dim=-1)

    def penalty(self) -> Tensor | None:
        """Return what the loss is raised by because the channels load components unequally.

        With mean gates m over the channels it is ``load_balancing * (K * sum(m**2) - 1)``: zero
        where all components carry the same load, ``load_balancing * (K - 1)`` where one carries
        all. It says nothing of how decided each channel is: equal gates everywhere have no
        penalty either. ``None`` where ``load_balancing`` is zero.
        """
        if not self.load_balancing:
            return None
        load = self().mean(dim=0)  # (K,)
        return self.load_balancing * (len(load) * load.square().sum() - 1)

    def start_from(self, series: Sequence[Tensor]) -> None:
        """Start from ``series``, each of shape (T, C), if the gates start from correlation."""
        self.start_at(partial(correlation_embedding, series))

    @torch.no_grad()
    def start_at(self, vectors_of: Callable[[int], Tensor]) -> None:
        """Start from vectors (C, K), asked for by their length, if the gates start from these."""
        if self.initialise == "correlation":
            n_channels, n_components = self.weight.shape
            vectors = vectors_of(min(n_channels, n_components))
            # entries are correlations with principal components: at most one; components beyond
            # the number of channels stay equal
            logits = nn.functional.pad(2 * vectors, (0, n_components - vectors.shape[1]))
            self.set_logits(logits.to(self.weight))

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        n_channels, n_components = self.weight.shape
        return f"n_channels={n_channels}, n_components={n_components}"
