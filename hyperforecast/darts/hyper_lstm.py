"""The HyperLSTM as a Darts model."""

from types import MappingProxyType

from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.options import GeneratorOptions, HeadSolverOptions
from hyperforecast.nn.options import option_group
from hyperforecast.nn.parts.hyper_lstm import HyperLSTMOptions


@option_group
class HyperLSTMModelOptions(HyperLSTMOptions, HeadSolverOptions, GeneratorOptions):
    """Options of the HyperLSTM in both hosts, beside those of every model."""

    backbone: str = "lstm"


class HyperLSTMModel(HyperforecastModel):
    """An LSTM whose weights change from step to step, as a small LSTM that reads along says.

    The rows of the recurrent weights are scaled at every step by what the small LSTM generates
    from what was read so far. The weights exist for one step only, so there is nothing to fold, and
    a pass costs about twice that of the plain LSTM.

    Gradients are clipped at a norm of 1.0, as in the paper, unless ``pl_trainer_kwargs`` has a
    ``gradient_clip_val``.

    Parameters
    ----------
    {parameters}

    References
    ----------
    Ha, Dai & Le, "HyperNetworks", 2016, arXiv 1609.09106, section 3.2.

    Examples
    --------
    >>> from darts.utils.timeseries_generation import sine_timeseries
    >>> from hyperforecast.darts import HyperLSTMModel
    >>> series = sine_timeseries(length=100).stack(sine_timeseries(length=100, value_phase=1.0))
    >>> model = HyperLSTMModel(
    ...     input_chunk_length=12,
    ...     output_chunk_length=6,
    ...     backbone_kwargs={"d_model": 8},
    ...     hyper_size=4,
    ...     n_epochs=1,
    ... )
    >>> len(model.fit(series.astype("float32")).predict(6))
    6
    """

    part = "hyper-lstm"
    options = HyperLSTMModelOptions
    default_trainer = MappingProxyType({"gradient_clip_val": 1.0})
