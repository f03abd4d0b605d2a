"""HN-MVTS: a head generated for every channel."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from hyperforecast.nn.contexts import ChannelEmbedding
from hyperforecast.nn.errors import Problems, raise_all
from hyperforecast.nn.generators import DenseGenerator, Initialiser
from hyperforecast.nn.layers import GeneratedLinear
from hyperforecast.nn.methods.base import Method
from hyperforecast.nn.options import option, option_group, takes
from hyperforecast.nn.random_numbers import own_random_numbers


@option_group
class HNMVTSOptions:
    """Options of HN-MVTS."""

    channel_embedding_dim: int | None = option(
        default=None,
        doc="""Length E of a channel's vector, between 0 (one head for all) and the number of
        channels (one head each): the regularisation between the two. A third of the number of
        channels, at least 1 and at most 8, if not given.""",
    )
    hyper_hidden: Sequence[int] = option(
        default=(),
        doc="Widths of the hypernetwork's hidden layers; a single linear map if empty.",
    )


@takes(HNMVTSOptions)
class HNMVTS(Method):
    """The last layer is generated from a learned embedding of the channel.

    Parameters
    ----------
    n_channels : int
        Number of channels C.
    {parameters}

    References
    ----------
    Savchenko & Kachan, "HN-MVTS: HyperNetwork-based Multivariate Time Series Forecasting",
    AAAI 2026, arXiv 2511.08340. The covariates' maps to the forecast are generated from the
    same embedding; the paper has no covariates.
    """

    folds = True

    def __init__(self, n_channels: int, **options: Any) -> None:
        super().__init__(n_channels)
        chosen = HNMVTSOptions(**options)
        check_options(chosen)
        channel_embedding_dim = chosen.channel_embedding_dim
        if channel_embedding_dim is None:
            channel_embedding_dim = max(1, min(8, n_channels // 3))
        with own_random_numbers():
            self.context = ChannelEmbedding(n_channels, channel_embedding_dim)
        self.hyper_hidden = tuple(chosen.hyper_hidden)

    def head(
        self, in_features: int, out_features: int, *, initialise: Initialiser, bias: bool = True
    ) -> nn.Module:
        """Make a layer generated from the channel embedding.

        It starts at the plain head of the same seed, plus what the embedding adds.
        """
        shared = super().head(in_features, out_features, initialise=initialise, bias=bias)
        with own_random_numbers():
            generator = DenseGenerator(
                self.context.embedding_dim,
                in_features,
                out_features,
                hidden=self.hyper_hidden,
                initialise=initialise,
                bias=bias,
            )
        generator.load_state_dict(shared.state_dict(), strict=False)  # W_0 and b_0
        return GeneratedLinear(self.context, generator)


def check_options(options: HNMVTSOptions) -> None:
    """Raise if an option of :class:`HNMVTS` is wrong or has no effect."""
    problems = Problems()
    if any(width < 1 for width in options.hyper_hidden):
        problems.append(f"hyper_hidden must hold widths >= 1; got {list(options.hyper_hidden)}.")
    if options.hyper_hidden and options.channel_embedding_dim == 0:
        problems.append(
            "hyper_hidden has no effect with channel_embedding_dim=0: there is no embedding "
            "to generate from. Leave one of the two out."
        )
    raise_all(problems)
