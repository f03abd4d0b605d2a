"""LightSAE: an embedding for every channel, of which a part is shared."""

from typing import Any, Literal, get_args

from torch import nn

from hyperforecast.nn.contexts import ChannelGate
from hyperforecast.nn.errors import Problems, check_sizes, raise_all, unknown_name
from hyperforecast.nn.generators import LowRankPool
from hyperforecast.nn.methods.base import Method
from hyperforecast.nn.options import option, option_group, takes
from hyperforecast.nn.random_numbers import own_random_numbers
from hyperforecast.nn.shared_auxiliary import FreeAuxiliary, PooledAuxiliary, SharedAuxiliaryLinear

Variant = Literal["shared", "full", "light"]
GateStart = Literal["random", "uniform", "correlation"]

RANK = 25
N_COMPONENTS = 10
GATE_INIT = "random"


@option_group
class LightSAEOptions:
    """Options of LightSAE."""

    variant: Variant = option(
        default="light",
        doc="""Auxiliary part of the embedding: none; a free matrix for each channel (SAE-full);
        mixtures of a pool of low-rank matrices.""",
    )
    rank: int | None = option(
        default=None,
        doc="""Rank r of the pool's matrices, at most what can make a difference: ``n_components``
        times the inputs (the lookback or the patch length), or the embedding's width. 25, or that
        bound where it is less, if not given. Of ``"light"`` only.""",
    )
    n_components: int | None = option(
        default=None,
        doc='Number K of matrices in the pool; 10 if not given. Of ``"light"`` only.',
    )
    gate_init: GateStart | None = option(
        default=None,
        doc="""Start of the gates: random; equal for all channels and components; or from the
        principal components of the training channels' correlation, so that channels that move
        together start alike. ``"random"`` if not given. Of ``"light"`` with more than one component
        only.""",
    )
    load_balancing: float = option(
        default=0.0,
        doc="""Weight of a penalty on the training loss where the channels use the components
        unequally: K times the sum of squared mean gates, less one. Of ``"light"`` with more than
        one component only.""",
    )
    embedding_dim: int | None = option(
        default=None,
        doc="""Width of a linear embedding put before a backbone that has none (``"dlinear"``,
        ``"nlinear"``, ``"tsmixer"``), which then sees that many steps; required there, and refused
        elsewhere.""",
    )


@takes(LightSAEOptions)
class LightSAE(Method):
    r"""The embedding is a shared weight and an auxiliary one of each channel's own.

    .. math:: e_n = x_n \Bigl(W_{sh} + \sum_k g_{nk} L_k R\Bigr) + b_{sh} + \sum_k g_{nk} \beta_k,
              \qquad g_n = \mathrm{softmax}(\gamma_n).

    The auxiliary part starts at zero, so training starts at the shared embedding; networks of the
    same random seed start as the same function whatever the variant.

    Parameters
    ----------
    n_channels : int
        Number of channels C.
    {parameters}

    References
    ----------
    Ren & Yu, "LightSAE: Parameter-Efficient and Heterogeneity-Aware Embedding for IoT
    Multivariate Time Series Forecasting", 2025, arXiv 2510.10465. Its formula has no biases; here,
    as in the authors' code, they are mixed as the matrices are.
    """

    folds = True

    def __init__(self, n_channels: int, **options: Any) -> None:
        super().__init__(n_channels)
        chosen = LightSAEOptions(**options)
        check_options(chosen)
        self.variant = chosen.variant
        self.rank = chosen.rank
        self.n_components = N_COMPONENTS if chosen.n_components is None else chosen.n_components
        self.embedding_dim = chosen.embedding_dim
        self.gate: ChannelGate | None = None
        if chosen.variant == "light":
            with own_random_numbers():
                self.gate = ChannelGate(
                    n_channels,
                    self.n_components,
                    initialise=GATE_INIT if chosen.gate_init is None else chosen.gate_init,
                    load_balancing=chosen.load_balancing,
                )

    @classmethod
    def check_backbone(cls, name: str, *, embeds: bool, embedding_dim: int | None) -> None:
        """Raise unless there is exactly one embedding on a backbone.

        Parameters
        ----------
        name : str
            Of the backbone.
        embeds : bool
            Whether it has an embedding of its own.
        embedding_dim : int, optional
            Width of the embedding put before it.
        """
        if not embeds and embedding_dim is None:
            raise ValueError(
                f"The backbone {name!r} has no embedding for LightSAE to take the place of. Give "
                f"embedding_dim, the width of a linear embedding that is put before it, or choose "
                f"a backbone that embeds, for example 'rmlp' or 'patchtst'."
            )
        if embeds and embedding_dim is not None:
            raise ValueError(
                f"embedding_dim={embedding_dim} is the width of an embedding before a backbone "
                f"without one; the backbone {name!r} has its own. Leave embedding_dim out, and "
                "give its width in backbone_kwargs, for example {'d_model': 128}."
            )

    def embedding(self, in_features: int, out_features: int) -> nn.Module:
        """Make the shared layer with the variant's auxiliary part."""
        if self.variant == "shared":
            return super().embedding(in_features, out_features)
        auxiliary: FreeAuxiliary | PooledAuxiliary
        if self.gate is None:
            auxiliary = FreeAuxiliary(self.n_channels, in_features, out_features)
        else:
            rank = self._rank(in_features, out_features)
            with own_random_numbers():
                pool = LowRankPool(self.n_components, in_features, out_features, rank)
            auxiliary = PooledAuxiliary(self.gate, pool)
        return SharedAuxiliaryLinear(self.n_channels, in_features, out_features, auxiliary)

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


def check_options(options: LightSAEOptions) -> None:
    """Raise if an option of :class:`LightSAE` is wrong or has no effect for the variant."""
    problems = Problems()
    variant, gate_init = options.variant, options.gate_init
    if variant not in get_args(Variant):
        problems.append(unknown_name("variant", variant, get_args(Variant)))
    of_the_pool = {"rank": options.rank, "n_components": options.n_components}
    sizes = {**of_the_pool, "embedding_dim": options.embedding_dim}
    problems.check(check_sizes, **{name: size for name, size in sizes.items() if size is not None})
    if gate_init is not None and gate_init not in ChannelGate.starts:
        problems.append(unknown_name("gate_init", gate_init, ChannelGate.starts))
    if options.load_balancing < 0:
        problems.append(f"load_balancing must be a weight >= 0; got {options.load_balancing!r}.")
    raise_all(problems)
    of_the_gates = {"gate_init": gate_init, "load_balancing": options.load_balancing or None}
    idle: dict[str, Any] = {}
    why = ""
    if variant != "light":
        idle = of_the_pool | of_the_gates
        why = f"with variant={variant!r}, which has no pool"
    elif options.n_components == 1:
        idle, why = of_the_gates, "with n_components=1, where every gate is 1"
    given = [name for name, value in idle.items() if value is not None]
    if given:
        raise ValueError(
            f"{' and '.join(given)} would have no effect {why}. Leave "
            f"{'it' if len(given) == 1 else 'them'} out, or choose variant='light' with a pool of "
            "several components."
        )
