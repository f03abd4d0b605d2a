"""LightSAE: an embedding for every channel, of which a part is shared."""

from typing import Any, Literal, get_args

from hyperforecast.nn.contexts import ChannelGate, ChannelIndex, Context
from hyperforecast.nn.errors import check_sizes, unknown_name
from hyperforecast.nn.generators import FreeWeights, Generator, LowRankPool
from hyperforecast.nn.parts.base import Part
from hyperforecast.nn.sites import NetworkSites, listed
from hyperforecast.nn.term import Term

Variant = Literal["shared", "full", "light"]

RANK = 25
N_COMPONENTS = 10
GATE_INIT = "random"


class LightSAE(Part):
    r"""The embedding is a shared weight and an auxiliary one of each channel's own.

    .. math:: e_n = x_n \Bigl(W_{sh} + \sum_k g_{nk} L_k R\Bigr) + b_{sh} + \sum_k g_{nk} \beta_k,
              \qquad g_n = \mathrm{softmax}(\gamma_n).

    The auxiliary part starts at zero, so training starts at the shared embedding; networks of the
    same random seed start as the same function whatever the variant.

    Parameters
    ----------
    variant : {"light", "full", "shared"}, default="light"
        Auxiliary part: mixtures of a pool of low-rank matrices; a free matrix for each channel
        (SAE-full); none.
    rank : int, optional
        Rank r of the pool's matrices, at most what can make a difference, ``min(K * I, D)`` for
        inputs of I steps (the lookback, or a patch) and embeddings of width D. 25, or that bound
        where it is less, if not given. Of ``"light"`` only.
    n_components : int, optional
        Number K of matrices in the pool; 10 if not given. Of ``"light"`` only.
    gate_init : {"random", "uniform", "correlation"}, optional
        Start of the gates: see :class:`~hyperforecast.nn.ChannelGate`; ``"random"`` if not given.
        Of ``"light"`` with more than one component only.
    load_balancing : float, default=0.0
        Weight of a penalty added to the training loss where the channels load the components
        unequally: see :meth:`~hyperforecast.nn.ChannelGate.penalty`. Of ``"light"`` with more
        than one component only.
    embedding_dim : int, optional
        Width of a linear embedding put before a backbone that has none (DLinear, NLinear,
        TSMixer), which then sees that many steps; required there, and refused elsewhere.

    References
    ----------
    Ren & Yu, "LightSAE: Parameter-Efficient and Heterogeneity-Aware Embedding for IoT
    Multivariate Time Series Forecasting", 2025, arXiv 2510.10465. Its formula has no biases; here,
    as in the authors' code, they are mixed as the matrices are.
    """

    slot = "embedding"

    def __init__(
        self,
        *,
        variant: str = "light",
        rank: int | None = None,
        n_components: int | None = None,
        gate_init: str | None = None,
        load_balancing: float = 0.0,
        embedding_dim: int | None = None,
    ) -> None:
        check_options(variant, rank, n_components, gate_init, load_balancing, embedding_dim)
        self.variant = variant
        self.rank = rank
        self.n_components = N_COMPONENTS if n_components is None else n_components
        self.gate_init = GATE_INIT if gate_init is None else gate_init
        self.load_balancing = load_balancing
        self._embedding_dim = embedding_dim

    @property
    def embedding_dim(self) -> int | None:
        """Width of a linear embedding that the network puts before the backbone."""
        return self._embedding_dim

    def put_into(self, sites: NetworkSites, name: str) -> None:
        """Add the auxiliary weight to the embedding, of which there has to be exactly one."""
        layers = sites.of_kind("linear")
        found = [site for site in layers if site.name in ("embedding", "backbone.embedding")]
        if not found:
            raise ValueError(
                f"The backbone {sites.backbone!r} has no embedding for LightSAE to work "
                f"on, a linear layer named 'embedding'. Give embedding_dim, the width of a linear "
                f"embedding that is put before it, or choose a backbone that embeds, for example "
                f"'rmlp' or 'patchtst'. It has the layers: {listed(layers)}."
            )
        if len(found) > 1:
            raise ValueError(
                f"embedding_dim={self.embedding_dim} is the width of an embedding before a "
                f"backbone without one; the backbone {sites.backbone!r} has its own. Leave "
                "embedding_dim out, and give its width in backbone_kwargs, for example "
                "{'d_model': 128}."
            )
        [site] = found
        if self.variant == "shared":
            return
        sizes = (site.n_features, site.n_outputs)
        context: Context
        generator: Generator
        if self.variant == "full":
            context = ChannelIndex(sites.n_channels)
            generator = FreeWeights(sites.n_channels, *sizes)
        else:
            context = ChannelGate(
                sites.n_channels,
                self.n_components,
                initialise=self.gate_init,
                load_balancing=self.load_balancing,
            )
            generator = LowRankPool(self.n_components, *sizes, self._rank(*sizes))
        sites.add(site, name, Term(context, generator))

    def _rank(self, in_features: int, out_features: int) -> int:
        # the right factor is shared: its rows are as many as all left factors can use
        highest = min(self.n_components * in_features, out_features)
        if self.rank is None:
            return min(RANK, highest)
        if self.rank > highest:
            raise ValueError(
                f"rank={self.rank} is more than can make a difference: {self.n_components} "
                f"components of {in_features} inputs and {out_features} outputs have rank "
                f"{highest} together. Choose rank <= {highest}."
            )
        return self.rank


def check_options(
    variant: str,
    rank: int | None,
    n_components: int | None,
    gate_init: str | None,
    load_balancing: float,
    embedding_dim: int | None,
) -> None:
    """Raise if an option of :class:`LightSAE` is wrong or has no effect for the variant."""
    if variant not in get_args(Variant):
        raise ValueError(unknown_name("variant", variant, get_args(Variant)))
    sizes = {"rank": rank, "n_components": n_components, "embedding_dim": embedding_dim}
    check_sizes(**{name: size for name, size in sizes.items() if size is not None})
    if gate_init is not None and gate_init not in ChannelGate.starts:
        raise ValueError(unknown_name("gate_init", gate_init, ChannelGate.starts))
    if load_balancing < 0:
        raise ValueError(f"load_balancing must be a weight >= 0; got {load_balancing!r}.")
    of_the_pool: dict[str, Any] = {"rank": rank, "n_components": n_components}
    of_the_gates: dict[str, Any] = {
        "gate_init": gate_init,
        "load_balancing": load_balancing or None,
    }
    idle, why = {}, ""
    if variant != "light":
        idle = of_the_pool | of_the_gates
        why = f"with variant={variant!r}, which has no pool"
    elif n_components == 1:
        idle, why = of_the_gates, "with n_components=1, where every gate is 1"
    given = [name for name, value in idle.items() if value is not None]
    if given:
        raise ValueError(
            f"{' and '.join(given)} would have no effect {why}. Leave "
            f"{'it' if len(given) == 1 else 'them'} out, or choose variant='light' with a pool of "
            "several components."
        )
