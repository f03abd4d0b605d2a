"""HN-MVTS: a head generated for every channel."""

from collections.abc import Sequence

from hyperforecast.nn.contexts import ChannelEmbedding, default_embedding_dim
from hyperforecast.nn.generators import DenseGenerator
from hyperforecast.nn.parts.base import Part
from hyperforecast.nn.sites import NetworkSites
from hyperforecast.nn.term import Term


class HNMVTS(Part):
    r"""The last layer is generated from a learned embedding of the channel.

    .. math:: W_n = W_0 + \sum_k g_k(z_n) \Phi_k.

    It starts at the plain head of the same seed, plus what the embedding adds.

    Parameters
    ----------
    channel_embedding_dim : int, optional
        Length E of a channel's embedding, ``0 <= E <= C``: the regularisation between one head
        for all channels (0) and one head each (C). A third of C, at least 1 and at most 8, if not
        given.
    hyper_hidden : sequence of int, default=()
        Widths of the hypernetwork's hidden layers; a single linear map if empty.

    References
    ----------
    Savchenko & Kachan, "HN-MVTS: HyperNetwork-based Multivariate Time Series Forecasting",
    AAAI 2026, arXiv 2511.08340. The covariates' maps to the forecast are generated from the
    same embedding; the paper has no covariates.
    """

    slot = "head"

    def __init__(
        self, *, channel_embedding_dim: int | None = None, hyper_hidden: Sequence[int] = ()
    ) -> None:
        if any(width < 1 for width in hyper_hidden):
            raise ValueError(f"hyper_hidden must hold widths >= 1; got {list(hyper_hidden)}.")
        if hyper_hidden and channel_embedding_dim == 0:
            raise ValueError(
                "hyper_hidden has no effect with channel_embedding_dim=0: there is no embedding "
                "to generate from. Leave one of the two out."
            )
        self.channel_embedding_dim = channel_embedding_dim
        self.hyper_hidden = tuple(hyper_hidden)

    def put_into(self, sites: NetworkSites, name: str) -> None:
        """Add to every last layer what the channel's embedding generates."""
        dim = self.channel_embedding_dim
        if dim is None:
            dim = default_embedding_dim(sites.n_channels)
        context = ChannelEmbedding(sites.n_channels, dim)
        for site in sites.outputs:
            generator = DenseGenerator(
                dim,
                site.n_features,
                site.n_outputs,
                hidden=self.hyper_hidden,
                initialise=sites.initialiser(site),
                bias=sites.layer(site).bias is not None,
            )
            sites.add(site, name, Term(context, generator))

    def obstacle(self) -> str | None:
        """Say that hidden layers rule the closed form out."""
        if self.hyper_hidden:
            return "a hypernetwork with hyper_hidden layers is not linear in its weights"
        return None
