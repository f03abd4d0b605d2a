"""Contexts: what a generated weight depends on."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hyperforecast.nn.eigenvectors import leading_eigenvectors


class ChannelEmbedding(nn.Module):
    """A learned vector for every channel: the context of HN-MVTS.

    Parameters
    ----------
    n_channels : int
        Number of channels C.
    embedding_dim : int
        Length E of a channel's vector, ``0 <= E <= C``. With ``E = 0`` all channels share one
        weight; with ``E = C`` every channel can have its own.

    Attributes
    ----------
    weight : Parameter, shape (C, E)
        Random until :meth:`start_from` gives it the structure of the training series.

    References
    ----------
    Savchenko & Kachan, "HN-MVTS: HyperNetwork-based Multivariate Time Series Forecasting",
    AAAI 2026, arXiv 2511.08340.
    """

    def __init__(self, n_channels: int, embedding_dim: int) -> None:
        super().__init__()
        if not 0 <= embedding_dim <= n_channels:
            raise ValueError(
                f"channel_embedding_dim must lie between 0 (one weight for all channels) and the "
                f"number of channels, {n_channels}; got {embedding_dim}. "
                f"Choose channel_embedding_dim <= {n_channels}."
            )
        self.n_channels = n_channels
        self.embedding_dim = embedding_dim
        self.weight = nn.Parameter(torch.empty(n_channels, embedding_dim))
        if embedding_dim:
            nn.init.normal_(self.weight, std=embedding_dim**-0.5)

    def forward(self) -> Tensor:
        """Return the embedding, shape (C, E)."""
        return self.weight

    @torch.no_grad()
    def start_from(self, series: Sequence[Tensor]) -> None:
        """Set the embedding to the correlation structure of ``series``, each of shape (T, C)."""
        self.weight.copy_(correlation_embedding(series, self.embedding_dim))

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        return f"n_channels={self.n_channels}, embedding_dim={self.embedding_dim}"


class ChannelGate(nn.Module):
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

    Attributes
    ----------
    weight : Parameter, shape (C, K)
        The logits divided by ``speed``.

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

    starts = ("random", "uniform", "correlation")
    speed = 10.0

    def __init__(
        self,
        n_channels: int,
        n_components: int,
        *,
        initialise: str = "random",
        load_balancing: float = 0.0,
    ) -> None:
        super().__init__()
        self.initialise = initialise
        self.load_balancing = load_balancing
        self.weight = nn.Parameter(torch.zeros(n_channels, n_components))
        if initialise != "uniform":  # "correlation" until it sees a series
            nn.init.normal_(self.weight, std=1 / self.speed)

    @property
    def logits(self) -> Tensor:
        """The logits, shape (C, K)."""
        return self.speed * self.weight

    @torch.no_grad()
    def set_logits(self, logits: Tensor) -> None:
        """Set the logits, shape (C, K)."""
        self.weight.copy_(logits / self.speed)

    def forward(self) -> Tensor:
        """Return the gates, shape (C, K); each row is positive and sums to one."""
        return self.logits.softmax(dim=-1)

    def penalty(self) -> Tensor:
        """Return what the loss is raised by because the channels load components unequally.

        With mean gates m over the channels it is ``load_balancing * (K * sum(m**2) - 1)``: zero
        where all components carry the same load, ``load_balancing * (K - 1)`` where one carries
        all. It says nothing of how decided each channel is: equal gates everywhere have no
        penalty either.
        """
        load = self().mean(dim=0)  # (K,)
        return self.load_balancing * (len(load) * load.square().sum() - 1)

    @torch.no_grad()
    def start_from(self, series: Sequence[Tensor]) -> None:
        """Start from ``series``, each of shape (T, C), if the gates start from correlation."""
        if self.initialise == "correlation":
            n_channels, n_components = self.weight.shape
            vectors = correlation_embedding(series, min(n_channels, n_components))
            # entries are correlations with principal components: at most one; components beyond
            # the number of channels stay equal
            logits = nn.functional.pad(2 * vectors, (0, n_components - vectors.shape[1]))
            self.set_logits(logits.to(self.weight))

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        n_channels, n_components = self.weight.shape
        return f"n_channels={n_channels}, n_components={n_components}"


class SegmentMixture(nn.Module):
    r"""How much each segment of the horizon draws on each expert: the context of MoLA.

    Parameters
    ----------
    n_segments, n_experts : int
        Numbers of segments S and of experts P.
    mixing : {"softmax", "free"}, default="softmax"
        Whether the shares of a segment are positive and sum to one, or are free numbers.

    Attributes
    ----------
    weight : Parameter, shape (S, P)
        The logits divided by ``speed`` (see :class:`ChannelGate`), or the free shares. With
        ``"softmax"`` and one expert every share is 1, and there is no parameter.

    Notes
    -----
    Experts start in order along the horizon: with segments and experts spread evenly over [0, 1],
    the logit of a segment's share is minus the square of its distance to the expert, measured in
    experts. So neighbouring segments start with like shares, and each expert has segments of its
    own. Free shares start at the same values.

    References
    ----------
    Pan et al., "Mixture of Low Rank Adaptation with Partial Parameter Sharing for Time Series
    Forecasting", 2025, arXiv 2505.17872: the weights of the experts. Deviation: their start.
    """

    kinds = ("softmax", "free")
    speed = ChannelGate.speed

    def __init__(self, n_segments: int, n_experts: int, *, mixing: str = "softmax") -> None:
        super().__init__()
        self.n_segments = n_segments
        self.n_experts = n_experts
        self.mixing = mixing
        segments = torch.linspace(0, 1, n_segments)[:, None]
        experts = torch.linspace(0, 1, n_experts)
        logits = -((n_experts - 1) * (segments - experts)).square()  # (S, P)
        self.weight: nn.Parameter | None = None
        if mixing == "free":
            self.weight = nn.Parameter(logits.softmax(dim=-1))
        elif n_experts > 1:
            self.weight = nn.Parameter(logits / self.speed)

    def forward(self) -> Tensor | None:
        """Return the shares, shape (S, P); ``None`` where all are 1."""
        if self.weight is None or self.mixing == "free":
            return self.weight
        return (self.speed * self.weight).softmax(dim=-1)

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        return f"n_segments={self.n_segments}, n_experts={self.n_experts}, mixing={self.mixing!r}"


def correlation_embedding(series: Sequence[Tensor], embedding_dim: int) -> Tensor:
    """Embed channels by the PCA of their Pearson correlation matrix.

    The inner product of two channels' vectors is the best rank-``embedding_dim`` approximation of
    their correlation.

    Parameters
    ----------
    series : sequence of Tensor, each of shape (T_i, C)
        Training series. Each is centred on its own means, so levels that differ between series
        do not count as correlation.
    embedding_dim : int
        Number E of leading eigenvectors kept.

    Returns
    -------
    Tensor, shape (C, E), float64
        Eigenvectors times the square root of their eigenvalues; the largest entry of each column
        is positive. A constant channel, whose correlation is undefined, is at zero, and so are
        columns beyond the rank of the correlation matrix.
    """
    centred = []
    squares = torch.zeros(series[0].shape[1], dtype=torch.float64)
    noise = torch.zeros_like(squares)
    for values in series:
        values = values.detach().to("cpu", torch.float64)  # (T, C)
        deviations = values - values.mean(dim=0)
        centred.append(deviations)
        squares += deviations.square().sum(dim=0)
        # what rounding alone leaves of a constant channel
        noise += len(values) * (values.abs().amax(dim=0) * 1e-10).square()
    varies = squares > noise
    scale = torch.where(varies, squares, 1.0).rsqrt() * varies  # (C,)
    rows = sum(len(deviations) for deviations in centred)

    if squares.numel() <= rows:
        correlation = sum(d.T @ d for d in centred) * scale[:, None] * scale  # (C, C)
        count = min(embedding_dim, len(correlation))
        eigenvalues, leading = leading_eigenvectors(correlation, count)
        leading = leading * eigenvalues.clamp(min=0).sqrt()
    else:  # fewer rows than channels: the eigenvectors come from the (T, T) Gram matrix
        standardised = torch.cat(centred) * scale  # (T, C)
        eigenvalues, rotations = torch.linalg.eigh(standardised @ standardised.T)
        vectors = standardised.T @ rotations
        vectors = torch.where(eigenvalues > 1e-12 * eigenvalues[-1], vectors, 0.0)
        leading = vectors.flip(1)[:, :embedding_dim]

    if leading.shape[1] < embedding_dim:
        leading = nn.functional.pad(leading, (0, embedding_dim - leading.shape[1]))
    if embedding_dim:
        largest = leading.gather(0, leading.abs().argmax(dim=0, keepdim=True))
        leading = leading * torch.where(largest < 0, -1.0, 1.0)
    return leading
