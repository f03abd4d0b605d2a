"""The HyperTransformer as a Darts model."""

from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.options import GeneratorOptions, HeadSolverOptions
from hyperforecast.nn.options import option_group
from hyperforecast.nn.parts.hyper_attention import HyperAttentionOptions


@option_group
class HyperTransformerModelOptions(HyperAttentionOptions, HeadSolverOptions, GeneratorOptions):
    """Options of the HyperTransformer in both hosts, beside those of every model."""

    backbone: str = "patchtst"


class HyperTransformerModel(HyperforecastModel):
    """A transformer whose attention has weights of its own for every window.

    A small network summarises a window, its statistics and an embedding of it, and generates from
    that what is added to the projections of the attention: matrices of low rank. Training starts
    at the plain transformer. The weights exist for one pass only, so there is nothing to fold, and
    a forecast costs more than that of the plain backbone.

    Parameters
    ----------
    {parameters}

    References
    ----------
    Ha, Dai & Le, "HyperNetworks", 2016, arXiv 1609.09106, for weights that change with the input;
    Vaswani et al., "Attention Is All You Need", NeurIPS 2017, arXiv 1706.03762, for what is
    generated.

    Examples
    --------
    >>> from darts.utils.timeseries_generation import sine_timeseries
    >>> from hyperforecast.darts import HyperTransformerModel
    >>> series = sine_timeseries(length=100).stack(sine_timeseries(length=100, value_phase=1.0))
    >>> model = HyperTransformerModel(
    ...     input_chunk_length=24, output_chunk_length=6, rank=2, n_epochs=1
    ... )
    >>> len(model.fit(series.astype("float32")).predict(6))
    6
    """

    part = "hyper-attention"
    options = HyperTransformerModelOptions
