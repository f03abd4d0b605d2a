"""Static hypernetworks: convolution kernels generated from a vector of the layer."""

from hyperforecast.nn.contexts import LayerEmbedding
from hyperforecast.nn.generators import KernelGenerator
from hyperforecast.nn.hyper_layers.term import Term
from hyperforecast.nn.layers.causal_conv import CausalConv
from hyperforecast.nn.options import option, option_group
from hyperforecast.nn.parts.base import Part
from hyperforecast.nn.sites import NetworkSites, listed


@option_group
class HyperKernelsOptions:
    """Options of generated kernels."""

    layer_embedding_dim: int = option(default=4, least=1, doc="Length E of a layer's vector.")
    hyper_width: int | None = option(
        default=None,
        least=1,
        doc="""Length d of the vectors between the generator's two maps; as many as a layer has
        features if not given.""",
    )
    kernel_width: int | None = option(
        default=None,
        least=1,
        doc="""Number of features of a generated kernel, a divisor of ``d_model``. A layer that is
        wider is made of several kernels, with a vector for each. ``d_model`` if not given.""",
    )


class HyperKernels(HyperKernelsOptions, Part):
    r"""The kernels of all convolutions come from one generator, and a vector of each layer.

    .. math:: a_i = W_i z_j + B_i, \qquad K^j_i = W_{out}\, a_i + B_{out}.

    No kernel is a parameter: what layers have in common is the generator, which has fewer
    parameters than they have weights where there are many layers.

    Parameters
    ----------
    {parameters}

    References
    ----------
    Ha, Dai & Le, "HyperNetworks", 2016, arXiv 1609.09106, section 3.1. Biases are the layers' own,
    and the map that embeds single steps is not generated.
    """

    slot = "convolution"

    def generates(self, name: str) -> bool:
        """Say whether a parameter of the plain network is generated instead."""
        return name.startswith("backbone.blocks.") and name.endswith(".weight")

    def put_into(self, sites: NetworkSites, name: str) -> None:
        """Generate the kernels of all convolutions."""
        found = sites.of_kind("convolution")
        if not found:
            raise ValueError(
                f"The backbone {sites.backbone!r} has no convolutions whose kernels {name!r} could "
                f"generate. Choose 'tcn'. It has: {listed(sites)}."
            )
        width = self.kernel_width or min(site.n_features for site in found)
        for site in found:
            if site.n_features % width or site.n_outputs % width:
                raise ValueError(
                    "kernel_width must divide the numbers of features of all layers; "
                    f"{site.name!r} has {site.n_features} and {site.n_outputs}; got {width}. "
                    "Choose a divisor of both."
                )
        first = sites.layer(found[0])
        assert isinstance(first, CausalConv)
        dim = self.layer_embedding_dim
        size = first.kernel_size[0]
        generator = KernelGenerator(dim, width, width, size, self.hyper_width or width)
        for site in found:
            n_vectors = (site.n_features // width) * (site.n_outputs // width)
            sites.add(site, name, Term(LayerEmbedding(n_vectors, dim), generator))
