"""The HyperTCN as a Darts model."""

from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.options import GeneratorOptions, HeadSolverOptions
from hyperforecast.nn.options import option_group
from hyperforecast.nn.parts.hyper_kernels import HyperKernelsOptions


@option_group
class HyperTCNModelOptions(HyperKernelsOptions, HeadSolverOptions, GeneratorOptions):
    """Options of the HyperTCN in both hosts, beside those of every model."""

    backbone: str = "tcn"


class HyperTCNModel(HyperforecastModel):
    """A causal convolutional network whose kernels all come from one generator.

    Each layer has a short learned vector, from which a hypernetwork of two linear maps makes its
    kernel: what the layers have in common is learned once. After training the kernels are fixed:
    predicting costs what the plain network costs.

    Parameters
    ----------
    {parameters}

    References
    ----------
    Ha, Dai & Le, "HyperNetworks", 2016, arXiv 1609.09106, section 3.1; Bai, Kolter & Koltun, "An
    Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence Modeling",
    2018, arXiv 1803.01271.

    Examples
    --------
    >>> from darts.utils.timeseries_generation import sine_timeseries
    >>> from hyperforecast.darts import HyperTCNModel
    >>> series = sine_timeseries(length=100).stack(sine_timeseries(length=100, value_phase=1.0))
    >>> model = HyperTCNModel(
    ...     input_chunk_length=24,
    ...     output_chunk_length=6,
    ...     backbone_kwargs={"d_model": 8},
    ...     n_epochs=1,
    ... )
    >>> len(model.fit(series.astype("float32")).predict(6))
    6
    """

    part = "hyper-kernels"
    options = HyperTCNModelOptions
